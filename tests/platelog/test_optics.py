"""Statistics of plate pictures in the log: added with the decision, without a write of their own, without a plate."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge_lpr.platelog.erase import erase_plate
from edge_lpr.platelog.integrity import rebuild
from edge_lpr.platelog.migrations import migrate, schema_version
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME, SCHEMA_VERSION, STEPS
from edge_lpr.platelog.store import PlateLog
from edge_lpr.records import OpticSample

SAMPLE = OpticSample(width_px=100.0, brightness=120.0, contrast=90.0, sharpness=0.25)


def test_an_hour_is_one_row_and_costs_no_commit(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        before = log.health().commits
        for _ in range(3):
            log.append(make_decision(now=clock()), optics=SAMPLE)
        assert log.health().commits == before + 3
        clock.pass_hours(1.0)
        log.append(make_decision(now=clock()), optics=SAMPLE)
        log.append(make_decision(now=clock()))
        first, second = log.optics(0.0)
    assert (first.camera, first.arrivals, second.arrivals) == ("entry", 3, 1)
    assert second.hour_s - first.hour_s == 3600 and first.hour_s % 3600 == 0
    assert first.sums["width_px"] == 300.0 and first.squares["width_px"] == 30000.0
    assert first.sums["reads"] == 21.0 and first.sums["confidence"] == pytest.approx(3 * 0.987654321)
    with PlateLogReader(tmp_path) as reader:
        assert reader.optics(second.hour_s) == [second]


def test_a_clock_that_was_never_set_counts_nowhere(tmp_path: Path, clock, make_decision) -> None:
    clock.wall_time = clock.wall_time.replace(year=1970)
    with PlateLog.open(tmp_path, clock=clock) as log:
        log.append(make_decision(now=clock()), optics=SAMPLE)
        assert log.optics(-1e12) == []


def test_they_outlive_decisions_and_are_forgotten_in_the_end(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        log.append(make_decision(now=clock()), optics=SAMPLE)
        clock.pass_hours(24 * 100)
        log.purge()
        assert len(log.optics(0.0)) == 1
        clock.pass_hours(24 * 310)
        log.purge()
        assert log.optics(0.0) == []


def test_erasing_a_plate_leaves_them_and_they_name_none(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        log.append(make_decision(now=clock()), optics=SAMPLE)
    erase_plate(tmp_path, "5A23456", clock)
    with PlateLogReader(tmp_path) as reader:
        (hour,) = reader.optics(0.0)
    assert "5A23456" not in repr(hour)


def test_a_log_of_the_version_before_gets_the_table(tmp_path: Path, clock, make_decision) -> None:
    path = tmp_path / DATABASE_FOLDER / DATABASE_NAME
    path.parent.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, STEPS[:2])
    assert schema_version(connection) == 2
    connection.close()
    with PlateLog.open(tmp_path, clock=clock) as log:
        log.append(make_decision(now=clock()), optics=SAMPLE)
        assert len(log.optics(0.0)) == 1
    connection = sqlite3.connect(path)
    assert schema_version(connection) == SCHEMA_VERSION
    connection.close()


def test_they_are_carried_over_from_a_damaged_database(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log:
        log.append(make_decision(now=clock()), optics=SAMPLE)
    rebuild(tmp_path, lambda fresh, salvaged: None)
    with PlateLogReader(tmp_path) as reader:
        assert [hour.arrivals for hour in reader.optics(0.0)] == [1]
