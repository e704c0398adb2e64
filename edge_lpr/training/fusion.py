"""How much evidence over frames reads, against single frames and votes, on clips made from real photographs.

The rivals are what a system could do that does not know the truth: the frame that the reader is surest of, the clearest
one, the largest one, and votes of the frames' texts. "some frame" is no system: a plate that no frame reads.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_lpr.errors import ConfigError
from edge_lpr.gate.clarity import clarity, plate_height_px
from edge_lpr.gate.evidence import EvidenceOptions, Weigher, grown
from edge_lpr.networks.card import load_card, write_card
from edge_lpr.recognition.recognise import READER_FOLDER, PlateRecogniser
from edge_lpr.records import Sighting
from edge_lpr.training.drives import Drive, drives
from edge_lpr.training.labels import LabelledPicture, load_labels
from edge_lpr.training.logistic import Doubles, fit_logistic, logit
from edge_lpr.training.metrics import calibration, fold
from edge_lpr.training.reader_sources import held_out

LEAST_PLATES = 50
PULL = 2.0
"""Weight that draws the line towards 'as it is': few plates must not bend it far."""
LEAST_DOUBT = 0.01
"""The line is fitted to what lies between: of texts far below, what is right is chance, and would tilt it."""
FIT_SEED = 1
Progress = Callable[[Iterable[Drive]], Iterable[Drive]]
Rival = Callable[[Sequence[Sighting]], str]


def _vote(sightings: Sequence[Sighting]) -> str:
    return Counter(one.reading.text for one in sightings).most_common(1)[0][0]


def _weighted_vote(sightings: Sequence[Sighting]) -> str:
    votes: Counter[str] = Counter()
    for one in sightings:
        votes[one.reading.text] += one.reading.confidence  # type: ignore[assignment]
    return max(votes, key=lambda text: votes[text])


RIVALS: dict[str, Rival] = {
    "surest frame": lambda seen: max(seen, key=lambda one: one.reading.confidence).reading.text,
    "clearest frame": lambda seen: max(seen, key=clarity).reading.text,
    "largest frame": lambda seen: max(seen, key=plate_height_px).reading.text,
    "vote": _vote,
    "vote by confidence": _weighted_vote,
}
FUSED, MEAN_FRAME, SOME_FRAME = "fused", "mean single frame", "some frame"


@dataclass(frozen=True)
class ClipOutcome:
    """One clip: for each method whether it read the plate (O as 0, I as 1; a share for the mean frame), and the fused
    confidence with the text as it stands."""

    group: str
    truth: str
    text: str
    confidence: float
    right: dict[str, float]


@dataclass(frozen=True)
class FusionFigures:
    """Shares of clips read, by method, with O as 0 and I as 1; `gained` and `lost` the clips that the fusion reads and
    the surest frame does not, and the reverse; `calibration_error` of the fused confidence."""

    clips: int
    plates: int
    shares: dict[str, float]
    gained: int
    lost: int
    calibration_error: float
    mean_confidence: float


def clip_outcome(drive: Drive, weigher: Weigher) -> ClipOutcome:
    """What every method makes of a clip; a plate that was found in no frame is read by none."""
    seen = [one for one in drive.arrival.sightings if one.reading.text]
    evidence = weigher.weigh(drive.arrival)
    truth = fold(drive.text)

    def is_right(text: str) -> float:
        return float(fold(text) == truth)

    right = {name: is_right(rival(seen)) if seen else 0.0 for name, rival in RIVALS.items()}
    singles = [is_right(one.reading.text) for one in seen]
    right |= {FUSED: is_right(evidence.text), MEAN_FRAME: sum(singles) / drive.frames,
              SOME_FRAME: max(singles, default=0.0)}
    return ClipOutcome(drive.group, drive.text, evidence.text, evidence.confidence, right)


def fusion_figures(outcomes: Sequence[ClipOutcome]) -> FusionFigures:
    """The figures over at least one clip."""
    fused = [bool(one.right[FUSED]) for one in outcomes]
    surest = [bool(one.right["surest frame"]) for one in outcomes]
    confidences = [one.confidence for one in outcomes]
    pairs = list(zip(fused, surest, strict=True))
    return FusionFigures(
        clips=len(outcomes),
        plates=len({one.truth for one in outcomes}),
        shares={name: sum(one.right[name] for one in outcomes) / len(outcomes) for name in outcomes[0].right},
        gained=sum(ours and not theirs for ours, theirs in pairs),
        lost=sum(theirs and not ours for ours, theirs in pairs),
        calibration_error=calibration(confidences, fused)[0],
        mean_confidence=sum(confidences) / len(outcomes),
    )


@dataclass(frozen=True)
class FusionFit:
    """What was fitted, from how many clips of how many plates; the share of them right; the calibration errors."""

    slope: float
    shift: float
    clips: int
    plates: int
    right: float
    error_before: float
    error_after: float


def fit_fusion(engines: Path, labels: Path, per_plate: int, progress: Progress = iter) -> FusionFit:
    """Fit slope and shift of the fused confidence on clips of the held-out `use=train` plates of `labels`, and write
    them into the reader's card. ConfigError when there are fewer than `LEAST_PLATES` such plates.

    The error after is that of each half of the plates under the fit of the other: what new plates will see.
    """
    pictures = [_held_out_part(picture) for picture in load_labels(labels, use="train")]
    folder = engines / READER_FOLDER
    card = load_card(folder)
    weigher = Weigher(EvidenceOptions(), alphabet=card.alphabet)
    recogniser = PlateRecogniser(engines, second_look=False)  # as the gate reads frames
    clips = progress(drives(pictures, recogniser, per_plate, FIT_SEED))
    found = [(weigher.weigh(drive.arrival), fold(drive.text)) for drive in clips]
    read = [(evidence, truth) for evidence, truth in found if evidence.text]
    plates = sorted({truth for _, truth in read})
    if len(plates) < LEAST_PLATES:
        raise ConfigError(f"{labels}: {len(plates)} held-out plates can be read; at least {LEAST_PLATES} are needed")
    right = np.array([fold(evidence.text) == truth for evidence, truth in read])
    before = np.array([evidence.confidence for evidence, _ in read])
    share = np.array([grown(evidence.weight, EvidenceOptions()) for evidence, _ in read])
    slope, shift = _fit_line(before, share, right)
    half = np.array([plates.index(truth) % 2 == 0 for _, truth in read])
    after = np.empty(len(read))
    for part in (half, ~half):
        after[part] = _meant(before[part], share[part], *_fit_line(before[~part], share[~part], right[~part]))
    fitted = {"fusion_slope": round(slope, 4), "fusion_shift": round(shift, 4)}
    write_card(dataclasses.replace(card, parameters={**card.parameters, **fitted}), folder / "card.json")
    errors = (calibration(list(values), list(right))[0] for values in (before, after))
    return FusionFit(slope, shift, len(read), len(plates), float(right.mean()), *errors)


def _held_out_part(picture: LabelledPicture) -> LabelledPicture:
    plates = tuple(plate for plate in picture.plates if plate.text and held_out(plate.text))
    return dataclasses.replace(picture, plates=plates)


def _fit_line(confidences: Doubles, share: Doubles, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift, drawn towards 'as it is': of a logit l, l + share ((slope - 1) l + shift) is fitted."""
    logits = logit(confidences, LEAST_DOUBT)
    design = np.stack([share * logits, share], axis=1)
    start, offset = np.array([1.0, 0.0]), (1.0 - share) * logits
    slope, shift = fit_logistic(design, right.astype(np.float64), start, PULL, offset)
    return max(0.1, float(slope)), float(shift)


def _meant(confidences: Doubles, share: Doubles, slope: float, shift: float) -> Doubles:
    logits = logit(confidences, LEAST_DOUBT)
    meant: Doubles = 1.0 / (1.0 + np.exp(-(logits + share * ((slope - 1.0) * logits + shift))))
    return meant
