"""The gate's log: a decision is on disk when `append` returns, and only then may the barrier be told."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from edge_lpr.errors import LogError
from edge_lpr.gate.decide import GateTime
from edge_lpr.platelog.database import Database
from edge_lpr.platelog.faults import LogUnwritableError
from edge_lpr.platelog.optics import add_sample, hours_since
from edge_lpr.platelog.pending import Item, PendingQueue
from edge_lpr.platelog.picture_writer import PictureWriter
from edge_lpr.platelog.pictures import PictureFolder, PictureOptions, Pictures
from edge_lpr.platelog.retention import Purged, RetentionOptions, purge
from edge_lpr.platelog.rows import EventKind, insert_decision, insert_event, insert_intent, update_outcome
from edge_lpr.records import Action, CommandOutcome, Decision, OpticHour, OpticSample

log = logging.getLogger(__name__)

Result = TypeVar("Result")

SWEEP_EVERY_S = 86400.0
"""Pictures without decision are looked for so often: one may be written just after its plate was erased."""


@dataclass(frozen=True)
class LogOptions:
    """How one log is kept. `pending_limit` entries wait in memory at most; `retry_after_s` between tries to write them
    where nothing opens; `check_limit_s` for the check at the start, so that a huge log does not keep the gate waiting.
    """

    retention: RetentionOptions = field(default_factory=RetentionOptions)
    pictures: PictureOptions = field(default_factory=PictureOptions)
    pending_limit: int = 1000
    retry_after_s: float = 5.0
    check_limit_s: float = 10.0


@dataclass(frozen=True)
class LogHealth:
    """`state` ok, or degraded with `detail` saying why; `pending` entries wait, `lost` did not fit; `pictures_left_out`
    since the start; `commits` transactions written by this process; `damage` what was found damaged and set aside."""

    state: str
    detail: str
    pending: int
    lost: int
    pictures_left_out: int
    commits: int
    damage: str = ""


def unsynced_clock() -> GateTime:
    """The system's time, claimed to be unsynchronised: the daemon gives the store a clock that knows."""
    return GateTime(datetime.now(timezone.utc), time.monotonic(), False)


