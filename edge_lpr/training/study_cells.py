"""Runs the parts of a study, each in one process on one thread: a reader that others start from, a cell of a grid."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import default_rng
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_lpr.networks.card import ALPHABET_36
from edge_lpr.recognition.ctc import ctc_score
from edge_lpr.recognition.rectify import READER_SIZE, lay_out
from edge_lpr.training.checkpoint import load_weights
from edge_lpr.training.degrade import degrade_crop
from edge_lpr.training.loop import LoopConfig, Metrics, Trainer, prepare
from edge_lpr.training.reader_data import ReaderBatch, concatenate, jitter, stack
from edge_lpr.training.reader_exam import ReadFigures, compare, read_drawn, read_photographs
from edge_lpr.training.reader_loss import ReaderLossConfig, framewise_weight, reader_loss
from edge_lpr.training.reader_net import ReaderNet
from edge_lpr.training.reader_sources import RealPlate, real_sample
from edge_lpr.training.study import PHOTOGRAPHS, SCRATCH, Cell, GridConfig, ReaderConfig, StudyConfig
from edge_lpr.training.study_pools import load_photographs, load_pool, photograph_tests
from edge_lpr.training.train_reader import log_probs_of, to_tensors
from edge_lpr.training.unfreeze import Unfreezing, draw_last_anew

EFFECTS = 0.4
"""Strength of the camera's faults that a picture of a pool is given anew each time that it is used."""
EVEN_EDGES = (0.1, 0.9)
"""Where the first and the last character of a plate are taken to stand while a random last layer finds its feet: the
text is all that is known of a picture, and CTC alone hardly starts."""
QUIET_S = 1e9

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class TestResult:
    """A reader on one test of a cell."""

    cell: Cell
    test: str
    figures: ReadFigures
    pictures: int
    samples: int
    cpu_s: float


class Drawn:
    """Batches from the first pictures of a pool, each changed a little every time."""

    def __init__(self, pool: ReaderBatch, chosen: NDArray[np.int64], seed: int, known_places: bool) -> None:
        self._pool, self._chosen = pool, chosen
        self._rng = default_rng((seed, 11))
        self._known_places = known_places

    def take(self, count: int) -> ReaderBatch:
        """`count` of the pictures, in random order."""
        picked = np.sort(self._chosen[self._rng.integers(0, len(self._chosen), count)])
        batch = self._pool.take(picked)
        for row, pixels in enumerate(batch.pixels):
            batch.pixels[row] = _moved(self._rng, degrade_crop(self._rng, np.ascontiguousarray(pixels), EFFECTS))
        if not self._known_places:
            batch = dataclasses.replace(batch, centres=even_centres(batch.lengths))
        return jitter(batch, self._rng)


class Photographed:
    """Batches from crops of photographs, cut anew every time."""

    def __init__(self, plates: list[RealPlate], rows: NDArray[np.int64], seed: int) -> None:
        self._plates, self._rows = plates, rows
        self._rng = default_rng((seed, 12))

    def take(self, count: int) -> ReaderBatch:
        """`count` crops of the plates, in random order."""
        picked = self._rng.integers(0, len(self._plates), count)
        batch = stack([real_sample(self._rng, self._plates[at], int(self._rows[at])) for at in picked])
        return dataclasses.replace(batch, centres=even_centres(batch.lengths))


class Rehearsed:
    """Batches of which a share is drawn from a pool that the target's pictures are not in."""

    def __init__(self, target: Drawn | Photographed, drawn: Drawn, share: float) -> None:
        self._target, self._drawn, self._share = target, drawn, share

    def take(self, count: int) -> ReaderBatch:
        """`count` pictures, of either at least one."""
        drawn = min(max(round(self._share * count), 1), count - 1)
        return concatenate([self._target.take(count - drawn), self._drawn.take(drawn)])


Pictures = Drawn | Photographed | Rehearsed


