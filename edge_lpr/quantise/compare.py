"""Float and INT8 side by side on labelled pictures: picture by picture in turns, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lpr.capture.images import load_picture
from edge_lpr.errors import ImageError
from edge_lpr.recognition.recognise import PlateRecogniser
from edge_lpr.records import Detection, Floats
from edge_lpr.training.evaluate import TASKS, opencv_threads, outcome_of, pictures_of
from edge_lpr.training.labels import LabelledPicture
from edge_lpr.training.metrics import MATCH_IOU, iou
from edge_lpr.training.outcomes import Figures, PictureOutcome, by_group, by_region, figures, reliability

PRECISIONS = ("float32", "int8")
NAN = float("nan")
Progress = Callable[[Sequence[LabelledPicture], str], Iterable[LabelledPicture]]


@dataclass(frozen=True)
class Shift:
    """How far INT8 moves what the float network finds: `pairs` compared, box overlap (IoU), corners as shares of the
    plate's height; the shares of pairs found by only one of them."""

    pairs: int
    overlap_median: float
    overlap_low: float
    corner_median: float
    corner_high: float
    only_float: int
    only_int8: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """Outcomes by task and precision, and the detectors' shift."""

    outcomes: dict[str, dict[str, tuple[PictureOutcome, ...]]]
    shift: Shift

    def figures(self, task: str, precision: str) -> Figures:
        """Over all pictures of a task."""
        return _figures(task, self.outcomes[task][precision])

    def by_set(self, task: str, precision: str) -> dict[str, Figures]:
        """By the set that a picture belongs to."""
        return {name: _figures(task, some) for name, some in by_group(self.outcomes[task][precision]).items()}

    def by_country(self, task: str, precision: str) -> dict[str, Figures]:
        """By country, of labels that name one."""
        groups = by_region(self.outcomes[task][precision], whole_country=True)
        return {name: _figures(task, some) for name, some in groups.items()}

    def reliability(self, task: str, precision: str) -> list[tuple[float, float, int]]:
        """(confidence, share right, count) by bin."""
        bins = reliability(self.outcomes[task][precision])
        return [(one.confidence, one.accuracy, one.count) for one in bins]

    def changed(self, task: str) -> tuple[int, int]:
        """Plates that INT8 reads right and float does not, and the other way round."""
        better = worse = 0
        for first, second in zip(*(self.outcomes[task][one] for one in PRECISIONS), strict=True):
            for a, b in zip(first.plates, second.plates, strict=True):
                better += b.exact and not a.exact
                worse += a.exact and not b.exact
        return better, worse


def compare(engines: Path, pictures: Sequence[LabelledPicture],
            progress: Progress = lambda pictures, title: pictures) -> Comparison:
    """Run every task with both; a picture that cannot be decoded counts as a miss for both."""
    recognisers = {one: PlateRecogniser(engines, threads=1, precision=one) for one in PRECISIONS}
    outcomes: dict[str, dict[str, tuple[PictureOutcome, ...]]] = {}
    with opencv_threads(1):
        for task in TASKS:
            chosen = pictures_of(task, pictures)
            rows: dict[str, list[PictureOutcome]] = {one: [] for one in PRECISIONS}
            for picture in progress(chosen, task):
                for precision, recogniser in recognisers.items():
                    rows[precision].append(outcome_of(task, recogniser, picture, time.thread_time))
            outcomes[task] = {precision: tuple(some) for precision, some in rows.items()}
        shift = _shift(recognisers, progress(pictures_of("end-to-end", pictures), "boxes and corners"))
    return Comparison(outcomes, shift)


def _figures(task: str, outcomes: Sequence[PictureOutcome]) -> Figures:
    return figures(outcomes, reads=task != "detect", finds=task != "read")


def _shift(recognisers: dict[str, PlateRecogniser], pictures: Iterable[LabelledPicture]) -> Shift:
    overlaps: list[float] = []
    corners: list[float] = []
    alone = dict.fromkeys(PRECISIONS, 0)
    for picture in pictures:
        try:
            pixels = load_picture(picture.path)
        except ImageError:
            continue
        first, second = (recognisers[one].detect(pixels) for one in PRECISIONS)
        pairs = [(a, b) for a in first for b in second if iou(a.box, b.box) >= MATCH_IOU]
        overlaps += [iou(a.box, b.box) for a, b in pairs]
        corners += [corner_error(a, b) for a, b in pairs]
        alone["float32"] += len(first) - len({id(a) for a, _ in pairs})
        alone["int8"] += len(second) - len({id(b) for _, b in pairs})
    if not overlaps:
        return Shift(0, NAN, NAN, NAN, NAN, alone["float32"], alone["int8"])
    return Shift(len(overlaps), float(np.median(overlaps)), float(np.percentile(overlaps, 5)),
                 float(np.median(corners)), float(np.percentile(corners, 95)), alone["float32"], alone["int8"])


def corner_error(first: Detection, second: Detection) -> float:
    """Mean distance of the corners, as a share of the first's height."""
    gaps: Floats = np.linalg.norm(first.corners - second.corners, axis=1)
    return float(gaps.mean()) / max(1.0, first.box[3])
