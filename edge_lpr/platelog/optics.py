"""Statistics of plate pictures, a row an hour and camera: no plate is in them, so they outlive the decisions.

A row is added to with the decision it belongs to, in the same transaction: that costs no write of its own.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from edge_lpr.records import FIGURES, OpticHour, OpticSample, PlateRead

HOUR_S = 3600
KEPT_DAYS = 400
"""A year and a little: so that a winter can be compared with the one before."""
FIRST_YEAR = 2024
"""An earlier date is that of a clock that was never set."""
_COLUMNS = [f"{name}{kind}" for name in FIGURES for kind in ("_sum", "_square")]
_ADD = (
    f"INSERT INTO optics (camera, hour_s, arrivals, {', '.join(_COLUMNS)}) VALUES (?, ?, 1{', ?' * len(_COLUMNS)})"
    " ON CONFLICT (camera, hour_s) DO UPDATE SET arrivals = arrivals + 1, "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _COLUMNS)
)


def add_sample(connection: sqlite3.Connection, read: PlateRead, sample: OpticSample) -> None:
    """Count one arrival in its hour."""
    if read.wall_time.year < FIRST_YEAR:
        return
    values = {"reads": float(read.frames_used), "confidence": read.confidence, **vars(sample)}
    pairs = [value for name in FIGURES for value in (values[name], values[name] ** 2)]
    connection.execute(_ADD, (read.camera, hour_of(read.wall_time), *pairs))


def hours_since(connection: sqlite3.Connection, since_s: float) -> list[OpticHour]:
    """All hours from a moment (seconds since 1970) on, oldest first."""
    found = []
    sql = f"SELECT camera, hour_s, arrivals, {', '.join(_COLUMNS)} FROM optics WHERE hour_s >= ? ORDER BY hour_s"
    for camera, hour_s, arrivals, *values in connection.execute(sql, (since_s,)):
        sums, squares = values[::2], values[1::2]
        found.append(OpticHour(camera, hour_s, arrivals, dict(zip(FIGURES, sums, strict=True)),
                               dict(zip(FIGURES, squares, strict=True))))
    return found


def has_before(connection: sqlite3.Connection, now: datetime) -> bool:
    """Whether there is anything too old."""
    return connection.execute("SELECT 1 FROM optics WHERE hour_s < ? LIMIT 1", (_cut_s(now),)).fetchone() is not None


def forget_before(connection: sqlite3.Connection, now: datetime) -> int:
    """Remove what is too old; how many rows."""
    return connection.execute("DELETE FROM optics WHERE hour_s < ?", (_cut_s(now),)).rowcount


def _cut_s(now: datetime) -> float:
    return now.timestamp() - KEPT_DAYS * 86400


def hour_of(moment: datetime) -> int:
    """The start of its hour, seconds since 1970."""
    return int(moment.timestamp()) // HOUR_S * HOUR_S
