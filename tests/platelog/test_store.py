"""The gate's log: what is acknowledged is there, what is not is not, and what cannot be written now waits."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge_lpr.errors import LogError
from edge_lpr.platelog.database import STOPPED_EARLY
from edge_lpr.platelog.faults import LogFullError, LogInUseError, LogUnwritableError
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.rows import EventKind
from edge_lpr.platelog.store import LogOptions, PlateLog
from edge_lpr.records import CommandOutcome, Outcome

IMPATIENT = LogOptions(retry_after_s=0.0)


def fill_up(log: PlateLog) -> None:
    """From now on the database cannot grow by a page: SQLite says the disk is full."""
    connection = log._database._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    assert free == 0


def append_until_full(log: PlateLog, decision) -> int:
    """Append to the full log until a ticket says that nothing fits any more; how many fitted."""
    for count in range(1000):
        if log.append(decision) < 0:
            return count
    raise AssertionError("the log does not get full")


def stay_full(log: PlateLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full for every connection: the log opens a new one after a fault."""
    def refuse(work):
        raise LogFullError("full for the test")

    monkeypatch.setattr(log._database, "transact", refuse)


def test_every_field_comes_back(tmp_path: Path, clock, make_decision, make_opening) -> None:
    closed, opening = make_decision(rule="deny.csv: 5A23456"), make_opening()
    with PlateLog.open(tmp_path, clock=clock) as log:
        ids = [log.append(closed), log.append(opening)]
        log.finish_command(CommandOutcome(ids[1], Outcome.DONE, "relay 1 said on", 1234.5))
    assert ids == [1, 2]
    with PlateLogReader(tmp_path) as reader:
        first, second = reader.after(0)
    assert (first.decision, second.decision) == (closed, opening)
    assert first.command is None
    assert second.command.outcome is Outcome.DONE and second.command.detail == "relay 1 said on"
    assert first.boot_id == second.boot_id != ""


def test_open_intent_of_an_earlier_run_becomes_unknown(tmp_path: Path, clock, make_opening) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        done, cut_off = log.append(make_opening()), log.append(make_opening("CUT0FF"))
        log.finish_command(CommandOutcome(done, Outcome.DONE, "", 1.0))
    with PlateLog.open(tmp_path, clock=clock) as log, PlateLogReader(tmp_path) as reader:
        command = reader.get(cut_off).command
        assert command.outcome is Outcome.UNKNOWN and command.detail == STOPPED_EARLY
        assert reader.get(done).command.outcome is Outcome.DONE
        with pytest.raises(LogError, match="earlier run"):
            log.begin_command(cut_off)
        with pytest.raises(LogError, match="no command without an outcome"):
            log.finish_command(CommandOutcome(cut_off, Outcome.DONE, "", 2.0))


