"""Damage: set aside, what can be read carried over, ids never used again, and the gate goes on."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from edge_lpr.errors import LogError
from edge_lpr.platelog.connection import PAGE_BYTES, connect_writer
from edge_lpr.platelog.faults import LogInUseError
from edge_lpr.platelog.integrity import quick_check, rebuild, settle_rebuild
from edge_lpr.platelog.migrations import migrate
from edge_lpr.platelog.pictures import PictureFolder, PictureOptions, Pictures
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.rows import EventKind, insert_decision
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME
from edge_lpr.platelog.store import PlateLog
from edge_lpr.platelog.verify import verify
from edge_lpr.records import Outcome

ROWS = 200
PAGE = PAGE_BYTES


@pytest.fixture
def log_at_rest(tmp_path: Path, clock, make_decision, make_opening) -> Path:
    """A closed log of ROWS decisions, the last one with an open intent."""
    with PlateLog.open(tmp_path, clock=clock) as log:
        now = clock()
        decisions = [make_decision(f"P{at:04}", now=now) for at in range(ROWS - 1)]
        log._transact(lambda connection: [insert_decision(connection, 1, decision) for decision in decisions])
        log.append(make_opening("LAST"))
    return tmp_path


def pages_of(path: Path, text: bytes) -> list[int]:
    """The pages that hold a text."""
    content = path.read_bytes()
    return [at for at in range(len(content) // PAGE) if text in content[at * PAGE : (at + 1) * PAGE]]


def spoil(path: Path, page: int) -> None:
    """Overwrite a page, as a failing card does."""
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(np.random.default_rng(1).bytes(PAGE))


def test_a_spoilt_page_costs_its_rows_only(log_at_rest: Path, clock, make_decision) -> None:
    path = log_at_rest / DATABASE_FOLDER / DATABASE_NAME
    spoil(path, pages_of(path, b"approaching")[3])
    spoilt = path.read_bytes()
    with PlateLog.open(log_at_rest, clock=clock) as log:
        assert log.health().state == "ok"
        assert log.append(make_decision("NEW")) == ROWS + 1, "ids go on"
    with PlateLogReader(log_at_rest) as reader:
        kept = [row.decision.plate_read.text for row in reader.all()]
        damage = reader.events(EventKind.DAMAGE)
        assert reader.get(ROWS).command.outcome is Outcome.UNKNOWN
    assert ROWS * 0.85 < len(kept) <= ROWS and kept[-1] == "NEW" and len(set(kept)) == len(kept)
    assert len(damage) == 1 and "could not be read" in damage[0].detail
    assert (log_at_rest / "damaged" / "1" / DATABASE_NAME).read_bytes() == spoilt
    assert verify(log_at_rest).problems == ()


def test_damage_is_told_as_long_as_it_is_kept(
    log_at_rest: Path, clock, caplog: pytest.LogCaptureFixture
) -> None:
    path = log_at_rest / DATABASE_FOLDER / DATABASE_NAME
    spoil(path, pages_of(path, b"approaching")[3])
    for _ in range(2):
        caplog.clear()
        with PlateLog.open(log_at_rest, clock=clock) as log:
            told = log.health().damage
        assert f"set aside in {log_at_rest / 'damaged' / '1'}; 1 runs, 19" in told and "carried over" in told
        assert "\n" not in told and caplog.messages == [f"log: {told}"]
    (note,) = (one for one in verify(log_at_rest).notes if "damaged" in one)
    assert "carried over" in note
    shutil.rmtree(log_at_rest / "damaged")
    with PlateLog.open(log_at_rest, clock=clock) as log:
        assert log.health().damage == ""


def test_damaged_index_loses_nothing(log_at_rest: Path, clock) -> None:
    path = log_at_rest / DATABASE_FOLDER / DATABASE_NAME
    index_pages = [at for at in pages_of(path, b"P0100") if at not in pages_of(path, b"approaching")]
    spoil(path, index_pages[0])
    with PlateLog.open(log_at_rest, clock=clock), PlateLogReader(log_at_rest) as reader:
        assert len(list(reader.all())) == ROWS
        assert "could not be read" not in reader.events(EventKind.DAMAGE)[0].detail


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000])
def test_no_database_at_all(log_at_rest: Path, clock, make_decision, content: bytes) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed (extra `cpu`)")
    crop = Pictures(crop=np.zeros((8, 24, 3), np.uint8))
    PictureFolder(log_at_rest, PictureOptions(reserve_bytes=0)).save(ROWS, crop)
    (log_at_rest / DATABASE_FOLDER / DATABASE_NAME).write_bytes(content)
    with PlateLog.open(log_at_rest, clock=clock) as log:
        row_id = log.append(make_decision("NEW"))
    assert row_id > ROWS, "an id of a picture that is there must not be given again"
    with PlateLogReader(log_at_rest) as reader:
        assert [row.decision.plate_read.text for row in reader.all()] == ["NEW"]
        assert len(reader.events(EventKind.DAMAGE)) == 1


def test_damage_met_while_running(log_at_rest: Path, clock, make_decision) -> None:
    with PlateLog.open(log_at_rest, clock=clock) as log:
        path = log._database.path
        log._database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        log._database.close(is_end=False)
        spoil(path, 0)
        assert log.append(make_decision("ON")) > ROWS
        assert log.append(make_decision("AND ON")) > ROWS and log.health().state == "ok"


@pytest.mark.parametrize("how", ["removed", "moved", "all of it", "an older one in its place", "while it was closed"])
def test_a_log_taken_away_from_a_running_gate_is_begun_anew(tmp_path: Path, clock, make_decision, make_opening,
                                                           how: str) -> None:
    """What goes to a file without a name is on no disk."""
    path = tmp_path / "log" / DATABASE_FOLDER / DATABASE_NAME
    with PlateLog.open(tmp_path / "log", clock=clock) as log:
        log.append(make_decision("OLDER"))
        if how == "an older one in its place":
            shutil.copytree(path.parent, tmp_path / "backup")
        last_id = log.append(make_opening("LAST"))
        if how == "while it was closed":
            log._database.close(is_end=False)
        if how == "all of it":
            shutil.rmtree(tmp_path / "log")
        elif how == "moved":
            path.parent.rename(tmp_path / "log" / "old")
        else:
            shutil.rmtree(path.parent)
        if how == "an older one in its place":
            (tmp_path / "backup").rename(path.parent)
        with pytest.raises(LogError):
            log.begin_command(last_id)
        assert log.retry() and log.health().state == "ok" and "removed or replaced" in log.health().damage
        new_id = log.append(make_opening("NEW"))
        assert new_id > last_id, "the barrier must not take it for one that it knows"
        log.begin_command(new_id)
        with pytest.raises(LogInUseError):
            PlateLog.open(tmp_path / "log", clock=clock)
    with PlateLogReader(tmp_path / "log") as reader:
        plates = [row.decision.plate_read.text for row in reader.all()]
        assert plates == (["OLDER", "NEW"] if how == "an older one in its place" else ["NEW"])
        assert len(reader.events(EventKind.DAMAGE)) == 1
    assert verify(tmp_path / "log").problems == ()


def test_reader_follows_the_log_to_its_new_file(log_at_rest: Path, clock, make_decision) -> None:
    with PlateLogReader(log_at_rest) as reader:
        assert reader.last_id() == ROWS
        path = log_at_rest / DATABASE_FOLDER / DATABASE_NAME
        spoil(path, pages_of(path, b"approaching")[3])
        with PlateLog.open(log_at_rest, clock=clock) as log:
            log.append(make_decision("NEW"))
            assert reader.newest(limit=1)[0].decision.plate_read.text == "NEW"


def test_rebuilding_that_was_cut_off(log_at_rest: Path, clock) -> None:
    coming = log_at_rest / "database.new"
    coming.mkdir()
    (coming / DATABASE_NAME).write_bytes(b"half")
    settle_rebuild(log_at_rest)
    assert not coming.exists(), "beside the old one it is not complete"
    (log_at_rest / DATABASE_FOLDER).rename(coming)
    with PlateLog.open(log_at_rest, clock=clock), PlateLogReader(log_at_rest) as reader:
        assert reader.last_id() == ROWS, "without the old one it is whole"


def test_quick_check_stops_at_its_limit(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "x.db")
    migrate(connection, tmp_path)
    assert quick_check(connection, 10.0) == ""
    connection.close()


def test_what_became_of_a_lost_decision_is_not_carried_over(tmp_path: Path, clock, make_opening) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        for number in range(3):
            log.append(make_opening(now=clock(), arrival_id=f"entry-{number}"))
    connection = sqlite3.connect(tmp_path / DATABASE_FOLDER / DATABASE_NAME)
    connection.execute("DELETE FROM decisions WHERE id = 2")
    connection.commit()
    connection.close()
    rebuild(tmp_path, lambda fresh, salvaged: None)
    assert verify(tmp_path).problems == ()
