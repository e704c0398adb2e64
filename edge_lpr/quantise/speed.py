"""How much faster one network is than another, on one core: in turns, so that a busy machine is unfair to neither."""

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
    """Milliseconds a run: the median and the least of each, and how many times as fast the second is (by medians)."""

    first_ms: float
    second_ms: float
    first_least_ms: float
    second_least_ms: float

    @property
    def ratio(self) -> float:
        """Of the medians; of the least times where a busy machine spoils the medians is `least_ratio`."""
        return self.first_ms / self.second_ms

    @property
    def least_ratio(self) -> float:
        """Of the least times: both undisturbed."""
        return self.first_least_ms / self.second_least_ms


def speed_ratio(first: Network, second: Network, batches: Sequence[Floats], rounds: int = ROUNDS) -> SpeedRatio:
    """Run both on the same batches in turns; the networks are to be loaded with one thread."""
    spent: tuple[list[float], list[float]] = ([], [])
    for at in range(WARM_UP + rounds):
        batch = batches[at % len(batches)]
        for network, times in zip((first, second), spent, strict=True):
            began_s = time.perf_counter()
            network.run(batch)
            if at >= WARM_UP:
                times.append(1e3 * (time.perf_counter() - began_s))
    return SpeedRatio(float(np.median(spent[0])), float(np.median(spent[1])), min(spent[0]), min(spent[1]))
