"""The gate's own connection to its log: opened, checked, migrated, mended, and opened again after a fault."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from edge_lpr.gate.decide import GateTime
from edge_lpr.platelog.connection import connect_writer, make_folder, transact
from edge_lpr.platelog.faults import LogDamagedError, LogInUseError, fault_of
from edge_lpr.platelog.integrity import (
    Salvaged,
    begin_after_loss,
    continue_ids,
    quick_check,
    rebuild,
    settle_rebuild,
    told_damage,
)
from edge_lpr.platelog.migrations import check_version, migrate
from edge_lpr.platelog.rows import EventKind, insert_event, stamp, utc_text
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME, LOCK_NAME
from edge_lpr.records import Outcome

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STOPPED_EARLY = "the gate stopped before the outcome was known"
TAKEN_AWAY = "the database was removed or replaced while the gate ran"


class Database:
    """One gate's writer, one thread at a time.

    `run_id` and `after_id` (the last decision of earlier runs) hold once it was open, and so does `damage`: what was
    lost or set aside, as long as that is worth a look.
    """

    def __init__(self, folder: Path, clock: Callable[[], GateTime], check_limit_s: float) -> None:
        self.path = folder / DATABASE_FOLDER / DATABASE_NAME
        self.run_id = 0
        self.after_id = 0
        self.boot_id = boot_id()
        self.commits = 0
        self.last_id = 0
        """The highest id of a decision that this process has; none is given twice, as the barrier goes by them."""
        self.damage = ""
        self.folder = folder
        self._clock = clock
        self._check_limit_s = check_limit_s
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._is_taken_away = False
        self._lock_file: int | None = None
        self._lock = threading.RLock()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now."""
        return self._connection is not None

    def transact(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do the work in one transaction, on disk when this returns. A damaged file is replaced, and it is done again.

        Raises LogUnwritableError (or LogFullError) where nothing can be written now, LogError where it never can.
        """
        def attempt() -> Result:
            result = transact(self._open_connection(), work)
            self.commits += 1
            return result

        return self._mended(attempt)

    def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Only look; the errors are those of `transact`."""
        return self._mended(lambda: work(self._open_connection()))

    def vacuum(self, pages: int) -> None:
        """Give free pages back to the disk, at most so many."""
        # As a script: `execute` would stop after the first page, for which SQLite gives a row without columns.
        self.read(lambda connection: connection.executescript(f"PRAGMA incremental_vacuum({pages})"))

    def close(self, is_end: bool = True) -> None:
        """Close the connection; at the end of the run say so in the log and let others have it."""
        try:
            if is_end and self._connection is not None:
                ended = (utc_text(self._clock().wall_time), self.run_id)
                transact(self._connection, lambda c: c.execute("UPDATE runs SET ended_utc = ? WHERE id = ?", ended))
        except sqlite3.Error:
            pass  # a run without end is one that was cut off: so it was
        finally:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            if is_end and self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    def _mended(self, attempt: Callable[[], Result]) -> Result:
        with self._lock:
            try:
                return self._guarded(attempt)
            except LogDamagedError as damage:
                self._replace(str(damage))
                return self._guarded(attempt)

    def _guarded(self, work: Callable[[], Result]) -> Result:
        try:
            return work()
        except (sqlite3.Error, OSError) as error:
            if not isinstance(error, sqlite3.IntegrityError):
                self.close(is_end=False)  # after a failed write nothing that SQLite holds in memory is relied upon
            raise fault_of(error, self.path) from error

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is not None and not self._is_in_place():
            self._let_go()
        if self._connection is None:
            make_folder(self.folder)
            self._take_lock()
            settle_rebuild(self.folder)
            make_folder(self.path.parent)
            connection = connect_writer(self.path)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection, self._identity = connection, _identity_of(self.path)
        return self._connection

    def _is_in_place(self) -> bool:
        """Whether the file that is open still has the name: what is written to a removed one is on no disk."""
        try:
            return _identity_of(self.path) == self._identity
        except FileNotFoundError:
            return False
        except OSError:
            return True  # SQLite will tell

    def _let_go(self) -> None:
        """Begin a new run in what is there now."""
        log.warning("log: %s: %s", self.path, TAKEN_AWAY)
        self.close(is_end=False)
        self.run_id, self._is_taken_away = 0, True
        if self._lock_file is not None and not self._has_lock():
            os.close(self._lock_file)
            self._lock_file = None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        is_new = check_version(connection, self.path) == 0
        if is_new and self.run_id:
            self.run_id, self._is_taken_away = 0, True
        if not self.run_id:
            found = quick_check(connection, self._check_limit_s)
            if found:
                raise LogDamagedError(f"{self.path}: damaged: {found}")
        migrate(connection, self.path)
        loss = begin_after_loss(connection, self.folder) if is_new else ""
        loss = TAKEN_AWAY if self._is_taken_away else loss
        continue_ids(connection, self.last_id)
        if not self.run_id:
            transact(connection, self._begin_run)
            self.commits += 1
        if loss:
            transact(connection, lambda c: insert_event(c, self.run_id, self._clock(), EventKind.DAMAGE, loss))
        self._is_taken_away = False
        damage = told_damage(connection, self.folder, self.run_id)
        if damage and damage != self.damage:
            log.warning("log: %s", damage)
        self.damage = damage

    def _begin_run(self, connection: sqlite3.Connection) -> None:
        """A new run; whatever an earlier one left open has an unknown outcome and is never sent again."""
        now = self._clock()
        last = connection.execute("SELECT after_id FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        connection.execute(
            "UPDATE commands SET outcome = ?, detail = ?, time_utc = ? WHERE decision_id > ? AND outcome IS NULL",
            (Outcome.UNKNOWN.value, STOPPED_EARLY, utc_text(now.wall_time), last[0] if last else 0),
        )
        sequence = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'decisions'").fetchone()
        after_id = int(sequence[0]) if sequence else 0
        run_id = connection.execute(
            "INSERT INTO runs (boot_id, after_id, time_s, time_utc, clock_synced, software) VALUES (?, ?, ?, ?, ?, ?)",
            (self.boot_id, after_id, *stamp(now.wall_time), int(now.clock_synced), _software()),
        ).lastrowid
        self.run_id, self.after_id = int(run_id or 0), after_id

    def _replace(self, damage: str) -> None:
        """Set the damaged file aside and go on with another that has what could be read, and says so."""
        def finish(fresh: sqlite3.Connection, salvaged: Salvaged) -> None:
            if not self.run_id:
                transact(fresh, self._begin_run)
            detail = f"{damage}; {salvaged}"
            transact(fresh, lambda c: insert_event(c, self.run_id, self._clock(), EventKind.DAMAGE, detail))

        def work() -> None:
            self.close(is_end=False)
            rebuild(self.folder, finish)

        self._guarded(work)

    def _has_lock(self) -> bool:
        """Whether the lock that is held is the one that another gate would try."""
        assert self._lock_file is not None
        try:
            return _identity_of(self.folder / LOCK_NAME) == _identity_of(self._lock_file)
        except OSError:
            return False

    def _take_lock(self) -> None:
        if self._lock_file is not None:
            return
        descriptor = os.open(self.folder / LOCK_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise LogInUseError(f"{self.folder}: another gate process writes this log") from None
        self._lock_file = descriptor


def _identity_of(file: Path | int) -> tuple[int, int]:
    status = os.stat(file)
    return status.st_dev, status.st_ino


def boot_id() -> str:
    """What tells this boot of the machine from every other; of this process where the system does not say."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"process-{os.getpid()}-{os.urandom(8).hex()}"


def _software() -> str:
    try:
        return metadata.version("edge_lpr")
    except metadata.PackageNotFoundError:
        return ""
