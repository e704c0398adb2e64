"""What the lane's inputs say, by table: each case is a script of moments, and what should be told."""

from __future__ import annotations

import pytest

from edge_lpr.barrier.base import Inputs
from edge_lpr.barrier.passage import (
    LaneEventKind,
    Opening,
    Passage,
    PassageLimits,
    Phase,
    command,
    rearm,
    step,
    trouble,
)

LIMITS = PassageLimits(loop_clear_s=0.5, opens_within_s=10.0, passes_within_s=30.0, closes_within_s=60.0)
A = Opening("a-1", 1, "entry")
CLOSED, OPEN, MOVING = {"opened": False, "closed": True}, {"opened": True, "closed": False}, {"opened": False,
                                                                                            "closed": False}
ON, OFF = {"loop": True}, {"loop": False}
Script = list[tuple[float, object]]


def play(script: Script, limits: PassageLimits = LIMITS, held: bool = False) -> tuple[Passage, list[tuple[str, str]]]:
    """Moments (seconds, inputs or an opening), stepped through four times a second; what was told with its arrival."""
    state, said = Passage(), []
    inputs, at_s = Inputs(), 0.0
    for moment_s, what in [*script, (script[-1][0] + 0.25, None)]:
        while at_s < moment_s:
            if inputs != Inputs():
                state, events = step(state, inputs, at_s, limits, held)
                said += [(event.kind.value, event.opening.arrival) for event in events]
            at_s += 0.25
        if isinstance(what, Opening):
            state = command(state, what, at_s, inputs.loop is not None)
        elif isinstance(what, dict):
            inputs = Inputs(**what)
    return state, said


def kinds(script: Script, limits: PassageLimits = LIMITS, held: bool = False) -> list[str]:
    return [kind for kind, _ in play(script, limits, held)[1]]


PASSING: Script = [(0, CLOSED | OFF), (1, A), (2, MOVING | OFF), (3, OPEN | OFF), (5, OPEN | ON), (8, OPEN | OFF),
                   (12, MOVING | OFF), (14, CLOSED | OFF), (15, None)]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (PASSING, ["opened", "passed", "closed"]),
        ([(0, CLOSED | OFF), (1, A), (20, None)], ["not opened"]),
        ([(0, CLOSED | OFF), (1, A), (15, OPEN | OFF), (16, OPEN | ON), (17, OPEN | OFF), (19, CLOSED | OFF),
          (20, None)],
         ["not opened", "opened", "passed", "closed"]),
        ([*PASSING[:6], (9, OPEN | ON), (12, OPEN | OFF), (15, CLOSED | OFF), (16, None)],
         ["opened", "passed", "passed", "tailgating", "closed"]),
        ([*PASSING[:5], (6, Opening("a-2", 2)), (8, OPEN | OFF), (9, OPEN | ON), (12, OPEN | OFF), (15, CLOSED | OFF),
          (16, None)], ["opened", "passed", "passed", "closed"]),
        ([*PASSING[:4], (10, MOVING | OFF), (12, CLOSED | OFF), (13, None)],
         ["opened", "opened but nobody passed", "closed"]),
        ([*PASSING[:4], (40, CLOSED | OFF), (41, None)], ["opened", "opened but nobody passed", "closed"]),
        ([*PASSING[:6], (80, None)], ["opened", "passed", "stuck open"]),
        ([*PASSING[:6], (80, CLOSED | OFF), (81, None)], ["opened", "passed", "stuck open", "closed"]),
        ([(0, CLOSED | OFF), (1, OPEN | OFF), (5, CLOSED | OFF), (6, None)], ["opened without a command", "closed"]),
        ([(0, CLOSED | OFF), (1, OPEN | OFF), (2, OPEN | ON), (3, OPEN | OFF), (5, CLOSED | OFF), (6, None)],
         ["opened without a command", "passed", "tailgating", "closed"]),
        ([*PASSING[:5], (6, OPEN | OFF), (6.25, OPEN | ON), (8, OPEN | OFF), (12, CLOSED | OFF), (13, None)],
         ["opened", "passed", "closed"]),
        ([(0, CLOSED | ON), (1, A), (3, OPEN | ON), (5, OPEN | OFF), (8, CLOSED | OFF), (9, None)],
         ["opened", "passed", "closed"]),
        ([(0, CLOSED | ON), (3, CLOSED | OFF), (6, None)], []),
        ([*PASSING[:5], (8, CLOSED | ON), (9, CLOSED | OFF), (12, None)], ["opened", "closed", "passed"]),
    ],
    ids=["passes", "does not open", "opens late", "tailgating", "two openings, two vehicles", "closes on nobody",
         "nobody passes in time", "stays open", "stays open and closes", "opened by hand", "driven through by hand",
         "a gap in the loop is no second vehicle", "waits on the loop", "turns round",
         "it closes behind the front axle"],
)
def test_with_a_loop_and_both_switches(script: Script, said: list[str]) -> None:
    assert kinds(script) == said


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("opened", "closed"), ["opened", "closed"]),
        (("opened",), ["opened", "closed"]),
        (("closed",), ["opened", "closed"]),
        (("loop",), ["passed"]),
        (("loop", "opened"), ["opened", "passed", "closed"]),
        (("loop", "closed"), ["opened", "passed", "closed"]),
    ],
)
def test_with_fewer_inputs_it_tells_what_they_tell(names: tuple[str, ...], said: list[str]) -> None:
    script = [(at_s, {name: what[name] for name in names} if isinstance(what, dict) else what)
              for at_s, what in PASSING]
    assert kinds(script) == said


