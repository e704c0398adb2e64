"""Which port is meant, when adapters come back under other names."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lpr.barrier.ports import PortFinder, SerialPort, check_port
from edge_lpr.errors import BarrierError, ConfigError


class Machine:
    """The ports of a machine; `plug` puts a device with a serial number at a name."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.plugged = folder, {}

    def plug(self, name: str, serial_number: str) -> str:
        (self.folder / name).touch()
        self.plugged[name] = serial_number
        return str(self.folder / name)

    def pull(self, name: str) -> None:
        (self.folder / name).unlink()
        del self.plugged[name]

    def ports(self) -> list[SerialPort]:
        return [SerialPort(str(self.folder / name), number) for name, number in self.plugged.items()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_was_found_once_is_found_under_another_name(machine: Machine) -> None:
    first = machine.plug("ttyUSB0", "A1")
    finder = PortFinder(first, machine.ports)
    assert finder.find() == first
    finder.note_open(first)
    machine.pull("ttyUSB0")
    with pytest.raises(BarrierError, match="no adapter with serial number A1"):
        finder.find()
    second = machine.plug("ttyUSB1", "A1")
    assert finder.find() == second


def test_another_adapter_under_the_old_name_is_not_taken(machine: Machine) -> None:
    first = machine.plug("ttyUSB0", "A1")
    finder = PortFinder(first, machine.ports)
    finder.note_open(first)
    machine.pull("ttyUSB0")
    machine.plug("ttyUSB0", "B2")
    with pytest.raises(BarrierError, match="A1"):
        finder.find()
    second = machine.plug("ttyUSB1", "A1")
    assert finder.find() == second


def test_a_steady_name_is_followed(machine: Machine, tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(machine.plug("ttyUSB0", "A1"))
    finder = PortFinder(str(link), machine.ports)
    finder.note_open(finder.find())
    machine.pull("ttyUSB0")
    link.unlink()
    with pytest.raises(BarrierError):
        finder.find()
    link.symlink_to(machine.plug("ttyUSB7", "A1"))
    assert finder.find() == str(tmp_path / "ttyUSB7")


def test_by_serial_number(machine: Machine) -> None:
    finder = PortFinder("usb:A1", machine.ports)
    with pytest.raises(BarrierError, match="no adapter with serial number A1"):
        finder.find()
    machine.plug("ttyACM0", "B2")
    own = machine.plug("ttyACM1", "A1")
    assert finder.find() == own
    machine.plug("ttyACM2", "A1")
    with pytest.raises(BarrierError, match="same serial number"):
        finder.find()


def test_an_adapter_without_serial_number_goes_by_its_name(machine: Machine) -> None:
    first = machine.plug("ttyUSB0", "")
    finder = PortFinder(first, machine.ports)
    finder.note_open(first)
    machine.pull("ttyUSB0")
    with pytest.raises(BarrierError, match="no such device"):
        finder.find()
    machine.plug("ttyUSB0", "")
    assert finder.find() == first


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "usb:A1", "rfc2217://h:1", "socket://h:1", "loop://"])
def test_ports_that_there_are(port: str) -> None:
    check_port(port, "barrier 'gate'")


@pytest.mark.parametrize("port", ["", "ttyUSB0", "usb:", "http://h", "spy:///dev/ttyUSB0", "socket://h", "rfc2217://h:x",
                                  "socket://:1"])
def test_what_names_no_port(port: str) -> None:
    with pytest.raises(ConfigError, match="barrier 'gate': port is .* allowed: /dev/serial/by-id"):
        check_port(port, "barrier 'gate'")
