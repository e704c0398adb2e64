"""Every rule between a decision or an order and the relay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edge_lpr.barrier.base import Order, OrderKind
from edge_lpr.barrier.connection import RECONNECT_MOST_S
from edge_lpr.barrier.opener import HOLD_MOST_S, Opener, OpenerOptions
from edge_lpr.barrier.rules import OpeningLimits
from edge_lpr.records import Outcome
from tests.barrier.opener_cases import CLOSE, OPEN, PULSE_S, MemoryLog, Time, Wire, board, command


class Gate:
    """An opener with its board, its log and its time."""

    def __init__(self, is_timed: bool = False, confirms: bool = True, cooldown_s: float = 5.0, most: int = 12) -> None:
        self.time, self.log = Time(), MemoryLog()
        self.barrier, self.wire = board(self.time, is_timed, confirms)
        self.opener = Opener("gate", self.barrier, self.log,
                             OpenerOptions(OpeningLimits(cooldown_s, most), PULSE_S), self.time)
        self.opener.turn()
        self.orders = 0

    def open(self, arrival: str = "a-1", **more: Any) -> Outcome:
        return self.opener.carry_out(command(self.time, self.log.decide(), arrival, **more)).outcome

    def order(self, kind: OrderKind = OrderKind.OPEN, hold_s: float = 0.0, for_s: float = 5.0) -> Outcome:
        self.orders += 1
        order = Order(f"o-{self.orders}", kind, "anna", "a delivery", self.time.at_s + for_s, hold_s)
        return self.opener.obey(order).outcome

    def wait(self, seconds: float) -> None:
        """Let the time pass, with a turn whenever one is due."""
        until_s = self.time.at_s + seconds
        while self.time.at_s < until_s:
            self.time.at_s = min(self.time.at_s + max(self.opener.next_turn_s, 0.001), until_s)
            self.wire.expire()
            self.opener.turn()


def test_a_pulse_is_released_by_the_host_in_time() -> None:
    gate = Gate()
    assert gate.open() is Outcome.DONE
    (opened_s,) = gate.wire.openings()
    assert gate.wire.wrote[-1][1] == CLOSE and gate.wire.wrote[-1][0] - opened_s == pytest.approx(PULSE_S)
    assert gate.log.decided == {1: "done"} and not gate.opener.health().fault


def test_a_device_that_confirms_nothing_has_its_pulse_sent() -> None:
    gate = Gate(confirms=False)
    assert gate.open() is Outcome.SENT
    assert not gate.wire.relay and not gate.opener.health().fault


@pytest.mark.parametrize("is_timed", [False, True])
@pytest.mark.parametrize("fault", ["mute", "half", "garbage", "wrong", "slow", "vanish", "lost"])
def test_after_any_fault_the_relay_is_released_and_nothing_sent_again(fault: str, is_timed: bool) -> None:
    gate = Gate(is_timed=is_timed)
    gate.wire.faults = [fault]
    assert gate.open() is Outcome.UNKNOWN
    assert "unknown outcome" in gate.opener.health().fault
    gate.wire.is_plugged = True
    gate.wait(2.0)
    assert gate.wire.wrote[-1][1] != OPEN and not gate.wire.relay
    assert len(gate.wire.openings()) == (fault != "lost")
    assert gate.opener.health().connected
    gate.wire.expire()
    assert gate.open("a-2") is Outcome.DONE and not gate.opener.health().fault


def test_a_faulty_reply_does_not_cut_the_pulse_short() -> None:
    gate = Gate(is_timed=True)
    gate.wire.faults = ["mute"]
    gate.open()
    (opened_s,) = gate.wire.openings()
    closed_s = next(at_s for at_s, frame in gate.wire.wrote if frame == CLOSE and at_s > opened_s)
    assert closed_s - opened_s >= PULSE_S


def test_a_release_that_fails_is_told_and_made_good() -> None:
    gate = Gate()
    gate.wire.faults = ["", "mute", "mute", "mute"]
    assert gate.open() is Outcome.DONE
    assert "releasing" in gate.opener.health().fault
    assert gate.open("a-2") is Outcome.DONE, "it was connected anew, and released"
    assert gate.opener.health().fault == "" and not gate.wire.relay


def test_what_is_on_at_the_start_is_released() -> None:
    gate = Gate()
    gate.wire.relay = True
    again = Opener("gate", board(gate.time)[0], gate.log, timer=gate.time)
    again._barrier._link = gate.wire  # type: ignore[attr-defined]
    again.turn()
    assert gate.wire.wrote[-2][1] == CLOSE and not gate.wire.relay


def test_a_relay_that_is_on_by_itself_is_released_and_told() -> None:
    gate = Gate()
    gate.wire.relay, gate.wire.off_at_s = True, float("inf")
    gate.wait(6.0)
    assert not gate.wire.relay and not gate.wire.openings()


def test_unplugged_it_refuses_and_comes_back_by_itself() -> None:
    gate = Gate()
    gate.wire.is_plugged = False
    gate.wait(0.3)
    assert gate.open() is Outcome.REFUSED and "unplugged" in gate.opener.health().fault
    gate.wait(60.0)
    gate.wire.is_plugged = True
    gate.wait(RECONNECT_MOST_S + 0.01)
    assert gate.opener.health().connected and gate.opener.health().fault == ""
    assert gate.open("a-2") is Outcome.DONE
    assert len(gate.wire.openings()) == 1, "what was refused is not sent later"


def test_one_question_that_is_lost_is_no_fault() -> None:
    gate = Gate()
    gate.wire.faults = ["mute"]
    gate.wait(5.5)
    assert gate.opener.health().fault == "" and gate.opener.health().connected
    gate.wire.faults = ["mute"] * 100
    gate.wait(12.0)
    assert "no reply" in gate.opener.health().fault, "a device that fell silent is told before a vehicle comes"
    assert gate.open() is Outcome.REFUSED and not gate.wire.openings()
    gate.wire.faults = []
    gate.wait(1.0)
    assert gate.opener.health().connected and gate.opener.health().fault == ""


@pytest.mark.parametrize(
    ("spoil", "outcome"),
    [
        (lambda gate: setattr(gate.log, "is_full", True), Outcome.REFUSED),
        (lambda gate: gate.log.restart(), Outcome.REFUSED),
        (lambda gate: setattr(gate.time, "at_s", gate.time.at_s + 2.5), Outcome.EXPIRED),
    ],
)
def test_what_may_not_be_sent_is_not(spoil: Callable[[Gate], None], outcome: Outcome) -> None:
    gate = Gate()
    one = command(gate.time, gate.log.decide())
    spoil(gate)
    assert gate.opener.carry_out(one).outcome is outcome
    assert gate.wire.openings() == []


def test_an_opening_is_not_sent_twice_not_soon_again_and_not_too_often() -> None:
    gate = Gate(cooldown_s=5.0, most=3)
    one = command(gate.time, gate.log.decide(), for_s=1000.0)
    outcomes = [gate.opener.carry_out(one).outcome for _ in range(2)]
    assert outcomes == [Outcome.DONE, Outcome.REFUSED]
    assert gate.open() is Outcome.REFUSED, "the same arrival"
    gate.wait(5.0)
    assert gate.open() is Outcome.DONE
    assert gate.open("a-2") is Outcome.DONE
    assert gate.open("a-3") is Outcome.REFUSED and "in a minute" in gate.opener.health().last_detail
    gate.wait(60.0)
    assert gate.open("a-3") is Outcome.DONE


def test_two_cameras_that_see_one_vehicle_open_once() -> None:
    gate = Gate(cooldown_s=5.0)
    assert gate.open("front-1", plate="AB123") is Outcome.DONE
    assert gate.open("rear-1", plate="AB123") is Outcome.REFUSED
    assert gate.opener.health().last_detail == "it was opened for this plate a moment ago"
    assert gate.open("rear-2", plate="XY987") is Outcome.DONE, "the next vehicle"
    gate.wait(5.0)
    assert gate.open("rear-3", plate="AB123") is Outcome.DONE


def test_opened_by_hand_it_is_in_the_log_before_and_after_with_who_and_why() -> None:
    gate = Gate()
    assert gate.order() is Outcome.DONE
    begun, ended = gate.log.manual
    assert begun.endswith("open by anna, because: a delivery: begins") and "done" in ended
    gate.log.is_full = True
    assert gate.order() is Outcome.REFUSED, "no intent on disk"
    gate.log.is_full = False
    assert gate.order(for_s=0.0) is Outcome.EXPIRED
    assert len(gate.wire.openings()) == 1


def test_held_open_it_ends_by_itself() -> None:
    gate = Gate()
    assert gate.order(OrderKind.HOLD, 60.0) is Outcome.DONE
    assert gate.opener.health().held_by == "anna"
    assert gate.open() is Outcome.REFUSED and "held open by anna" in gate.opener.health().last_detail
    assert gate.order() is Outcome.REFUSED
    gate.wait(59.0)
    assert gate.wire.relay
    assert gate.order(OrderKind.HOLD, 60.0) is Outcome.DONE, "longer"
    gate.wait(59.0)
    assert gate.wire.relay and len(gate.wire.openings()) == 1
    gate.wait(1.1)
    assert not gate.wire.relay and gate.opener.health().held_by == ""
    assert "its time is over" in gate.log.manual[-1]
    assert gate.open() is Outcome.DONE


@pytest.mark.parametrize("hold_s", [0.0, -1.0, HOLD_MOST_S + 1])
def test_it_is_not_held_for_ever(hold_s: float) -> None:
    gate = Gate()
    assert gate.order(OrderKind.HOLD, hold_s) is Outcome.REFUSED
    assert not gate.wire.openings()


def test_held_open_it_is_released_by_order_by_the_end_and_by_a_lost_link() -> None:
    gate = Gate()
    gate.order(OrderKind.HOLD, 60.0)
    assert gate.order(OrderKind.RELEASE) is Outcome.DONE and not gate.wire.relay
    assert gate.opener.health().relay == "released", "told at once, not when the device is asked next"
    gate.order(OrderKind.HOLD, 60.0)
    gate.wire.is_plugged = False
    gate.wait(0.5)
    assert gate.opener.health().held_by == "" and "link was lost" in gate.log.manual[-1]
    gate.wire.is_plugged = True
    gate.wait(1.0)
    assert not gate.wire.relay and len(gate.wire.openings()) == 2, "it is not held again"
    gate.order(OrderKind.HOLD, 60.0)
    gate.opener.close()
    assert not gate.wire.relay and "the gate stops" in gate.log.manual[-1]


def test_release_is_obeyed_also_where_the_log_is_full() -> None:
    gate = Gate()
    gate.order(OrderKind.HOLD, 60.0)
    gate.log.is_full = True
    assert gate.order(OrderKind.RELEASE) is Outcome.DONE and not gate.wire.relay


def test_the_end_of_the_gate_shortens_a_pulse_but_not_to_nothing() -> None:
    gate = Gate()
    gate.time.hears = gate.barrier.hurry
    assert gate.open() is Outcome.DONE
    (opened_s,) = gate.wire.openings()
    assert 0.19 <= gate.wire.wrote[-1][0] - opened_s <= 0.25


def test_the_wire_of_these_tests_commits_its_faults() -> None:
    wire = Wire(Time())
    wire.open()
    wire.faults = ["garbage"]
    wire.write(OPEN)
    assert wire.read(lambda received: 2, 0.1) == b"\xff\x00"
