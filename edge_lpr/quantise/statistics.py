"""What the activations of a float network look like over the calibration frames: one histogram a tensor."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_lpr.quantise.network_graph import with_outputs
from edge_lpr.records import Floats

BINS = 2048
"""Of |x|, from 0 to `top`; as many as TensorRT's calibrators take."""
COUNTED = 50_000
"""Values of a tensor that are counted a frame, evenly spread; the extremes are taken over all."""


@dataclass(eq=False)
class TensorStatistics:
    """Counts of |x| in BINS equal bins up to `top`; the least and the greatest value; the sum of each channel's
    means."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    top: float = 0.0
    low: float = 0.0
    high: float = 0.0
    frames: int = 0
    channel_sums: NDArray[np.float64] | None = None

    def add(self, values: Floats) -> None:
        """Count a batch (N, C, ...)."""
        low, high = float(values.min()), float(values.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._widen(max(abs(low), abs(high)))
        if self.top > 0:
            step = max(1, values.size // COUNTED) | 1  # odd: no row or channel is passed over each time
            size = np.abs(values.ravel()[self.frames % step :: step])
            numbers = np.minimum((size * np.float32(BINS / self.top)).astype(np.int32), BINS - 1)
            self.counts += np.bincount(numbers, minlength=BINS)
        if values.ndim >= 2:
            means = values.mean(axis=tuple(range(2, values.ndim)), dtype=np.float64).sum(axis=0)
            self.channel_sums = means if self.channel_sums is None else self.channel_sums + means
        self.frames += len(values)

    def _widen(self, largest: float) -> None:
        """Double the range until the largest value is in it; pairs of bins become one."""
        if self.top == 0.0:
            self.top = largest
        while largest > self.top:
            paired = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.concatenate([paired, np.zeros(BINS // 2, np.int64)])
            self.top *= 2.0

    @property
    def channel_means(self) -> NDArray[np.float64]:
        """Mean of each channel over all places and frames."""
        if self.channel_sums is None:
            return np.zeros(1)
        return self.channel_sums / max(1, self.frames)


Statistics = dict[str, TensorStatistics]
"""By tensor name."""


class Observer:
    """Runs a float network and counts what its tensors hold; one frame at a time, so that memory stays small."""

    def __init__(self, model: Any, tensors: Sequence[str]) -> None:
        self._input = model.graph.input[0].name
        self._tensors = [name for name in tensors if name != self._input]
        self._session = session_of(with_outputs(model, self._tensors))
        self.statistics: Statistics = {name: TensorStatistics() for name in tensors}

    def see(self, batch: Floats) -> None:
        """Count one batch."""
        if self._input in self.statistics:
            self.statistics[self._input].add(batch)
        values = self._session.run(self._tensors, {self._input: batch}) if self._tensors else []
        for name, value in zip(self._tensors, values, strict=True):
            self.statistics[name].add(value)

    def snapshot(self) -> Statistics:
        """The statistics so far, not changed by what is seen later."""
        return copy.deepcopy(self.statistics)


def observe(model: Any, tensors: Sequence[str], batches: Iterable[Floats]) -> Statistics:
    """The statistics of tensors over all batches."""
    observer = Observer(model, tensors)
    for batch in batches:
        observer.see(batch)
    return observer.statistics


def session_of(model: Any, threads: int = 1) -> Any:
    """An ONNX Runtime session over an onnx.ModelProto."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
