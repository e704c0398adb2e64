"""Teaches the detector a new country: the site's own photographs, with drawn plates of the new countries and of the old
ones set into them and into drawn scenes, so that what it found before is still found."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import cv2
import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network
from edge_lpr.networks.card import ModelCard, load_card
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.recognition.gridbox import Candidates, decode_gridbox_corners, suppress
from edge_lpr.records import Pixels
from edge_lpr.settings_file import from_table
from edge_lpr.training.detector_crops import SampleConfig
from edge_lpr.training.detector_data import Batch, Stock, batches
from edge_lpr.training.detector_metrics import NMS_IOU, Exam, Run, exam_of, ious
from edge_lpr.training.detector_net import (
    BOX_SCALE_PX,
    CENTRE_OFFSET_PX,
    STRIDE,
    DetectorNet,
    DetectorShape,
    LossWeights,
    detector_loss,
    make_targets,
)
from edge_lpr.training.distractors import distractor_bank
from edge_lpr.training.export import export_detector
from edge_lpr.training.labels import LabelledPicture
from edge_lpr.training.loop import LoopConfig, Trainer, prepare
from edge_lpr.training.mix import MixConfig, mix_of
from edge_lpr.training.own_pictures import OwnPictures, load_own
from edge_lpr.training.pasting import Piece
from edge_lpr.training.photographs import Photo, PhotoRow, load_photo, pyramid
from edge_lpr.training.plates import PlateMix, sample_plate
from edge_lpr.training.scenes import draw_scene
from edge_lpr.training.teach import PATIENCE, Teaching
from edge_lpr.training.tighten import tightened
from edge_lpr.training.train_detector import as_input, run_net
from edge_lpr.training.transfer import (
    Line,
    TransferOptions,
    TransferResult,
    check_folders,
    shape_record,
    target_countries,
)

SAMPLES = 6000
RATE = {"all": 2e-4, "staged": 3e-4, "last": 2e-3}
TARGET_SHARE = 0.6
SCENES = 60
"""Drawn scenes with plates of the new countries, and as many with those of the old, to train on and to be examined."""
EXAM_SCENES = 40
PLATES, DISTRACTORS, NEGATIVES = 400, 300, 30
MATCH_IOU = 0.5
FORGETTING_WEIGHT = 3.0
FORGETTING_ALLOWED = 0.01
NAMES = {
    "photographs": "your pictures that were held out",
    "target": "drawn scenes, plates of the new countries",
    "old": "drawn scenes, plates of the old countries",
}
_SEED_OF = {"target": 81, "old": 82}

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DetectorTransfer:
    """The config that a detector's transfer leaves in its checkpoints and card."""

    shape: DetectorShape
    samples: SampleConfig
    loss: LossWeights
    loop: LoopConfig
    mix: MixConfig
    method: str


@dataclass(frozen=True)
class FindFigures:
    """`plates` that are to be found, the share `recall` at IoU 0.5, and false detections a picture that has none."""

    plates: int
    recall: float
    negatives: int
    false_rate: float


def transfer_detector(options: TransferOptions) -> TransferResult:
    """Train, export, and measure before and after; a training that was stopped gives `done` False and no file."""
    cv2.setNumThreads(1)
    card = check_folders(options, "detect")
    own = load_own(options.labels, options.images, need_text=False) if options.labels else None
    countries = target_countries(options, own)
    config = training_config(options, card, countries)
    exams = make_exams(config.mix, countries, own)
    threshold = card.parameters.get("threshold", 0.4)
    before = {part: examine(run_of(open_network(options.source)), some, threshold) for part, some in exams.items()}
    _LOG.info("pictures: %d to train on, %d held out; new countries: %s", len(own.train) if own else 0,
              len(own.held_out) if own else 0, ", ".join(countries) or "none that is known")
    kept = _train(options, config, gather(config, own, options), exams, before, threshold)
    if not kept:
        return TransferResult(done=False)
    file = export_detector(options.work / "best.pt", options.out, dict(card.parameters), {})
    after = {part: examine(run_of(open_network(options.out)), some, threshold) for part, some in exams.items()}
    notes = (f"exported: {kept}", f"score threshold {threshold:g}, as it was")
    return TransferResult(True, file, _lines(before, after), notes)


