"""How long rows are kept, by class, and their removal.

A row's age is taken only from clocks that can be relied upon, so that a clock that jumps does not empty the log: the
monotonic clock within one boot; the wall clock where it is synchronised now and was for the row. A row that was
written with an unsynchronised clock is as old at least as a later row whose age is certain.
"""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass

from edge_lpr.gate.decide import GateTime
from edge_lpr.platelog.database import Database
from edge_lpr.platelog.integrity import damaged_folders
from edge_lpr.platelog.optics import forget_before, has_before
from edge_lpr.platelog.pictures import PictureFolder
from edge_lpr.platelog.rows import EventKind, insert_event

HOUR_S = 3600.0
DAY_S = 86400.0
_BATCH = 2000
"""Rows a transaction: so that an opening never waits long for a purge, and the write-ahead log stays small."""
_FREED_PAGES = 500
"""Free pages given back to the disk a purge, at most; the rest is used again or given back by later ones."""


@dataclass(frozen=True)
class RetentionOptions:
    """`unmatched_hours` for plates on no list, `decision_days` for all other decisions, `event_days` for events.

    `trust_unsynced_clock` for a gate that is never synchronised but has a battery-backed clock: its word counts then.
    """

    unmatched_hours: float = 72.0
    decision_days: float = 30.0
    event_days: float = 365.0
    trust_unsynced_clock: bool = False


@dataclass(frozen=True)
class Purged:
    """How much a purge removed."""

    unmatched: int = 0
    decisions: int = 0
    events: int = 0
    pictures: int = 0
    damaged: int = 0
    """Databases that were set aside as damaged: they hold decisions."""


def purge(
    database: Database, pictures: PictureFolder, options: RetentionOptions, now: GateTime, sweep: bool = False
) -> Purged:
    """Remove what is too old; each batch is logged with it. Writes nothing where nothing is due.

    `sweep` also looks for pictures without decision. Raises LogUnwritableError where the log cannot be written now.
    """
    unmatched, first = _purge_class(database, pictures, options, now, matched=False)
    decisions, second = _purge_class(database, pictures, options, now, matched=True)
    events = _purge_events(database, options, now)
    _purge_optics(database, options, now)
    swept = pictures.sweep(lambda low, high: database.read(lambda c: ids_between(c, low, high))) if sweep else 0
    if unmatched or decisions or events:
        database.vacuum(_FREED_PAGES)
    return Purged(unmatched, decisions, events, first + second + swept, _purge_damaged(database, options, now))


def _purge_class(
    database: Database, pictures: PictureFolder, options: RetentionOptions, now: GateTime, matched: bool
) -> tuple[int, int]:
    """Remove the rows of a class that are due; how many, and how many pictures."""
    limit_s = options.decision_days * DAY_S if matched else options.unmatched_hours * HOUR_S
    rows, files = 0, 0
    due = database.read(lambda c: due_ids(c, now, limit_s, matched, options.trust_unsynced_clock, database.boot_id))
    for start in range(0, len(due), _BATCH):
        batch = due[start : start + _BATCH]
        name = "decisions" if matched else "unmatched reads"
        detail = f"{len(batch)} {name} older than {limit_s / HOUR_S:g} h"

        def remove(connection: sqlite3.Connection, batch: list[int] = batch, detail: str = detail) -> None:
            delete_decisions(connection, batch)
            insert_event(connection, database.run_id, now, EventKind.PURGE, detail)

        database.transact(remove)
        rows, files = rows + len(batch), files + pictures.remove(batch)
    return rows, files


