"""The serial line of a barrier, by pseudo-terminals and files."""

from __future__ import annotations

import getpass
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lpr.doctor.finding import Finding, Level
from edge_lpr.doctor.serial_line import holders, may_open, serial_findings


@pytest.fixture
def terminal() -> Iterator[str]:
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def only(findings: Iterator[Finding]) -> Finding:
    (one,) = findings
    assert one.advice or one.level is Level.OK
    return one


def test_a_good_port(terminal: str) -> None:
    assert only(serial_findings("gate", terminal, getpass.getuser())).level is Level.OK


def test_a_port_that_is_gone(tmp_path: Path) -> None:
    assert "no such device" in only(serial_findings("gate", "/dev/serial/by-id/none", "root")).said


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "port").touch()
    assert "no device" in only(serial_findings("gate", str(tmp_path / "port"), "root")).said


def test_a_port_that_the_gate_may_not_open(terminal: str) -> None:
    os.chmod(terminal, 0o600)
    found = only(serial_findings("gate", terminal, "nobody"))
    assert found.level is Level.FAIL and "user nobody may not open it" in found.said and "usermod" in found.advice


def test_a_port_that_others_have_open_is_told(terminal: str) -> None:
    os.chmod(terminal, 0o666)
    found = only(serial_findings("gate", terminal, "nobody"))
    assert found.level is Level.FAIL and "also opened by" in found.said
    assert holders(os.stat(terminal).st_rdev, getpass.getuser()) == []


def test_addresses_are_left_to_the_gate() -> None:
    assert only(serial_findings("gate", "rfc2217://host:4000", "root")).level is Level.OK


def test_a_braille_display_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/brltty").touch()
    device = tmp_path / "sys/bus/usb/devices/1-1"
    device.mkdir(parents=True)
    (device / "idVendor").write_text("1a86\n")
    found = list(serial_findings("gate", "/dev/ttyUSB0", "root", tmp_path))
    assert [one.name for one in found] == ["barrier gate", "brltty"] and "apt remove brltty" in found[1].advice


def test_who_may_open_what(terminal: str) -> None:
    os.chmod(terminal, 0o660)
    status = os.stat(terminal)
    assert may_open(status, "root") and not may_open(status, "nobody") and not may_open(status, "no such user")
