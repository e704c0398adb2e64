"""What the lane's inputs say of an opening: that it opened, that a vehicle passed, that it closed, or that not. Pure.

`step` is the whole of it. Where an input is not wired, what it alone could tell is not told: without end switches a
barrier is taken as open from its opening until `passes_within_s`; without a loop nothing passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from edge_lpr.barrier.base import Inputs


class LaneEventKind(str, Enum):
    """What happened in the lane."""

    OPENED = "opened"
    OPENED_UNASKED = "opened without a command"
    PASSED = "passed"
    CLOSED = "closed"
    NOT_OPENED = "not opened"
    STUCK_OPEN = "stuck open"
    TAILGATING = "tailgating"
    NOBODY_PASSED = "opened but nobody passed"


class Phase(str, Enum):
    """Where the barrier is, as far as the lane tells."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"


@dataclass(frozen=True)
class Opening:
    """For whom it was opened: `arrival`, `camera` and `plate` '' for an opening by hand; `decision_id` 0 for one."""

    arrival: str = ""
    decision_id: int = 0
    camera: str = ""
    plate: str = ""


@dataclass(frozen=True)
class LaneEvent:
    """One event, with the opening that it belongs to."""

    kind: LaneEventKind
    opening: Opening

    def __str__(self) -> str:
        if self.opening.decision_id:
            return f"{self.kind.value}: decision {self.opening.decision_id}, arrival {self.opening.arrival}"
        return self.kind.value


@dataclass(frozen=True)
class PassageLimits:
    """Seconds: a loop is clear after `loop_clear_s` without a vehicle; see the configuration for the others."""

    loop_clear_s: float = 0.5
    opens_within_s: float = 10.0
    passes_within_s: float = 30.0
    closes_within_s: float = 60.0
    rearm_after_s: float = 0.0


@dataclass(frozen=True)
class Passage:
    """The lane's state. `armed`: an arrival may open. `entitled` openings and `passed` vehicles of this opening;
    `told` what was said of it; `calm_s` when it last had a reason to be open; `cleared_s` when the loop fell."""

    phase: Phase = Phase.CLOSED
    armed: bool = True
    opening: Opening = Opening()
    commanded_s: float = 0.0
    opened_s: float = 0.0
    calm_s: float = 0.0
    entitled: int = 0
    passed: int = 0
    occupied: bool = False
    counts: bool = False
    """Whether the vehicle on the loop came onto it while the barrier was open."""
    cleared_s: float | None = None
    told: frozenset[LaneEventKind] = frozenset()


Tell = Callable[[Passage, LaneEventKind], Passage]
"""How a part of a step says what happened: the state in which that is told."""


def command(state: Passage, opening: Opening, now_s: float, has_loop: bool) -> Passage:
    """An opening was sent. With a loop the lane is armed again once that was occupied and cleared."""
    is_new = state.phase is Phase.CLOSED or LaneEventKind.NOT_OPENED in state.told
    return replace(
        state,
        phase=Phase.OPENING if is_new else state.phase,
        armed=not has_loop,
        opening=opening,
        commanded_s=now_s,
        calm_s=now_s,
        entitled=1 if is_new else state.entitled + 1,
        passed=0 if is_new else state.passed,
        counts=state.counts and not is_new,
        told=frozenset(),
    )


def rearm(state: Passage) -> Passage:
    """A person has looked: the next arrival may open."""
    return replace(state, armed=True)


def step(state: Passage, inputs: Inputs, now_s: float, limits: PassageLimits,
         held: bool = False) -> tuple[Passage, tuple[LaneEvent, ...]]:
    """The state after these inputs, and what happened. `held`: it is held open on purpose."""
    events: list[LaneEvent] = []

    def tell(after: Passage, kind: LaneEventKind) -> Passage:
        events.append(LaneEvent(kind, after.opening))
        return replace(after, told=after.told | {kind})

    if held:
        state = replace(state, calm_s=now_s)
    state = _movement(state, inputs, now_s, limits, tell)
    if inputs.loop is not None:
        state = _loop(state, inputs.loop, now_s, limits, held, tell)
    state = _lateness(state, inputs, now_s, limits, held, tell)
    return _rearmed(state, now_s, limits), tuple(events)


