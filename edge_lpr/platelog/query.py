"""Reading the log from any process: by time, plate pattern, decision and camera, a page at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_lpr.errors import LogError
from edge_lpr.gate.plate_text import PlateTextError, normalise_pattern
from edge_lpr.platelog.connection import connect_reader, wal_of
from edge_lpr.platelog.faults import fault_of
from edge_lpr.platelog.migrations import check_version
from edge_lpr.platelog.optics import hours_since
from edge_lpr.platelog.pictures import pictures_of
from edge_lpr.platelog.rows import EventKind, LoggedDecision, LoggedEvent, event_of, logged_decision_of
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME, SCHEMA_VERSION
from edge_lpr.records import Action, OpticHour, Reason

_FEW = 20_000
"""Up to so many rows that an index gives are fetched and sorted; where there are more, walking the table is quicker."""
_SELECT = (
    "SELECT d.*, r.boot_id AS boot_id, c.decision_id AS command_id, c.outcome AS command_outcome,"
    " c.detail AS command_detail, c.at_s AS command_at_s, c.time_utc AS command_time_utc"
    " FROM decisions AS d {index} LEFT JOIN commands AS c ON c.decision_id = d.id"
    " LEFT JOIN runs AS r ON r.id = d.run_id WHERE {where} ORDER BY d.id {order} LIMIT ?"
)


@dataclass(frozen=True)
class LogFilter:
    """Which decisions: of those given, all must hold. `since` <= time < `until`; `plate` as in a list, with * and ?."""

    since: datetime | None = None
    until: datetime | None = None
    plate: str = ""
    action: Action | None = None
    reason: Reason | None = None
    camera: str = ""


@dataclass
class _Where:
    """Conditions of a statement with their values."""

    texts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, text: str, *values: Any) -> None:
        self.texts.append(text)
        self.values += values

    def __str__(self) -> str:
        return " AND ".join(self.texts) or "1"


class PlateLogReader:
    """Read-only view of a log that the gate may be writing at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / DATABASE_FOLDER / DATABASE_NAME
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int, bool] | None = None
        self._rows("SELECT 1")

    def __enter__(self) -> PlateLogReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def newest(
        self, chosen: LogFilter | None = None, limit: int = 100, before_id: int | None = None
    ) -> list[LoggedDecision]:
        """A page of decisions, newest first; the next page is the one before the last id of this."""
        return self._page(chosen or LogFilter(), limit, "DESC", None if before_id is None else ("d.id < ?", before_id))

    def after(self, last_id: int, chosen: LogFilter | None = None, limit: int = 1000) -> list[LoggedDecision]:
        """Decisions with greater ids, oldest first: for followers and exports."""
        return self._page(chosen or LogFilter(), limit, "ASC", ("d.id > ?", last_id))

    def all(self, chosen: LogFilter | None = None) -> Iterator[LoggedDecision]:
        """Every decision, oldest first, page by page, so that the gate's log is not held for long."""
        last_id = 0
        while page := self.after(last_id, chosen):
            yield from page
            last_id = page[-1].id

    def get(self, decision_id: int) -> LoggedDecision | None:
        """One decision."""
        found = self._page(LogFilter(), 1, "ASC", ("d.id = ?", decision_id))
        return found[0] if found else None

    def last_id(self) -> int:
        """The newest decision's id, 0 in an empty log."""
        return int(self._rows("SELECT coalesce(max(id), 0) FROM decisions")[0][0])

    def events(self, kind: EventKind | None = None, after_id: int = 0, limit: int = 1000) -> list[LoggedEvent]:
        """Events with greater ids, oldest first."""
        where = _Where(["id > ?"], [after_id])
        if kind is not None:
            where.add("kind = ?", kind.value)
        rows = self._rows(f"SELECT * FROM events WHERE {where} ORDER BY id LIMIT ?", [*where.values, limit])
        return [event_of(row) for row in rows]

    def optics(self, since_s: float) -> list[OpticHour]:
        """How plates looked, hour by hour, from a moment (seconds since 1970) on."""
        try:
            return hours_since(self._current(), since_s)
        except sqlite3.Error as error:
            self.close()
            raise fault_of(error, self.path) from error

    def pictures_of(self, decision_id: int) -> dict[str, Path]:
        """The pictures of a decision: kind (crop, frame) -> file."""
        return pictures_of(self.folder, decision_id)

    def rows(self, sql: str, values: list[Any] | None = None) -> list[sqlite3.Row]:
        """The rows of a statement that only reads."""
        return self._rows(sql, values)

    def _page(
        self, chosen: LogFilter, limit: int, order: str, position: tuple[str, int] | None
    ) -> list[LoggedDecision]:
        where = where_of(chosen, "d.")
        if position is not None:
            where.add(position[0], position[1])
        sql = _SELECT.format(index=self._index(chosen), where=where, order=order)
        return [logged_decision_of(row) for row in self._rows(sql, [*where.values, limit])]

    def _index(self, chosen: LogFilter) -> str:
        """The index clause of a query: the planner does not know how many rows a pattern or a span of time has."""
        by_plate = LogFilter(plate=chosen.plate)
        by_time = LogFilter(since=chosen.since, until=chosen.until)
        for part, index in ((by_plate, "decisions_by_plate"), (by_time, "decisions_by_time")):
            if part == LogFilter():
                continue
            where = where_of(part)
            sql = f"SELECT count(*) FROM (SELECT 1 FROM decisions INDEXED BY {index} WHERE {where} LIMIT {_FEW + 1})"
            if self._rows(sql, where.values)[0][0] <= _FEW:
                return f"INDEXED BY {index}"
        return "NOT INDEXED"

    def _rows(self, sql: str, values: list[Any] | None = None) -> list[sqlite3.Row]:
        try:
            return self._current().execute(sql, values or []).fetchall()
        except sqlite3.Error as error:
            self.close()
            raise fault_of(error, self.path) from error

    def _current(self) -> sqlite3.Connection:
        """A connection to the file that has the name now: a damaged one is replaced while others read."""
        try:
            status = self.path.stat()
        except OSError as error:
            self.close()
            raise LogError(f"{self.path}: no plate log: {error.strerror}") from error
        identity = (status.st_dev, status.st_ino, wal_of(self.path).exists())
        if self._connection is None or identity != self._identity:
            self.close()
            connection = connect_reader(self.path)
            try:
                if check_version(connection, self.path) < SCHEMA_VERSION:
                    raise LogError(f"{self.path}: is of an older edge_lpr: start the gate once to bring it up to date")
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self._identity = (status.st_dev, status.st_ino, wal_of(self.path).exists())
        return self._connection