def test_each_event_has_its_arrival() -> None:
    assert play(PASSING)[1] == [("opened", "a-1"), ("passed", "a-1"), ("closed", "a-1")]


def test_held_open_nothing_is_amiss() -> None:
    script: Script = [*PASSING[:6], (9, OPEN | ON), (12, OPEN | OFF), (300, CLOSED | OFF), (301, None)]
    assert kinds(script, held=True) == ["opened", "passed", "passed", "closed"]


def test_the_lane_is_armed_again_only_when_the_loop_was_occupied_and_cleared() -> None:
    assert Passage().armed
    assert not play(PASSING[:5])[0].armed, "a vehicle is on the loop"
    assert play([*PASSING[:6], (9, None)])[0].armed
    nobody, _ = play([*PASSING[:4], (10, CLOSED | OFF), (3000, None)])
    assert not nobody.armed and "waits for its loop" in trouble(nobody)
    assert rearm(nobody).armed
    another, _ = play([*PASSING[:4], (10, CLOSED | OFF), (20, CLOSED | ON), (25, CLOSED | OFF), (30, None)])
    assert another.armed, "the next vehicle was on the loop and went"


def test_a_site_may_arm_it_again_after_a_time() -> None:
    limits = PassageLimits(rearm_after_s=60.0)
    assert not play([*PASSING[:4], (10, CLOSED | OFF), (50, None)], limits)[0].armed
    assert play([*PASSING[:4], (10, CLOSED | OFF), (70, None)], limits)[0].armed
    assert not play([*PASSING[:4], (10, OPEN | OFF), (90, None)], limits)[0].armed, "it is still open"


def test_without_a_loop_it_is_always_armed() -> None:
    assert play([(0, CLOSED), (1, A), (2, OPEN), (3, None)])[0].armed


def test_trouble_is_told_until_it_is_over() -> None:
    assert trouble(play([*PASSING[:6], (80, None)])[0]) == "the barrier is stuck open"
    assert trouble(play([*PASSING[:6], (80, CLOSED | OFF), (81, None)])[0]) == ""
    assert trouble(play([(0, CLOSED | OFF), (1, A), (20, None)])[0]) == "the barrier did not open"
    assert trouble(play(PASSING)[0]) == ""


def test_every_kind_of_event_is_in_a_case_above() -> None:
    assert {kind.value for kind in LaneEventKind} == {
        "opened", "opened without a command", "passed", "closed", "not opened", "stuck open", "tailgating",
        "opened but nobody passed",
    }
    assert play(PASSING)[0].phase is Phase.CLOSED
