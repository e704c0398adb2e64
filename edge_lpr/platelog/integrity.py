"""Damage: found at the start, set aside, what can be read carried over, and the gate goes on."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge_lpr.platelog.connection import connect_reader, connect_writer, make_folder, sync_folder, transact
from edge_lpr.platelog.faults import LogNewerError
from edge_lpr.platelog.migrations import check_version, migrate
from edge_lpr.platelog.pictures import PICTURES_FOLDER, highest_id
from edge_lpr.platelog.rows import EventKind, decision_of, time_of
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME, LOCK_NAME, TABLES

DAMAGED_FOLDER = "damaged"
_COMING_FOLDER = "database.new"
_CHUNK = 1000
_MAX_FAILED_QUERIES = 20_000
"""Where so many ranges cannot be read the trunk of the table is gone: a gate must not search for minutes."""
_ID_GAP = 1_000_000
"""Added to the highest id known where the counter of ids was lost, so that none is used twice."""


@dataclass(frozen=True)
class Salvaged:
    """How many rows of each table could be carried over, whether that is all, and where the damaged file is kept."""

    rows: dict[str, int]
    complete: bool
    kept_in: Path

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {table}" for table, count in self.rows.items())
        partly = "" if self.complete else "; some could not be read"
        return f"set aside in {self.kept_in}; {counts} carried over{partly}"


def quick_check(connection: sqlite3.Connection, limit_s: float) -> str:
    """What SQLite's quick_check finds first ('' when the file is whole, or the check took longer than `limit_s`).

    Raises sqlite3.DatabaseError where the damage keeps the check itself from running.
    """
    deadline = time.monotonic() + limit_s
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
    try:
        said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return ""
    finally:
        connection.set_progress_handler(None, 0)
    return "" if said == "ok" else " ".join(said.split())


def rebuild(folder: Path, finish: Callable[[sqlite3.Connection, Salvaged], None]) -> Path:
    """Set the damaged database aside in `damaged/N/` and put one with all that can be read in its place.

    `finish` completes the new one before it counts. Stopped at any moment, either the damaged one is found again or
    the new one is whole: see `settle_rebuild`. Returns where the damaged one is kept.
    """
    current, coming = folder / DATABASE_FOLDER, folder / _COMING_FOLDER
    shutil.rmtree(coming, ignore_errors=True)
    make_folder(coming)
    fresh = connect_writer(coming / DATABASE_NAME)
    try:
        migrate(fresh, coming / DATABASE_NAME)
        finish(fresh, salvage(folder, fresh))
    finally:
        fresh.close()
    aside = set_aside(folder)
    coming.rename(current)
    sync_folder(folder)
    sync_folder(aside.parent)
    return aside


def told_damage(connection: sqlite3.Connection, folder: Path, run_id: int) -> str:
    """What the log says of its last damage, with the time; '' when that was in an earlier run than `run_id`, and
    nothing that was set aside is left."""
    row = connection.execute(
        "SELECT time_utc, detail, run_id FROM events WHERE kind = ? ORDER BY id DESC LIMIT 1", (EventKind.DAMAGE.value,)
    ).fetchone()
    if row is None or (row[2] != run_id and not damaged_folders(folder)):
        return ""
    return f"{row[0]:.19}Z: {row[1]}"


def set_aside(folder: Path) -> Path:
    """Move the database into `damaged/N/`, where nothing of it is lost; returns that folder."""
    aside = _next_aside(folder)
    make_folder(aside.parent)
    (folder / DATABASE_FOLDER).rename(aside)
    sync_folder(folder)
    return aside


def _next_aside(folder: Path) -> Path:
    number = 1 + max((int(path.name) for path in damaged_folders(folder)), default=0)
    return folder / DAMAGED_FOLDER / str(number)


def begin_after_loss(fresh: sqlite3.Connection, folder: Path) -> str:
    """Let a new database's ids begin above those of pictures that are there; what was lost, '' for nothing."""
    highest_picture = highest_id(folder)
    if not highest_picture:
        return ""
    _continue_ids(fresh, 0, highest_picture)
    return "the database was gone or empty, beside pictures of its decisions"


def settle_rebuild(folder: Path) -> None:
    """Finish or drop a rebuilding that was cut off: without the old database the new one is whole, beside it not."""
    current, coming = folder / DATABASE_FOLDER, folder / _COMING_FOLDER
    if coming.is_dir():
        if current.exists():
            shutil.rmtree(coming)
        else:
            coming.rename(current)
        sync_folder(folder)


