"""The tables of the log, as the steps from each schema version to the next.

`runs`      one row a start of the gate: it names the machine's boot, within which monotonic seconds can be compared.
`decisions` one row an arrival. Rows are in the order of decision by `id` whatever the clock does; ids are never used
            again, so a follower of the log needs to remember only the last one.
`commands`  the intent to open, written with its decision; `outcome` is NULL until it is known.
`events`    all else: health, purges, erasures, manual actions, lanes.
`optics`    one row an hour and camera: how plates looked, without the plates.
"""

from __future__ import annotations

DATABASE_FOLDER = "database"
"""A folder of its own, so that a database and its journals can be replaced by one rename."""
DATABASE_NAME = "plates.db"
LOCK_NAME = "lock"
"""In the log's folder: held by the gate that writes the log."""

_VERSION_1 = (
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, after_id INTEGER NOT NULL,
        time_s REAL NOT NULL, time_utc TEXT NOT NULL, clock_synced INTEGER NOT NULL)""",
    """CREATE TABLE decisions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL,
        arrival_id TEXT NOT NULL, camera TEXT NOT NULL, plate TEXT NOT NULL, confidence REAL NOT NULL,
        alternatives TEXT NOT NULL, frames_used INTEGER NOT NULL, region TEXT NOT NULL, direction TEXT NOT NULL,
        first_seen_s REAL NOT NULL, at_s REAL NOT NULL,
        time_s REAL NOT NULL, time_utc TEXT NOT NULL, clock_synced INTEGER NOT NULL,
        action TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL, matched INTEGER NOT NULL,
        decided_at_s REAL NOT NULL, expires_at_s REAL NOT NULL)""",
    "CREATE INDEX decisions_by_plate ON decisions (plate)",
    "CREATE INDEX decisions_by_time ON decisions (time_s)",
    """CREATE TABLE commands (
        decision_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL,
        outcome TEXT, detail TEXT NOT NULL DEFAULT '', at_s REAL, time_utc TEXT)""",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER,
        time_s REAL NOT NULL, time_utc TEXT NOT NULL, clock_synced INTEGER NOT NULL,
        kind TEXT NOT NULL, camera TEXT NOT NULL, detail TEXT NOT NULL)""",
)
_VERSION_2 = (
    # How a run ended tells a power cut from a stop; which software wrote a row explains it years later.
    "ALTER TABLE runs ADD COLUMN software TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE runs ADD COLUMN ended_utc TEXT",
)
_VERSION_3 = (
    # Statistics of plate pictures, a row an hour and camera; sums and sums of squares add up without being read.
    """CREATE TABLE optics (
        id INTEGER PRIMARY KEY, camera TEXT NOT NULL, hour_s INTEGER NOT NULL, arrivals INTEGER NOT NULL,
        reads_sum REAL NOT NULL, reads_square REAL NOT NULL, confidence_sum REAL NOT NULL,
        confidence_square REAL NOT NULL, width_px_sum REAL NOT NULL, width_px_square REAL NOT NULL,
        brightness_sum REAL NOT NULL, brightness_square REAL NOT NULL, contrast_sum REAL NOT NULL,
        contrast_square REAL NOT NULL, sharpness_sum REAL NOT NULL, sharpness_square REAL NOT NULL,
        UNIQUE (camera, hour_s))""",
)

STEPS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2, _VERSION_3)
"""STEPS[n] leads from version n to n + 1; a step that was released is never changed."""
SCHEMA_VERSION = len(STEPS)

TABLES = {"runs": "id", "decisions": "id", "commands": "decision_id", "events": "id", "optics": "id"}
"""Table -> its key."""
