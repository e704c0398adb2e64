"""Train the plate detector: `edge-lpr train detector`.

Two stages, each with its own config: from scratch with plates pasted anywhere, then, from the first one's weights,
with plates on vehicles, more distractors and more negatives.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edge_lpr.errors import ConfigError
from edge_lpr.networks import open_network
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.records import Floats, Pixels
from edge_lpr.training.detector_crops import SampleConfig
from edge_lpr.training.detector_data import Batch, Stock, batches, plate_piece
from edge_lpr.training.detector_metrics import Exam, drawn_negative, exam_of, examine, small_exam
from edge_lpr.training.detector_net import DetectorNet, DetectorShape, LossWeights, detector_loss, make_targets
from edge_lpr.training.distractors import distractor_bank
from edge_lpr.training.loop import LoopConfig, Trainer, prepare
from edge_lpr.training.pasting import Piece
from edge_lpr.training.photographs import Photo, PhotoRow, held_out, list_photos, load_photo, pyramid
from edge_lpr.training.reader_sources import FINDING_THRESHOLD
from edge_lpr.training.scenes import draw_scene
from edge_lpr.training.tighten import tightened


@dataclass(frozen=True)
class DetectorTraining:
    """The whole config of a detector training (a TOML file)."""

    photographs: str = "../shared/data/labels.csv"
    """A labels.csv whose `use=train` pictures are trained on; drawn scenes alone when the file is absent."""
    start_from: str = ""
    """Checkpoint (averaged weights) or exported network (.onnx) that this training starts from."""
    corners_from: str = ""
    """Folder of a trained detector that makes the labelled boxes tight and finds their corners; '' for the labels."""
    plates: int = 1500
    distractors: int = 900
    drawn_scenes: int = 250
    shape: DetectorShape = field(default_factory=DetectorShape)
    samples: SampleConfig = field(default_factory=SampleConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    loop: LoopConfig = field(default_factory=LoopConfig)


def train_detector(config: DetectorTraining, out: Path, resume: bool = False) -> Trainer:
    """Train to the end of the budget or until asked to stop."""
    prepare(config.loop)
    trainer = Trainer(DetectorNet(config.shape), config.loop, out, asdict(config))
    resumed = resume and trainer.resume()
    stock, exams = gather(config)
    feed = batches(stock, config.samples, config.loop.batch, config.loop.seed + trainer.state.samples)
    device = trainer.device
    if config.start_from and not resumed:
        trainer.start_from(Path(config.start_from), as_input(next(feed)[0], device))

    def step(net: nn.Module, batch: Batch, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        outputs = net(as_input(batch[0], device))
        return detector_loss(outputs, make_targets(batch[1]).to(device), config.loss, progress)

    def validate(net: nn.Module, progress: float) -> dict[str, float]:
        return examine(lambda pixels: run_net(net, pixels, device), exams)

    trainer.fit(step, feed, validate if exams else None)
    return trainer


def train(config: DetectorTraining, out: Path, resume: bool = False) -> Path:
    """Train as `train_detector` does; returns the checkpoint to export: the last, whose weights are averaged. The
    development score that picks best.pt hangs on too few negatives."""
    train_detector(config, out, resume)
    return out / "last.pt"


def as_input(pictures: Pixels, device: torch.device) -> torch.Tensor:
    """uint8 (N, H, W, 3) to float (N, 3, H, W) 0..1, channels last."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(255.0)


@torch.no_grad()
def run_net(net: nn.Module, pixels: Pixels, device: torch.device) -> tuple[Floats, Floats, Floats]:
    """Coverage (h, w), boxes (4, h, w), corners (8, h, w) of one picture."""
    coverage, boxes, corners = net(as_input(pixels[None], device))
    return torch.sigmoid(coverage)[0, 0].cpu().numpy(), boxes[0].cpu().numpy(), corners[0].cpu().numpy()


def gather(config: DetectorTraining) -> tuple[Stock, list[Exam]]:
    """What is trained on, and the development pictures that are not."""
    rng = np.random.default_rng(config.loop.seed)
    labels = Path(config.photographs)
    rows = list_photos(labels) if config.photographs and labels.exists() else []
    if not rows:
        print(f"{labels}: not there; drawn scenes alone", file=sys.stderr)
    load = loader(config.corners_from)
    photos = [load(row) for row in rows if not held_out(row)]
    distractors = distractor_bank(rng, config.distractors)
    drawn = [drawn_photo(rng) for _ in range(config.drawn_scenes)]
    stock = Stock(
        scenes=[p for p in photos if not p.empty] or drawn,
        negatives=[p for p in photos if p.empty],
        drawn=drawn,
        plates=[plate_piece(rng) for _ in range(config.plates)],
        distractors=distractors,
    )
    if not stock.scenes:
        raise ConfigError("neither photographs nor drawn_scenes: nothing to train on")
    return stock, exams_of([load(row) for row in rows if held_out(row)], distractors)


def loader(corners_from: str) -> Callable[[PhotoRow], Photo]:
    """How photographs are loaded: as they are labelled, or made tight by the detector in the folder `corners_from`."""
    if not corners_from:
        return load_photo
    detector = PlateDetector(open_network(Path(corners_from)), DetectorOptions(threshold=FINDING_THRESHOLD))
    return lambda row: tightened(load_photo(row), detector)


def exams_of(photos: list[Photo], distractors: list[Piece]) -> list[Exam]:
    """Development pictures: the photographs, a third of them reduced, the negatives twice more with distractors."""
    rng = np.random.default_rng(5)
    plain = [exam_of(photo) for photo in photos]
    small = [small_exam(photo) for n, photo in enumerate(p for p in photos if not p.empty) if n % 3 == 0]
    negatives = [drawn_negative(rng, photo, distractors) for photo in photos if photo.empty for _ in range(2)]
    return plain + small + negatives


def drawn_photo(rng: np.random.Generator) -> Photo:
    """A drawn scene in the place of a photograph."""
    scene = draw_scene(rng)
    return Photo("drawn", pyramid(scene.pixels), scene.boxes, scene.corners)