def set_newer_aside(folder: Path) -> str:
    """Set a database aside that a newer edge_lpr wrote, as after an upgrade that was taken back; what was done, '' for
    nothing. Its ids are not used again. One that cannot be read, or that another gate writes, is left to `PlateLog`."""
    path = folder / DATABASE_FOLDER / DATABASE_NAME
    try:
        with closing(connect_reader(path)) as reader:
            check_version(reader, path)
            return ""
    except LogNewerError as error:
        if is_in_use(folder):
            return ""
        with closing(connect_reader(path)) as reader:
            sequence = _sequence(reader)
        highest = highest_id(folder)
        aside = set_aside(folder)
        if (folder / PICTURES_FOLDER).is_dir():
            (folder / PICTURES_FOLDER).rename(aside / PICTURES_FOLDER)  # they belong to its decisions
        make_folder(path.parent)
        with closing(connect_writer(path)) as fresh:
            migrate(fresh, path)
            _continue_ids(fresh, sequence, highest)
        sync_folder(folder)
        return f"{error}; it is kept in {aside}, and a new one was begun"
    except sqlite3.Error:
        return ""


def is_in_use(folder: Path) -> bool:
    """Whether a gate writes this log now."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def damaged_folders(folder: Path) -> list[Path]:
    """The databases that were set aside, oldest first."""
    found = (path for path in (folder / DAMAGED_FOLDER).glob("*") if path.name.isdigit())
    return sorted(found, key=lambda path: int(path.name))


def salvage(folder: Path, fresh: sqlite3.Connection) -> Salvaged:
    """Copy every row that can be read from the log's damaged database to the fresh one, with its id."""
    counts = dict.fromkeys(TABLES, 0)
    complete, sequence = False, 0
    try:
        source = connect_reader(folder / DATABASE_FOLDER / DATABASE_NAME)
    except sqlite3.Error:
        source = None
    if source is not None:
        sequence = _sequence(source)
        complete = True
        for table, key in TABLES.items():
            counts[table], whole = _copy(source, fresh, table, key)
            complete = complete and whole
        source.close()
    # What became of a decision that is lost says nothing.
    orphans = "DELETE FROM commands WHERE decision_id NOT IN (SELECT id FROM decisions)"
    counts["commands"] -= transact(fresh, lambda connection: connection.execute(orphans).rowcount)
    _continue_ids(fresh, sequence, highest_id(folder))
    return Salvaged(counts, complete, _next_aside(folder))


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection, table: str, key: str) -> tuple[int, bool]:
    """Copy a table by ranges of keys, halving those that cannot be read; the rows copied, and whether all could be."""
    columns = _columns(fresh, table)
    try:
        columns = [name for name in columns if name in _columns(source, table)] or columns
        first = source.execute(f"SELECT min({key}) FROM {table}").fetchone()[0] or 0
        last = source.execute(f"SELECT max({key}) FROM {table}").fetchone()[0] or 0
    except sqlite3.Error:
        first, last = 0, max(_sequence(source), 4_000_000)
    select = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} BETWEEN ? AND ?"
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    ranges = [(start, min(last, start + _CHUNK - 1)) for start in range(first, last + 1, _CHUNK)]
    copied, failed, whole = 0, 0, True
    while ranges and failed < _MAX_FAILED_QUERIES:
        start, end = ranges.pop()
        try:
            rows = source.execute(select, (start, end)).fetchall()
        except (sqlite3.Error, UnicodeDecodeError):
            failed, whole = failed + 1, False
            if start < end:
                middle = (start + end) // 2
                ranges += [(start, middle), (middle + 1, end)]
            continue
        good = [tuple(row) for row in rows if _is_sound(table, row)]
        whole = whole and len(good) == len(rows)
        copied += _insert(fresh, insert, good)
    return copied, whole and not ranges


def _insert(fresh: sqlite3.Connection, statement: str, rows: list[tuple[object, ...]]) -> int:
    if not rows:
        return 0
    return transact(fresh, lambda connection: connection.executemany(statement, rows).rowcount)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _is_sound(table: str, row: sqlite3.Row) -> bool:
    """Whether a row's values are ones that this table holds."""
    try:
        if table == "decisions":
            decision_of(row)
        elif table == "optics":
            return int(row["arrivals"]) > 0
        elif table != "commands":
            time_of(row["time_utc"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return False
    return True


def _sequence(connection: sqlite3.Connection) -> int:
    try:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'decisions'").fetchone()
        return int(row[0]) if row else 0
    except (sqlite3.Error, TypeError, ValueError):
        return 0


def _continue_ids(fresh: sqlite3.Connection, sequence: int, highest_picture: int) -> None:
    """New rows get ids above all that were ever given."""
    known = max(sequence, highest_picture, fresh.execute("SELECT coalesce(max(id), 0) FROM decisions").fetchone()[0])
    _set_counter(fresh, known if sequence else known + _ID_GAP)


def continue_ids(connection: sqlite3.Connection, after_id: int) -> None:
    """New rows get ids above `after_id`, also where the log's own counter is lower."""
    if _sequence(connection) < after_id:
        _set_counter(connection, after_id)


def _set_counter(fresh: sqlite3.Connection, start: int) -> None:
    def write(target: sqlite3.Connection) -> None:
        target.execute("DELETE FROM sqlite_sequence WHERE name = 'decisions'")
        target.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('decisions', ?)", (start,))

    transact(fresh, write)
