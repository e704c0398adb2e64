"""What the reader is trained on: CTC, and at first a cross-entropy at each character's place.

CTC alone does not start: for a long time it is best to say blank everywhere. The generator knows where each character
stands, so the first part of a training names the character of the step; that fades and CTC takes over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge_lpr.training.reader_net import BLANK

IGNORED = -100
BLANK_WEIGHT = 0.4
"""Of a blank step in the cross-entropy: there are about three of them to a character."""
SHORTEST = 4
"""CTC is a sum over the text; it is shared out by length, and an empty text counts as this many characters."""


@dataclass(frozen=True)
class ReaderLossConfig:
    """Weights of the two losses."""

    framewise_until: float = 0.35
    """Share of the training at which the framewise part has faded to `framewise_floor`."""
    framewise_floor: float = 0.0
    smoothing: float = 0.02


def framewise_targets(
    classes: NDArray[np.int64], lengths: NDArray[np.int64], centres: NDArray[np.float32], steps: int
) -> NDArray[np.int64]:
    """The class of each step, int64 (N, steps): a character at its centre's step, blank between characters.

    classes (N, L), lengths (N,), centres (N, L) as shares of the width. A step beside a character's is left open
    (IGNORED) where the next character is four steps or more away. A sample whose centres are not known (NaN) is
    IGNORED at every step.
    """
    targets = np.full((len(lengths), steps), BLANK, np.int64)
    for row, length in enumerate(lengths):
        if length and np.isnan(centres[row, 0]):
            targets[row] = IGNORED
            continue
        at = np.clip((centres[row, :length] * steps).astype(int), 0, steps - 1)
        gaps = np.diff(at, prepend=-steps, append=2 * steps)
        for index, step in enumerate(at):
            if gaps[index] >= 4 and step > 0:
                targets[row, step - 1] = IGNORED
            if gaps[index + 1] >= 4 and step + 1 < steps:
                targets[row, step + 1] = IGNORED
        targets[row, at] = classes[row, :length]
    return targets


def framewise_weight(progress: float, config: ReaderLossConfig) -> float:
    """Falls from 1 to the floor as the training goes on."""
    return max(config.framewise_floor, 1.0 - progress / max(config.framewise_until, 1e-9))


def reader_loss(
    log_probs: Tensor, classes: Tensor, lengths: Tensor, targets: Tensor, weight: float, smoothing: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss and its parts. log_probs (N, T, C); classes (N, L); lengths (N,); targets (N, T); weight 0..1."""
    count, steps, _ = log_probs.shape
    spans = torch.full((count,), steps, dtype=torch.long)
    each = functional.ctc_loss(
        log_probs.transpose(0, 1), classes, spans, lengths, blank=BLANK, reduction="none", zero_infinity=True
    )
    ctc = (each / lengths.clamp(min=SHORTEST).to(each.device)).mean()
    if weight <= 0.0 or not bool((targets != IGNORED).any()):
        return ctc, {"ctc": ctc.detach()}
    balance = torch.ones(log_probs.shape[2], device=log_probs.device)
    balance[BLANK] = BLANK_WEIGHT
    framewise = functional.cross_entropy(
        log_probs.flatten(0, 1), targets.flatten(), balance, ignore_index=IGNORED, label_smoothing=smoothing
    )
    # CTC comes in as the other fades, yet never from nothing: its scale must not surprise the optimiser.
    loss = weight * framewise + (1.0 - 0.9 * weight) * ctc
    return loss, {"ctc": ctc.detach(), "framewise": framewise.detach()}
