"""How much each frame of an arrival counts as a witness. Pure.

    w_i = q_i d_i        d_i = 1 / sum_j r_ij min(1, q_j / q_i)

q_i is how much one frame says: its clarity, times the confidence that the reader has in it. Where most frames are
hardly legible, their doubts lean all the same way (blurred strokes run together), and many of them would outvote the
few that can be read; the reader knows which these are. d_i counts a frame by how many others are like it, as sequences
are weighted in a family of near copies (Henikoff 1994): r_ij falls with the time between i and j, and with the change
of the plate's size and place, for a standing car shows the same glare a hundred times. A worse copy takes little from a
better one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_lpr.gate.clarity import clarity
from edge_lpr.gate.text_scores import Doubles
from edge_lpr.records import Sighting

VIEW_WIDTHS, VIEW_GROWTH = 0.5, 0.15
"""A plate that moved half its width, or grew by a sixth, is seen differently to 1/e."""
LEAST_TRUST = 1e-3
"""Confidences below this are all alike: nothing was read."""


@dataclass(frozen=True)
class WitnessOptions:
    """Frames `same_moment_s` apart are copies to 1/e; frames with the same view share at least `same_view` however far
    apart, and all frames of a plate, with its dirt and its font, `same_plate`; together they count as at most
    `most_frames`. `trust` is the power of the reader's confidence in a frame's weight."""

    same_moment_s: float = 0.08
    same_view: float = 0.35
    same_plate: float = 0.2
    most_frames: float = 5.0
    trust: float = 1.0


def frame_weights(sightings: Sequence[Sighting], options: WitnessOptions = WitnessOptions()) -> Doubles:
    """How much each sighting counts, float64 (N,); their sum, 1 to `most_frames`, is the effective number of frames."""
    trust = np.array([max(LEAST_TRUST, one.reading.confidence) for one in sightings]) ** options.trust
    says = np.array([clarity(one) for one in sightings]) * trust
    says /= says.max()
    others = _alike(sightings, options) * np.minimum(1.0, says[None] / says[:, None])
    weights: Doubles = says / others.sum(axis=1)
    total = float(weights.sum())
    return weights * (min(options.most_frames, max(1.0, total)) / total)


def _alike(sightings: Sequence[Sighting], options: WitnessOptions) -> Doubles:
    """How much each two sightings (N, N) show the same, 0 to 1; 1 with itself."""
    at_s = np.array([one.captured_at_s for one in sightings])
    corners = np.stack([one.crop.detection.corners.astype(np.float64) for one in sightings])
    centres = corners.mean(axis=1)
    sizes = np.maximum(1.0, np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1))
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2) / np.maximum(sizes[:, None], sizes[None])
    grown = np.abs(np.log(sizes[:, None] / sizes[None]))
    view = options.same_view * np.exp(-apart / VIEW_WIDTHS - grown / VIEW_GROWTH)
    moment = np.exp(-np.abs(at_s[:, None] - at_s[None]) / options.same_moment_s)
    alike: Doubles = np.maximum(np.maximum(moment, view), options.same_plate)
    np.fill_diagonal(alike, 1.0)
    return alike
