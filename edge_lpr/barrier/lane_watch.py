"""Watching the lane by a barrier's inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from edge_lpr.barrier import passage
from edge_lpr.barrier.base import Barrier, Inputs, Timer
from edge_lpr.barrier.health import HealthBoard
from edge_lpr.barrier.passage import LaneEvent, Opening, Passage, PassageLimits

log = logging.getLogger(__name__)

OnLane = Callable[[LaneEvent], None]


@dataclass(frozen=True)
class LaneOptions:
    """`is_wired`: there are inputs, read `every_s`; `has_loop`: one of them is a vehicle loop."""

    is_wired: bool = False
    has_loop: bool = False
    every_s: float = 0.2
    limits: PassageLimits = PassageLimits()


class LaneWatch:
    """What the lane does, from its inputs; does nothing where none is wired."""

    def __init__(self, barrier: Barrier, options: LaneOptions, timer: Timer, board: HealthBoard,
                 on_event: OnLane | None) -> None:
        self._barrier = barrier
        self._options = options
        self._timer = timer
        self._board = board
        self._on_event = on_event
        self._state = Passage()
        self._due_s = float("-inf")

    @property
    def due_s(self) -> float:
        """When to `look`, by the Timer."""
        return self._due_s if self._options.is_wired else float("inf")

    @property
    def is_armed(self) -> bool:
        """Whether an arrival may open."""
        return self._state.armed

    def rearm(self) -> None:
        """A person has looked."""
        self._state = passage.rearm(self._state)

    def note_opening(self, opening: Opening) -> None:
        """An opening was sent."""
        if self._options.is_wired:
            self._state = passage.command(self._state, opening, self._timer.now_s(), self._options.has_loop)
            self._board.publish(lane=self._state.phase.value, armed=self._state.armed)

    def look(self, is_held: bool) -> None:
        """Read the inputs, and tell what happened. Raises BarrierError."""
        self._due_s = self._timer.now_s() + self._options.every_s
        inputs = self._barrier.inputs()
        self._board.publish(loop=inputs.loop, opened=inputs.opened, closed=inputs.closed)
        if inputs == Inputs():
            return
        self._state, events = passage.step(self._state, inputs, self._timer.now_s(), self._options.limits, is_held)
        for event in events:
            log.info("barrier %s: %s %s", self._board.name, event.kind.value, event.opening.arrival)
            if self._on_event is not None:
                self._on_event(event)
        self._board.publish(lane=self._state.phase.value, armed=self._state.armed)
        self._board.note("lane", passage.trouble(self._state))
