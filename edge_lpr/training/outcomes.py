"""What became of each labelled picture, and the figures over many of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_lpr.recognition.boxes import Box
from edge_lpr.training.labels import LabelledPicture, PlateLabel
from edge_lpr.training.metrics import CalibrationBin, calibration, edit_distance, fold

NAN = float("nan")


@dataclass(frozen=True)
class PlateOutcome:
    """One labelled plate: `found` at IoU 0.5; `text` and `confidence` as read, '' and 0 where nothing was."""

    label: PlateLabel
    found: bool
    text: str = ""
    confidence: float = 0.0

    @property
    def exact(self) -> bool:
        """Every character is right."""
        return self.text == self.label.text

    @property
    def exact_folded(self) -> bool:
        """Every character is right when O is taken as 0 and I as 1."""
        return fold(self.text) == fold(self.label.text)


@dataclass(frozen=True)
class PictureOutcome:
    """One picture: its plates, all boxes that were found in it, and the time it took, nan where it was not taken."""

    picture: LabelledPicture
    plates: tuple[PlateOutcome, ...]
    boxes: tuple[Box, ...] = ()
    one_thread_ms: float = NAN
    all_threads_ms: float = NAN


@dataclass(frozen=True)
class Figures:
    """Figures over a set of pictures; nan where there is nothing to count.

    `recall` the share of plates found; `false_per_negative` detections per picture without plates; `exact`,
    `exact_folded` the shares of plates read without a fault; `character_accuracy` 1 - (sum of edit distances, each at
    most the length of its plate) / (sum of lengths); `calibration_error` over what was read; times in milliseconds.
    """

    images: int
    plates: int
    negatives: int
    recall: float
    false_per_negative: float
    exact: float
    exact_folded: float
    character_accuracy: float
    calibration_error: float
    calibration_error_folded: float
    one_thread_median_ms: float
    one_thread_p95_ms: float
    all_threads_median_ms: float
    all_threads_p95_ms: float


def figures(outcomes: Sequence[PictureOutcome], reads: bool, finds: bool) -> Figures:
    """Figures of a task that `finds` plates in pictures, `reads` them, or both."""
    plates = [plate for outcome in outcomes for plate in outcome.plates]
    negatives = [outcome for outcome in outcomes if outcome.picture.is_negative]
    read = plates if reads else []
    lengths = sum(len(plate.label.text) for plate in read)
    faults = sum(min(len(plate.label.text), edit_distance(plate.text, plate.label.text)) for plate in read)
    one_thread = [outcome.one_thread_ms for outcome in outcomes]
    all_threads = [outcome.all_threads_ms for outcome in outcomes]
    return Figures(
        images=len(outcomes),
        plates=len(plates),
        negatives=len(negatives),
        recall=_mean(plate.found for plate in plates) if finds else NAN,
        false_per_negative=_mean(len(outcome.boxes) for outcome in negatives) if finds else NAN,
        exact=_mean(plate.exact for plate in read),
        exact_folded=_mean(plate.exact_folded for plate in read),
        character_accuracy=1.0 - faults / lengths if lengths else NAN,
        calibration_error=_reliability(read, lambda plate: plate.exact)[0],
        calibration_error_folded=_reliability(read, lambda plate: plate.exact_folded)[0],
        one_thread_median_ms=_percentile(one_thread, 50),
        one_thread_p95_ms=_percentile(one_thread, 95),
        all_threads_median_ms=_percentile(all_threads, 50),
        all_threads_p95_ms=_percentile(all_threads, 95),
    )


def reliability(outcomes: Sequence[PictureOutcome]) -> tuple[CalibrationBin, ...]:
    """How often readings of each confidence are right (O=0 and I=1), over all plates of which something was read."""
    return _reliability([plate for outcome in outcomes for plate in outcome.plates], lambda one: one.exact_folded)[1]


def _reliability(
    plates: Iterable[PlateOutcome], right: Callable[[PlateOutcome], bool]
) -> tuple[float, tuple[CalibrationBin, ...]]:
    read = [plate for plate in plates if plate.text]
    return calibration([plate.confidence for plate in read], [right(plate) for plate in read])


def by_group(outcomes: Sequence[PictureOutcome]) -> dict[str, list[PictureOutcome]]:
    """Outcomes by the set that their picture belongs to."""
    return _grouped((outcome.picture.group, outcome) for outcome in outcomes)


def by_use(outcomes: Sequence[PictureOutcome]) -> dict[str, list[PictureOutcome]]:
    """Outcomes by the use of their picture: what was trained on is told apart."""
    return _grouped((outcome.picture.use, outcome) for outcome in outcomes)


def by_region(outcomes: Sequence[PictureOutcome], whole_country: bool) -> dict[str, list[PictureOutcome]]:
    """Outcomes by region, each with only the plates of that region; `whole_country` puts 'US-CA' under 'US'."""
    pairs = []
    for outcome in outcomes:
        regions = [_region(plate, whole_country) for plate in outcome.plates]
        for region in dict.fromkeys(regions):
            plates = tuple(plate for plate, of in zip(outcome.plates, regions, strict=True) if of == region)
            pairs.append((region, replace(outcome, plates=plates)))
    return _grouped(pairs)


def _region(plate: PlateOutcome, whole_country: bool) -> str:
    return plate.label.region.split("-")[0] if whole_country else plate.label.region


def _grouped(pairs: Iterable[tuple[str, PictureOutcome]]) -> dict[str, list[PictureOutcome]]:
    groups: dict[str, list[PictureOutcome]] = {}
    for name, outcome in pairs:
        groups.setdefault(name or "(none)", []).append(outcome)
    return dict(sorted(groups.items()))


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else NAN


def _percentile(values: Sequence[float], share: float) -> float:
    taken = [value for value in values if value == value]
    return float(np.percentile(taken, share)) if taken else NAN
