"""Float and INT8 side by side on labelled pictures: picture by picture in turns, on one core."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lpr.capture.images import load_picture
from edge_lpr.errors import ImageError
from edge_lpr.recognition.boxes import iou
from edge_lpr.recognition.recognise import PlateRecogniser, plate_of
from edge_lpr.records import Detection, Floats, Pixels
from edge_lpr.training.evaluate import TASKS, judged, missed, opencv_threads, pictures_of
from edge_lpr.training.labels import LabelledPicture
from edge_lpr.training.metrics import MATCH_IOU
from edge_lpr.training.outcomes import Figures, PictureOutcome, by_group, by_region, figures, reliability

log = logging.getLogger(__name__)

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
    """Run both over all pictures; a picture that cannot be decoded counts as a miss for both."""
    recognisers = {one: PlateRecogniser(engines, threads=1, precision=one) for one in PRECISIONS}
    found = _Found({task: {one: [] for one in PRECISIONS} for task in TASKS})
    scenes = pictures_of("detect", pictures)
    read = {picture.path: picture for picture in pictures_of("end-to-end", pictures)}
    with opencv_threads(1):
        _warm(recognisers)
        for picture in progress(scenes, "scenes"):
            found.look(recognisers, picture, read.get(picture.path))
        for picture in progress(pictures_of("read", pictures), "crops"):
            found.read(recognisers, picture)
    return Comparison(found.outcomes(), found.shift())


def _warm(recognisers: dict[str, PlateRecogniser]) -> None:
    """One unmeasured run: the first use of a network loads it and allocates its memory."""
    for recogniser in recognisers.values():
        recogniser.plates(np.zeros((480, 640, 3), np.uint8))
        recogniser.read_crop(np.zeros((48, 144, 3), np.uint8))


class _Found:
    """The outcomes as they come, and how the two precisions' detections differ."""

    def __init__(self, rows: dict[str, dict[str, list[PictureOutcome]]]) -> None:
        self._rows = rows
        self._overlaps: list[float] = []
        self._corners: list[float] = []
        self._alone = dict.fromkeys(PRECISIONS, 0)

    def look(self, recognisers: dict[str, PlateRecogniser], picture: LabelledPicture,
             read: LabelledPicture | None) -> None:
        """Find and read once with each; `read` the picture with the plates whose texts are known, if any."""
        pixels = _decoded(picture)
        detections = {}
        for precision, recogniser in recognisers.items():
            if pixels is None:
                self._rows["detect"][precision].append(missed(picture))
                self._rows["end-to-end"][precision] += [missed(read)] if read else []
                continue
            began_s = time.thread_time()
            sightings = recogniser.recognise(pixels)
            taken_ms = 1e3 * (time.thread_time() - began_s)
            detections[precision] = [one.crop.detection for one in sightings]
            self._rows["detect"][precision].append(judged("detect", picture, detections[precision], taken_ms))
            if read is not None:
                plates = tuple(plate_of(one) for one in sightings)
                self._rows["end-to-end"][precision].append(judged("end-to-end", read, plates, taken_ms))
        if detections and not picture.is_negative:
            self._compare(detections["float32"], detections["int8"])

    def read(self, recognisers: dict[str, PlateRecogniser], picture: LabelledPicture) -> None:
        """Read a crop with each."""
        pixels = _decoded(picture)
        for precision, recogniser in recognisers.items():
            if pixels is None:
                self._rows["read"][precision].append(missed(picture))
                continue
            began_s = time.thread_time()
            reading = recogniser.read_crop(pixels)
            taken_ms = 1e3 * (time.thread_time() - began_s)
            self._rows["read"][precision].append(judged("read", picture, reading, taken_ms))

    def _compare(self, first: Sequence[Detection], second: Sequence[Detection]) -> None:
        pairs = [(a, b) for a in first for b in second if iou(a.box, b.box) >= MATCH_IOU]
        self._overlaps += [iou(a.box, b.box) for a, b in pairs]
        self._corners += [corner_error(a, b) for a, b in pairs]
        self._alone["float32"] += len(first) - len({id(a) for a, _ in pairs})
        self._alone["int8"] += len(second) - len({id(b) for _, b in pairs})

    def outcomes(self) -> dict[str, dict[str, tuple[PictureOutcome, ...]]]:
        """By task and precision."""
        return {task: {one: tuple(some) for one, some in rows.items()} for task, rows in self._rows.items()}

    def shift(self) -> Shift:
        """The detections' differences."""
        if not self._overlaps:
            return Shift(0, NAN, NAN, NAN, NAN, self._alone["float32"], self._alone["int8"])
        return Shift(
            len(self._overlaps), float(np.median(self._overlaps)), float(np.percentile(self._overlaps, 5)),
            float(np.median(self._corners)), float(np.percentile(self._corners, 95)),
            self._alone["float32"], self._alone["int8"],
        )  # fmt: skip


def _decoded(picture: LabelledPicture) -> Pixels | None:
    try:
        return load_picture(picture.path)
    except ImageError as error:
        log.warning("counted as a miss: %s", error)
        return None


def _figures(task: str, outcomes: Sequence[PictureOutcome]) -> Figures:
    return figures(outcomes, reads=task != "detect", finds=task != "read")


def corner_error(first: Detection, second: Detection) -> float:
    """Mean distance of the corners, as a share of the first's height."""
    gaps: Floats = np.linalg.norm(first.corners - second.corners, axis=1)
    return float(gaps.mean()) / max(1.0, first.box[3])
