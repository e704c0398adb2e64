"""What stands at each place of a text, by one frame: the other side of `text_scores`, which asks for whole texts. Pure.

Whole texts can be compared only when some frame proposed them. Place by place all 36 characters are compared at once,
also texts that no frame reads in whole; so this finds the text that the frames agree on, and how much probability is
left for all others of its length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_lpr.gate.likeness import looks_alike
from edge_lpr.gate.text_scores import (
    LEAST_SURE_CHAR,
    LOOK_ALIKE_SHARE,
    MOST_SURE_CHAR,
    OTHER_SHARE,
    Doubles,
    FrameTexts,
)
from edge_lpr.records import Reading

RUBBISH_CHAR = 0.002
"""The part of a place's probability that goes to every character alike: no frame alone rules one out."""
LEAST_SHARE = 1e-30
MOST_TEXTS = 4


def char_log_probs(frames: Sequence[FrameTexts], text: str, alphabet: str) -> Doubles:
    """Natural log-probabilities (frames, places of `text`, characters of the alphabet); remembered for a few texts."""
    lacking: dict[tuple[int, ...], list[FrameTexts]] = {}
    for frame in frames:
        if text not in frame.chars:
            if len(frame.chars) >= MOST_TEXTS:
                frame.chars.clear()
            if frame.probs is None:
                frame.chars[text] = _even(_path_chars(frame.reading, text, alphabet))
            else:
                lacking.setdefault(frame.probs.shape, []).append(frame)
    for some in lacking.values():
        stack = np.stack([frame.probs for frame in some if frame.probs is not None])
        at = align(stack, text, alphabet)
        probs = stack[np.arange(len(stack))[:, None], at, : len(alphabet)]
        for frame, places in zip(some, _even(probs), strict=True):
            frame.chars[text] = places
    return np.stack([frame.chars[text] for frame in frames])


def fuse_chars(chars: Doubles, weights: Doubles) -> Doubles:
    """The frames' weighted sum (places, characters), with the rubbish's part in each; not normalised."""
    believed = np.log((1.0 - RUBBISH_CHAR) * np.exp(chars) + RUBBISH_CHAR / chars.shape[-1])
    fused: Doubles = np.tensordot(weights, believed, 1)
    return fused


def align(probs: Doubles, text: str, alphabet: str) -> npt.NDArray[np.intp]:
    """The step at which each character of a text is likeliest along the text's best alignment, for N readings at once.

    probs (N, T, C); returns (N, len(text)). The Viterbi path through the lattice of `ctc.ctc_score`.
    """
    blank = len(alphabet)
    labels = np.full(2 * len(text) + 1, blank)
    labels[1::2] = [alphabet.index(char) for char in text]
    emit = np.log(np.maximum(probs[:, :, labels], LEAST_SHARE))
    count, steps, width = emit.shape
    skip = np.full(width, -np.inf)
    skip[2:][(labels[2:] != blank) & (labels[2:] != labels[:-2])] = 0.0
    best = np.full((count, width + 2), -np.inf)  # two places before the first, from which nothing comes
    best[:, 2:4] = emit[:, 0, :2]
    moves = np.zeros((steps, count, width), np.intp)
    reach = np.empty((3, count, width))
    for at in range(1, steps):
        reach[0], reach[1] = best[:, 2:], best[:, 1:-1]
        np.add(best[:, :-2], skip, out=reach[2])
        reach.argmax(axis=0, out=moves[at])
        np.add(reach.max(axis=0), emit[:, at], out=best[:, 2:])
    best = best[:, 2:]
    rows = np.arange(count)
    place = width - 1 - (best[:, -2] > best[:, -1]).astype(np.intp) if width > 1 else np.zeros(count, np.intp)
    path = np.empty((steps, count), np.intp)
    for at in range(steps - 1, -1, -1):
        path[at] = place
        place = place - moves[at, rows, place]
    visited = np.where(path.T[:, :, None] == np.arange(1, width, 2), emit[:, :, 1::2], -np.inf)
    likeliest: npt.NDArray[np.intp] = visited.argmax(axis=1)
    return likeliest


def _path_chars(reading: Reading, text: str, alphabet: str) -> Doubles:
    """Probabilities (places, characters) from a best path; of a text of another length it says nothing."""
    probs = np.ones((len(text), len(alphabet)))
    if len(text) == len(reading.text) == len(reading.char_probs):
        for place, char, prob in zip(probs, reading.text, reading.char_probs, strict=True):
            sure = min(MOST_SURE_CHAR, max(LEAST_SURE_CHAR, prob))
            place[:] = [
                sure if one == char else (1 - sure) * (LOOK_ALIKE_SHARE if looks_alike(char, one) else OTHER_SHARE)
                for one in alphabet
            ]
    return probs


def _even(probs: Doubles) -> Doubles:
    """Logarithms, normalised over the characters."""
    shares = probs / np.maximum(probs.sum(axis=-1, keepdims=True), 1e-300)
    evened: Doubles = np.log(np.maximum(shares, LEAST_SHARE))
    return evened
