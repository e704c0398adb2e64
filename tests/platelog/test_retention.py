"""What is kept how long: by class, by clocks that can be relied upon, and never more than is due."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from edge_lpr.platelog import retention
from edge_lpr.platelog.pictures import PictureOptions, Pictures, all_pictures
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.retention import Purged, RetentionOptions
from edge_lpr.platelog.rows import EventKind
from edge_lpr.platelog.store import LogOptions, PlateLog
from edge_lpr.records import Reason


def kept(folder: Path) -> list[str]:
    """The plates in the log, oldest first."""
    with PlateLogReader(folder) as reader:
        return [row.decision.plate_read.text for row in reader.all()]


def fill(log: PlateLog, clock, make_decision, suffix: str = "") -> None:
    """One unmatched and one denied plate, now."""
    log.append(make_decision(f"UNKNOWN{suffix}", now=clock()))
    log.append(make_decision(f"DENIED{suffix}", reason=Reason.DENIED, now=clock()))


@pytest.mark.parametrize(
    ("hours", "left"),
    [(71.9, ["UNKNOWN", "DENIED"]), (72.1, ["DENIED"]), (30 * 24 - 0.1, ["DENIED"]), (30 * 24 + 0.1, [])],
)
@pytest.mark.parametrize("clocks", ["both", "wall only", "monotonic only"])
def test_classes(tmp_path: Path, clock, make_decision, hours: float, left: list[str], clocks: str) -> None:
    clock.clock_synced = clocks != "monotonic only"
    with PlateLog.open(tmp_path, clock=clock) as log:
        fill(log, clock, make_decision)
        if clocks == "wall only":
            clock.wall_time += timedelta(hours=hours)
        else:
            clock.pass_hours(hours)
        purged = log.purge()
        assert kept(tmp_path) == left
        assert purged == Purged(unmatched=int("UNKNOWN" not in left), decisions=int("DENIED" not in left))
        with PlateLogReader(tmp_path) as reader:
            assert len(reader.events(EventKind.PURGE)) == 2 - len(left)
            assert all("UNKNOWN" not in event.detail for event in reader.events(EventKind.PURGE))


def test_clock_that_jumps_unsynchronised_removes_nothing(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        fill(log, clock, make_decision)
        clock.wall_time += timedelta(days=400)
        clock.clock_synced = False
        assert log.purge() == Purged() and len(kept(tmp_path)) == 2


def test_rows_of_an_unsure_clock_go_with_the_later_ones_that_are_sure(
    tmp_path: Path, clock, make_decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate without a battery for its clock starts in 1970 after a power cut, then is synchronised."""
    now = clock.wall_time
    with PlateLog.open(tmp_path, clock=clock) as log:
        clock.wall_time, clock.clock_synced = now - timedelta(days=365 * 20), False
        fill(log, clock, make_decision, "1")
        clock.wall_time, clock.clock_synced = now, True
        fill(log, clock, make_decision, "2")
    monkeypatch.setattr("edge_lpr.platelog.database.boot_id", lambda: "after a restart")
    clock.monotonic_s = 10.0
    with PlateLog.open(tmp_path, clock=clock) as log:
        clock.wall_time, clock.clock_synced = now - timedelta(days=365 * 20), False
        fill(log, clock, make_decision, "3")
        clock.wall_time, clock.clock_synced = now + timedelta(hours=71), True
        assert log.purge() == Purged(), "20 years old by its stamp, but written after a row of 71 hours"
        clock.wall_time = now + timedelta(hours=73)
        assert log.purge().unmatched == 2
        assert kept(tmp_path) == ["DENIED1", "DENIED2", "UNKNOWN3", "DENIED3"]


def test_clock_that_is_never_synchronised_may_be_trusted(
    tmp_path: Path, clock, make_decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.clock_synced = False
    with PlateLog.open(tmp_path, clock=clock) as log:
        fill(log, clock, make_decision)
    monkeypatch.setattr("edge_lpr.platelog.database.boot_id", lambda: "after a restart")
    clock.wall_time += timedelta(days=31)
    with PlateLog.open(tmp_path, clock=clock) as log:
        assert log.purge() == Purged()
    trusting = LogOptions(retention=RetentionOptions(trust_unsynced_clock=True))
    with PlateLog.open(tmp_path, trusting, clock) as log:
        assert (log.purge().unmatched, kept(tmp_path)) == (1, [])


def test_batches_and_pages_given_back(tmp_path: Path, clock, make_decision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 40)
    with PlateLog.open(tmp_path, clock=clock) as log:
        from edge_lpr.platelog.rows import insert_decision

        decision = make_decision(now=clock())
        log._transact(lambda connection: [insert_decision(connection, 1, decision) for _ in range(100)])
        pages = log._database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
        clock.pass_hours(100)
        assert log.purge().unmatched == 100
        assert log._database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0]) <= pages - 5
        assert log.append(make_decision()) == 101, "ids are not used again"
        with PlateLogReader(tmp_path) as reader:
            assert [event.detail.split()[0] for event in reader.events(EventKind.PURGE)] == ["40", "40", "20"]


def test_damaged_databases_are_not_kept_longer_than_decisions(tmp_path: Path, clock) -> None:
    aside = tmp_path / "damaged" / "1"
    aside.mkdir(parents=True)
    (aside / "plates.db").write_bytes(b"plates")
    os.utime(aside, (clock.wall_time.timestamp(),) * 2)
    with PlateLog.open(tmp_path, clock=clock) as log:
        clock.pass_hours(30 * 24 - 1)
        assert log.purge() == Purged() and aside.exists()
        clock.pass_hours(2)
        assert log.purge() == Purged(damaged=1) and not aside.exists()


def test_pictures_go_with_their_rows_and_old_events_too(tmp_path: Path, clock, make_decision) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed (extra `cpu`)")
    options = LogOptions(pictures=PictureOptions(reserve_bytes=0), retention=RetentionOptions(event_days=40))
    crop = Pictures(crop=np.zeros((8, 24, 3), np.uint8))
    with PlateLog.open(tmp_path, options, clock) as log:
        log.append(make_decision(now=clock()), crop)
        log.append(make_decision(reason=Reason.DENIED, now=clock()), crop)
        log.event(EventKind.HEALTH, "camera lost", "entry")
    with PlateLog.open(tmp_path, options, clock) as log:
        assert len(list(all_pictures(tmp_path))) == 2
        clock.pass_hours(73)
        assert log.purge() == Purged(unmatched=1, pictures=1)
        assert [row_id for row_id, _ in all_pictures(tmp_path)] == [2]
        clock.pass_hours(24 * 41)
        purged = log.purge()
        assert (purged.decisions, purged.pictures, purged.events) == (1, 1, 2)
        assert list(all_pictures(tmp_path)) == []
        runs = log._database.read(lambda c: c.execute("SELECT count(*) FROM runs").fetchone()[0])
        assert runs == 1, "runs that nothing refers to are gone"
