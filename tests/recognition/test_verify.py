"""The verifier: score and legibility together decide what is a plate."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.recognition.verify import Verifier, legibility
from edge_lpr.records import Detection, Reading

VERIFIER = Verifier(score_weight=3.0, text_weight=4.0, bias=-2.5, threshold=0.5)
CLEAR = Reading("AB123", 0.9, (0.99,) * 5)
NOTHING = Reading("", 0.0, ())


def detection(score: float) -> Detection:
    return Detection(np.array([[0, 0], [40, 0], [40, 10], [0, 10]], np.float32), score)


@pytest.mark.parametrize(("score", "reading", "passes"), [
    (0.45, CLEAR, True),
    (0.45, NOTHING, False),
    (0.9, NOTHING, True),
    (0.2, CLEAR, False),
])
def test_a_doubtful_detection_needs_characters(score: float, reading: Reading, passes: bool) -> None:
    assert (VERIFIER.judge(detection(score), reading) is not None) is passes


def test_the_score_becomes_the_probability() -> None:
    judged = VERIFIER.judge(detection(0.8), CLEAR)
    assert judged is not None
    assert judged.score == pytest.approx(VERIFIER.probability(0.8, CLEAR))


def test_nothing_below_the_floor_can_pass() -> None:
    sure = Reading("A", 1.0, (1.0,))
    assert VERIFIER.judge(detection(VERIFIER.floor - 0.01), sure) is None
    assert VERIFIER.judge(detection(VERIFIER.floor + 0.01), sure) is not None


def test_legibility_is_the_geometric_mean_and_nothing_is_not_legible() -> None:
    assert legibility(Reading("AB", 0.5, (0.25, 1.0))) == pytest.approx(0.5)
    assert legibility(NOTHING) == 0.0


def test_a_card_without_weights_has_no_verifier() -> None:
    assert Verifier.from_card({"threshold": 0.3}, 0.3) is None
