"""Batches for the reader: drawn in worker processes, kept for a second use, jittered cheaply.

No torch here: a worker starts with numpy and OpenCV alone. A training sample is anything with `pixels` uint8
(48, width, 3) RGB, `text`, and `centres` float32 (len(text),), the x-centre of each character as a share of the width
(or empty when not known).
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from edge_lpr.errors import EdgeLprError
from edge_lpr.networks.card import ALPHABET_36
from edge_lpr.records import Floats, Pixels

MAX_CHARACTERS = 16
FAILED_SHARE = 0.01
"""Above this share of samples that cannot be drawn the source is broken, not unlucky."""
QUEUED_BATCHES = 6
WORKER_SILENT_S = 300.0

_LOG = logging.getLogger(__name__)


class Sample(Protocol):
    """One crop as the reader sees it, with the truth."""

    @property
    def pixels(self) -> Pixels: ...

    @property
    def text(self) -> str: ...

    @property
    def centres(self) -> Floats: ...


Source = Callable[[Generator], Sample]
SourceMaker = Callable[[], Source]


@dataclass(frozen=True, eq=False)
class ReaderBatch:
    """pixels uint8 (N, 48, width, 3); classes int64 (N, MAX_CHARACTERS); lengths int64 (N,);
    centres float32 (N, MAX_CHARACTERS), NaN where not known."""

    pixels: Pixels
    classes: NDArray[np.int64]
    lengths: NDArray[np.int64]
    centres: Floats

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: NDArray[np.int64] | slice) -> ReaderBatch:
        """The samples at `rows`, copied when `rows` are indices."""
        return ReaderBatch(self.pixels[rows], self.classes[rows], self.lengths[rows], self.centres[rows])


def stack(samples: list[Sample]) -> ReaderBatch:
    """Samples of one size as a batch."""
    count = len(samples)
    batch = ReaderBatch(
        np.stack([sample.pixels for sample in samples]),
        np.zeros((count, MAX_CHARACTERS), np.int64),
        np.zeros(count, np.int64),
        np.full((count, MAX_CHARACTERS), np.nan, np.float32),
    )
    for row, sample in enumerate(samples):
        length = len(sample.text)
        batch.lengths[row] = length
        batch.classes[row, :length] = [ALPHABET_36.index(char) for char in sample.text]
        if len(sample.centres) == length:
            batch.centres[row, :length] = sample.centres
    return batch


def concatenate(batches: list[ReaderBatch]) -> ReaderBatch:
    """Several batches as one."""
    return ReaderBatch(
        np.concatenate([batch.pixels for batch in batches]),
        np.concatenate([batch.classes for batch in batches]),
        np.concatenate([batch.lengths for batch in batches]),
        np.concatenate([batch.centres for batch in batches]),
    )


def draw_batch(source: Source, count: int, seed: tuple[int, ...]) -> ReaderBatch:
    """`count` samples; the same seed gives the same batch. A sample that cannot be drawn is logged and left out."""
    samples: list[Sample] = []
    failed = 0
    for number in range(10 * count):
        if len(samples) == count:
            break
        rng = default_rng((*seed, number))
        try:
            sample = source(rng)
        except Exception:
            failed += 1
            _LOG.warning("sample of seed %s cannot be drawn\n%s", (*seed, number), traceback.format_exc())
            if failed > max(3, FAILED_SHARE * count):
                raise
            continue
        if len(sample.text) <= MAX_CHARACTERS:
            samples.append(sample)
    return stack(samples)


class Feed:
    """Endless fresh batches, drawn ahead by worker processes (or, without any, when asked for).

    Batch n is drawn from the seed (seed, start, n) whatever the number of workers, and comes n-th.
    """

    def __init__(self, maker: SourceMaker, count: int, seed: int, start: int = 0, workers: int = 1) -> None:
        """`maker` is called in each worker and must be picklable; `start`: samples used by earlier runs."""
        self._count, self._seed, self._number = count, (seed, start), 0
        self._source = None if workers else maker()
        context = multiprocessing.get_context("spawn")
        self._queues = [context.Queue(max(1, QUEUED_BATCHES // workers)) for _ in range(workers)]
        self._workers = [
            context.Process(
                target=_work,
                args=(maker, count, (seed, start), index, workers, self._queues[index], os.getpid()),
                daemon=True,
            )
            for index in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def __iter__(self) -> Iterator[ReaderBatch]:
        return self

    def __next__(self) -> ReaderBatch:
        number = self._number
        self._number += 1
        if self._source is not None:
            return draw_batch(self._source, self._count, (*self._seed, number))
        index = number % len(self._queues)
        answer = self._wait(index)
        if isinstance(answer, str):
            raise EdgeLprError(f"a worker that draws samples failed:\n{answer}")
        return answer

    def _wait(self, index: int) -> Any:
        for _ in range(int(WORKER_SILENT_S)):
            try:
                return self._queues[index].get(timeout=1.0)
            except queue.Empty:
                if not self._workers[index].is_alive():
                    break
        raise EdgeLprError(f"worker {index} that draws samples stopped (exit {self._workers[index].exitcode})")

    def close(self) -> None:
        """Stop the workers."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.join(5.0)


