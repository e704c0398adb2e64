"""What the gate tells systemd: that it is ready, that it lives, how it does (sd_notify(3)).

Through systemd-python where it is installed, else by a datagram of our own; nothing at all where nobody listens.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

SOCKET, WATCHDOG_USEC, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
MICROSECONDS = 1_000_000
LONGEST_STATUS = 400


class Notifier:
    """One service's line to its manager; `watchdog_s` how often it must hear of life, 0 when it does not ask.

    Never raises: a manager that does not listen is no reason to stop a gate.
    """

    def __init__(self, send: Callable[[str], None] | None = None, watchdog_s: float = 0.0) -> None:
        self._send = send
        self.watchdog_s = watchdog_s
        self._status = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Notifier:
        """The line that the environment names."""
        address = environment.get(SOCKET, "")
        if not address:
            return cls()
        return cls(_sender(address), _watchdog_s(environment))

    def ready(self) -> None:
        """All that belongs to the start is done."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """The work goes on."""
        self._tell("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """A start or a stop takes longer: so long from now."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * MICROSECONDS)}")

    def status(self, text: str) -> None:
        """One line for people, as `systemctl status` shows it; told only when it changes."""
        line = " ".join(text.split())[:LONGEST_STATUS]
        if line != self._status:
            self._status = line
            self._tell(f"STATUS={line}")

    def _tell(self, state: str) -> None:
        if self._send is None:
            return
        try:
            self._send(state)
        except OSError as error:
            log.debug("systemd does not hear %r: %s", state, error)


def _sender(address: str) -> Callable[[str], None]:
    """How a state is sent: systemd-python's way where it is there."""
    try:
        notify: Callable[[str], object] = importlib.import_module("systemd.daemon").notify
    except (ImportError, AttributeError):  # not installed, or another package of this name
        return lambda state: _send_datagram(address, state)
    return lambda state: _by_library(notify, state)


def _by_library(notify: Callable[[str], object], state: str) -> None:
    notify(state)


def _send_datagram(address: str, state: str) -> None:
    """'@' begins the name of an abstract socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Seconds, 0 where there is no watchdog or it is another process's."""
    try:
        if environment.get(WATCHDOG_PID, str(os.getpid())) != str(os.getpid()):
            return 0.0
        return int(environment.get(WATCHDOG_USEC, "0")) / MICROSECONDS
    except ValueError:
        return 0.0