class PlateLog:
    """The one writer of a gate's log; safe to use from several threads. Others read it with `PlateLogReader`."""

    def __init__(self, folder: Path, options: LogOptions, clock: Callable[[], GateTime]) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.RLock()
        self._database = Database(folder, clock, options.check_limit_s)
        self._pending = PendingQueue(options.pending_limit)
        self._pictures = PictureFolder(folder, options.pictures)
        self._picture_writer = PictureWriter(self._pictures)
        self._fault = ""
        self._retry_at_s = 0.0
        self._sweep_at_s = 0.0

    @classmethod
    def open(
        cls, folder: Path, options: LogOptions | None = None, clock: Callable[[], GateTime] = unsynced_clock
    ) -> PlateLog:
        """Open or begin the log in `folder`; intents left open by an earlier run become `unknown`.

        A disk that is full or cannot be written is no error here but a health state, and is tried again. Raises
        LogError when the log belongs to a newer edge_lpr, LogInUseError when another process writes it.
        """
        opened = cls(folder, options or LogOptions(), clock)
        try:
            opened._transact(lambda connection: None)
        except LogUnwritableError as error:
            opened._note(error)
        except BaseException:
            opened._database.close()
            raise
        return opened

    def __enter__(self) -> PlateLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, decision: Decision, pictures: Pictures | None = None, optics: OpticSample | None = None) -> int:
        """Write a decision, with the intent where it opens; its id. It is on disk when this returns a positive id.

        Where it cannot be written it waits in memory: one that stays closed gets a negative ticket; one that opens
        raises LogUnwritableError (LogFullError) that carries the ticket, and nothing may be opened on the log's word.
        A ticket serves `finish_command` as an id does. Its pictures and `optics` are then left out.
        """
        with self._lock:
            try:
                self._drain(is_urgent=decision.action is Action.OPEN)
                run = self._database
                row_id = self._transact(lambda connection: _insert(connection, run.run_id, decision, optics))
                run.last_id = max(run.last_id, row_id)
            except LogUnwritableError as error:
                ticket = self._postpone(Item(self._clock(), decision=decision), error)
                if decision.action is Action.OPEN:
                    raise type(error)(str(error), ticket) from error
                return ticket
        if pictures is not None:
            self._picture_writer.submit(row_id, pictures)
        return row_id

    def begin_command(self, decision_id: int) -> None:
        """Make sure, just before the barrier is told, that the intent is on disk, of this run and without outcome.

        Raises LogError when it is not: nothing is sent twice, nor for a decision of an earlier run.
        """
        def check(connection: sqlite3.Connection) -> bool:
            row = connection.execute("SELECT outcome FROM commands WHERE decision_id = ?", (row_id,)).fetchone()
            if row is not None and row[0] is not None:
                raise LogError(f"decision {decision_id}: its command has ended already ({row[0]})")
            known = connection.execute("SELECT 1 FROM decisions WHERE id = ?", (row_id,)).fetchone()
            if row is None and known is None:
                raise LogError(f"decision {decision_id} is not in the log")
            return row is not None

        with self._lock:
            self._drain(is_urgent=True)
            row_id = self._pending.row_id(decision_id)
            if 0 < row_id <= self._database.after_id:
                raise LogError(f"decision {decision_id} is of an earlier run: nothing is sent for it")
            if not self._database.read(check):
                self._transact(lambda connection: insert_intent(connection, self._database.run_id, row_id))

    def finish_command(self, outcome: CommandOutcome) -> None:
        """Write what became of a command; where that cannot be written now, it waits. The first outcome counts."""
        now = self._clock()
        with self._lock:
            try:
                self._drain(is_urgent=True)
                row_id = self._pending.row_id(outcome.decision_id)
                done = self._transact(lambda connection: update_outcome(connection, row_id, outcome, now))
            except LogUnwritableError as error:
                self._postpone(Item(now, outcome=outcome), error)
                return
        if not done:
            raise LogError(f"decision {outcome.decision_id} has no command without an outcome")

    def event(self, kind: EventKind, detail: str, camera: str = "") -> None:
        """Write an event; where that cannot be written now, it waits."""
        now = self._clock()
        with self._lock:
            try:
                self._drain()
                run = self._database
                self._transact(lambda connection: insert_event(connection, run.run_id, now, kind, detail, camera))
            except LogUnwritableError as error:
                self._postpone(Item(now, event=(kind, detail, camera)), error)

    def begin_manual(self, detail: str) -> None:
        """Have on disk that something is about to be done by hand. Raises LogError when it is not."""
        now = self._clock()
        with self._lock:
            try:
                self._drain(is_urgent=True)
                run = self._database
                self._transact(lambda connection: insert_event(connection, run.run_id, now, EventKind.MANUAL, detail))
            except LogUnwritableError as error:
                self._note(error)
                raise

    def finish_manual(self, detail: str) -> None:
        """Write what became of it; where that cannot be written now, it waits."""
        self.event(EventKind.MANUAL, detail)

    def retry(self) -> bool:
        """Write what waits, unless that was tried just now; whether all is well. Call it every second or so."""
        with self._lock:
            try:
                self._drain()
                if self._database.is_open:
                    self._database.read(lambda connection: None)  # a log that was taken away is begun anew
            except LogError as error:
                self._note(error)
            return not self._pending and not self._fault

    def optics(self, since_s: float) -> list[OpticHour]:
        """How plates looked, hour by hour, from a moment (seconds since 1970) on. Raises LogError."""
        with self._lock:
            return self._database.read(lambda connection: hours_since(connection, since_s))

    def purge(self) -> Purged:
        """Remove what is older than its class may be, and now and then pictures without decision. Call it about hourly.

        Raises LogUnwritableError where nothing can be written now.
        """
        is_sweep = time.monotonic() >= self._sweep_at_s
        try:
            purged = purge(self._database, self._pictures, self._options.retention, self._clock(), is_sweep)
        except LogUnwritableError as error:
            self._sweep_at_s = 0.0  # rows may have gone whose pictures could not be removed
            self._note(error)
            raise
        if is_sweep:
            self._sweep_at_s = time.monotonic() + SWEEP_EVERY_S
        return purged

    def health(self) -> LogHealth:
        """How the log is; cheap."""
        faults = [self._fault, self._picture_writer.last_error]
        detail = "; ".join(fault for fault in faults if fault)
        return LogHealth("degraded" if detail else "ok", detail, len(self._pending), self._pending.lost,
                         self._picture_writer.left_out, self._database.commits, self._database.damage)

    def close(self, timeout_s: float = 1.0) -> int:
        """Write what waits, pictures for at most `timeout_s`, and let others have the log; how many entries are lost.
        """
        with self._lock:
            try:
                self._drain(is_urgent=True)
            except LogUnwritableError as error:
                self._note(error)
        self._picture_writer.close(timeout_s)
        with self._lock:
            self._database.close()
        unwritten = len(self._pending) + self._pending.lost
        if unwritten:
            log.error("%d entries of the log were not written: %s", unwritten, self._fault)
        return unwritten

    def _drain(self, is_urgent: bool = False) -> None:
        """Write what waits, in one transaction. A fault is tried again only after a while, unless it is urgent."""
        if self._fault and not is_urgent and time.monotonic() < self._retry_at_s:
            raise LogUnwritableError(self._fault)
        if self._pending or self._fault:
            now, run = self._clock(), self._database
            written = self._transact(lambda connection: self._pending.write(connection, run.run_id, now))
            self._pending.settle(written)
            run.last_id = max(run.last_id, *written.values(), 0)

    def _transact(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        result = self._database.transact(work)
        self._fault = ""
        return result

    def _postpone(self, item: Item, error: LogUnwritableError) -> int:
        self._note(error)
        return self._pending.add(item)

    def _note(self, error: LogError) -> None:
        if not self._fault or time.monotonic() >= self._retry_at_s:
            self._retry_at_s = time.monotonic() + self._options.retry_after_s
        self._fault = str(error)


def _insert(connection: sqlite3.Connection, run_id: int, decision: Decision, optics: OpticSample | None) -> int:
    row_id = insert_decision(connection, run_id, decision)
    if optics is not None:
        add_sample(connection, decision.plate_read, optics)
    return row_id
