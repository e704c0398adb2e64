"""From any older schema to the newest: forward only, each step in a transaction of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edge_lpr.platelog.faults import LogNewerError
from edge_lpr.platelog.schema import STEPS


def schema_version(connection: sqlite3.Connection) -> int:
    """The version that the file says it has; 0 for a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, path: Path, newest: int = len(STEPS)) -> int:
    """The file's version; LogNewerError when it is newer than this code, which would misread it."""
    version = schema_version(connection)
    if version > newest:
        raise LogNewerError(
            f"{path}: has schema version {version}, this edge_lpr knows 1 to {newest}: it was written by a newer "
            "edge_lpr, use that one"
        )
    return version


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Sequence[str]] = STEPS) -> int:
    """Bring the file to the newest schema; how many steps it took. A step that fails leaves the version before it."""
    started = check_version(connection, path, len(steps))
    for version in range(started, len(steps)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in steps[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return len(steps) - started
