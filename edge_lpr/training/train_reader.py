"""Trains the reader: drawn plates from the first step, crops of photographs mixed in towards the end."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import default_rng
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_lpr.networks.card import ALPHABET_36
from edge_lpr.recognition.ctc import ctc_score, greedy
from edge_lpr.records import Pixels
from edge_lpr.training.loop import LoopConfig, Metrics, Trainer, prepare
from edge_lpr.training.metrics import edit_distance, fold
from edge_lpr.training.reader_data import (
    Feed,
    Pool,
    ReaderBatch,
    Source,
    SourceMaker,
    concatenate,
    draw_batch,
    jitter,
    stack,
)
from edge_lpr.training.reader_loss import ReaderLossConfig, framewise_targets, framewise_weight, reader_loss
from edge_lpr.training.reader_net import INPUT_HEIGHT, ReaderNet, ReaderNetConfig, multiply_adds
from edge_lpr.training.reader_sources import (
    RealPlate,
    SyntheticConfig,
    load_real_plates,
    real_sample,
    synthetic_maker,
    synthetic_source,
)
from edge_lpr.training.shipped import find_shipped

VALIDATION_SEED = 20_000_003
TYPICAL = 256
"""Drawn samples whose statistics an exported network's normalisations start with."""
LEAST_LOG_PROB_A_CHARACTER = -2.5
"""A labelled plate that the reader, once trained on drawn plates, finds less likely than this in both layouts is
wrongly labelled or not legible: it is left out."""
LEFT_OUT_AT_MOST = 0.3
"""Where more are so unlikely it is the reader that is bad."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReaderDataConfig:
    """What the batches are made of."""

    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)
    workers: int = 1
    """Processes that draw samples; 0 draws them between the steps."""
    fresh: float = 0.5
    """Share of a batch's drawn samples that are new; the others were used before and are jittered."""
    pool: int = 8192
    """So many drawn samples are kept for that."""
    real_from: float = 0.6
    """Share of the training after which crops of photographs come in."""
    real_share: float = 0.12
    """Their share of a batch then."""
    real_favoured: tuple[str, ...] = ()
    """Regions ('US' and all of its states) of which `real_favoured_share` of these crops are; the others are of any."""
    real_favoured_share: float = 0.0
    validation: int = 512
    """Drawn samples of the fixed validation set."""


