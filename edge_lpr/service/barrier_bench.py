"""How long it takes from a decision to the first byte that opens, with the real log and a board in another process."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edge_lpr.barrier.base import Command, SystemTimer
from edge_lpr.barrier.lane_watch import LaneOptions
from edge_lpr.barrier.opener import OpenerOptions
from edge_lpr.barrier.rules import OpeningLimits
from edge_lpr.barrier.runner import BarrierRunner
from edge_lpr.barrier.simulated import SimulatedBarrier
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.capture.clock import SystemClock
from edge_lpr.errors import BarrierError
from edge_lpr.platelog.store import PlateLog
from edge_lpr.records import Action, Decision, Direction, PlateRead, Reason

PULSE_S = 0.1
BETWEEN_S = 0.25
"""The relay is off again by then, and nothing is under way."""
WITHIN_S = 5.0


@dataclass(frozen=True)
class Latency:
    """Milliseconds; `most_ms` is not exceeded by 95 of 100."""

    median_ms: float
    most_ms: float
    longest_ms: float

    @classmethod
    def of(cls, seconds: list[float]) -> Latency:
        """Of one or more values."""
        ordered = sorted(1e3 * value for value in seconds)
        return cls(statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))], ordered[-1])


def measure(count: int, folder: Path | None = None) -> dict[str, Latency]:
    """Open a virtual board `count` times. Raises BarrierError, LogError."""
    if count < 1:
        raise BarrierError("at least one opening is needed")
    with tempfile.TemporaryDirectory() as temporary:
        plate_log = PlateLog.open(folder or Path(temporary) / "log")
        barrier = SimulatedBarrier(BarrierTable(driver="simulated", pulse_s=PULSE_S, reply_timeout_s=2.0))
        options = OpenerOptions(OpeningLimits(0.0, count + 1), PULSE_S, LaneOptions())
        runner = BarrierRunner("bench", barrier, plate_log, options)
        runner.start()
        try:
            _wait_connected(runner)
            assert barrier.board is not None
            whole, after_log = [], []
            for number in range(count):
                time.sleep(BETWEEN_S)
                decided_s, logged_s = _open(runner, plate_log, number)
                heard_s = _heard(barrier, number)
                whole.append(heard_s - decided_s)
                after_log.append(heard_s - logged_s)
        finally:
            runner.stop()
            plate_log.close()
    return {"from the decision, log included": Latency.of(whole), "from the log to the board": Latency.of(after_log)}


def _open(runner: BarrierRunner, plate_log: PlateLog, number: int) -> tuple[float, float]:
    """Decide, log, and tell the barrier; when it was decided, and when it was on disk."""
    decided_s = SystemTimer().now_s()
    read = PlateRead(f"bench-{number}", "bench", "BENCH", 1.0, (), 1, "", Direction.APPROACHING, decided_s, decided_s,
                     datetime.now(timezone.utc), False)
    decision = Decision(Action.OPEN, Reason.ALLOWED, "", read, decided_s, decided_s + WITHIN_S)
    decision_id = plate_log.append(decision)
    logged_s = SystemTimer().now_s()
    runner.submit(Command(decision_id, decision, SystemClock()))
    return decided_s, logged_s


def _heard(barrier: SimulatedBarrier, number: int) -> float:
    """When the board switched on for this opening, by its own account."""
    until_s = time.monotonic() + WITHIN_S
    while time.monotonic() < until_s:
        if barrier.board is not None and barrier.board.pulses(1) > number:
            return barrier.board.last_on_s
        time.sleep(0.005)
    raise BarrierError("the virtual board was not told to open")


def _wait_connected(runner: BarrierRunner) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not runner.health().connected:
        if time.monotonic() > until_s:
            raise BarrierError(runner.health().fault or "the virtual board does not answer")
        time.sleep(0.02)
