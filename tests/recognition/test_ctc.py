"""CTC decoding against sums over every alignment, and against a grammar that can be counted by hand."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest

from edge_lpr.networks.card import ALPHABET_36
from edge_lpr.recognition import ctc


def every_text(log_probs, alphabet):
    """Text -> probability, by summing over all C ** T paths."""
    totals: dict[str, float] = {}
    for path in itertools.product(range(len(alphabet) + 1), repeat=len(log_probs)):
        text, _ = ctc.collapse(path, [1.0] * len(path), alphabet)
        prob = math.exp(sum(log_probs[at, label] for at, label in enumerate(path)))
        totals[text] = totals.get(text, 0.0) + prob
    return totals


def random_steps(seed, steps=5, classes=4, sharpness=1.5):
    logits = np.random.default_rng(seed).normal(size=(steps, classes)) * sharpness
    return ctc.soften(logits.astype(np.float32), 1.0)


class Pattern:
    """A grammar of one pattern: L a letter, D a digit."""

    def __init__(self, pattern):
        self.pattern = pattern

    def start(self):
        return 1

    def step(self, state, char):
        fits = state <= len(self.pattern) and char.isdigit() == (self.pattern[state - 1] == "D")
        return state + 1 if fits else 0

    def accepts(self, state):
        return state == len(self.pattern) + 1

    def countries(self, state):
        return ("XX",) if self.accepts(state) else ()


@pytest.mark.parametrize("seed", range(6))
def test_score_is_the_sum_over_all_alignments(seed):
    log_probs = random_steps(seed)
    totals = every_text(log_probs, "ABC")
    assert sum(totals.values()) == pytest.approx(1.0)
    for text, prob in totals.items():
        assert math.exp(ctc.ctc_score(log_probs, text, "ABC")) == pytest.approx(prob, rel=1e-9), text


@pytest.mark.parametrize("seed", range(12))
def test_beam_finds_the_likeliest_text(seed):
    log_probs = random_steps(seed, steps=6, sharpness=1.0)
    totals = every_text(log_probs, "ABC")
    best = max(totals, key=lambda text: totals[text])
    found = ctc.best_texts(log_probs, "ABC", width=64)
    assert found[0].text == best
    assert math.exp(found[0].log_prob) == pytest.approx(totals[best], rel=1e-3)


def test_the_beam_sums_alignments_where_the_best_path_does_not():
    step = np.log([0.4, 1e-9, 0.6 - 1e-9])
    log_probs = np.stack([step, step])
    assert ctc.greedy(log_probs, "AB")[0] == ""
    assert ctc.best_texts(log_probs, "AB")[0].text == "A"


def test_score_of_a_text_longer_than_the_steps_is_impossible():
    log_probs = random_steps(0)
    assert ctc.ctc_score(log_probs, "ABCABC", "ABC") == -math.inf
    assert ctc.ctc_score(log_probs, "AAAA", "ABC") == -math.inf  # needs a blank between equal characters


def test_nothing_underflows_over_long_unlikely_texts(make_steps):
    log_probs = make_steps("A" * 10, sureness=0.9999999)
    score = ctc.ctc_score(log_probs, "B" * 10, ALPHABET_36)
    assert -2000 < score < -100


@pytest.mark.parametrize(
    ("path", "text"),
    [("--A-A--", "AA"), ("AAB-B", "ABB"), ("-------", ""), ("A", "A"), ("AB", "AB")],
)
def test_collapse(path, text):
    classes = ["AB-".index(mark) for mark in path]
    probs = [0.5 + 0.01 * at for at in range(len(path))]
    assert ctc.collapse(classes, probs, "AB")[0] == text
    assert ctc.collapse_first(classes, probs, "AB")[0] == text


def test_char_probs_of_a_run():
    classes, probs = [0, 0, 2, 1], [0.6, 0.9, 1.0, 0.7]
    assert ctc.collapse(classes, probs, "AB")[1] == (0.9, 0.7)
    assert ctc.collapse_first(classes, probs, "AB")[1] == (0.6, 0.7)


def test_grammar_decides_letter_or_digit_inside_the_beam():
    """O and 0 both stand at each step: the pattern picks by position, without a rewrite."""
    alphabet = "O0"
    likely_o = np.log([0.7, 0.29, 0.01])
    blank = np.log([0.005, 0.005, 0.99])
    log_probs = np.stack([likely_o, blank, likely_o])
    assert ctc.best_texts(log_probs, alphabet)[0].text == "OO"
    found = ctc.best_texts(log_probs, alphabet, grammar=Pattern("LD"))
    assert [one.text for one in found] == ["O0"]
    # the beam leaves out classes under its floor, hence the tolerance
    assert found[0].log_prob == pytest.approx(ctc.ctc_score(log_probs, "O0", alphabet), abs=0.02)


def test_no_text_of_the_grammar_gives_nothing(make_steps):
    assert ctc.best_texts(make_steps("AB"), ALPHABET_36, grammar=Pattern("D")) == ()


def test_soften_keeps_each_step_normalised_and_flattens():
    log_probs = random_steps(1)
    soft = ctc.soften(log_probs, 2.0)
    assert np.exp(soft).sum(axis=-1) == pytest.approx(np.ones(len(soft)))
    assert (soft.max(axis=-1) < log_probs.max(axis=-1)).all()
    assert ctc.soften(log_probs, 1.0) == pytest.approx(log_probs)


@pytest.mark.parametrize("text", ["A", "AA", "AB12CD", "1111111"])
def test_aligned_probs_follow_the_characters(make_steps, text):
    log_probs = make_steps(text, sureness=0.9)
    assert ctc.aligned_probs(log_probs, text, ALPHABET_36) == pytest.approx([0.9] * len(text))
    weakened = log_probs.copy()
    weakened[1] = np.log(1 / 37)
    assert ctc.aligned_probs(weakened, text, ALPHABET_36)[0] == pytest.approx(1 / 37)


def test_aligned_probs_of_nothing(make_steps):
    assert ctc.aligned_probs(make_steps(""), "", ALPHABET_36) == ()
    assert ctc.aligned_probs(make_steps("A", steps=3), "ABCD", ALPHABET_36) == (0.0,) * 4


def test_a_confident_plate_is_decoded_quickly(make_steps):
    log_probs = make_steps("5A23456", sureness=0.99).astype(np.float64)
    started_s = time.process_time()
    for _ in range(20):
        ctc.best_texts(log_probs, ALPHABET_36)
    assert (time.process_time() - started_s) / 20 < 0.01
