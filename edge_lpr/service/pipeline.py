"""One camera's way from a frame to a decision, on disk before the barrier is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_lpr.barrier.base import Command
from edge_lpr.capture.clock import Clock
from edge_lpr.errors import LogError
from edge_lpr.gate.evidence import Evidence, Weigher
from edge_lpr.gate.readiness import ready, to_plate_read
from edge_lpr.gate.track import Tracker, TrackUpdate
from edge_lpr.optics.sample import measure
from edge_lpr.platelog.faults import LogUnwritableError
from edge_lpr.platelog.pictures import Pictures
from edge_lpr.records import (
    Action,
    Arrival,
    CommandOutcome,
    Decision,
    Detection,
    Frame,
    OpticSample,
    Outcome,
    Pixels,
    Sighting,
)
from edge_lpr.service.clock import gate_time
from edge_lpr.service.rules import Rules
from edge_lpr.service.sight import Sight

NOT_ON_DISK = "not opened: the decision could not be written to disk"
MOST_FRAMES_HELD = 4
"""Undecided arrivals whose best frame is kept for the log; a 1080p frame is 6 MB."""


class DecisionLog(Protocol):
    """Where decisions are written; `PlateLog` is one."""

    def append(self, decision: Decision, pictures: Pictures | None = None, optics: OpticSample | None = None) -> int:
        """Write a decision; its id, positive when it is on disk. Raises LogError when one that opens is not."""

    def finish_command(self, outcome: CommandOutcome) -> None:
        """Write what became of an opening; `decision_id` the id, or the ticket of a LogUnwritableError."""


class CommandSink(Protocol):
    """Who carries out openings; `BarrierRunner` is one."""

    def submit(self, command: Command) -> None:
        """Carry it out soon; never waits, never raises for what the barrier does."""


@dataclass(frozen=True, eq=False)
class Decided:
    """One arrival's decision: `decision_id` of the log, negative or 0 with `fault` where it is not on disk; `told`
    whether the barrier was; `best` the sighting to show for it."""

    decision: Decision
    decision_id: int
    fault: str
    told: bool
    best: Sighting | None
    pictures: Pictures


@dataclass(frozen=True, eq=False)
class Step:
    """What one frame brought."""

    frame: Frame
    sightings: tuple[Sighting, ...]
    update: TrackUpdate
    decided: tuple[Decided, ...]


class Pipeline:
    """The walk of one camera's frames. Used from one thread."""

    def __init__(self, camera: str, sight: Sight, tracker: Tracker, weigher: Weigher, rules: Rules, log: DecisionLog,
                 barrier: CommandSink, clock: Clock) -> None:
        self.camera = camera
        self.tracker = tracker
        self._sight = sight
        self._weigher = weigher
        self._rules = rules
        self._log = log
        self._barrier = barrier
        self._clock = clock
        self._held: dict[str, tuple[int, Pixels]] = {}
        self._under_way: tuple[Arrival, ...] = ()
        self._last: Frame | None = None

    def step(self, frame: Frame) -> Step:
        """One frame: what is seen, which vehicle it belongs to, and the decisions that are due."""
        size = frame.pixels.shape[1], frame.pixels.shape[0]

        def worth_reading(found: Detection) -> bool:
            return self.tracker.worth_reading(found, frame.captured_at_s, size)

        sightings = self._sight.look(frame, worth_reading)
        with self._sight.times("track"):
            self.tracker.options = self._rules.tracker_of(self.camera)
            update = self.tracker.update(sightings, frame.captured_at_s, size)
        self._last, self._under_way = frame, update.arrivals
        decided = [
            *self._decide_ready(update.departed, frame.captured_at_s, departed=True),
            *self._decide_ready(update.arrivals, frame.captured_at_s),
        ]
        return Step(frame, sightings, update, tuple(decided))

    def idle(self) -> tuple[Decided, ...]:
        """No frame came: what has waited long enough is decided all the same."""
        return tuple(self._decide_ready(self._under_way, self._clock.monotonic_s())) if self._waiting() else ()

    def close(self) -> tuple[Decided, ...]:
        """No more frames: what can be decided now is."""
        departed = self.tracker.close().departed
        self._under_way = ()
        return tuple(self._decide_ready(departed, self._clock.monotonic_s(), departed=True))

    def _waiting(self) -> bool:
        return any(not arrival.settled for arrival in self._under_way)

    def _decide_ready(self, arrivals: Sequence[Arrival], now_s: float, departed: bool = False) -> Iterator[Decided]:
        """Decide the arrivals that became ready: once each, as soon as the evidence suffices, or at departure."""
        for arrival in arrivals:
            if arrival.settled:
                continue
            with self._sight.times("weigh"):
                evidence = self._weigher.weigh(arrival)
            self._hold_frame(arrival, evidence)
            if ready(evidence, arrival, now_s, self._rules.ready_of(self.camera), departed):
                yield self._decide(arrival, evidence)
            elif departed:
                self._held.pop(arrival.id, None)

    def _decide(self, arrival: Arrival, evidence: Evidence) -> Decided:
        """Reading, decision, log, barrier: in this order, and no further than it goes well."""
        assert self._last is not None, "an arrival has been seen in a frame"
        frame = self._last
        arrival.settled = True
        read = to_plate_read(arrival, evidence, frame.wall_time, frame.captured_at_s, frame.clock_synced)
        decision = self._rules.policy.decide(read, gate_time(self._clock))
        pictures = self._pictures(arrival, evidence)
        optics = measure(evidence.best) if evidence.best is not None else None
        decision_id, fault = self._record(decision, pictures, optics)
        told = decision.action is Action.OPEN and decision_id > 0
        if told:
            self._barrier.submit(Command(decision_id, decision, self._clock))
        return Decided(decision, decision_id, fault, told, evidence.best, pictures)

    def _record(self, decision: Decision, pictures: Pictures, optics: OpticSample | None) -> tuple[int, str]:
        """Have a decision on disk: its id, or 0 (negative while it waits) and what went wrong. What should open, but is
        not on disk, has its outcome: it was not opened."""
        try:
            with self._sight.times("log"):
                return self._log.append(decision, pictures, optics), ""
        except LogUnwritableError as error:
            outcome = CommandOutcome(error.ticket, Outcome.REFUSED, NOT_ON_DISK, self._clock.monotonic_s())
            self._log.finish_command(outcome)
            return error.ticket, str(error)
        except LogError as error:
            return 0, str(error)

    def _hold_frame(self, arrival: Arrival, evidence: Evidence) -> None:
        """Keep the frame that shows an arrival best, while it waits for its decision."""
        if self._last is None or evidence.best is None or evidence.best.crop.frame_index != self._last.index:
            return
        if arrival.id in self._held or len(self._held) < MOST_FRAMES_HELD:
            self._held[arrival.id] = self._last.index, self._last.pixels

    def _pictures(self, arrival: Arrival, evidence: Evidence) -> Pictures:
        """The best crop, and its frame where it is still there."""
        index, pixels = self._held.pop(arrival.id, (-1, None))
        if evidence.best is None:
            return Pictures()
        crop = evidence.best.crop
        return Pictures(crop.pixels, pixels if crop.frame_index == index else None)
