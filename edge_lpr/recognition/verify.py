"""Whether a detection is a plate: the detector's score and what the reader makes of it, weighed together.

A fence, a window or a lamp may look like a plate to a small detector, but nobody reads characters on it; a small or
dim plate scores low, but reads well. A logistic function of both, fitted on held-out pictures, says more than either.
Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_lpr.records import Detection, Reading

LIMIT = 1e-3
"""Scores and probabilities are kept this far from 0 and 1."""


@dataclass(frozen=True)
class Verifier:
    """P(plate) = 1 / (1 + exp(-(score_weight logit(score) + text_weight g + bias))), where g is the geometric mean of
    the reading's character probabilities, 0 when nothing is read. A plate has P >= `threshold`."""

    score_weight: float
    text_weight: float
    bias: float
    threshold: float

    @classmethod
    def from_card(cls, parameters: Mapping[str, float], threshold: float) -> Verifier | None:
        """The detector card's verifier; None for a card without one (NVIDIA's)."""
        if "verify_score" not in parameters:
            return None
        return cls(parameters["verify_score"], parameters["verify_text"], parameters["verify_bias"], threshold)

    @property
    def floor(self) -> float:
        """The lowest score at which a perfectly read detection still is a plate."""
        needed = (_logit(self.threshold) - self.bias - self.text_weight) / self.score_weight
        return 1.0 / (1.0 + math.exp(-needed))

    def probability(self, score: float, reading: Reading) -> float:
        """P(plate), 0..1."""
        weighed = self.score_weight * _logit(score) + self.text_weight * legibility(reading) + self.bias
        return 1.0 / (1.0 + math.exp(-weighed))

    def judge(self, detection: Detection, reading: Reading) -> Detection | None:
        """The detection with P(plate) as its score, or None when it is none."""
        probability = self.probability(detection.score, reading)
        return replace(detection, score=probability) if probability >= self.threshold else None


def legibility(reading: Reading) -> float:
    """Geometric mean of the characters' probabilities, 0..1; 0 when nothing is read."""
    if not reading.char_probs:
        return 0.0
    return math.exp(sum(math.log(max(p, LIMIT)) for p in reading.char_probs) / len(reading.char_probs))


def _logit(p: float) -> float:
    clipped = min(max(p, LIMIT), 1.0 - LIMIT)
    return math.log(clipped / (1.0 - clipped))