def _work(
    maker: SourceMaker, count: int, seed: tuple[int, int], index: int, workers: int, out: Any, parent: int
) -> None:
    """A worker's life: every `workers`-th batch, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent saves first, then ends its workers
    cv2.setNumThreads(1)
    number = index
    try:
        source = maker()
        while True:
            batch = draw_batch(source, count, (*seed, number))
            number += workers
            while True:
                try:
                    out.put(batch, timeout=2.0)
                    break
                except queue.Full:
                    if os.getppid() != parent:
                        out.cancel_join_thread()  # nobody will read what is queued
                        return
    except Exception:
        out.put(traceback.format_exc())
        out.close()
        out.join_thread()


class Pool:
    """Recent samples, from which part of each batch is drawn again when drawing new ones is the slower half."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: ReaderBatch | None = None
        self._next = 0
        self._filled = 0

    def add(self, batch: ReaderBatch) -> None:
        """Keep a batch in the place of the oldest samples."""
        if self._kept is None:
            empty = np.zeros(self._size, np.int64)
            self._kept = batch.take(empty)
        rows = (self._next + np.arange(len(batch))) % self._size
        for kept, new in zip(_arrays(self._kept), _arrays(batch), strict=True):
            kept[rows] = new
        self._next = int((self._next + len(batch)) % self._size)
        self._filled = min(self._size, self._filled + len(batch))

    def draw(self, rng: Generator, count: int) -> ReaderBatch:
        """`count` of the kept samples at random; at least one sample must have been added."""
        if self._kept is None:
            raise ValueError("the pool is empty")
        return self._kept.take(rng.integers(0, self._filled, count))


def _arrays(batch: ReaderBatch) -> tuple[NDArray[Any], ...]:
    return batch.pixels, batch.classes, batch.lengths, batch.centres


def jitter(batch: ReaderBatch, rng: Generator) -> ReaderBatch:
    """A copy that differs a little: light and contrast, a shift of up to 3 px, at times a patch wiped out."""
    count, height, width = batch.pixels.shape[:3]
    gain = rng.uniform(0.8, 1.2, (count, 1, 1, 3 if rng.random() < 0.3 else 1)).astype(np.float32)
    bias = rng.uniform(-18, 18, (count, 1, 1, 1)).astype(np.float32)
    moves = rng.integers((-2, -3), (3, 4), (count, 2))
    pixels = np.empty_like(batch.pixels)
    for row, (down, right) in enumerate(moves):
        ys = np.clip(np.arange(height) - down, 0, height - 1)
        xs = np.clip(np.arange(width) - right, 0, width - 1)
        pixels[row] = batch.pixels[row][ys[:, None], xs]
        if rng.random() < 0.15:
            tall, wide = rng.integers(3, 12), rng.integers(3, 9)
            y, x = rng.integers(0, height - tall), rng.integers(0, width - wide)
            pixels[row, y : y + tall, x : x + wide] = rng.integers(0, 256, 3)
    lit = np.clip(pixels * gain + bias, 0, 255).astype(np.uint8)
    centres = np.clip(batch.centres + moves[:, 1:].astype(np.float32) / width, 0.0, 1.0)
    return ReaderBatch(lit, batch.classes, batch.lengths, centres)
