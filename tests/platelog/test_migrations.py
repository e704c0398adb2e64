"""Schemas: an old log is brought up, a newer one is refused, a step that fails changes nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge_lpr.errors import LogError
from edge_lpr.platelog.migrations import migrate, schema_version
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME, SCHEMA_VERSION, STEPS
from edge_lpr.platelog.store import PlateLog
from edge_lpr.records import Outcome

STORED = Path(__file__).with_name("v1.sql")


@pytest.fixture
def old_log(tmp_path: Path) -> Path:
    """A log as schema version 1 wrote it, cut off with an open intent."""
    (tmp_path / DATABASE_FOLDER).mkdir()
    connection = sqlite3.connect(tmp_path / DATABASE_FOLDER / DATABASE_NAME)
    connection.executescript(STORED.read_text())
    connection.close()
    return tmp_path


def layout(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Tables and columns."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    return [(table, *(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))) for table in tables]


def test_old_log_is_brought_up_with_its_rows(old_log: Path, clock, make_decision) -> None:
    with pytest.raises(LogError, match="older edge_lpr"):
        PlateLogReader(old_log)
    with PlateLog.open(old_log, clock=clock) as log:
        assert log.append(make_decision()) == 3
    with PlateLogReader(old_log) as reader:
        rows = reader.after(0)
        assert [row.decision.plate_read.text for row in rows] == ["5A23456", "1AB2345", "5A23456"]
        assert rows[1].command.outcome is Outcome.UNKNOWN and rows[1].boot_id.startswith("1111")
        assert [event.detail for event in reader.events()] == ["camera lost"]


def test_old_log_gets_the_layout_of_a_new_one(old_log: Path, tmp_path: Path) -> None:
    old, new = sqlite3.connect(old_log / DATABASE_FOLDER / DATABASE_NAME), sqlite3.connect(":memory:")
    old.isolation_level = new.isolation_level = None
    assert migrate(old, STORED) == SCHEMA_VERSION - 1 and migrate(new, STORED) == SCHEMA_VERSION
    assert layout(old) == layout(new) and schema_version(old) == SCHEMA_VERSION
    assert migrate(old, STORED) == 0
    old.close()


def test_step_that_fails_leaves_the_version_before_it(old_log: Path) -> None:
    connection = sqlite3.connect(old_log / DATABASE_FOLDER / DATABASE_NAME, isolation_level=None)
    before = layout(connection)
    broken = (*STEPS[:1], ("ALTER TABLE runs ADD COLUMN half INTEGER", "ALTER TABLE nowhere ADD COLUMN x INTEGER"))
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, STORED, broken)
    assert layout(connection) == before and schema_version(connection) == 1
    connection.close()


def test_newer_log_is_refused_and_left_alone(old_log: Path, clock) -> None:
    path = old_log / DATABASE_FOLDER / DATABASE_NAME
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    for opener in (lambda: PlateLog.open(old_log, clock=clock), lambda: PlateLogReader(old_log)):
        with pytest.raises(LogError, match="newer edge_lpr"):
            opener()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM decisions").fetchone()[0] == 2
    connection.close()
    assert not (old_log / "damaged").exists()