def training_config(options: TransferOptions, card: ModelCard, countries: tuple[str, ...]) -> DetectorTransfer:
    """Mild rates; half of the plates of a picture are covered by drawn ones at times."""
    samples = options.samples or SAMPLES
    return DetectorTransfer(
        shape=from_table(DetectorShape, shape_record(card, "shape", options.source), str(options.source)),
        samples=SampleConfig(negatives=0.15, drawn=0.3, loose=0.15, replaced=0.3, distractors=0.5,
                             renew_every=1 << 30),
        loss=LossWeights(unlabelled_after=0.0, hull_only=0.1, label_box=0.4),
        loop=LoopConfig(samples=samples, batch=24, seed=options.seed, threads=options.threads, warmup=0.05,
                        learning_rate=RATE[options.method], weight_decay=0.01, average=0.98, report_every_s=10.0,
                        save_every_min=1.0, validate_every_min=60.0, validate_every_samples=max(240, samples // 10),
                        patience=PATIENCE),
        mix=MixConfig(favoured=countries, favoured_share=TARGET_SHARE, files=tuple(map(str, options.formats))),
        method=options.method,
    )  # fmt: skip


def make_exams(mix: MixConfig, countries: tuple[str, ...], own: OwnPictures | None) -> dict[str, list[Exam]]:
    """By part, what the detector is shown before, in between and after."""
    mixes = {
        "target": MixConfig(countries=countries, files=mix.files),
        "old": MixConfig(without=countries, files=mix.files),
    }
    exams = {
        part: [exam_of(drawn(np.random.default_rng((_SEED_OF[part], n)), mix_of(one))) for n in range(EXAM_SCENES)]
        for part, one in mixes.items()
    }
    photographs = [exam_of(photo_of(picture)) for picture in own.held_out] if own else []
    return {"photographs": photographs, **exams} if photographs else exams


def gather(
    config: DetectorTransfer, own: OwnPictures | None, options: TransferOptions
) -> Stock:
    """What samples are composed of. With a detector the labelled boxes are made tight by it."""
    rng = np.random.default_rng((config.loop.seed, 83))
    mix = mix_of(config.mix)
    photos = [photo_of(picture) for picture in own.train] if own else []
    if options.detector is not None:
        finder = PlateDetector(open_network(options.detector), DetectorOptions(threshold=0.2))
        photos = [tightened(photo, finder) for photo in photos]
    scenes = [drawn(rng, mix) for _ in range(2 * SCENES)]
    return Stock(
        scenes=[photo for photo in photos if not photo.empty] or scenes,
        negatives=[photo for photo in photos if photo.empty] or [empty_scene(rng) for _ in range(NEGATIVES)],
        drawn=scenes,
        plates=[Piece(sample_plate(rng, mix).pixels) for _ in range(PLATES)],
        distractors=distractor_bank(rng, DISTRACTORS),
    )


def photo_of(picture: LabelledPicture) -> Photo:
    """A labelled picture as the detector's training takes it; one without plates is a negative."""
    boxes = np.array([plate.box for plate in picture.plates], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return dataclasses.replace(load_photo(PhotoRow(picture.path, boxes, picture.path.name)), empty=not len(boxes))


def drawn(rng: Generator, mix: PlateMix) -> Photo:
    """A drawn scene with plates of a mix."""
    scene = draw_scene(rng, plates=[sample_plate(rng, mix) for _ in range(6)])
    return Photo("drawn", pyramid(scene.pixels), scene.boxes, scene.corners)


def empty_scene(rng: Generator) -> Photo:
    """A drawn scene whose plates are painted over: a negative for a site that labelled none."""
    scene = draw_scene(rng)
    pixels = scene.pixels.copy()
    for x1, y1, x2, y2 in scene.boxes.astype(int):
        x1, y1 = max(0, x1 - 3), max(0, y1 - 3)
        pixels[y1 : y2 + 3, x1 : x2 + 3] = np.median(pixels[y1 : y2 + 3, x1 : x2 + 3], axis=(0, 1))
    return Photo("drawn", pyramid(pixels), np.zeros((0, 4), np.float32), np.zeros((0, 4, 2), np.float32), empty=True)


def _train(
    options: TransferOptions, config: DetectorTransfer, stock: Stock, exams: dict[str, list[Exam]],
    before: dict[str, FindFigures], threshold: float,
) -> str:  # fmt: skip
    """What is kept, in words; '' where the training was stopped."""
    prepare(config.loop)
    trainer = Trainer(DetectorNet(config.shape), config.loop, options.work, asdict(config))

    def check(net: nn.Module, progress: float) -> dict[str, float]:
        now = {part: examine(partial(run_net, net, device=trainer.device), some, threshold)
               for part, some in exams.items()}
        return {**{f"{part}_recall": one.recall for part, one in now.items()}, "score": score(now, before)}

    def typical() -> torch.Tensor:
        return as_input(next(batches(stock, config.samples, 24, config.loop.seed))[0], trainer.device)

    def step(net: nn.Module, batch: Batch, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        outputs = net(as_input(batch[0], trainer.device))
        return detector_loss(outputs, make_targets(batch[1]).to(trainer.device), config.loss, progress)

    teaching = Teaching(trainer, options.method, check)
    teaching.begin(options.source / load_card(options.source).file, typical, options.resume)
    feed = batches(stock, config.samples, config.loop.batch, config.loop.seed + trainer.state.samples)
    return teaching.kept if teaching.fit(step, feed) else ""


def run_of(network: Network) -> Run:
    """An exported detector as what is examined."""
    return lambda pixels: tuple(
        network.run((pixels[None].transpose(0, 3, 1, 2) / np.float32(255.0)).astype(np.float32))[role][0]
        for role in ("coverage", "boxes", "corners")
    )


def examine(run: Run, exams: Sequence[Exam], threshold: float) -> FindFigures:
    """What is found at a score threshold."""
    hits: list[bool] = []
    false, negatives = 0, 0
    for exam in exams:
        found = candidates(run(exam.pixels), threshold).boxes
        if len(exam.boxes) == 0:
            negatives += 1
            false += len(found)
        hits.extend(bool(len(found)) and float(ious(box, found).max()) >= MATCH_IOU for box in exam.boxes)
    return FindFigures(len(hits), sum(hits) / max(1, len(hits)), negatives, false / max(1, negatives))


def candidates(outputs: tuple[Pixels, ...], threshold: float) -> Candidates:
    """The plates of one picture at a threshold, decoded as at the gate."""
    coverage, boxes, corners = outputs
    grids = {"coverage": np.squeeze(coverage)[None], "boxes": boxes, "corners": corners}
    parameters = {"stride": STRIDE, "box_scale": BOX_SCALE_PX, "centre_offset": CENTRE_OFFSET_PX}
    return suppress(decode_gridbox_corners(grids, parameters, threshold), NMS_IOU)


def score(now: dict[str, FindFigures], before: dict[str, FindFigures]) -> float:
    """Recall on the new plates, less false detections and what the old plates lost beyond what is allowed."""
    new = [one for part, one in now.items() if part != "old" and one.plates]
    gained = sum(one.recall for one in new) / max(1, len(new))
    false = max((one.false_rate - before[part].false_rate for part, one in now.items()), default=0.0)
    lost = max(0.0, before["old"].recall - now["old"].recall - FORGETTING_ALLOWED)
    return gained - FORGETTING_WEIGHT * lost - 0.5 * max(0.0, false)


def _lines(before: dict[str, FindFigures], after: dict[str, FindFigures]) -> tuple[Line, ...]:
    lines = []
    for part, first in before.items():
        if first.plates:
            lines.append(Line(f"{NAMES[part]} ({first.plates} plates), found", first.recall, after[part].recall))
        if first.negatives:
            name = f"{NAMES[part]} ({first.negatives} without plates), false a picture"
            lines.append(Line(name, first.false_rate, after[part].false_rate, percent=False))
    return tuple(lines)