@dataclass(frozen=True)
class ReaderTraining:
    """The whole config of a reader's training."""

    net: ReaderNetConfig = field(default_factory=ReaderNetConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    loss: ReaderLossConfig = field(default_factory=ReaderLossConfig)
    data: ReaderDataConfig = field(default_factory=ReaderDataConfig)
    photographs: str = ""
    """A labels.csv whose `use=train` plates with text are trained on too; '' for drawn plates alone."""
    texts: str = ""
    """A CSV of texts of plates that `photographs` has without one, or the name of one of `training/configs`: see
    `labels.with_texts`."""
    detector: str = ""
    """Folder of a trained detector that sets the photographs' plates upright; '' for the labels' boxes alone."""
    start_from: str = ""
    """Checkpoint (averaged weights) or exported network (.onnx) that this training starts from."""


def train(config: ReaderTraining, out: Path, resume: bool = False) -> Path:
    """Train to the end of the budget, with checkpoints and metrics in `out`; returns the checkpoint to export."""
    cv2.setNumThreads(1)
    prepare(config.loop)
    net = ReaderNet(config.net)
    size = sum(parameter.numel() for parameter in net.parameters())
    work = multiply_adds(net, (3, INPUT_HEIGHT, config.net.width))
    _LOG.info("reader: %.2f M parameters, %.1f M multiply-adds, %d steps", size / 1e6, work / 1e6, config.net.steps)
    trainer = Trainer(net, config.loop, out, dataclasses.asdict(config))
    if not (resume and trainer.resume()) and config.start_from:
        trainer.start_from(Path(config.start_from), _typical(config, trainer))
    labels = Path(config.photographs) if config.photographs else None
    detector = Path(config.detector) if config.detector else None
    texts = find_shipped(config.texts, ".csv") if config.texts else None
    batches = Batches(config, trainer, load_real_plates(labels, False, detector, texts) if labels else [])
    check = Validation(
        synthetic_source(config.data.synthetic, config.net.width),
        config,
        load_real_plates(labels, True, detector, texts) if labels else [],
    )

    def step(net: nn.Module, batch: tuple[Tensor, Tensor, Tensor, Tensor], progress: float) -> tuple[Tensor, Metrics]:
        pixels, classes, lengths, targets = batch
        weight = framewise_weight(progress, config.loss)
        return reader_loss(net(pixels), classes, lengths, targets, weight, config.loss.smoothing)

    try:
        trainer.fit(step, batches, check)
    finally:
        batches.close()
    return out / "last.pt"


def _typical(config: ReaderTraining, trainer: Trainer) -> Tensor:
    """Drawn pictures as the net will see them."""
    source = synthetic_source(config.data.synthetic, config.net.width)
    return as_input(draw_batch(source, TYPICAL, (VALIDATION_SEED, 1)).pixels, trainer.device)


class Batches(Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Endless batches on the trainer's device: fresh, repeated and photographed samples in the config's shares."""

    def __init__(
        self,
        config: ReaderTraining,
        trainer: Trainer,
        real: list[RealPlate],
        maker: SourceMaker | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        """`rows` of each real plate (0: left out); without them the net that is trained chooses."""
        self._config, self._trainer = config, trainer
        self._real, self._rows = real, rows
        self._usable = self._favoured = np.zeros(0, np.intp)
        self._rng = default_rng((config.loop.seed, 1, trainer.state.samples))
        self._fresh = max(1, round(config.loop.batch * config.data.fresh))
        self._pool = Pool(config.data.pool)
        maker = maker or synthetic_maker(config.data.synthetic, config.net.width)
        self._feed = Feed(maker, self._fresh, config.loop.seed, trainer.state.samples, config.data.workers)

    def __next__(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        data, count = self._config.data, self._config.loop.batch
        real = round(count * data.real_share) if self._real and self._trainer.progress >= data.real_from else 0
        fresh = next(self._feed).take(slice(0, count - real))
        again = count - real - len(fresh)
        self._pool.add(fresh)
        parts = [fresh]
        if again:
            parts.append(jitter(self._pool.draw(self._rng, again), self._rng))
        if real:
            parts.append(self._photographs(real))
        return to_tensors(concatenate(parts), self._config.net.steps, self._trainer.device)

    def _photographs(self, count: int) -> ReaderBatch:
        if self._rows is None:
            self._rows = choose_rows(self._trainer.averaged, self._real, self._config.net.width, self._trainer.device)
            _LOG.info("photographs: %d plates, of which %d have two rows and %d are left out", len(self._rows),
                      int((self._rows == 2).sum()), int((self._rows == 0).sum()))
        if not len(self._usable):
            self._usable = np.flatnonzero(self._rows)
            countries = np.array([self._real[at].region.split("-")[0] for at in self._usable])
            self._favoured = self._usable[np.isin(countries, self._config.data.real_favoured)]
        picked = self._rng.choice(self._usable, count)
        if len(self._favoured):
            rest = round(count * (1.0 - self._config.data.real_favoured_share))
            picked[rest:] = self._rng.choice(self._favoured, count - rest)
        return stack(
            [
                real_sample(self._rng, self._real[at], int(self._rows[at]), width=self._config.net.width)
                for at in picked
            ]
        )

    def close(self) -> None:
        """Stop the processes that draw."""
        self._feed.close()


def to_tensors(batch: ReaderBatch, steps: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixels float32 0..1 (N, 3, 48, W) channels-last, classes, lengths, framewise targets."""
    targets = framewise_targets(batch.classes, batch.lengths, batch.centres, steps)
    return (
        as_input(batch.pixels, device),
        torch.from_numpy(batch.classes).to(device),
        torch.from_numpy(batch.lengths),
        torch.from_numpy(targets).to(device),
    )


def as_input(pixels: Pixels, device: torch.device) -> Tensor:
    """uint8 (N, 48, W, 3) to the reader's input; the memory order stays channels-last."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float().div_(255.0)


@torch.no_grad()
def log_probs_of(net: nn.Module, pixels: Pixels, device: torch.device, chunk: int = 64) -> NDArray[np.float32]:
    """Log-probabilities (N, T, C) of pictures uint8 (N, 48, W, 3); the net is in eval mode."""
    parts = [net(as_input(pixels[at : at + chunk], device)).cpu().numpy() for at in range(0, len(pixels), chunk)]
    return np.concatenate(parts)


def choose_rows(
    net: nn.Module, plates: list[RealPlate], width: int, device: torch.device
) -> NDArray[np.int64]:
    """The rows (1, 2) of each labelled plate, by the layout in which the reader finds the true text likelier; 0 for a
    plate whose text it finds unlikely in both."""
    scores = np.full((2, len(plates)), -np.inf)
    for rows in (1, 2):
        pictures = np.stack([_at_width(plate.cut(rows), width) for plate in plates])
        for at, log_probs in enumerate(log_probs_of(net, pictures, device)):
            text = plates[at].text
            scores[rows - 1, at] = ctc_score(log_probs, text, ALPHABET_36) / len(text)
    best = np.maximum(scores.max(axis=0), -1e9)
    least = min(LEAST_LOG_PROB_A_CHARACTER, float(np.quantile(best, LEFT_OUT_AT_MOST)))
    return np.where(best >= least, scores.argmax(axis=0) + 1, 0)


def _at_width(pixels: Pixels, width: int) -> Pixels:
    if pixels.shape[1] == width:
        return pixels
    return np.asarray(cv2.resize(pixels, (width, pixels.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)


class Validation:
    """Reads a fixed set of drawn samples and the held-out photographs."""

    def __init__(self, source: Source, config: ReaderTraining, real: list[RealPlate]) -> None:
        self._drawn = draw_batch(source, config.data.validation, (VALIDATION_SEED,))
        self._real, self._width = real, config.net.width

    def __call__(self, net: nn.Module, progress: float) -> Metrics:
        device = next(net.parameters()).device
        truths = [
            "".join(ALPHABET_36[c] for c in classes[:length])
            for classes, length in zip(self._drawn.classes, self._drawn.lengths, strict=True)
        ]
        found = [greedy(one, ALPHABET_36)[0] for one in log_probs_of(net, self._drawn.pixels, device)]
        metrics = {f"drawn_{key}": value for key, value in compare(truths, found).items()}
        metrics["score"] = metrics["drawn_folded"]
        if self._real:
            texts = [plate.text for plate in self._real]
            real = compare(texts, self._read_real(net, device))
            metrics.update({f"photo_{key}": value for key, value in real.items()})
            metrics["score"] = (metrics["drawn_folded"] + 3.0 * real["folded"]) / 4.0
        return metrics

    def _read_real(self, net: nn.Module, device: torch.device) -> list[str]:
        """As the runtime does: the layout that the shape suggests, or the surer one of both."""
        answers = []
        for rows in (1, 2):
            pictures = np.stack([_at_width(plate.cut(rows), self._width) for plate in self._real])
            answers.append([greedy(one, ALPHABET_36) for one in log_probs_of(net, pictures, device)])
        texts = []
        for at, plate in enumerate(self._real):
            allowed = plate.layouts
            options = [answers[rows - 1][at] for rows in allowed]
            texts.append(max(options, key=lambda answer: (bool(answer[0]), answer[2]))[0])
        return texts


def compare(truths: list[str], found: list[str]) -> dict[str, float]:
    """Shares: `exact`; `folded` exact with O = 0 and I = 1; `characters` 1 - edit distance / length, folded."""
    count = max(1, len(truths))
    pairs = list(zip(truths, found, strict=True))
    wrong = sum(min(len(truth), edit_distance(fold(truth), fold(text))) for truth, text in pairs)
    return {
        "exact": sum(truth == text for truth, text in pairs) / count,
        "folded": sum(fold(truth) == fold(text) for truth, text in pairs) / count,
        "characters": 1.0 - wrong / max(1, sum(len(truth) for truth in truths)),
    }
