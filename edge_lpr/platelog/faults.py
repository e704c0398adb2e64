"""What can go wrong with the log, told apart by what the caller can do about it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from edge_lpr.errors import LogError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DAMAGED = ("malformed", "not a database", "disk image", "corrupt")
_FULL_WORDS = ("is full", "no space")
NO_SPACE_BELOW_BYTES = 64 * 1024
"""An input/output error with less free space than this is a full disk: SQLite tells some of them only as I/O errors."""


class LogUnwritableError(LogError):
    """Nothing can be written now; it may pass. What was to be written waits in memory under `ticket`.

    `ticket` is negative, and stands for the row's id in `PlateLog.finish_command`; 0 where nothing waits.
    """

    def __init__(self, message: str, ticket: int = 0) -> None:
        super().__init__(message)
        self.ticket = ticket


class LogFullError(LogUnwritableError):
    """The disk has no space left for the log."""


class LogDamagedError(LogError):
    """The database file is damaged; the store sets it aside and begins another."""


class LogNewerError(LogError):
    """A newer edge_lpr wrote this log; this one would misread it."""


class LogInUseError(LogError):
    """Another process writes this log as its gate's."""


def fault_of(error: sqlite3.Error | OSError, path: Path) -> LogError:
    """The error of this package that says the same as SQLite's or the system's."""
    said = str(error)
    if isinstance(error, OSError):
        kind = LogFullError if error.errno in _FULL else LogUnwritableError
        return kind(f"{path}: cannot be written: {error.strerror or said}")
    if isinstance(error, sqlite3.OperationalError):
        is_starved = "disk I/O" in said and _free_bytes(path) < NO_SPACE_BELOW_BYTES
        if is_starved or any(word in said for word in _FULL_WORDS):
            return LogFullError(f"{path}: the disk is full ({said})")
        if not any(word in said for word in _DAMAGED):
            return LogUnwritableError(f"{path}: cannot be used now: {said}")
    if isinstance(error, sqlite3.DatabaseError) and any(word in said for word in _DAMAGED):
        return LogDamagedError(f"{path}: damaged: {said}")
    return LogError(f"{path}: {said}")


def _free_bytes(path: Path) -> int:
    try:
        status = os.statvfs(path if path.exists() else path.parent)
    except OSError:
        return NO_SPACE_BELOW_BYTES
    return status.f_bavail * status.f_frsize
