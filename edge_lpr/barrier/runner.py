"""Commands to one barrier, one after the other, on a thread of their own: no camera waits for a relay.

Whatever happens, at most one opening is sent for one decision, none after it has expired, and none whose intent is not
in the log; a command that may have been sent is never sent again.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from edge_lpr.barrier.base import Barrier, Command, CommandLog, Reply
from edge_lpr.errors import BarrierError, LogError
from edge_lpr.records import Action, CommandOutcome, Outcome

log = logging.getLogger(__name__)

MOST_WAITING = 16
"""Commands that may wait: more would expire before their turn."""
MOST_REMEMBERED = 10_000
RECONNECT_S = 1.0

Key = TypeVar("Key")
Value = TypeVar("Value")
OnOutcome = Callable[[Command, CommandOutcome], None]


@dataclass(frozen=True)
class BarrierHealth:
    """How a barrier does: `fault` '' when all is well; `pulses` sent since the start; the last command's outcome."""

    fault: str
    pulses: int
    last_outcome: str
    last_detail: str


class BarrierRunner:
    """The one that tells a barrier to open. `submit` from any thread; `start` and `stop` once."""

    def __init__(self, name: str, barrier: Barrier, commands: CommandLog, cooldown_s: float = 5.0,
                 on_outcome: OnOutcome | None = None) -> None:
        self.name = name
        self._barrier = barrier
        self._log = commands
        self._cooldown_s = cooldown_s
        self._on_outcome = on_outcome
        self._queue: queue.Queue[Command | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name=f"barrier {name}", daemon=True)
        self._lock = threading.Lock()
        self._stopping = False
        self._sent: OrderedDict[int, None] = OrderedDict()
        self._opened_at_s: OrderedDict[str, float] = OrderedDict()
        self._connected = False
        self._connect_at_s = 0.0
        self._link_fault = self._command_fault = ""
        self._health = BarrierHealth("", 0, "", "")

    def start(self) -> None:
        """Begin; a device that is not there is told by `health`, and tried again."""
        self._thread.start()

    def submit(self, command: Command) -> None:
        """Have a decision that opens carried out soon; never waits. What cannot be carried out gets its outcome too."""
        if command.decision.action is not Action.OPEN or command.decision_id <= 0:
            raise ValueError("only a decision to open, and one that is in the log, goes to the barrier")
        with self._lock:  # nothing comes into the queue behind the one that ends it
            hindrance = "the service is stopping" if self._stopping else ""
            try:
                if not hindrance:
                    self._queue.put_nowait(command)
            except queue.Full:
                hindrance = "too many commands are waiting"
        if hindrance:
            self._finish(command, Reply(Outcome.REFUSED, hindrance))

    def health(self) -> BarrierHealth:
        """How it does now."""
        return self._health

    def refuse(self) -> None:
        """Refuse all commands from now on; those that wait are still carried out."""
        with self._lock:
            self._stopping = True

    def stop(self, timeout_s: float = 0.5) -> None:
        """Carry out what waits, for at most `timeout_s`, then close the barrier. Later commands are refused."""
        self.refuse()
        if not self._thread.is_alive():
            return
        until_s = time.monotonic() + timeout_s
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            log.warning("barrier %s: commands are left over: it does not answer", self.name)
        self._thread.join(max(until_s - time.monotonic(), 0.0))

    def _work(self) -> None:
        while True:
            self._connect()
            try:
                command = self._queue.get(timeout=None if self._connected else RECONNECT_S)
            except queue.Empty:
                continue
            if command is None:
                break
            self._finish(command, self._carry_out(command))
        self._barrier.close()

    def _connect(self) -> None:
        """Connect when that is due; the fault stays until it succeeds."""
        if self._connected or time.monotonic() < self._connect_at_s:
            return
        try:
            self._barrier.connect()
        except BarrierError as error:
            self._note(link_fault=f"not connected: {error}")
            self._connect_at_s = time.monotonic() + RECONNECT_S
            return
        self._connected = True
        self._note(link_fault="")

    def _carry_out(self, command: Command) -> Reply:
        """The one place where a barrier is told to open."""
        arrival = command.decision.plate_read.arrival_id
        if command.decision_id in self._sent:
            return Reply(Outcome.REFUSED, "this decision has had its opening")
        opened_s = self._opened_at_s.get(arrival)
        if opened_s is not None and time.monotonic() - opened_s < self._cooldown_s:
            return Reply(Outcome.REFUSED, "it was opened for this arrival a moment ago")
        if not command.is_fresh:
            return Reply(Outcome.EXPIRED, "its turn came too late")
        self._connect()
        if not self._connected:
            return Reply(Outcome.REFUSED, self._health.fault)
        try:
            self._log.begin_command(command.decision_id)
        except LogError as error:
            return Reply(Outcome.REFUSED, f"its intent is not in the log: {error}")
        _remember(self._sent, command.decision_id, None)
        reply = self._pulse(command)
        if reply.outcome not in (Outcome.EXPIRED, Outcome.REFUSED):
            _remember(self._opened_at_s, arrival, time.monotonic())
        return reply

    def _pulse(self, command: Command) -> Reply:
        try:
            reply = self._barrier.pulse(lambda: command.is_fresh)
        except BarrierError as error:
            self._connected = False
            self._note(command_fault=str(error))
            return Reply(Outcome.REFUSED, f"nothing was sent: {error}")
        except Exception as error:  # a driver's defect: what it has sent nobody knows
            log.exception("barrier %s: the driver failed", self.name)
            self._connected = False
            self._note(command_fault=f"the driver failed: {error!r}")
            return Reply(Outcome.UNKNOWN, f"the driver failed: {error!r}")
        unknown = reply.outcome is Outcome.UNKNOWN
        self._note(command_fault=f"an opening has an unknown outcome: {reply.detail}" if unknown else "")
        return reply

    def _finish(self, command: Command, reply: Reply) -> None:
        outcome = CommandOutcome(command.decision_id, reply.outcome, reply.detail, time.monotonic())
        moved = reply.outcome not in (Outcome.EXPIRED, Outcome.REFUSED)
        with self._lock:
            pulses = self._health.pulses + moved
            self._health = replace(
                self._health, pulses=pulses, last_outcome=outcome.outcome.value, last_detail=outcome.detail
            )
        log.log(logging.INFO if moved else logging.WARNING, "barrier %s: decision %d: %s: %s",
                self.name, command.decision_id, outcome.outcome.value, outcome.detail)
        try:
            self._log.finish_command(outcome)
        except LogError as error:
            log.warning("barrier %s: %s", self.name, error)
        if self._on_outcome is not None:
            self._on_outcome(command, outcome)

    def _note(self, link_fault: str | None = None, command_fault: str | None = None) -> None:
        """Note a fault, or with '' its end: of the link until it is connected, of a command until one goes well."""
        self._link_fault = self._link_fault if link_fault is None else link_fault
        self._command_fault = self._command_fault if command_fault is None else command_fault
        fault = "; ".join(one for one in (self._link_fault, self._command_fault) if one)
        if fault != self._health.fault:
            log.log(logging.WARNING if fault else logging.INFO, "barrier %s: %s", self.name, fault or "well again")
        with self._lock:
            self._health = replace(self._health, fault=fault)


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    memory[key] = value
    while len(memory) > MOST_REMEMBERED:
        memory.popitem(last=False)
