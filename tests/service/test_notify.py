"""What systemd hears: the datagrams, the watchdog's food, the journal's fields."""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lpr.service.journal import JournalHandler, encode, is_journal, journal_fields, log_handler, send_datagram
from edge_lpr.service.notify import Notifier
from edge_lpr.service.start import extended
from edge_lpr.service.vitals import Vitals


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A manager that listens at `tmp_path/notify`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(10.0)
        yield line


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where systemd-python is not installed."""
    for name in ("systemd", "systemd.daemon", "systemd.journal"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("no_library")
def test_every_word_reaches_the_manager(manager: socket.socket, tmp_path: Path) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000000"})
    assert notifier.watchdog_s == 20.0
    notifier.ready()
    notifier.status("ok |\n  entry 12 fps")
    notifier.status("ok | entry 12 fps")
    notifier.alive()
    notifier.extend(1.5)
    notifier.stopping()
    heard = [manager.recv(1000).decode() for _ in range(5)]
    assert heard == ["READY=1", "STATUS=ok | entry 12 fps", "WATCHDOG=1", "EXTEND_TIMEOUT_USEC=1500000", "STOPPING=1"]


@pytest.mark.usefixtures("no_library")
def test_an_abstract_socket() -> None:
    name = f"edge-lpr-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0{name}")
        line.settimeout(10.0)
        Notifier.from_environment({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert line.recv(100) == b"READY=1"


def test_the_library_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    module = type(sys)("systemd.daemon")
    module.notify = heard.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "systemd.daemon", module)
    Notifier.from_environment({"NOTIFY_SOCKET": "/nowhere"}).ready()
    assert heard == ["READY=1"]


@pytest.mark.usefixtures("no_library")
def test_nobody_listening_is_no_error(tmp_path: Path) -> None:
    Notifier.from_environment({}).ready()
    Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    stranger = Notifier.from_environment({"NOTIFY_SOCKET": "x", "WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"})
    assert stranger.watchdog_s == 0.0
    assert Notifier.from_environment({"NOTIFY_SOCKET": "x", "WATCHDOG_USEC": "much"}).watchdog_s == 0.0


def test_a_long_start_asks_for_more_time_and_ends_asking() -> None:
    heard: list[str] = []
    with extended(Notifier(heard.append)):
        pass
    assert heard == ["EXTEND_TIMEOUT_USEC=30000000"]
    with extended(Notifier(heard.append), limit_s=-1.0):
        pass
    assert len(heard) == 1, "no start is extended for ever"


def test_the_watchdog_is_fed_by_every_loop_that_goes_on() -> None:
    vitals = Vitals(20.0)
    assert vitals.due({"entry": 1, "housekeeping": 1}, 0.0)
    assert not vitals.due({"entry": 2, "housekeeping": 2}, 1.0), "not more often than is of use"
    assert vitals.due({"entry": 2, "housekeeping": 2}, 5.0)
    for at_s in (10.0, 15.0, 60.0):
        assert not vitals.due({"entry": 2, "housekeeping": int(at_s)}, at_s), "one loop alone does not feed it"
    assert vitals.stuck({"entry": 2, "housekeeping": 60}) == ["entry"]
    assert vitals.due({"entry": 3, "housekeeping": 61}, 61.0)
    assert vitals.due({"housekeeping": 62}, 70.0), "a film that has ended need not go on"
    assert not Vitals(0.0).due({"entry": 1}, 100.0), "nobody asked"


def test_fields_of_an_entry() -> None:
    record = logging.LogRecord("edge_lpr.gate", logging.WARNING, "/x.py", 7, "%s", ("read",), None, "work")
    record.fields = {"PLATE": "5A23456", "lower": "no", "_PID": "1", "NUMBER": 3}
    fields = journal_fields(record, record.getMessage())
    assert fields["MESSAGE"] == "read" and fields["PRIORITY"] == "4" and fields["PLATE"] == "5A23456"
    assert fields["NUMBER"] == "3" and "lower" not in fields and "_PID" not in fields


def test_an_entry_as_bytes() -> None:
    assert encode({"A": "x", "B": "y\nz"}) == b"A=x\nB\n" + struct.pack("<Q", 3) + b"y\nz\n"


def test_entries_reach_the_journal_however_long(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "journal"))
        journal.settimeout(10.0)
        send_datagram({"MESSAGE": "short"}, tmp_path / "journal")
        assert journal.recv(100) == b"MESSAGE=short\n"
        send_datagram({"MESSAGE": "x" * 2_000_000}, tmp_path / "journal")
        content, files, *_ = socket.recv_fds(journal, 100, 1)
        assert content == b"" and os.fstat(files[0]).st_size == 2_000_009
        os.close(files[0])


def test_to_the_journal_only_when_the_error_output_goes_there(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w") as file:
        status = os.fstat(file.fileno())
        there = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(there, file.fileno()) and not is_journal({}, file.fileno())
        assert not is_journal({"JOURNAL_STREAM": "1:2"}, file.fileno())
        assert not is_journal({"JOURNAL_STREAM": "nonsense"}, file.fileno())
        (tmp_path / "journal").touch()
        assert isinstance(log_handler(there, file.fileno(), tmp_path / "journal"), JournalHandler)
        assert not isinstance(log_handler(there, file.fileno(), tmp_path / "gone"), JournalHandler)
        assert not isinstance(log_handler({}, file.fileno(), tmp_path / "journal"), JournalHandler)


def test_a_journal_that_does_not_take_it_leaves_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(fields: object) -> None:
        raise OSError("no journal")

    handler = JournalHandler(refuse)
    handler.emit(logging.LogRecord("x", logging.ERROR, "x.py", 1, "camera lost", (), None))
    assert capsys.readouterr().err == "ERROR camera lost\n"
