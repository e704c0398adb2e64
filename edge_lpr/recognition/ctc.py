"""CTC: from a reader's steps to a text and its probability. Pure numpy.

Graves et al. 2006, "Connectionist temporal classification", gives the collapse and the forward sum; the prefix beam
search is that of Hannun et al. 2014 (arXiv:1408.2873) without a language model. Everywhere `log_probs` is (T, C), the
natural logarithms of C class probabilities at T steps, and the last class is the blank; `alphabet` has C - 1
characters. Probabilities inside run in double precision and are rescaled at each step, so nothing underflows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_lpr.records import Floats

CLASS_FLOOR = 1e-4
"""A class below this probability opens no new prefix at a step: with 36 steps the loss is under 0.4 %."""

MOST_OPENINGS = 10
"""Classes that may open a new prefix at one step, best first: bounds the time on a crop that is no plate."""

PREFIX_SHARE = 0.1
"""A prefix below this share of the class floor, beside the best prefix, is dropped even where the beam has room."""


class Grammar(Protocol):
    """An automaton over characters; `plate_format.compile_grammar` makes one. States are hashable and cheap."""

    def start(self) -> Any:
        """The state before the first character."""

    def step(self, state: Any, char: str) -> Any:
        """The state after one more character; falsy when no text goes on like this."""

    def accepts(self, state: Any) -> bool:
        """True when a whole text may end here."""

    def countries(self, state: Any) -> tuple[str, ...]:
        """The countries that accept the text that led here."""


@dataclass(frozen=True)
class Candidate:
    """One text and the natural logarithm of its probability, summed over the alignments that the search kept."""

    text: str
    log_prob: float


def soften(log_probs: Floats, temperature: float) -> npt.NDArray[np.float64]:
    """Divide by the temperature and normalise each step again; any leading axes before (T, C)."""
    scaled: npt.NDArray[np.float64] = log_probs.astype(np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    scaled -= np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    return scaled


def collapse(classes: Sequence[int], probs: Sequence[float], alphabet: str) -> tuple[str, tuple[float, ...]]:
    """The text of a best path, and for each character the highest probability of its run of steps."""
    blank = len(alphabet)
    text: list[str] = []
    char_probs: list[float] = []
    previous = blank
    for label, prob in zip(classes, probs, strict=True):
        if label != blank and label == previous:
            char_probs[-1] = max(char_probs[-1], float(prob))
        elif label != blank:
            text.append(alphabet[label])
            char_probs.append(float(prob))
        previous = label
    return "".join(text), tuple(char_probs)


def collapse_first(classes: Sequence[int], probs: Sequence[float], alphabet: str) -> tuple[str, tuple[float, ...]]:
    """As `collapse`, with the probability at the first step of each run (NVIDIA's LPRNet parser does so)."""
    blank = len(alphabet)
    starts = [
        at for at, label in enumerate(classes) if label != blank and (at == 0 or label != classes[at - 1])
    ]
    return "".join(alphabet[classes[at]] for at in starts), tuple(float(probs[at]) for at in starts)


def greedy(log_probs: npt.NDArray[np.floating[Any]], alphabet: str) -> tuple[str, tuple[float, ...], float]:
    """The best path's text, the probability of each character, and the path's log-probability."""
    classes = log_probs.argmax(axis=1)
    best = log_probs.max(axis=1)
    text, char_probs = collapse(classes.tolist(), np.exp(best).tolist(), alphabet)
    return text, char_probs, float(best.sum())


def ctc_score(log_probs: npt.NDArray[np.floating[Any]], text: str, alphabet: str) -> float:
    """The exact log-probability of a text, summed over all its alignments; -inf when it cannot be aligned.

    The forward recursion over the text with blanks between and around (Graves et al. 2006, equations 5 to 8).
    """
    blank = len(alphabet)
    labels = np.full(2 * len(text) + 1, blank)
    labels[1::2] = [alphabet.index(char) for char in text]
    emit = np.exp(log_probs.astype(np.float64))[:, labels]
    may_skip = np.zeros(len(labels))
    may_skip[2:] = (labels[2:] != blank) & (labels[2:] != labels[:-2])
    forward = np.zeros(len(labels))
    forward[:2] = emit[0, :2]
    log_scale = 0.0
    for step in emit[1:]:
        reach = forward.copy()
        reach[1:] += forward[:-1]
        reach[2:] += forward[:-2] * may_skip[2:]
        forward = reach * step
        total = float(forward.sum())
        if total <= 0.0:
            return -math.inf
        forward /= total
        log_scale += math.log(total)
    end = float(forward[-2:].sum())
    return math.log(end) + log_scale if end > 0.0 else -math.inf


def aligned_probs(log_probs: npt.NDArray[np.floating[Any]], text: str, alphabet: str) -> tuple[float, ...]:
    """For each character of a text the highest probability of its run of steps, along the text's best alignment.

    The Viterbi path through the lattice of `ctc_score`; zeros when the text cannot be aligned.
    """
    blank = len(alphabet)
    labels = np.full(2 * len(text) + 1, blank)
    labels[1::2] = [alphabet.index(char) for char in text]
    emit = log_probs.astype(np.float64)[:, labels]
    no_skip = np.full(len(labels), -np.inf)
    no_skip[2:][(labels[2:] != blank) & (labels[2:] != labels[:-2])] = 0.0
    best = np.full(len(labels), -np.inf)
    best[:2] = emit[0, :2]
    moves = np.zeros(emit.shape, np.intp)
    for at in range(1, len(emit)):
        reach = np.full((3, len(labels)), -np.inf)
        reach[0] = best
        reach[1, 1:] = best[:-1]
        reach[2, 2:] = best[:-2] + no_skip[2:]
        moves[at] = reach.argmax(axis=0)
        best = reach.max(axis=0) + emit[at]
    probs = [0.0] * len(text)
    place = len(labels) - 1 - int(len(text) > 0 and best[-2] > best[-1])
    if best[place] == -np.inf:
        return tuple(probs)
    for at in range(len(emit) - 1, -1, -1):
        if place % 2:
            probs[place // 2] = max(probs[place // 2], float(np.exp(emit[at, place])))
        place -= int(moves[at, place])
    return tuple(probs)


def best_texts(
    log_probs: npt.NDArray[np.floating[Any]],
    alphabet: str,
    width: int = 12,
    grammar: Grammar | None = None,
    class_floor: float = CLASS_FLOOR,
) -> tuple[Candidate, ...]:
    """Prefix beam search: up to `width` texts, likeliest first.

    With a grammar only prefixes that it allows are kept, at each step, and only texts that it accepts come back: the
    answer may be empty. Each step looks at the classes above `class_floor` and at repeats of a prefix's last class.
    """
    blank = len(alphabet)
    states: dict[str, Any] = {"": grammar.start()} if grammar else {}
    beam: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}  # prefix -> (ending in blank, ending in its last class)
    log_scale = 0.0
    index = {char: at for at, char in enumerate(alphabet)}
    for step in np.exp(log_probs.astype(np.float64)).tolist():
        openings = [(alphabet[at], prob) for at, prob in enumerate(step[:blank]) if prob > class_floor]
        if len(openings) > 1:
            openings = sorted(openings, key=lambda opening: -opening[1])[:MOST_OPENINGS]
        grown = _extend(beam, step, openings, index, class_floor * PREFIX_SHARE)
        if grammar:
            grown = {prefix: pair for prefix, pair in grown.items() if _allowed(prefix, grammar, states)}
        beam, log_total = _keep_best(grown, width, class_floor * PREFIX_SHARE)
        if not beam:
            return ()
        log_scale += log_total
    return tuple(
        Candidate(prefix, math.log(with_blank + with_char) + log_scale)
        for prefix, (with_blank, with_char) in beam.items()
        if grammar is None or grammar.accepts(states[prefix])
    )


def _extend(
    beam: dict[str, tuple[float, float]],
    step: Sequence[float],
    openings: Sequence[tuple[str, float]],
    index: dict[str, int],
    floor: float,
) -> dict[str, tuple[float, float]]:
    """Every prefix kept, repeated or grown by one of `openings` (likeliest first), with its two probabilities after
    this step; growth that adds less than `floor` is left out."""
    blank_prob = step[len(index)]
    grown: dict[str, tuple[float, float]] = {}
    for prefix, (with_blank, with_char) in beam.items():
        total = with_blank + with_char
        last = prefix[-1:]
        before = grown.get(prefix, (0.0, 0.0))
        repeated = with_char * step[index[last]] if last else 0.0
        grown[prefix] = (before[0] + total * blank_prob, before[1] + repeated)
        for char, prob in openings:
            if total * prob < floor:
                break
            longer = prefix + char
            before = grown.get(longer, (0.0, 0.0))
            grown[longer] = (before[0], before[1] + (with_blank if char == last else total) * prob)
    return grown


def _allowed(prefix: str, grammar: Grammar, states: dict[str, Any]) -> bool:
    """Whether the grammar goes on from `prefix`; its state is remembered in `states`."""
    if prefix not in states:
        before = states[prefix[:-1]]
        states[prefix] = grammar.step(before, prefix[-1]) if before else before
    return bool(states[prefix]) or not prefix


def _keep_best(
    grown: dict[str, tuple[float, float]], width: int, share: float
) -> tuple[dict[str, tuple[float, float]], float]:
    """The `width` likeliest prefixes, likeliest first, rescaled so that the best is 1; and the scale's logarithm."""
    if len(grown) == 1:
        ranked = list(grown.items())
    else:
        ranked = sorted(grown.items(), key=lambda entry: -(entry[1][0] + entry[1][1]))[:width]
    best = ranked[0][1][0] + ranked[0][1][1] if ranked else 0.0
    if best <= 0.0:
        return {}, -math.inf
    floor = best * share
    kept = {prefix: (pair[0] / best, pair[1] / best) for prefix, pair in ranked if pair[0] + pair[1] > floor}
    return kept, math.log(best)
