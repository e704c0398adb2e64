"""Teaches the reader a new country: the site's own plates, rehearsed with drawn ones of the new country and of the old.

Every batch holds crops of the site's photographs, drawn plates of the new countries and drawn plates of all others, so
that neither the letters that the few photographs lack nor the old countries are forgotten. Validation goes by plates
that no photograph of the training shows.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_lpr.networks import open_network
from edge_lpr.networks.card import ALPHABET_36, ModelCard, load_card
from edge_lpr.recognition.ctc import ctc_score
from edge_lpr.recognition.rectify import READER_SIZE, lay_out
from edge_lpr.settings_file import from_table
from edge_lpr.training.confidence import LEAST_PLATES, fit_confidence_on
from edge_lpr.training.export import export_reader
from edge_lpr.training.loop import LoopConfig, Metrics, Trainer, prepare, read_state
from edge_lpr.training.mix import MixConfig
from edge_lpr.training.own_pictures import OwnPictures, load_own
from edge_lpr.training.reader_data import draw_batch
from edge_lpr.training.reader_exam import (
    ReaderExam,
    ReadFigures,
    examine_folder,
    run_of,
    score,
)
from edge_lpr.training.reader_loss import ReaderLossConfig, reader_loss
from edge_lpr.training.reader_net import ReaderNet, ReaderNetConfig
from edge_lpr.training.reader_sources import RealPlate, SyntheticConfig, plates_of, synthetic_source
from edge_lpr.training.teach import PATIENCE, Teaching
from edge_lpr.training.train_reader import (
    TYPICAL,
    VALIDATION_SEED,
    Batches,
    ReaderDataConfig,
    ReaderTraining,
    as_input,
    log_probs_of,
)
from edge_lpr.training.transfer import (
    Line,
    TransferOptions,
    TransferResult,
    check_folders,
    shape_record,
    target_countries,
)

SAMPLES = 40_000
"""The budget; most trainings stop earlier."""
RATE = {"all": 2e-4, "staged": 3e-4, "last": 3e-3}
"""Mild: at twice the rate the first steps already cost old plates that later ones must win back."""
PHOTOGRAPHS_SHARE = 0.4
TARGET_SHARE = 0.6
"""Of the drawn plates: the new countries'; the others are the old ones'."""
DRAWN_EXAM = {"target": 250, "old": 400}
NAMES = {
    "photographs": "your plates that were held out",
    "target": "drawn plates of the new countries",
    "old": "drawn plates of the old countries",
}

_LOG = logging.getLogger(__name__)


def transfer_reader(options: TransferOptions) -> TransferResult:
    """Train, export, and measure before and after; a training that was stopped gives `done` False and no file."""
    cv2.setNumThreads(1)
    card = check_folders(options, "read")
    net_config = from_table(ReaderNetConfig, shape_record(card, "net", options.source), str(options.source))
    own = load_own(options.labels, options.images, need_text=True) if options.labels else None
    countries = target_countries(options, own)
    config = training_config(options, net_config, countries, own is not None)
    train, held_out = _plates(own, options.detector)
    _say(own, train, held_out, countries)
    exam = make_exam(config, countries, held_out)
    before = examine_folder(exam, options.source)
    run = Run(options, config, exam, before)
    kept = run.train(train)
    if not kept:
        return TransferResult(done=False)
    file = export_reader(options.work / "best.pt", options.out, dict(card.parameters), {})
    notes = [training_words(options.work), f"exported: {kept}", *_confidence(options, held_out, card)]
    after = examine_folder(exam, options.out)
    return TransferResult(True, file, _lines(before, after), tuple(notes))


def training_config(
    options: TransferOptions, net: ReaderNetConfig, countries: tuple[str, ...], photographs: bool
) -> ReaderTraining:
    """How the reader is trained: mild rates, batches in which the old countries keep their place."""
    samples = options.samples or SAMPLES
    files = tuple(str(path) for path in options.formats)
    mix = MixConfig(favoured=countries, favoured_share=TARGET_SHARE, files=files)
    return ReaderTraining(
        net=net,
        loop=LoopConfig(
            samples=samples, batch=64, seed=options.seed, threads=options.threads, learning_rate=RATE[options.method],
            warmup=0.05, average=0.99, report_every_s=10.0, save_every_min=1.0, validate_every_min=60.0,
            validate_every_samples=max(640, samples // 10), patience=PATIENCE,
        ),
        loss=ReaderLossConfig(framewise_until=0.0),
        data=ReaderDataConfig(
            synthetic=SyntheticConfig(mix=mix), workers=1, fresh=0.12, pool=4096, real_from=0.0,
            real_share=PHOTOGRAPHS_SHARE if photographs else 0.0,
        ),
        start_from=str(options.source / load_card(options.source).file),
    )  # fmt: skip


def make_exam(config: ReaderTraining, countries: tuple[str, ...], held_out: list[RealPlate]) -> ReaderExam:
    """What is asked before, in between and after; the same for the same formats."""
    files = config.data.synthetic.mix.files
    mixes = {"target": MixConfig(countries=countries, files=files), "old": MixConfig(without=countries, files=files)}
    drawn = {}
    for number, (part, mix) in enumerate(mixes.items()):
        only = SyntheticConfig(wrong_layout=0.0, non_plate=0.0, mix=mix)
        source = synthetic_source(only, config.net.width)
        drawn[part] = draw_batch(source, DRAWN_EXAM[part], (VALIDATION_SEED, 7, number))
    return ReaderExam(held_out, drawn["target"], drawn["old"], config.net.width)


class Run:
    """One training, from the exported network to its best checkpoint."""

    def __init__(
        self, options: TransferOptions, config: ReaderTraining, exam: ReaderExam, before: dict[str, ReadFigures]
    ) -> None:
        prepare(config.loop)
        self._options, self._config, self._exam, self._before = options, config, exam, before
        self._trainer = Trainer(ReaderNet(config.net), config.loop, options.work, dataclasses.asdict(config))

    def train(self, plates: list[RealPlate]) -> str:
        """What is kept, in words; '' where the training was stopped."""
        trainer, config = self._trainer, self._config
        teaching = Teaching(trainer, self._options.method, self._check)
        teaching.begin(Path(config.start_from), self._typical, self._options.resume)
        rows = likelier_rows(self._options.source, plates, config.net.width) if plates else None
        batches = Batches(config, trainer, plates, rows=rows)

        def step(net: nn.Module, batch: tuple[Tensor, ...], progress: float) -> tuple[Tensor, Metrics]:
            pixels, classes, lengths, targets = batch
            return reader_loss(net(pixels), classes, lengths, targets, 0.0, config.loss.smoothing)

        try:
            return teaching.kept if teaching.fit(step, batches) else ""
        finally:
            batches.close()

    def _typical(self) -> Tensor:
        source = synthetic_source(self._config.data.synthetic, self._config.net.width)
        return as_input(draw_batch(source, TYPICAL, (VALIDATION_SEED, 1)).pixels, self._trainer.device)

    def _check(self, net: nn.Module, progress: float) -> Metrics:
        device = next(net.parameters()).device

        def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            with torch.autocast(device.type, torch.bfloat16, enabled=self._config.loop.precision == "bf16"):
                return log_probs_of(net, pixels, device)

        figures = self._exam.figures(run)
        shown = {f"{part}_exact": one.folded for part, one in figures.items()}
        return {**shown, "score": score(figures, self._before)}


def likelier_rows(folder: Path, plates: list[RealPlate], width: int) -> NDArray[np.int64]:
    """The rows (1 or 2) of each labelled plate: of those that its shape allows the ones in which the reader finds the
    true text likelier. None is left out: a plate that the reader cannot read yet is what it has to learn."""
    run = run_of(open_network(folder))
    rows = np.ones(len(plates), np.int64)
    for at, plate in enumerate(plates):
        allowed = plate.layouts
        if len(allowed) == 1:
            rows[at] = allowed[0]
            continue
        pictures = np.stack([lay_out(plate.crop(), n, (width, READER_SIZE[1])) for n in allowed])
        scores = [ctc_score(one, plate.text, ALPHABET_36) for one in run(pictures)]
        rows[at] = allowed[int(np.argmax(scores))]
    return rows


def _plates(own: OwnPictures | None, detector: Path | None) -> tuple[list[RealPlate], list[RealPlate]]:
    """Plates to train on, each with its box and where possible upright, and plates that are held out."""
    if own is None:
        return [], []
    train = plates_of(own.train, lambda plate: True, detector, twice=True)
    return train, plates_of(own.held_out, lambda plate: True, detector, twice=False)


def _say(
    own: OwnPictures | None, train: list[RealPlate], held_out: list[RealPlate], countries: tuple[str, ...]
) -> None:
    if own is not None:
        _LOG.info("photographs: %d crops of %d different plates to train on, %d plates held out%s", len(train),
                  len({plate.text for plate in train}), len(held_out),
                  f"; {own.unchecked} rows are not checked and left out" if own.unchecked else "")
    names = ", ".join(countries) or "none that is known: all countries are rehearsed alike"
    _LOG.info("new countries: %s", names)


def training_words(work: Path) -> str:
    """How long was trained."""
    state = read_state(work / "last.pt")
    return f"trained on {state.samples} samples in {state.elapsed_s / 60:.1f} min"


def _confidence(options: TransferOptions, held_out: list[RealPlate], card: ModelCard) -> list[str]:
    """Fit what a confidence means on the held-out plates, where there are enough; what was done, in words."""
    if len(held_out) < LEAST_PLATES:
        return [f"confidence is as it was: {len(held_out)} held-out plates, {LEAST_PLATES} are needed to fit it anew"]
    fit = fit_confidence_on(options.out, held_out)
    return [
        f"confidence fitted on {len(held_out)} held-out plates: calibration error {fit.error_before:.3f} before,"
        f" {fit.error_after:.3f} after"
    ]


def _lines(before: dict[str, ReadFigures], after: dict[str, ReadFigures]) -> tuple[Line, ...]:
    found = []
    for part, first in before.items():
        name = f"{NAMES[part]} ({first.count})"
        found.append(Line(f"{name}, exact, O=0, I=1", first.folded, after[part].folded))
        found.append(Line(f"{name}, characters", first.characters, after[part].characters))
    return tuple(found)
