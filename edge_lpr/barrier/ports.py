"""Which serial port is meant: a steady name of udev's, an adapter's serial number, an address on the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge_lpr.errors import BarrierError, ConfigError

BY_SERIAL = "usb:"
NETWORK_SCHEMES = ("rfc2217", "socket")
SCHEMES = (*NETWORK_SCHEMES, "loop")
STEADY_FOLDERS = (Path("/dev/serial/by-id"), Path("/dev/serial/by-path"))
FORMS = "/dev/serial/by-id/..., another device, usb:SERIAL_NUMBER, rfc2217://HOST:PORT, socket://HOST:PORT"


@dataclass(frozen=True)
class SerialPort:
    """A port of this machine: `device` its name now, `serial_number` of its USB adapter ('' for none), `usb_id` vendor
    and product, `steady` the names that udev keeps for it."""

    device: str
    serial_number: str = ""
    usb_id: str = ""
    description: str = ""
    steady: tuple[str, ...] = ()


def serial_ports() -> tuple[SerialPort, ...]:
    """The ports that are there now."""
    from serial.tools.list_ports import comports

    names = _steady_names()
    return tuple(
        SerialPort(
            device=one.device,
            serial_number=one.serial_number or "",
            usb_id="" if one.vid is None else f"{one.vid:04x}:{one.pid:04x}",
            description=one.description or "",
            steady=tuple(names.get(os.path.realpath(one.device), ())),
        )
        for one in sorted(comports(), key=lambda one: one.device)
    )


def check_port(port: str, where: str) -> None:
    """Raise ConfigError for what names no port."""
    scheme, is_url, _ = port.partition("://")
    if is_url and scheme in SCHEMES and (scheme not in NETWORK_SCHEMES or _has_host_and_port(port)):
        return
    if not is_url and (port.startswith("/") or len(port) > len(BY_SERIAL) and port.startswith(BY_SERIAL)):
        return
    raise ConfigError(f"{where}: port is {port!r}; allowed: {FORMS}")


class PortFinder:
    """Finds one configured port, again and again: an adapter that was pulled may come back under another name.

    What was found once is the adapter with that serial number: no other is taken for it.
    """

    def __init__(self, port: str, ports: Callable[[], Sequence[SerialPort]] = serial_ports) -> None:
        self.port = port
        self.serial_number = port.removeprefix(BY_SERIAL) if port.startswith(BY_SERIAL) else ""
        self._ports = ports

    @property
    def is_device(self) -> bool:
        """Whether it is one of this machine's, not an address."""
        return "://" not in self.port

    def find(self) -> str:
        """The device or address to open now. Raises BarrierError when it is not there, or another has its name."""
        if not self.is_device:
            return self.port
        named = "" if self.port.startswith(BY_SERIAL) else os.path.realpath(self.port)
        if named and not self.serial_number and os.path.exists(named):
            return named
        if not self.serial_number:
            raise BarrierError(f"{self.port}: there is no such device")
        ports = self._ports()
        if any(one.device == named and one.serial_number == self.serial_number for one in ports):
            return named
        own = [one.device for one in ports if one.serial_number == self.serial_number]
        if len(own) > 1:
            raise BarrierError(f"{self.port}: {' and '.join(own)} have the same serial number {self.serial_number}")
        if own:
            return own[0]
        raise BarrierError(f"{self.port}: no adapter with serial number {self.serial_number} is plugged in")

    def note_open(self, device: str) -> None:
        """It was opened as `device`: that adapter it is from now on."""
        if self.is_device and not self.serial_number:
            own = [one.serial_number for one in self._ports() if os.path.realpath(one.device) == device]
            self.serial_number = own[0] if own else ""


def same_device(port: str) -> str:
    """What two ports of this machine have in common when they are one; '' for an address, which may serve several."""
    return "" if "://" in port else port if port.startswith(BY_SERIAL) else os.path.realpath(port)


def _has_host_and_port(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname and parts.port)
    except ValueError:
        return False


def _steady_names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for folder in STEADY_FOLDERS:
        for link in sorted(folder.iterdir()) if folder.is_dir() else ():
            names.setdefault(os.path.realpath(link), []).append(str(link))
    return names
