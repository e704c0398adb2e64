"""Whether a detection is a plate: the detector's score and what the reader makes of it, weighed together.

A fence, a window or a lamp may look like a plate to a small detector, but nobody reads characters on it; a sign reads
well, but is a word; a dim plate scores low, but reads well; a far one cannot be read at all. A logistic function of
score, reading and size, fitted on held-out pictures, says more than any of them. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_lpr.records import Detection, Reading

LIMIT = 1e-3
"""Scores and probabilities are kept this far from 0 and 1."""
LEAST_CHARACTERS = 4
SURE_DIGITS = frozenset("23456789")
"""Digits that a reader seldom sees in a word; 0 and 1 it does."""
LEGIBLE_PX, ILLEGIBLE_PX = 64.0, 20.0
"""Widths of a plate in the picture at which its reading counts fully, and not at all."""


@dataclass(frozen=True)
class Verifier:
    """P(plate) = 1 / (1 + exp(-(score_weight logit(score) + text_weight g + form_weight f + small_weight s + bias))).

    g is the geometric mean of the reading's character probabilities, 0 when nothing is read; f is 1 where the text has
    the form of a plate's (`plate_like`), else 0; s goes from 0 for a plate wide enough to be read to 1 for one too
    small (`smallness`), for which g and f are not held against it. A plate has P >= `threshold`.
    """

    score_weight: float
    text_weight: float
    bias: float
    threshold: float
    form_weight: float = 0.0
    small_weight: float = 0.0

    @classmethod
    def from_card(cls, parameters: Mapping[str, float], threshold: float) -> Verifier | None:
        """The detector card's verifier; None for a card without one (NVIDIA's)."""
        if "verify_score" not in parameters:
            return None
        return cls(parameters["verify_score"], parameters["verify_text"], parameters["verify_bias"], threshold,
                   parameters.get("verify_form", 0.0), parameters.get("verify_small", 0.0))

    @property
    def floor(self) -> float:
        """The lowest score at which a detection still is a plate, whatever its size and reading."""
        best = max(self.text_weight + self.form_weight, self.small_weight)
        needed = (_logit(self.threshold) - self.bias - best) / self.score_weight
        return 1.0 / (1.0 + math.exp(-needed))

    def probability(self, detection: Detection, reading: Reading) -> float:
        """P(plate), 0..1."""
        text, form, small = evidence(detection, reading)
        weighed = self.score_weight * _logit(detection.score) + self.text_weight * text + self.form_weight * form
        return 1.0 / (1.0 + math.exp(-weighed - self.small_weight * small - self.bias))

    def judge(self, detection: Detection, reading: Reading) -> Detection | None:
        """The detection with P(plate) as its score, or None when it is none."""
        probability = self.probability(detection, reading)
        return replace(detection, score=probability) if probability >= self.threshold else None


def evidence(detection: Detection, reading: Reading) -> tuple[float, float, float]:
    """What the verifier weighs beside the score, each 0..1: legibility, form and smallness."""
    small = smallness(detection)
    return (1 - small) * legibility(reading), (1 - small) * plate_like(reading), small


def smallness(detection: Detection) -> float:
    """0 for a plate of `LEGIBLE_PX` pixels or wider, 1 for one of `ILLEGIBLE_PX` or narrower."""
    return min(1.0, max(0.0, (LEGIBLE_PX - detection.box[2]) / (LEGIBLE_PX - ILLEGIBLE_PX)))


def legibility(reading: Reading) -> float:
    """Geometric mean of the characters' probabilities, 0..1; 0 when nothing is read."""
    if not reading.char_probs:
        return 0.0
    return math.exp(sum(math.log(max(p, LIMIT)) for p in reading.char_probs) / len(reading.char_probs))


def plate_like(reading: Reading) -> bool:
    """Whether the text is long enough for a plate and has a digit, as all but personal plates have."""
    return len(reading.text) >= LEAST_CHARACTERS and not SURE_DIGITS.isdisjoint(reading.text)


def _logit(p: float) -> float:
    clipped = min(max(p, LIMIT), 1.0 - LIMIT)
    return math.log(clipped / (1.0 - clipped))
