"""How much faster one network is than another, on one core: in turns, by the processor's time, which a busy machine
does not lengthen as it does the clock's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_lpr.networks.base import Network
from edge_lpr.records import Floats

ROUNDS, WARM_UP = 40, 3


@dataclass(frozen=True)
class SpeedRatio:
    """Median milliseconds of processor time a run of each, and how many times as fast the second is."""

    first_ms: float
    second_ms: float

    @property
    def ratio(self) -> float:
        """The first's time over the second's."""
        return self.first_ms / self.second_ms


def speed_ratio(first: Network, second: Network, batches: Sequence[Floats], rounds: int = ROUNDS) -> SpeedRatio:
    """Run both on the same batches in turns; the networks are to be loaded with one thread, the calling one."""
    spent: tuple[list[float], list[float]] = ([], [])
    for at in range(WARM_UP + rounds):
        batch = batches[at % len(batches)]
        for network, times in zip((first, second), spent, strict=True):
            began_s = time.thread_time()
            network.run(batch)
            if at >= WARM_UP:
                times.append(1e3 * (time.thread_time() - began_s))
    return SpeedRatio(float(np.median(spent[0])), float(np.median(spent[1])))
