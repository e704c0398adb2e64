"""One barrier's thread: commands one after the other, so that no camera waits for a relay."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_lpr.barrier.base import Barrier, Command, CommandLog, Order, Reply
from edge_lpr.barrier.health import BarrierHealth
from edge_lpr.barrier.lane_watch import OnLane
from edge_lpr.barrier.opener import Opener, OpenerOptions
from edge_lpr.records import Action, CommandOutcome, Outcome

log = logging.getLogger(__name__)

MOST_WAITING = 16
"""Commands that may wait: more would expire before their turn."""
LONGEST_TURN_S = 1.0

OnOutcome = Callable[[Command, CommandOutcome], None]
OnAnswer = Callable[[Reply], None]


@dataclass(frozen=True)
class _Ordered:
    """An order, and who waits for its answer."""

    order: Order
    on_answer: OnAnswer


class BarrierRunner:
    """Has an Opener at work on a thread of its own. `submit` and `order` from any thread; `start` and `stop` once."""

    def __init__(self, name: str, barrier: Barrier, commands: CommandLog, options: OpenerOptions | None = None,
                 on_outcome: OnOutcome | None = None, on_lane: OnLane | None = None) -> None:
        self.name = name
        self.barrier = barrier
        self._opener = Opener(name, barrier, commands, options, on_lane=on_lane)
        self._on_outcome = on_outcome
        self._queue: queue.Queue[Command | _Ordered | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name=f"barrier {name}", daemon=True)
        self._lock = threading.Lock()
        self._stopping = False

    def start(self) -> None:
        """Begin; a device that is not there is told by `health`, and tried again."""
        self._thread.start()

    def submit(self, command: Command) -> None:
        """Have a decision that opens carried out soon; never waits. What cannot be carried out gets its outcome too."""
        if command.decision.action is not Action.OPEN or command.decision_id <= 0:
            raise ValueError("only a decision to open, and one that is in the log, goes to the barrier")
        if hindrance := self._put(command):
            self._finish(command, self._opener.finish(command, Reply(Outcome.REFUSED, hindrance)))

    def order(self, order: Order, on_answer: OnAnswer) -> None:
        """Have a person's order carried out soon; `on_answer` hears what became of it, on the barrier's thread."""
        if hindrance := self._put(_Ordered(order, on_answer)):
            on_answer(Reply(Outcome.REFUSED, hindrance))

    def health(self) -> BarrierHealth:
        """How it does now."""
        return self._opener.health()

    def refuse(self) -> None:
        """Refuse all commands from now on; those that wait are still carried out."""
        with self._lock:
            self._stopping = True

    def stop(self, timeout_s: float = 1.0) -> None:
        """Carry out what waits, for at most `timeout_s`, then close the barrier. Later commands are refused."""
        self.refuse()
        if not self._thread.is_alive():
            return
        until_s = time.monotonic() + timeout_s
        self.barrier.hurry()
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            log.warning("barrier %s: commands are left over: it does not answer", self.name)
        self._thread.join(max(until_s - time.monotonic(), 0.0))
        if self._thread.is_alive():
            log.warning("barrier %s: it does not end; its relay may be on", self.name)

    def _put(self, one: Command | _Ordered) -> str:
        """Have it wait for its turn; why not, '' when it does. Nothing comes into the queue behind its end."""
        with self._lock:
            if self._stopping:
                return "the service is stopping"
            try:
                self._queue.put_nowait(one)
            except queue.Full:
                return "too many commands are waiting"
        return ""

    def _work(self) -> None:
        while True:
            try:
                self._opener.turn()
                one = self._queue.get(timeout=max(min(self._opener.next_turn_s, LONGEST_TURN_S), 0.001))
            except queue.Empty:
                continue
            except Exception:  # a defect in looking at the device must not end what opens
                log.exception("barrier %s: a turn failed", self.name)
                time.sleep(LONGEST_TURN_S)
                continue
            if one is None:
                break
            if isinstance(one, Command):
                self._finish(one, self._opener.carry_out(one))
            else:
                one.on_answer(self._opener.obey(one.order))
        self._opener.close()

    def _finish(self, command: Command, outcome: CommandOutcome) -> None:
        if self._on_outcome is not None:
            self._on_outcome(command, outcome)