def _movement(state: Passage, inputs: Inputs, now_s: float, limits: PassageLimits, tell: Tell) -> Passage:
    """The barrier's end switches."""
    is_open = _is_open(inputs)
    if state.phase is Phase.CLOSED and is_open:
        state = replace(state, phase=Phase.OPEN, opening=Opening(), opened_s=now_s, calm_s=now_s, entitled=0, passed=0,
                        told=frozenset())
        return tell(state, LaneEventKind.OPENED_UNASKED)
    if state.phase is Phase.OPENING and is_open is not False:
        state = replace(state, phase=Phase.OPEN, opened_s=now_s, calm_s=now_s, counts=state.occupied)
        return tell(state, LaneEventKind.OPENED) if is_open else state
    if state.phase is Phase.OPEN and _is_closed(state, inputs, now_s, limits):
        has_switch = inputs.closed is not None or inputs.opened is not None
        if inputs.loop is not None and state.entitled and not state.passed and not state.counts:
            state = _once(state, LaneEventKind.NOBODY_PASSED, tell)
        if has_switch:
            state = tell(state, LaneEventKind.CLOSED)
        state = replace(state, phase=Phase.CLOSED)
    return state


def _loop(state: Passage, is_occupied: bool, now_s: float, limits: PassageLimits, held: bool, tell: Tell) -> Passage:
    """The vehicle loop: a vehicle has passed when the loop is clear again while or after the barrier was open."""
    if is_occupied:
        if state.occupied and state.cleared_s is None:
            return state
        is_same = state.occupied
        return replace(state, occupied=True, cleared_s=None,
                       counts=state.counts if is_same else state.phase is not Phase.CLOSED)
    if not state.occupied:
        return state
    if state.cleared_s is None:
        state = replace(state, cleared_s=now_s)
    assert state.cleared_s is not None
    if now_s - state.cleared_s < limits.loop_clear_s:
        return state
    state = replace(state, occupied=False, cleared_s=None, armed=True)
    if not state.counts or state.phase is Phase.OPENING:
        return replace(state, counts=False)
    state = tell(replace(state, counts=False, passed=state.passed + 1, calm_s=now_s), LaneEventKind.PASSED)
    return tell(state, LaneEventKind.TAILGATING) if state.passed > state.entitled and not held else state


def _lateness(state: Passage, inputs: Inputs, now_s: float, limits: PassageLimits, held: bool,
              tell: Tell) -> Passage:
    """What should have happened by now."""
    if state.phase is Phase.OPENING and now_s - state.commanded_s >= limits.opens_within_s:
        state = _once(state, LaneEventKind.NOT_OPENED, tell)
    if state.phase is Phase.OPEN and not held:
        has_loop = inputs.loop is not None
        waited_s = now_s - max(state.opened_s, state.commanded_s)
        if has_loop and state.entitled and not state.passed and not state.occupied \
                and waited_s >= limits.passes_within_s:
            state = _once(state, LaneEventKind.NOBODY_PASSED, tell)
        has_switch = inputs.closed is not None or inputs.opened is not None
        if has_switch and not state.occupied and now_s - state.calm_s >= limits.closes_within_s:
            state = _once(state, LaneEventKind.STUCK_OPEN, tell)
    return state


def _rearmed(state: Passage, now_s: float, limits: PassageLimits) -> Passage:
    """After `rearm_after_s`, where that is allowed at all, a closed lane is armed though nobody passed."""
    is_due = limits.rearm_after_s > 0 and now_s - state.commanded_s >= limits.rearm_after_s
    return replace(state, armed=True) if is_due and not state.armed and state.phase is not Phase.OPEN else state


def _once(state: Passage, kind: LaneEventKind, tell: Tell) -> Passage:
    return state if kind in state.told else tell(state, kind)


def _is_open(inputs: Inputs) -> bool | None:
    """Whether the barrier is open, None where no switch tells."""
    if inputs.opened is not None:
        return inputs.opened
    return None if inputs.closed is None else not inputs.closed


def _is_closed(state: Passage, inputs: Inputs, now_s: float, limits: PassageLimits) -> bool:
    """Whether the barrier is closed again; without switches it is taken so when nobody may pass any more."""
    if inputs.closed is not None:
        return inputs.closed
    if inputs.opened is not None:
        return not inputs.opened
    return not state.occupied and now_s - max(state.calm_s, state.commanded_s) >= limits.passes_within_s


def trouble(state: Passage) -> str:
    """What somebody should look at now; '' for nothing."""
    if state.phase is Phase.OPEN and LaneEventKind.STUCK_OPEN in state.told:
        return "the barrier is stuck open"
    if state.phase is Phase.OPENING and LaneEventKind.NOT_OPENED in state.told:
        return "the barrier did not open"
    if not state.armed and LaneEventKind.NOBODY_PASSED in state.told:
        return "nobody passed: the lane waits for its loop"
    return ""