def even_centres(lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Places of characters that are spread evenly over the plate, float32 (N, 16), NaN behind the text."""
    centres = np.full((len(lengths), 16), np.nan, np.float32)
    for row, length in enumerate(lengths):
        if length:
            step = (EVEN_EDGES[1] - EVEN_EDGES[0]) / length
            centres[row, :length] = EVEN_EDGES[0] + step * (np.arange(length) + 0.5)
    return centres


def _moved(rng: np.random.Generator, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture a little turned, sheared and stretched."""
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    turn = rng.normal(0.0, 0.012, (3, 2)).astype(np.float32) * (width, height)
    matrix = cv2.getAffineTransform(corners, (corners + turn).astype(np.float32))
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def run_reader(study: Path, config: StudyConfig, reader: ReaderConfig) -> float:
    """Train a reader on its pool, resumed where it was broken off; CPU seconds of this run."""
    begun_s = time.process_time()
    _one_thread()
    pool = load_pool(study, reader.pool)
    usual = config.budget.scratch_rate if reader.start == SCRATCH else config.budget.learning_rate
    loop = _loop(config, reader.samples, reader.learning_rate or usual, reader.seed)
    trainer = Trainer(_net(config, loop), loop, study / "readers" / reader.name, dataclasses.asdict(config))
    if not trainer.resume() and reader.start != SCRATCH:
        trainer.start_from(reader_file(study, reader.start))
    source = Drawn(pool, np.arange(len(pool)), reader.seed + trainer.state.samples, known_places=True)
    _fit(trainer, source, "all", framewise=reader.start == SCRATCH)
    if trainer.state.done:
        trainer.save("done.pt")
    return time.process_time() - begun_s


def reader_file(study: Path, name: str) -> Path:
    """The checkpoint of a reader that is trained."""
    return study / "readers" / name / "done.pt"


def run_cell(study: Path, config: StudyConfig, cell: Cell) -> list[TestResult]:
    """Train and test a cell."""
    begun_s = time.process_time()
    _one_thread()
    grid = next(one for one in config.grid if one.name == cell.grid)
    loop = _loop(config, 1, config.budget.rate(cell.method), cell.seed)
    net = _net(config, loop)
    if cell.start != SCRATCH:
        load_weights(net, reader_file(study, cell.start))
    if cell.method == "last":
        draw_last_anew(net)
    pictures = 0
    if cell.size:
        source, pictures = _source(study, grid, cell, net)
        loop = dataclasses.replace(loop, samples=config.budget.samples(cell.method, pictures))
        trainer = Trainer(net, loop, study / "cells" / cell.name, {})
        _fit(trainer, source, "all" if cell.method == SCRATCH else cell.method,
             framewise=cell.method in (SCRATCH, "last"), frozen_norms=cell.method != SCRATCH)
        net = trainer.averaged
        _forget(study / "cells" / cell.name)
    samples = loop.samples if cell.size else 0
    figures = examine(study, config, net.eval())
    spent_s = time.process_time() - begun_s
    return [TestResult(cell, name, one, pictures, samples, spent_s) for name, one in figures.items()]


def examine(study: Path, config: StudyConfig, net: nn.Module) -> dict[str, ReadFigures]:
    """The net on every test."""
    device = next(net.parameters()).device

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
            return log_probs_of(net, pixels, device)

    found = {name: read_drawn(run, load_pool(study, name)) for name in config.tests}
    for name, plates in photograph_tests(study):
        found[name] = compare([plate.text for plate in plates], read_photographs(run, plates, config.net.width))
    return found


def _source(study: Path, grid: GridConfig, cell: Cell, net: nn.Module) -> tuple[Pictures, int]:
    """The pictures of a cell and how many of the target there are."""
    target, count = _target(study, grid.pool, cell, net)
    if not grid.rehearse:
        return target, count
    pool = load_pool(study, grid.rehearse)
    drawn = Drawn(pool, np.arange(len(pool)), cell.seed + 1, known_places=True)
    return Rehearsed(target, drawn, grid.rehearse_share), count


def _target(study: Path, pool_name: str, cell: Cell, net: nn.Module) -> tuple[Drawn | Photographed, int]:
    order = default_rng((cell.seed, 13))
    if pool_name == PHOTOGRAPHS:
        every = load_photographs(study)
        chosen = order.permutation(len(every))[: cell.size if cell.size >= 0 else None]
        plates = [every[at] for at in chosen]
        return Photographed(plates, _rows(net, plates), cell.seed), len(plates)
    pool = load_pool(study, pool_name)
    chosen = order.permutation(len(pool))[: cell.size if cell.size >= 0 else None]
    return Drawn(pool, chosen, cell.seed, known_places=False), len(chosen)


def _rows(net: nn.Module, plates: list[RealPlate]) -> NDArray[np.int64]:
    """The rows of each plate, by shape where it says so, else as the start reads the true text likelier."""
    device = next(net.parameters()).device
    rows = np.array([plate.layouts[0] for plate in plates])
    net.eval()
    for at, plate in enumerate(plates):
        if len(plate.layouts) > 1:
            both = np.stack([lay_out(plate.crop(), n, READER_SIZE) for n in plate.layouts])
            with torch.no_grad():
                scores = [ctc_score(one, plate.text, ALPHABET_36) for one in log_probs_of(net, both, device)]
            rows[at] = plate.layouts[int(np.argmax(scores))]
    return rows


def _fit(
    trainer: Trainer, source: Pictures, method: str, framewise: bool, frozen_norms: bool = False
) -> None:
    losses = ReaderLossConfig(framewise_until=0.35 if framewise else 0.0)
    freezing = Unfreezing(trainer.net, method) if frozen_norms else None
    steps = trainer.net.config.steps

    def batches() -> Iterator[Batch]:
        while True:
            yield to_tensors(source.take(trainer.config.batch), steps, trainer.device)

    def step(net: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, Metrics]:
        if freezing:
            freezing.apply(progress)
        weight = framewise_weight(progress, losses) if framewise else 0.0
        return reader_loss(net(batch[0]), *batch[1:], weight, losses.smoothing)

    trainer.fit(step, batches())


def _loop(config: StudyConfig, samples: int, rate: float, seed: int) -> LoopConfig:
    return LoopConfig(
        samples=samples, batch=config.budget.batch, seed=seed, threads=1, learning_rate=rate, average=0.99,
        report_every_s=QUIET_S, save_every_min=1.0, validate_every_min=QUIET_S, device="cpu",
    )  # fmt: skip


def _net(config: StudyConfig, loop: LoopConfig) -> ReaderNet:
    prepare(loop)
    return ReaderNet(config.net)


def _one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _forget(folder: Path) -> None:
    """Remove a cell's checkpoints: the table has what it found."""
    for name in ("last.pt", "best.pt", "metrics.jsonl"):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
