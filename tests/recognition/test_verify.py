"""The verifier: score and legibility together decide what is a plate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_lpr.recognition.verify import Verifier, legibility, plate_like, smallness
from edge_lpr.records import Detection, Reading

VERIFIER = Verifier(score_weight=3.0, text_weight=4.0, bias=-2.5, threshold=0.5)
CLEAR = Reading("AB123", 0.9, (0.99,) * 5)
NOTHING = Reading("", 0.0, ())


def detection(score: float, wide: float = 90.0) -> Detection:
    return Detection(np.array([[0, 0], [wide, 0], [wide, 20], [0, 20]], np.float32), score)


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
    assert judged.score == pytest.approx(VERIFIER.probability(detection(0.8), CLEAR))


def test_nothing_below_the_floor_can_pass() -> None:
    sure = Reading("A", 1.0, (1.0,))
    assert VERIFIER.judge(detection(VERIFIER.floor - 0.01), sure) is None
    assert VERIFIER.judge(detection(VERIFIER.floor + 0.01), sure) is not None


def test_legibility_is_the_geometric_mean_and_nothing_is_not_legible() -> None:
    assert legibility(Reading("AB", 0.5, (0.25, 1.0))) == pytest.approx(0.5)
    assert legibility(NOTHING) == 0.0


def test_a_word_needs_a_better_score_than_a_plates_text() -> None:
    strict = replace(VERIFIER, form_weight=2.0)
    word = Reading("TRUCK", 0.9, (0.99,) * 5)
    assert strict.probability(detection(0.5), word) < strict.probability(detection(0.5), CLEAR)
    assert not plate_like(word)
    assert not plate_like(Reading("DAYLAB0R", 0.9, (0.9,) * 8))  # an O of a word, taken for a zero
    assert not plate_like(Reading("45", 0.9, (0.9,) * 2))
    assert plate_like(CLEAR)


def test_what_is_too_small_to_read_needs_no_characters() -> None:
    lenient = replace(VERIFIER, form_weight=2.0, small_weight=5.0)
    assert lenient.judge(detection(0.5, wide=20.0), NOTHING) is not None
    assert lenient.judge(detection(0.5, wide=70.0), NOTHING) is None
    assert [smallness(detection(0.5, wide)) for wide in (10.0, 42.0, 300.0)] == [1.0, pytest.approx(0.5), 0.0]


def test_a_card_without_weights_has_no_verifier() -> None:
    assert Verifier.from_card({"threshold": 0.3}, 0.3) is None