def due_ids(
    connection: sqlite3.Connection, now: GateTime, limit_s: float, matched: bool, trust_clock: bool, boot_id: str
) -> list[int]:
    """The ids of the rows of a class that are certainly older than the limit."""
    # By the monotonic clock: the newest row of this boot that is old enough, and so is all before it.
    first = connection.execute("SELECT min(after_id) FROM runs WHERE boot_id = ?", (boot_id,)).fetchone()[0]
    by_boot = connection.execute(
        "SELECT id FROM decisions WHERE id > ? AND decided_at_s < ? ORDER BY id DESC LIMIT 1",
        (2**62 if first is None else first, now.monotonic_s - limit_s),
    ).fetchone()
    certain = by_boot[0] if by_boot else 0
    cut_s = now.wall_time.timestamp() - limit_s if now.clock_synced or trust_clock else 0.0
    newest = connection.execute(
        "SELECT max(id) FROM decisions WHERE time_s < ? AND clock_synced = 1", (cut_s,)
    ).fetchone()[0]
    rows = connection.execute(
        "SELECT id FROM decisions WHERE id <= ? AND matched = ?"
        " UNION SELECT id FROM decisions WHERE time_s < ? AND clock_synced = 1 AND matched = ?"
        " UNION SELECT id FROM decisions WHERE id <= ? AND clock_synced = 0 AND matched = ?"
        " UNION SELECT id FROM decisions WHERE time_s < ? AND clock_synced = 0 AND matched = ?",
        (certain, matched, cut_s, matched, newest or 0, matched, cut_s if trust_clock else 0.0, matched),
    )
    return [row[0] for row in rows]


def delete_decisions(connection: sqlite3.Connection, ids: list[int]) -> int:
    """Delete decisions with their commands; how many decisions."""
    keys = [(row_id,) for row_id in ids]
    connection.executemany("DELETE FROM commands WHERE decision_id = ?", keys)
    return connection.executemany("DELETE FROM decisions WHERE id = ?", keys).rowcount if keys else 0


def _purge_events(database: Database, options: RetentionOptions, now: GateTime) -> int:
    """Remove old events and runs that nothing refers to any more; how many events."""
    if not (now.clock_synced or options.trust_unsynced_clock):
        return 0
    cut_s = now.wall_time.timestamp() - options.event_days * DAY_S
    due = database.read(
        lambda c: c.execute("SELECT count(*) FROM events WHERE time_s < ? AND clock_synced = 1", (cut_s,)).fetchone()[0]
    )
    if not due:
        return 0

    def remove(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM events WHERE time_s < ? AND clock_synced = 1", (cut_s,))
        connection.execute(
            "DELETE FROM runs WHERE id < (SELECT min(run_id) FROM (SELECT min(run_id) AS run_id FROM decisions"
            " UNION ALL SELECT min(run_id) FROM events UNION ALL SELECT ?))",
            (database.run_id,),
        )
        detail = f"{due} events older than {options.event_days:g} days"
        insert_event(connection, database.run_id, now, EventKind.PURGE, detail)

    database.transact(remove)
    return int(due)


def _purge_optics(database: Database, options: RetentionOptions, now: GateTime) -> None:
    """Forget statistics of long ago; they hold no plates, so nothing is logged of it."""
    trusted = now.clock_synced or options.trust_unsynced_clock
    if trusted and database.read(lambda connection: has_before(connection, now.wall_time)):
        database.transact(lambda connection: forget_before(connection, now.wall_time))


def _purge_damaged(database: Database, options: RetentionOptions, now: GateTime) -> int:
    """Remove damaged databases that were set aside longer ago than decisions are kept; how many."""
    if not (now.clock_synced or options.trust_unsynced_clock):
        return 0
    cut_s = now.wall_time.timestamp() - options.decision_days * DAY_S
    due = [path for path in damaged_folders(database.folder) if path.stat().st_mtime < cut_s]
    for path in due:
        shutil.rmtree(path)
    if due:
        detail = f"{len(due)} damaged databases set aside more than {options.decision_days:g} days ago"
        database.transact(lambda c: insert_event(c, database.run_id, now, EventKind.PURGE, detail))
    return len(due)


def ids_between(connection: sqlite3.Connection, low: int, high: int) -> set[int]:
    """The ids of the decisions between two ids, both included."""
    return {row[0] for row in connection.execute("SELECT id FROM decisions WHERE id BETWEEN ? AND ?", (low, high))}
