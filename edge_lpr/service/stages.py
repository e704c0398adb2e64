"""Where the time of a frame goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

WAIT, NETWORKS = "wait", "networks"
WORK = ("detect", "rectify", "read", "track", "weigh", "log")
"""The stages of a frame. Beside them WAIT is the time until the networks are free, NETWORKS the part of 'detect' and
'read' that is spent inside the two networks."""


@dataclass(frozen=True)
class StageTime:
    """`total_s` of `count` passes through a stage."""

    total_s: float = 0.0
    count: int = 0


class StageTimes:
    """The time spent in each stage by one camera's thread; `snapshot` may be taken from another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages = {stage: StageTime() for stage in (WAIT, *WORK, NETWORKS)}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Measure what is done inside."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - began_s)

    def add(self, stage: str, seconds: float) -> None:
        """Count one pass."""
        with self._lock:
            before = self._stages[stage]
            self._stages[stage] = StageTime(before.total_s + seconds, before.count + 1)

    def ms_per(self, steps: int) -> dict[str, float]:
        """Milliseconds a step, by stage."""
        return {stage: round(1e3 * spent.total_s / max(steps, 1), 2) for stage, spent in self.snapshot().items()}

    def snapshot(self) -> dict[str, StageTime]:
        """The stages in order, as they are now."""
        with self._lock:
            return dict(self._stages)
