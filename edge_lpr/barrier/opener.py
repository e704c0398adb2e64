"""The one that tells a barrier to open: every rule between a decision, or a person's order, and the relay.

Whatever happens, at most one opening is sent for one decision, none after it has expired, and none whose intent is not
in the log; a command that may have been sent is never sent again; what is held open ends by itself. No thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_lpr.barrier.base import (
    Barrier,
    Command,
    CommandLog,
    MaySend,
    Order,
    OrderKind,
    RelayState,
    Reply,
    SystemTimer,
    Timer,
)
from edge_lpr.barrier.connection import Connection
from edge_lpr.barrier.health import BarrierHealth, HealthBoard
from edge_lpr.barrier.lane_watch import LaneOptions, LaneWatch, OnLane
from edge_lpr.barrier.passage import Opening, PassageLimits
from edge_lpr.barrier.rules import OpeningLimits, OpeningRules
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import BarrierError, LogError
from edge_lpr.records import Action, CommandOutcome, Outcome

log = logging.getLogger(__name__)

HOLD_MOST_S = 12 * 3600.0
NOTHING_MOVED = (Outcome.EXPIRED, Outcome.REFUSED)
HELD = (Outcome.DONE, Outcome.SENT, Outcome.DRY_RUN)


@dataclass(frozen=True)
class OpenerOptions:
    """How one barrier is opened, for how long at a time, and how its lane is watched."""

    limits: OpeningLimits = OpeningLimits()
    pulse_s: float = 0.5
    lane: LaneOptions = LaneOptions()

    @classmethod
    def of(cls, table: BarrierTable) -> OpenerOptions:
        """As configured."""
        wired = table.inputs
        limits = PassageLimits(wired.loop_clear_s, wired.opens_within_s, wired.passes_within_s, wired.closes_within_s,
                               wired.rearm_after_s)
        lane = LaneOptions(wired.wired, wired.loop > 0, wired.every_s, limits)
        return cls(OpeningLimits(table.cooldown_s, table.most_per_minute), table.pulse_s, lane)


@dataclass(frozen=True)
class _Hold:
    until_s: float
    who: str


class Opener:
    """Used from one thread, but for `health`. `on_lane` hears what happens in the lane."""

    def __init__(self, name: str, barrier: Barrier, commands: CommandLog, options: OpenerOptions | None = None,
                 timer: Timer | None = None, on_lane: OnLane | None = None) -> None:
        self.name = name
        self._options = options or OpenerOptions()
        self._barrier = barrier
        self._log = commands
        self._timer = timer or SystemTimer()
        self._board = HealthBoard(name)
        self._rules = OpeningRules(self._options.limits)
        self._link = Connection(barrier, self._timer, self._board, self._drop_hold)
        self._lane = LaneWatch(barrier, self._options.lane, self._timer, self._board, on_lane)
        self._hold: _Hold | None = None

    def health(self) -> BarrierHealth:
        """How it does now; from any thread."""
        return self._board.health

    @property
    def next_turn_s(self) -> float:
        """How long until `turn` has something to do."""
        due_s = [self._link.due_s]
        due_s += [self._lane.due_s] if self._link.is_up else []
        due_s += [self._hold.until_s] if self._hold is not None else []
        return max(min(due_s) - self._timer.now_s(), 0.0)

    def turn(self) -> None:
        """Do what is due beside commands: connect, end a hold, look at the device and the lane."""
        self._end_hold_in_time()
        is_held = self._hold is not None
        self._link.turn(is_held)
        if self._link.is_up and self._timer.now_s() >= self._lane.due_s:
            self._link.ask(lambda: self._lane.look(is_held))

    def carry_out(self, command: Command) -> CommandOutcome:
        """Open for a decision, if it still may; the outcome, which is in the log where that can be written."""
        if command.decision.action is not Action.OPEN or command.decision_id <= 0:
            raise ValueError("only a decision to open, and one that is in the log, goes to the barrier")
        return self.finish(command, self._open_for(command))

    def finish(self, command: Command, reply: Reply) -> CommandOutcome:
        """Have an outcome in the log and in the health; also that of a command which never came to its turn."""
        outcome = CommandOutcome(command.decision_id, reply.outcome, reply.detail, self._timer.now_s())
        self._note_outcome(f"decision {command.decision_id}", reply)
        try:
            self._log.finish_command(outcome)
        except LogError as error:
            log.warning("barrier %s: %s", self.name, error)
        return outcome

    def obey(self, order: Order) -> Reply:
        """Do what a person orders, if it still may; it stands in the log before and after."""
        said = f"barrier {self.name}: {order.kind.value} by {order.who}, because: {order.reason}"
        reply = self._release_for(order, said) if order.kind is OrderKind.RELEASE else self._open_by_hand(order, said)
        self._note_outcome(f"order {order.id}", reply, order.kind is not OrderKind.RELEASE)
        self._finish_manual(f"{said}: {reply.outcome.value}: {reply.detail}")
        return reply

    def close(self, why: str = "the gate stops") -> None:
        """Release, and let go of the device."""
        if self._hold is not None:
            self._finish_manual(f"barrier {self.name}: no longer held open: {why}")
            self._hold = None
        self._barrier.close()
        self._link.is_up = False
        self._board.publish(connected=False, held_by="", held_s=0.0)

    def _open_for(self, command: Command) -> Reply:
        read = command.decision.plate_read
        opening = Opening(read.arrival_id, command.decision_id, read.camera, read.text)
        key = "decision", command.decision_id
        if hindrance := self._rules.hindrance(key, opening, self._timer.now_s()) or self._lane_hindrance():
            return Reply(Outcome.REFUSED, hindrance)
        if not command.is_fresh:
            return Reply(Outcome.EXPIRED, "its turn came too late")
        if not self._link.ensure():
            return Reply(Outcome.REFUSED, self._link.fault)
        try:
            self._log.begin_command(command.decision_id)
        except LogError as error:
            return Reply(Outcome.REFUSED, f"its intent is not in the log: {error}")
        self._rules.note_begun(key)
        return self._move(self._barrier.pulse, lambda: command.is_fresh, opening)

    def _open_by_hand(self, order: Order, said: str) -> Reply:
        key = "order", order.id
        is_hold = order.kind is OrderKind.HOLD
        if is_hold and not 0 < order.hold_s <= HOLD_MOST_S:
            return Reply(Outcome.REFUSED, f"it may be held open for at most {HOLD_MOST_S / 3600:g} hours")
        if hindrance := self._rules.hindrance(key, Opening(), self._timer.now_s()):
            return Reply(Outcome.REFUSED, hindrance)
        if self._hold is not None and not is_hold:
            return Reply(Outcome.REFUSED, self._held_text())
        if self._timer.now_s() >= order.expires_at_s:
            return Reply(Outcome.EXPIRED, "its turn came too late")
        if not self._link.ensure():
            return Reply(Outcome.REFUSED, self._link.fault)
        try:
            self._log.begin_manual(f"{said}: begins" + (f", for {order.hold_s:.0f} s" if is_hold else ""))
        except LogError as error:
            return Reply(Outcome.REFUSED, f"its intent is not in the log: {error}")
        self._rules.note_begun(key)
        self._lane.rearm()
        if is_hold and self._hold is not None:
            self._hold_for(order)
            return Reply(Outcome.DONE, f"held open on, for {order.hold_s:.0f} s from now")
        how = self._barrier.hold if is_hold else self._barrier.pulse
        reply = self._move(how, lambda: self._timer.now_s() < order.expires_at_s, Opening())
        if is_hold and reply.outcome in HELD and not reply.fault:
            self._hold_for(order)
            reply = replace(reply, detail=f"{reply.detail}; held open for {order.hold_s:.0f} s")
        return reply

    def _release_for(self, order: Order, said: str) -> Reply:
        """Release, which always may be, and ends a hold; also where the log cannot be written."""
        try:
            self._log.begin_manual(f"{said}: begins")
        except LogError as error:
            log.warning("barrier %s: %s", self.name, error)
        self._hold = None
        self._board.publish(held_by="", held_s=0.0)
        if not self._link.ensure():
            return Reply(Outcome.REFUSED, self._link.fault)
        try:
            self._barrier.release()
        except BarrierError as error:
            self._link.lose(str(error))
            return Reply(Outcome.UNKNOWN, str(error))
        self._board.publish(relay=RelayState.RELEASED.value)
        return Reply(Outcome.DONE, "released")

    def _move(self, how: Callable[[MaySend], Reply], may_send: MaySend, opening: Opening) -> Reply:
        """The one place where a barrier is told to open."""
        try:
            reply = how(may_send)
        except BarrierError as error:
            self._board.note("command", str(error))
            self._link.lose()
            return Reply(Outcome.REFUSED, f"nothing was sent: {error}")
        except Exception as error:  # a driver's defect: what it has sent nobody knows
            log.exception("barrier %s: the driver failed", self.name)
            reply = Reply(Outcome.UNKNOWN, f"the driver failed: {error!r}", f"the driver failed: {error!r}")
        if reply.outcome not in NOTHING_MOVED:
            self._rules.note_sent(opening, self._timer.now_s())
            self._lane.note_opening(opening)
            self._link.leave_alone(self._options.pulse_s)
        is_unknown = reply.outcome is Outcome.UNKNOWN
        if is_unknown or reply.fault:
            unknown = f"an opening has an unknown outcome: {reply.detail}"
            self._board.note("command", unknown if is_unknown else reply.fault)
        elif reply.outcome not in NOTHING_MOVED:
            self._board.note("command", "")
        if reply.fault:
            self._link.lose()
        return reply

    def _lane_hindrance(self) -> str:
        if self._hold is not None:
            return self._held_text()
        if not self._lane.is_armed:
            return "nobody has passed since the last opening: the loop was not occupied and cleared"
        return ""

    def _hold_for(self, order: Order) -> None:
        self._hold = _Hold(self._timer.now_s() + order.hold_s, order.who)
        self._board.publish(held_by=order.who, held_s=order.hold_s, relay=RelayState.PULSING.value)

    def _held_text(self) -> str:
        assert self._hold is not None
        left_s = max(self._hold.until_s - self._timer.now_s(), 0.0)
        return f"it is held open by {self._hold.who} for {left_s:.0f} s more"

    def _drop_hold(self) -> None:
        """The link was lost; what is held open is not held again when it is back."""
        if self._hold is not None:
            self._hold = None
            self._board.publish(held_by="", held_s=0.0)
            self._finish_manual(f"barrier {self.name}: no longer held open: the link was lost")

    def _end_hold_in_time(self) -> None:
        if self._hold is None or self._timer.now_s() < self._hold.until_s:
            return
        self._hold = None
        self._board.publish(held_by="", held_s=0.0)
        try:
            self._barrier.release()
        except BarrierError as error:
            self._link.lose(str(error))
            self._finish_manual(f"barrier {self.name}: its time to be held open is over; not yet released: {error}")
            return
        self._board.publish(relay=RelayState.RELEASED.value)
        self._finish_manual(f"barrier {self.name}: no longer held open: its time is over")

    def _finish_manual(self, detail: str) -> None:
        try:
            self._log.finish_manual(detail)
        except LogError as error:
            log.warning("barrier %s: %s", self.name, error)

    def _note_outcome(self, what: str, reply: Reply, opens: bool = True) -> None:
        is_moved = opens and reply.outcome not in NOTHING_MOVED
        self._board.note_outcome(reply.outcome.value, reply.detail, is_moved)
        log.log(logging.INFO if is_moved else logging.WARNING, "barrier %s: %s: %s: %s",
                self.name, what, reply.outcome.value, reply.detail)
