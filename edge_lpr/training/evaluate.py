"""Measures a recogniser on labelled pictures: detection, reading, and both together."""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import cv2

from edge_lpr.capture.images import load_picture
from edge_lpr.errors import ImageError
from edge_lpr.recognition.boxes import Box, iou
from edge_lpr.records import Pixels
from edge_lpr.training.labels import LabelledPicture, PlateLabel
from edge_lpr.training.metrics import MATCH_IOU, fold, match
from edge_lpr.training.outcomes import PictureOutcome, PlateOutcome

log = logging.getLogger(__name__)

TASKS = ("detect", "read", "end-to-end")
SWEEP_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


class Found(Protocol):
    """A plate found in a picture: `box` (x, y, w, h) pixels, `score` 0..1."""

    @property
    def box(self) -> Box: ...
    @property
    def score(self) -> float: ...


class Read(Protocol):
    """A plate as read: `text` A-Z 0-9, `confidence` 0..1."""

    @property
    def text(self) -> str: ...
    @property
    def confidence(self) -> float: ...


class FoundAndRead(Found, Read, Protocol):
    """A plate found in a picture and read."""


class Recogniser(Protocol):
    """What is measured; `edge_lpr.PlateRecogniser` is one."""

    def detect(self, pixels: Pixels) -> Sequence[Found]: ...
    def plates(self, pixels: Pixels) -> Sequence[FoundAndRead]: ...
    def read_crop(self, pixels: Pixels) -> Read: ...


MakeRecogniser = Callable[[int, float | None], Recogniser]
"""(threads, detection threshold): 0 threads are all cores, None the default threshold."""
Progress = Callable[[Sequence[LabelledPicture], str], Iterable[LabelledPicture]]
"""Passes pictures on and shows under a title how far it is."""


@dataclass(frozen=True)
class SweepPoint:
    """Detection at one threshold: `recall` of all plates and by group, detections per picture without plates."""

    threshold: float
    recall: float
    false_per_negative: float
    recall_by_group: dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Outcomes by task, the threshold sweep where one was asked for, and the peak memory of this process in MiB."""

    tasks: dict[str, tuple[PictureOutcome, ...]]
    sweep: tuple[SweepPoint, ...]
    peak_memory_mib: float


def evaluate(
    pictures: Sequence[LabelledPicture],
    tasks: Sequence[str],
    make: MakeRecogniser,
    progress: Progress = lambda pictures, title: pictures,
    sweep: bool = False,
) -> Evaluation:
    """Run `tasks` (of TASKS) over the pictures that each is about, on one thread and again on all for the time.

    A picture that cannot be decoded counts as one in which nothing is found, with a warning.
    """
    one_thread, all_threads = make(1, None), make(0, None)
    results = {}
    told: set[Path] = set()
    for task in tasks:
        chosen = pictures_of(task, pictures)
        with opencv_threads(1):
            _warm(task, one_thread, chosen)
            outcomes = [_outcome(task, one_thread, one, told) for one in progress(chosen, f"{task}, one thread")]
        _warm(task, all_threads, chosen)
        times = [_time_ms(task, all_threads, one) for one in progress(chosen, f"{task}, all threads")]
        results[task] = tuple(replace(one, all_threads_ms=ms) for one, ms in zip(outcomes, times, strict=True))
    points = _sweep(pictures_of("detect", pictures), make, progress, told) if sweep else ()
    return Evaluation(results, points, _peak_memory_mib())


def pictures_of(task: str, pictures: Sequence[LabelledPicture]) -> list[LabelledPicture]:
    """The pictures that a task is about, with only the plates that count for it.

    detect: all but crops. read: crops with a text. end-to-end: all but crops, where at least one plate has a text.
    """
    if task == "detect":
        return [picture for picture in pictures if not picture.is_crop]
    with_text = [replace(one, plates=tuple(plate for plate in one.plates if plate.text)) for one in pictures]
    return [picture for picture in with_text if picture.plates and picture.is_crop == (task == "read")]


def _outcome(task: str, recogniser: Recogniser, picture: LabelledPicture, told: set[Path]) -> PictureOutcome:
    try:
        pixels = load_picture(picture.path)
    except ImageError as error:
        _tell(picture.path, error, told)
        return missed(picture)
    return judged(task, picture, *_timed(task, recogniser, pixels))


def _tell(path: Path, error: ImageError, told: set[Path]) -> None:
    """Warn of a picture once: every task meets it again."""
    if path not in told:
        log.warning("counted as a miss: %s", error)
        told.add(path)


def missed(picture: LabelledPicture) -> PictureOutcome:
    """A picture in which nothing was found, since it cannot be decoded."""
    return PictureOutcome(picture, tuple(PlateOutcome(label, False) for label in picture.plates))


def judged(task: str, picture: LabelledPicture, answer: Any, taken_ms: float) -> PictureOutcome:
    """What became of a picture of `pictures_of(task, ...)`: `answer` as a Recogniser gives it for the task."""
    if task == "read":
        plate = PlateOutcome(picture.plates[0], True, answer.text, answer.confidence)
        return PictureOutcome(picture, (plate,), (), taken_ms)
    boxes = tuple(found.box for found in answer)
    if task == "end-to-end":
        plates = tuple(_read_outcome(label, answer) for label in picture.plates)
    else:
        owners = match([label.box for label in picture.plates], boxes)
        plates = tuple(PlateOutcome(label, by is not None) for label, by in zip(picture.plates, owners, strict=True))
    return PictureOutcome(picture, plates, boxes, taken_ms)


def _read_outcome(label: PlateLabel, answer: Sequence[FoundAndRead]) -> PlateOutcome:
    """A plate is read as the detection at IoU 0.5 or more says that is right, else as the one that fits it best."""
    near = [found for found in answer if iou(label.box, found.box) >= MATCH_IOU]
    if not near:
        return PlateOutcome(label, False)
    best = max(
        near,
        key=lambda one: (one.text == label.text, fold(one.text) == fold(label.text), iou(label.box, one.box)),
    )
    return PlateOutcome(label, True, best.text, best.confidence)


def _timed(task: str, recogniser: Recogniser, pixels: Pixels) -> tuple[Any, float]:
    """The recogniser's answer for a task, and how long it took in milliseconds; decoding the file is not counted."""
    call: Callable[[Pixels], Any] = {
        "detect": recogniser.detect,
        "read": recogniser.read_crop,
        "end-to-end": recogniser.plates,
    }[task]
    begun = time.perf_counter()
    answer = call(pixels)
    return answer, (time.perf_counter() - begun) * 1000.0


