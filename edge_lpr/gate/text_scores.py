"""How probable a text is in one frame, by the reader's log-probabilities or, without them, by its best path. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_lpr.gate.likeness import looks_alike
from edge_lpr.recognition import ctc
from edge_lpr.records import Reading

Doubles = npt.NDArray[np.float64]

RESCALE_STEPS = 4
"""So many steps' products stay far from the least double, as long as no class is below 1e-70."""
BEAM = 6
"""Texts that one frame proposes: the right one is among them, or other frames propose it."""
BEAM_CLASS_FLOOR = 2e-3
SURE_PATH = math.log(0.98)
"""A best path above this probability proposes nothing else."""
LEAST_PROPOSED = math.log(1e-4)
"""A text this much less probable than the frame's best is not proposed."""

MOST_SURE_CHAR, LEAST_SURE_CHAR = 0.98, 0.05
"""Without log-probabilities no character is taken for surer: a reader of paths knows no doubt of its own."""
LOOK_ALIKE_SHARE = 0.25
"""Of the doubt about a character, the part that goes to one that looks like it."""
OTHER_SHARE = 1.0 / 35.0
EXTRA_CHAR = math.log(0.01)
MISSED_CHAR = math.log(0.005)


class FrameTexts:
    """What one frame says of texts: which it proposes, and the log-probability of each that was asked for."""

    def __init__(self, reading: Reading, alphabet: str) -> None:
        self.reading = reading
        self.proposed: tuple[str, ...] = _proposed(reading, alphabet)
        self.probs: Doubles | None = None
        """The steps' probabilities (T, C), of a reader that gives them."""
        if reading.log_probs is not None:
            self.probs = np.exp(reading.log_probs.astype(np.float64))
        self.log_probs: dict[str, float] = {}
        self.chars: dict[str, Doubles] = {}
        """Text -> what stands at each of its places, by `char_scores.char_log_probs`."""


def score_frames(frames: Sequence[FrameTexts], texts: Sequence[str], alphabet: str) -> Doubles:
    """Natural log-probabilities (frames, texts); what was asked before is remembered. Characters that the alphabet
    lacks make a text impossible: -inf."""
    missing: dict[tuple[tuple[int, ...], tuple[str, ...]], list[FrameTexts]] = {}
    for frame in frames:
        lacking = tuple(text for text in texts if text not in frame.log_probs)
        if lacking and frame.probs is not None:
            missing.setdefault((frame.probs.shape, lacking), []).append(frame)
        for text in lacking if frame.probs is None else ():
            frame.log_probs[text] = path_log_prob(frame.reading, text)
    for (_, lacking), some in missing.items():
        stack = np.stack([frame.probs for frame in some if frame.probs is not None])
        for frame, scores in zip(some, ctc_scores(stack, lacking, alphabet), strict=True):
            frame.log_probs.update(zip(lacking, scores.tolist(), strict=True))
    return np.array([[frame.log_probs[text] for text in texts] for frame in frames], np.float64)


def ctc_scores(probs: Doubles, texts: Sequence[str], alphabet: str) -> Doubles:
    """`ctc.ctc_score` of N readings' probabilities (N, T, C) and S texts at once: natural logarithms (N, S). The same
    forward recursion, with short texts padded by labels that no path to their end visits."""
    blank = len(alphabet)
    known = [all(char in alphabet for char in text) for text in texts]
    longest = max((len(text) for text in texts), default=0)
    labels = np.full((len(texts), 2 * longest + 1), blank)
    ends = np.array([2 * len(text) for text in texts], np.intp)
    for at, text in enumerate(texts):
        if known[at]:
            labels[at, 1 : 2 * len(text) : 2] = [alphabet.index(char) for char in text]
    may_skip = np.zeros(labels.shape)
    may_skip[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    emit = np.ascontiguousarray(probs[:, :, labels].swapaxes(0, 1))
    forward = np.zeros((len(probs), len(texts), labels.shape[1] + 2))  # two places before the first: always 0
    here, skipped = forward[..., 2:], np.empty(emit.shape[1:])
    here[..., :2] = emit[0, ..., :2]
    log_scale = np.zeros(emit.shape[1:3])
    for at in range(1, len(emit)):
        np.multiply(forward[..., :-2], may_skip, out=skipped)
        skipped += forward[..., 1:-1]
        here += skipped
        here *= emit[at]
        if at % RESCALE_STEPS == 0:
            total = np.maximum(here.sum(axis=2), 1e-300)
            here /= total[..., None]
            log_scale += np.log(total)
    forward = here
    rows = np.arange(len(texts))
    end = forward[:, rows, ends] + np.where(ends > 0, forward[:, rows, np.maximum(ends - 1, 0)], 0.0)
    with np.errstate(divide="ignore"):
        scores: Doubles = np.where(known, np.log(end) + log_scale, -np.inf)
    return scores


def path_log_prob(reading: Reading, text: str) -> float:
    """The log-probability of a text by the best alignment with the best path's characters and their probabilities.

    A kept character counts its probability, a swapped one a share of its doubt.
    """
    row = [EXTRA_CHAR * at for at in range(len(text) + 1)]
    for char, prob in zip(reading.text, reading.char_probs, strict=False):
        sure = min(MOST_SURE_CHAR, max(LEAST_SURE_CHAR, prob))
        kept, doubt = math.log(sure), math.log(1.0 - sure)
        before, row[0] = row[0], row[0] + MISSED_CHAR
        for at, wanted in enumerate(text, 1):
            share = LOOK_ALIKE_SHARE if looks_alike(char, wanted) else OTHER_SHARE
            swap = before + (kept if char == wanted else doubt + math.log(share))
            before = row[at]
            row[at] = max(swap, row[at] + MISSED_CHAR, row[at - 1] + EXTRA_CHAR)
    return row[-1]


def _proposed(reading: Reading, alphabet: str) -> tuple[str, ...]:
    """The reading's own text first, then what the beam search finds beside it."""
    steps = reading.log_probs
    if steps is None or float(steps.max(axis=1).sum()) >= SURE_PATH:
        return (reading.text,)
    found = ctc.best_texts(steps, alphabet, BEAM, class_floor=BEAM_CLASS_FLOOR)
    least = found[0].log_prob + LEAST_PROPOSED if found else 0.0
    others = [one.text for one in found if one.log_prob >= least and one.text and one.text != reading.text]
    return (reading.text, *others)