def test_no_command_is_begun_twice(tmp_path: Path, clock, make_opening, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        row_id = log.append(make_opening())
        commits = log.health().commits
        log.begin_command(row_id)
        assert log.health().commits == commits, "the intent is there already: nothing is written"
        log.finish_command(CommandOutcome(row_id, Outcome.REFUSED, "", 1.0))
        with pytest.raises(LogError, match="ended already"):
            log.begin_command(row_id)
        with pytest.raises(LogError, match="not in the log"):
            log.begin_command(row_id + 1)
        by_hand = log.append(make_decision())
        log.begin_command(by_hand)
        log.finish_command(CommandOutcome(by_hand, Outcome.DONE, "opened by hand", 2.0))


def test_order_holds_when_the_clock_jumps(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        for hours, plate in ((0, "FIRST"), (24, "SECOND"), (-48, "THIRD")):
            clock.pass_hours(hours)
            clock.monotonic_s = 1000.0 + len(plate)
            log.append(make_decision(plate, now=clock()))
    with PlateLogReader(tmp_path) as reader:
        assert [row.decision.plate_read.text for row in reader.newest()] == ["THIRD", "SECOND", "FIRST"]


def test_two_gates_cannot_write_one_log(tmp_path: Path, clock) -> None:
    with PlateLog.open(tmp_path, clock=clock), pytest.raises(LogInUseError, match="another gate"):
        PlateLog.open(tmp_path, clock=clock)
    PlateLog.open(tmp_path, clock=clock).close()


def test_really_full_database(tmp_path: Path, clock, make_decision, make_opening) -> None:
    with PlateLog.open(tmp_path, IMPATIENT, clock) as log:
        log.append(make_decision())
        fill_up(log)
        fitted = append_until_full(log, make_decision())
        assert log.health().state == "degraded" and "full" in log.health().detail
        assert log.retry() and log.health().state == "ok"  # the new connection has no such limit
    with PlateLogReader(tmp_path) as reader:
        assert len(reader.after(0)) == fitted + 2


def test_full_disk_keeps_what_stays_closed_and_refuses_what_opens(
    tmp_path: Path, clock, make_decision, make_opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PlateLog.open(tmp_path, IMPATIENT, clock) as log:
        log.append(make_decision("BEFORE"))
        with monkeypatch.context() as patch:
            stay_full(log, patch)
            assert log.append(make_decision("WAITS")) == -1
            with pytest.raises(LogFullError) as refused:
                log.append(make_opening("REFUSED"))
            log.finish_command(CommandOutcome(refused.value.ticket, Outcome.REFUSED, "not on disk", 7.0))
            log.event(EventKind.HEALTH, "disk full")
            assert log.health().pending == 4 and not log.retry()
        commits = log.health().commits
        log.append(make_decision("AFTER"))
        assert log.health().pending == 0 and log.health().state == "ok"
        assert log.health().commits == commits + 2, "all that waited is one transaction"
    with PlateLogReader(tmp_path) as reader:
        rows = reader.after(0)
        assert [row.decision.plate_read.text for row in rows] == ["BEFORE", "WAITS", "REFUSED", "AFTER"]
        assert rows[2].command.outcome is Outcome.REFUSED
        assert [event.detail for event in reader.events(EventKind.HEALTH)] == ["disk full"]


def test_outcome_of_a_ticket_that_was_written_meanwhile(
    tmp_path: Path, clock, make_opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PlateLog.open(tmp_path, IMPATIENT, clock) as log:
        with monkeypatch.context() as patch:
            stay_full(log, patch)
            with pytest.raises(LogUnwritableError) as refused:
                log.append(make_opening())
        assert log.retry()
        log.finish_command(CommandOutcome(refused.value.ticket, Outcome.REFUSED, "", 7.0))
    with PlateLogReader(tmp_path) as reader:
        assert [row.command.outcome for row in reader.after(0)] == [Outcome.REFUSED]


def test_what_waits_is_limited_and_what_is_lost_is_told(
    tmp_path: Path, clock, make_decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PlateLog.open(tmp_path, LogOptions(retry_after_s=0.0, pending_limit=3), clock) as log:
        with monkeypatch.context() as patch:
            stay_full(log, patch)
            for number in range(5):
                log.append(make_decision(f"P{number}"))
            assert (log.health().pending, log.health().lost) == (3, 2)
        log.retry()
    with PlateLogReader(tmp_path) as reader:
        assert [row.decision.plate_read.text for row in reader.after(0)] == ["P2", "P3", "P4"]
        assert "2 entries" in reader.events(EventKind.LOST)[0].detail


def test_a_fault_is_not_tried_again_at_every_step(
    tmp_path: Path, clock, make_decision, make_opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def refuse(work):
        tries.append(1)
        raise LogFullError("full for the test")

    with PlateLog.open(tmp_path, LogOptions(retry_after_s=60.0), clock) as log, monkeypatch.context() as patch:
        patch.setattr(log._database, "transact", refuse)
        for _ in range(5):
            log.append(make_decision())
        assert len(tries) == 1
        with pytest.raises(LogFullError):
            log.append(make_opening())
        assert len(tries) == 2, "what opens is tried at once"


def test_folder_that_cannot_be_written_is_a_health_state(tmp_path: Path, clock, make_decision, make_opening) -> None:
    blocked = tmp_path / "log"
    blocked.write_text("a file where the folder should be")
    with PlateLog.open(blocked, IMPATIENT, clock) as log:
        assert log.health().state == "degraded" and not log.retry()
        assert log.append(make_decision("WAITS")) < 0
        with pytest.raises(LogUnwritableError):
            log.append(make_opening())
        blocked.unlink()
        assert log.append(make_decision("WRITTEN")) == 3
        assert log.health().state == "ok"


def test_health_comes_back_without_anything_to_write(tmp_path: Path, clock) -> None:
    blocked = tmp_path / "log"
    blocked.write_text("a file where the folder should be")
    with PlateLog.open(blocked, IMPATIENT, clock) as log:
        blocked.unlink()
        assert log.retry() and log.health().state == "ok"


def test_row_that_the_table_refuses_is_an_error_and_does_not_wait(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        with pytest.raises(LogError, match="NOT NULL"):
            log.append(make_decision(plate=None))
        assert log.health().pending == 0 and log.append(make_decision()) == 1


def test_writes_a_decision(tmp_path: Path, clock, make_decision, make_opening) -> None:
    """What a decision costs the disk: bytes of the write-ahead log, and one transaction (an fsync) each."""
    with PlateLog.open(tmp_path, clock=clock) as log:
        for number in range(20):
            log.append(make_decision(f"P{number:05}"))
        wal = log._database.path.with_name("plates.db-wal")
        connection = log._database._connection

        def written(work) -> int:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            commits = log.health().commits
            work()
            assert log.health().commits == commits + 1
            return wal.stat().st_size

        assert written(lambda: log.append(make_decision())) < 9000
        assert written(lambda: log.append(make_opening())) < 9000
        assert written(lambda: log.finish_command(CommandOutcome(22, Outcome.DONE, "", 1.0))) < 2500
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        commits = log.health().commits
        log.purge(), log.retry(), log.health()
        assert log.health().commits == commits and wal.stat().st_size == 0, "what has nothing to do writes nothing"


def test_synchronous_is_full(tmp_path: Path, clock) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        assert log._database._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert log._database._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert log._database._connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2
        assert log._database.path.stat().st_mode & 0o777 == 0o640


def test_end_of_a_run_is_told(tmp_path: Path, clock) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        path = log._database.path
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT ended_utc FROM runs").fetchall() == [("2025-06-01T12:00:00.250000Z",)]
    connection.close()