def _time_ms(task: str, recogniser: Recogniser, picture: LabelledPicture) -> float:
    try:
        return _timed(task, recogniser, load_picture(picture.path))[1]
    except ImageError:
        return float("nan")


def _warm(task: str, recogniser: Recogniser, pictures: Sequence[LabelledPicture]) -> None:
    """One unmeasured run: the first use of a network loads it and allocates its memory."""
    if pictures:
        _time_ms(task, recogniser, pictures[0])


def _sweep(
    pictures: Sequence[LabelledPicture], make: MakeRecogniser, progress: Progress, told: set[Path]
) -> tuple[SweepPoint, ...]:
    recogniser = make(0, SWEEP_THRESHOLDS[0])
    found: list[tuple[LabelledPicture, list[tuple[Box, float]]]] = []
    for picture in progress(pictures, "thresholds"):
        try:
            found.append((picture, [(one.box, one.score) for one in recogniser.detect(load_picture(picture.path))]))
        except ImageError as error:
            _tell(picture.path, error, told)
            found.append((picture, []))
    return tuple(_sweep_point(threshold, found) for threshold in SWEEP_THRESHOLDS)


def _sweep_point(threshold: float, found: list[tuple[LabelledPicture, list[tuple[Box, float]]]]) -> SweepPoint:
    hits: dict[str, list[bool]] = {}
    false = []
    for picture, boxes in found:
        kept = [box for box, score in boxes if score >= threshold]
        if picture.is_negative:
            false.append(len(kept))
            continue
        owners = match([label.box for label in picture.plates], kept)
        hits.setdefault(picture.group, []).extend(by is not None for by in owners)
    every = [hit for group in hits.values() for hit in group]
    return SweepPoint(
        threshold,
        sum(every) / len(every) if every else float("nan"),
        sum(false) / len(false) if false else float("nan"),
        {group: sum(of) / len(of) for group, of in sorted(hits.items())},
    )


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """Hold OpenCV to `count` threads for the time being; it has a pool of its own."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _peak_memory_mib() -> float:
    """The most memory that this process has held; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
