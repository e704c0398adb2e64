"""Clips made from photographs, and what fusion is compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from edge_lpr.engine_folder import engine_folder
from edge_lpr.errors import NetworkError
from edge_lpr.gate.evidence import Weigher
from edge_lpr.records import Arrival
from edge_lpr.training import drives, fusion
from edge_lpr.training.labels import PlateLabel, load_labels
from edge_lpr.training.logistic import fit_logistic
from tests.clips import LABELS
from tests.gate.evidence_cases import sighting


def photograph() -> np.ndarray:
    """Grey, with a white plate at (300, 200), 120 x 30 px."""
    pixels = np.full((480, 800, 3), 90, np.uint8)
    pixels[200:230, 300:420] = 235
    return pixels


def test_the_plate_grows_where_the_box_says() -> None:
    frames = list(drives.clip_frames(default_rng(3), photograph(), (300, 200, 120, 30)))
    widths = [box[2] for _, box in frames]
    assert len(frames) == drives.FRAMES and widths == sorted(widths)
    assert drives.FAR_PX[0] <= widths[0] <= drives.FAR_PX[1] and drives.NEAR_PX[0] <= widths[-1] <= drives.NEAR_PX[1]
    brighter = []
    for pixels, (x, y, w, h) in frames:
        assert pixels.shape == (480, 640, 3) and pixels.dtype == np.uint8 and w / h == pytest.approx(4.0)
        inside = pixels[round(y + 1) : round(y + h - 1), round(x + 2) : round(x + w - 2)].mean()
        brighter.append(inside - pixels[round(y + 2 * h) : round(y + 3 * h), round(x) : round(x + w)].mean())
    assert np.mean(np.array(brighter) > 10) > 0.9


def test_a_seed_makes_a_clip() -> None:
    one, again, other = (
        next(iter(drives.clip_frames(default_rng(seed), photograph(), (300, 200, 120, 30))))[0] for seed in (1, 1, 2)
    )
    assert (one == again).all() and (one != other).any()


@pytest.mark.parametrize(("text", "width", "usable"), [("AB12", 56, True), ("AB12", 55, False), ("", 90, False)])
def test_plates_that_can_be_driven(text: str, width: float, usable: bool) -> None:
    assert drives.usable(PlateLabel((0, 0, width, 20), text, "DE")) is usable


def test_rivals_and_figures() -> None:
    seen = [
        sighting("A8123", 0.0, x=200, confidence=0.4),
        sighting("A8123", 0.4, x=300, confidence=0.45),
        sighting("AB123", 0.8, x=400, confidence=0.95, height=30),
    ]
    drive = drives.Drive("set", "AB123", "DE", Arrival("a", "clip", 0.0, 0.8, seen), 4)
    outcome = fusion.clip_outcome(drive, Weigher())
    assert outcome.right["surest frame"] == outcome.right["vote by confidence"] == outcome.right["fused"] == 1.0
    assert outcome.right["largest frame"] == 1.0 and outcome.right["vote"] == 0.0
    assert outcome.right["mean single frame"] == 0.25 and outcome.right["some frame"] == 1.0
    nothing = fusion.clip_outcome(drives.Drive("set", "XY9", "DE", Arrival("b", "clip", 0.0, 0.0), 4), Weigher())
    assert set(nothing.right.values()) == {0.0} and nothing.confidence == 0.0
    figures = fusion.fusion_figures([outcome, nothing])
    assert (figures.clips, figures.plates, figures.gained, figures.lost) == (2, 2, 0, 0)
    assert figures.shares["fused"] == 0.5


def test_a_logistic_fit_far_from_its_start_settles() -> None:
    """Newton's whole step leads away from such a start."""
    rng = default_rng(1)
    logits = rng.uniform(-9, 9, 800)
    right = rng.random(800) < 1 / (1 + np.exp(-(0.4 * logits + 0.5)))
    design = np.stack([logits, np.ones(800)], axis=1)
    slope, shift = fit_logistic(design, right.astype(float), np.array([3.0, -4.0]), 0.01)
    assert slope == pytest.approx(0.4, abs=0.08) and shift == pytest.approx(0.5, abs=0.25)


@pytest.mark.skipif(not LABELS.exists(), reason="the photographs of ../shared/data are not here")
def test_real_plates_are_found_and_fused() -> None:
    try:
        engine_folder()
    except NetworkError as error:
        pytest.skip(str(error))
    from edge_lpr.recognition.recognise import PlateRecogniser

    wanted = [one for one in load_labels(Path(LABELS), use="eval") if one.group == "scene_oa-br"][:3]
    clips = list(drives.drives(wanted, PlateRecogniser(threads=1), per_plate=1, seed=2))
    assert len(clips) == 3 and sum(bool(clip.arrival.sightings) for clip in clips) >= 2
    figures = fusion.fusion_figures([fusion.clip_outcome(clip, Weigher()) for clip in clips])
    assert figures.shares["some frame"] >= figures.shares["mean single frame"]