def where_of(chosen: LogFilter, prefix: str = "") -> _Where:
    """The conditions of a filter; LogError for a pattern that no plate can match."""
    where = _Where()
    if chosen.plate:
        _add_plate(where, chosen.plate, f"{prefix}plate")
    if chosen.since is not None:
        where.add(f"{prefix}time_s >= ?", chosen.since.timestamp())
    if chosen.until is not None:
        where.add(f"{prefix}time_s < ?", chosen.until.timestamp())
    if chosen.action is not None:
        where.add(f"{prefix}action = ?", chosen.action.value)
    if chosen.reason is not None:
        where.add(f"{prefix}reason = ?", chosen.reason.name)
    if chosen.camera:
        where.add(f"{prefix}camera = ?", chosen.camera)
    return where


def _add_plate(where: _Where, pattern: str, column: str) -> None:
    try:
        pattern = normalise_pattern(pattern)
    except PlateTextError as error:
        raise LogError(f"plate pattern {pattern!r}: {error}; * and ? stand for anything") from error
    prefix = pattern[: next((at for at, char in enumerate(pattern) if char in "*?"), len(pattern))]
    if prefix == pattern:
        where.add(f"{column} = ?", pattern)
        return
    if prefix:
        where.add(f"{column} >= ? AND {column} < ?", prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))
    where.add(f"{column} GLOB ?", pattern)
