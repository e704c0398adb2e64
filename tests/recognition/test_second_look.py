"""The second look: views of the crop's own size, texts weighed in all of them, taken only where it is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_lpr.networks.card import ALPHABET_36, ModelCard
from edge_lpr.recognition.read import PlateReader, ReaderOptions
from edge_lpr.recognition.second_look import joint_score, other_views
from edge_lpr.records import Floats, Pixels

BLANK = len(ALPHABET_36)


def steps_of(chars: str, sureness: float, other: str = "") -> np.ndarray:
    """Log-probabilities (6, 37) that read `chars` with `sureness` a character, `other` with nearly all of the rest."""
    probs = np.full((6, BLANK + 1), 1e-5)
    probs[:, BLANK] = 1.0
    for at, char in enumerate(chars):
        probs[2 * at] = 1e-5
        probs[2 * at, ALPHABET_36.index(char)] = sureness
        if other:
            probs[2 * at, ALPHABET_36.index(other[at])] += 1 - sureness
    return np.log(probs / probs.sum(axis=1, keepdims=True))


def test_views_keep_the_size_and_show_more() -> None:
    rng = np.random.default_rng(0)
    crop = rng.integers(90, 130, (40, 120, 3), dtype=np.uint8)
    views = other_views(crop)
    assert [view.shape for view in views] == [crop.shape] * 3
    assert views[0].min() == 0 and views[0].max() == 255, "dim crops are stretched to the full range"
    marked = np.zeros((40, 120, 3), np.uint8)
    marked[18:22, 20:24] = 255
    place = [float(np.nonzero(view[..., 0] > 127)[1].mean()) for view in other_views(marked)[1:]]
    assert place[0] < 21.5 < place[1], "tighter moves outwards, wider inwards"


def test_an_even_crop_is_not_blown_up_to_noise() -> None:
    crop = np.full((30, 90, 3), 100, np.uint8)
    crop[::2] = 101
    assert np.ptp(other_views(crop)[0].astype(int)) <= 13


def test_one_view_is_the_exact_score_and_several_lie_between_the_means() -> None:
    sure, unsure = steps_of("AB7", 0.99), steps_of("AB7", 0.4, "XY1")
    probabilities = [math.exp(joint_score([view], "AB7", ALPHABET_36)) for view in (sure, unsure)]
    joint = math.exp(joint_score([sure, unsure], "AB7", ALPHABET_36))
    assert math.sqrt(probabilities[0] * probabilities[1]) < joint < sum(probabilities) / 2


class Scripted:
    """A reader's network: plain crops read one text, every further view another; counts its runs."""

    flexible = False

    def __init__(self, card: ModelCard, first: np.ndarray, others: np.ndarray) -> None:
        self.card, self.first, self.others = card, first, others
        self.batches: list[int] = []

    def run(self, batch: Floats) -> dict[str, np.ndarray]:
        self.batches.append(len(batch))
        rows = [self.first] + [self.others] * (len(batch) - 1)
        return {"log_probs": np.array(rows[: len(batch)], np.float32)}


@pytest.fixture
def card(tmp_path: Path, make_reader: Callable[..., ModelCard]) -> ModelCard:
    return make_reader(tmp_path / "lprnet", "AB7")


def crop() -> Pixels:
    return np.full((30, 120, 3), 90, np.uint8)


def test_views_that_agree_outvote_an_unsure_first_reading(card: ModelCard) -> None:
    network = Scripted(card, steps_of("AB7", 0.55, "XB7"), steps_of("XB7", 0.9, "AB7"))
    reader = PlateReader(network)
    first = reader.read([crop()])[0]
    assert first.text == "AB7"
    second = reader.read_closely(crop(), first)
    assert second.text == "XB7" and network.batches == [1, 4]
    assert len(second.char_probs) == 3 and min(second.char_probs) > 0.5


def test_the_probability_of_a_second_look_is_a_share_of_what_the_views_say(card: ModelCard) -> None:
    """The views disagree on what the first character is, and nothing else is likely: a half each, not two fifths."""
    network = Scripted(card, steps_of("AB7", 0.75, "XB7"), steps_of("XB7", 0.75, "AB7"))
    reader = PlateReader(network)
    views = [steps_of("AB7", 0.75, "XB7")] + 3 * [steps_of("XB7", 0.75, "AB7")]
    scores = {text: math.exp(joint_score(views, text, ALPHABET_36)) for text in ("AB7", "XB7")}
    assert sum(scores.values()) < 0.97, "what the shares are taken of"
    second = reader.read_closely(crop(), reader.read([crop()])[0])
    assert second.text == "XB7"
    assert second.confidence == pytest.approx(scores["XB7"] / sum(scores.values()), abs=0.01)


def test_of_two_texts_the_enabled_countrys_is_nearly_sure_when_the_other_cannot_be(card: ModelCard) -> None:
    """No German plate begins with a digit: what the views say for 7B7 counts a hundredth."""
    reader = PlateReader(Scripted(card, steps_of("AB7", 0.6, "7B7"), steps_of("7B7", 0.6, "AB7")), ["de"])
    second = reader.read_closely(crop(), reader.read([crop()])[0], rows=[1])
    assert second.text == "AB7" and 0.97 < second.confidence <= 1.0


def test_a_sure_reading_is_kept_without_another_run(card: ModelCard) -> None:
    network = Scripted(card, steps_of("AB7", 0.9999), steps_of("XB7", 0.9999))
    reader = PlateReader(network, options=ReaderOptions(sure=0.9))
    first = reader.read([crop()])[0]
    assert reader.read_closely(crop(), first) is first and network.batches == [1]
