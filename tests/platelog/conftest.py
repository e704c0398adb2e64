"""Decisions and clocks for the tests of the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

from edge_lpr.gate.decide import GateTime
from edge_lpr.records import Action, Decision, Direction, PlateRead, Reason

NOON = datetime(2025, 6, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc)


@dataclass
class HandClock:
    """A clock that moves only by hand."""

    wall_time: datetime = NOON
    monotonic_s: float = 1000.0
    clock_synced: bool = True

    def __call__(self) -> GateTime:
        return GateTime(self.wall_time, self.monotonic_s, self.clock_synced)

    def pass_hours(self, hours: float) -> None:
        """Time goes by, for both clocks."""
        self.wall_time += timedelta(hours=hours)
        self.monotonic_s += hours * 3600


def make(
    plate: str = "5A23456",
    action: Action = Action.STAY_CLOSED,
    reason: Reason = Reason.NOT_LISTED,
    now: GateTime | None = None,
    arrival_id: str = "entry-1",
    camera: str = "entry",
    rule: str = "",
) -> Decision:
    """A decision with every field set; `now` of the frame and the decision."""
    now = now or HandClock()()
    read = PlateRead(
        arrival_id=arrival_id,
        camera=camera,
        text=plate,
        confidence=0.987654321,
        alternatives=(("5A23458", 0.01), ("SA23456", 0.002)),
        frames_used=7,
        region="CZ",
        direction=Direction.APPROACHING,
        first_seen_s=now.monotonic_s - 1.5,
        at_s=now.monotonic_s,
        wall_time=now.wall_time,
        clock_synced=now.clock_synced,
    )
    return Decision(action, reason, rule, read, now.monotonic_s + 0.01, now.monotonic_s + 5.0)


@pytest.fixture
def clock() -> HandClock:
    """A clock that moves only by hand, at noon."""
    return HandClock()


@pytest.fixture
def make_decision() -> Callable[..., Decision]:
    """`make`: a decision."""
    return make


@pytest.fixture
def make_opening() -> Callable[..., Decision]:
    """A decision that opens, with the arguments of `make`."""
    return lambda plate="1AB2345", **fields: make(plate, Action.OPEN, Reason.ALLOWED, **fields)
