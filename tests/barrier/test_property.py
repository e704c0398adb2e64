"""Any interleaving of decisions, orders, faults, restarts, full disks and steps of the clocks.

EDGE_LPR_EXAMPLES says how many (60). What holds after every step, seen on the wire:
no opening without a fresh decision or order of its own, at most one for each, its intent on disk before; and whatever
the host switched on is switched off again, unless it is held open for a time that is not over.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

pytest.importorskip("hypothesis", reason="hypothesis makes the examples")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from edge_lpr.barrier.base import Command, Order, OrderKind, Reply
from edge_lpr.barrier.opener import HELD, Opener, OpenerOptions
from edge_lpr.barrier.rules import OpeningLimits
from edge_lpr.records import CommandOutcome, Outcome
from tests.barrier.opener_cases import OPENING, PULSE_S, MemoryLog, SteppedTime, Time, board, command

EXAMPLES = int(os.environ.get("EDGE_LPR_EXAMPLES", "60"))
FRESH_S = 2.5
RECOVERY_S = 3.0
FAULTS = ("", "mute", "half", "garbage", "wrong", "slow", "vanish", "lost")
MOVED = (Outcome.DONE, Outcome.SENT, Outcome.UNKNOWN)
SLACK_S = 2.0
"""An exchange that fails takes its time."""


class Gate(RuleBasedStateMachine):
    """A gate whose decisions expire by a clock of their own, which may step; its board and its log outlive it."""

    commands = Bundle("commands")

    @initialize(is_timed=st.booleans(), confirms=st.booleans(), cooldown_s=st.sampled_from([0.0, 5.0]))
    def begin(self, is_timed: bool, confirms: bool, cooldown_s: float) -> None:
        self.options = OpenerOptions(OpeningLimits(cooldown_s, 6), PULSE_S)
        self.time, self.log = Time(), MemoryLog()
        self.clock = SteppedTime(self.time)
        self.is_timed, self.confirms = is_timed, confirms
        self.wire = board(self.time)[1]
        self.opened: set[object] = set()
        self.openings = self.orders = 0
        self.held_until_s = float("-inf")
        self._start()

    def _start(self) -> None:
        """A new process; the board on the wire is the same."""
        barrier, _ = board(self.time, self.is_timed, self.confirms)
        barrier._link = self.wire
        self.opener = Opener("gate", barrier, self.log, self.options, self.time)
        self._seen(None, lambda: False, self.opener.turn)

    def _seen(self, key: object, may_open: Callable[[], bool], do: Callable[[], object]) -> bool:
        """Do something; whether it opened: once at the most, for a key that has not, when `may_open` says yes."""
        self.wire.may_open = lambda: may_open() and not self.log.is_full and key not in self.opened
        do()
        new = len(self.wire.openings()) - self.openings
        self.openings += new
        assert self.wire.wrongly == 0 and new <= 1, "an opening that nothing fresh, and in the log, asked for"
        if new:
            self.opened.add(key)
        return bool(new)

    @rule(target=commands, arrival=st.sampled_from(["a-1", "a-2", "a-3"]), age_s=st.sampled_from([0.0, 1.0, 2.4]))
    def decide(self, arrival: str, age_s: float) -> Command:
        return self._decided(arrival, age_s)

    def _decided(self, arrival: str, age_s: float) -> Command:
        return command(self.clock, self.log.decide(), arrival, FRESH_S - age_s)

    @rule(one=commands)
    def carry_out(self, one: Command) -> None:
        self._carry_out(one)

    def _carry_out(self, one: Command) -> None:
        outcomes: list[CommandOutcome] = []

        def may_open() -> bool:
            return one.is_fresh and self.log.after_id < one.decision_id

        if self._seen(one.decision_id, may_open, lambda: outcomes.append(self.opener.carry_out(one))):
            assert outcomes[0].outcome in MOVED

    @rule(target=commands, arrival=st.sampled_from(["a-1", "a-2", "a-3"]), age_s=st.sampled_from([0.0, 2.4]),
          times=st.sampled_from([1, 2]))
    def arrive(self, arrival: str, age_s: float, times: int) -> Command:
        one = self._decided(arrival, age_s)
        for _ in range(times):
            self._carry_out(one)
        return one

    @rule(is_deaf=st.booleans())
    def mend(self, is_deaf: bool) -> None:
        """Nearly all is well again."""
        self.wire.faults, self.wire.is_plugged, self.wire.noise = [], True, 0
        self.log.is_full, self.log.is_deaf = False, is_deaf
        self.opener.obey(Order(f"mend-{self.time.at_s}", OrderKind.RELEASE, "anna", "", self.time.at_s + 1.0))
        self._seen(None, lambda: False, lambda: self._pass(3.0))

    @rule(kind=st.sampled_from(list(OrderKind)), hold_s=st.sampled_from([1.0, 30.0]),
          for_s=st.sampled_from([-1.0, 5.0]))
    def order(self, kind: OrderKind, hold_s: float, for_s: float) -> None:
        self.orders += 1
        one = Order(f"o-{self.orders}", kind, "anna", "why", self.time.at_s + for_s, hold_s)
        replies: list[Reply] = []

        def may_open() -> bool:
            return kind is not OrderKind.RELEASE and self.time.at_s < one.expires_at_s

        self._seen(one.id, may_open, lambda: replies.append(self.opener.obey(one)))
        if kind is OrderKind.HOLD and replies[0].outcome in HELD:
            self.held_until_s = self.time.at_s + hold_s

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4))
    def fail(self, faults: list[str]) -> None:
        self.wire.faults = faults

    @rule(noise=st.sampled_from([1, 4]))
    def disturb(self, noise: int) -> None:
        self.wire.noise = noise

    @rule(is_plugged=st.booleans())
    def plug(self, is_plugged: bool) -> None:
        self.wire.is_plugged = is_plugged

    @rule(is_full=st.booleans(), is_deaf=st.booleans())
    def disk(self, is_full: bool, is_deaf: bool) -> None:
        self.log.is_full, self.log.is_deaf = is_full, is_deaf

    @rule(seconds=st.sampled_from([-3600.0, -1.0, 1.0, 3600.0]))
    def step_of_the_clock(self, seconds: float) -> None:
        self.clock.step_s += seconds

    @rule(seconds=st.sampled_from([0.05, 0.4, 3.0, 20.0, 70.0]))
    def wait(self, seconds: float) -> None:
        self._seen(None, lambda: False, lambda: self._pass(seconds))

    @rule(is_killed=st.booleans())
    def restart(self, is_killed: bool) -> None:
        """The process stops or is killed; whatever was open has an unknown outcome from then on."""
        if not is_killed:
            self.opener.close()
        self.log.restart()
        self.held_until_s = float("-inf")
        self._start()

    @invariant()
    def on_only_where_somebody_will_release_it(self) -> None:
        if not hasattr(self, "opener") or not self.wire.relay:
            return
        is_held = bool(self.opener.health().held_by)
        is_own_pulse = self.is_timed and self.wire.off_at_s < float("inf")
        assert is_held or is_own_pulse or not self.opener._link.is_up, "on, and nobody will switch it off"
        assert not is_held or self.time.at_s <= self.held_until_s + SLACK_S, "held beyond its end"

    def _pass(self, seconds: float) -> None:
        until_s = self.time.at_s + seconds
        while self.time.at_s < until_s:
            self.time.at_s = min(self.time.at_s + max(self.opener.next_turn_s, 0.01), until_s)
            self.wire.expire()
            self.opener.turn()

    def teardown(self) -> None:
        """Once all is well again nothing is on."""
        if not hasattr(self, "opener"):
            return
        self.wire.faults, self.wire.is_plugged = [], True
        self._seen(None, lambda: False, lambda: self._pass(RECOVERY_S))
        is_held = bool(self.opener.health().held_by)
        assert not self.wire.relay or is_held
        self.opener.close()
        assert not self.wire.relay


Gate.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=30, deadline=None, derandomize=EXAMPLES == 60,
    suppress_health_check=list(HealthCheck), print_blob=True,
)
TestGate = Gate.TestCase


def test_what_opens_is_known_to_the_test() -> None:
    assert OPENING == (b"O", b"P")
