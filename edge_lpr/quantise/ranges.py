"""From histograms to ranges: how far an activation is covered by the 8-bit steps. Three methods, compared by result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_lpr.quantise.statistics import BINS, Statistics, TensorStatistics

LEVELS = 127
"""Positive steps of a signed 8-bit number."""
KL_LEVELS = 128
KL_STEP = 8
"""Every eighth end of the range is tried."""
LEAST_RANGE = 1e-6


@dataclass(frozen=True)
class Method:
    """`kind` 'minmax', 'percentile' or 'entropy'; `percent` of the values that a percentile covers."""

    kind: str
    percent: float = 100.0

    @property
    def name(self) -> str:
        """For tables and the command line."""
        return self.kind if self.kind != "percentile" else f"percentile {self.percent:g}"


METHODS = (
    Method("minmax"),
    Method("percentile", 99.999),
    Method("percentile", 99.99),
    Method("percentile", 99.9),
    Method("entropy"),
)

Ranges = dict[str, float]
"""Tensor name -> the largest |x| that is represented; its scale is that over LEVELS."""


def ranges_of(statistics: Statistics, method: Method) -> Ranges:
    """The range of every tensor by one method."""
    return {name: max(LEAST_RANGE, _range(one, method)) for name, one in statistics.items()}


def _range(one: TensorStatistics, method: Method) -> float:
    largest = max(abs(one.low), abs(one.high))
    if method.kind == "minmax" or largest == 0.0:
        return largest
    if method.kind == "percentile":
        shares = np.cumsum(one.counts) / one.counts.sum()
        bins = int(np.searchsorted(shares, method.percent / 100.0)) + 1
    else:
        bins = entropy_bins(one.counts)
    return min(largest, one.top * bins / BINS)


def entropy_bins(counts: NDArray[np.int64]) -> int:
    """How many of the bins to keep, so that the rest, cut off, and rounding to KL_LEVELS steps lose least.

    Least is the KL divergence, as in Migacz, "8-bit Inference with TensorRT" (2017): what NVIDIA's entropy calibrator
    does. ONNX Runtime's own search takes minutes at these 2048 bins, so the library is asked for the graph alone. The
    first bin is given the second's count: a ReLU's zeros are exact at any scale and must not weigh.
    """
    levelled = counts.astype(np.float64)
    levelled[0] = levelled[1]
    best, best_divergence = len(counts), float("inf")
    for bins in range(KL_LEVELS, len(counts) + 1, KL_STEP):
        divergence = _divergence(levelled, bins)
        if divergence < best_divergence:
            best, best_divergence = bins, divergence
    return best


def _divergence(counts: NDArray[np.float64], bins: int) -> float:
    kept = counts[:bins]
    reference = kept.copy()
    reference[-1] += counts[bins:].sum()
    starts = (np.arange(KL_LEVELS) * bins) // KL_LEVELS
    filled = (kept > 0).astype(np.float64)
    sums, places = np.add.reduceat(kept, starts), np.add.reduceat(filled, starts)
    level = np.repeat(sums / np.maximum(places, 1.0), np.diff(np.append(starts, bins)))
    candidate = level * filled
    if candidate.sum() == 0 or reference.sum() == 0:
        return float("inf")
    p, q = reference / reference.sum(), candidate / candidate.sum()
    seen = p > 0
    return float((p[seen] * np.log(p[seen] / np.maximum(q[seen], 1e-12))).sum())
