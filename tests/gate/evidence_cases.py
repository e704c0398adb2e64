"""Arrivals as a reader sees them, without pictures: noisy log-probabilities whose doubt is honest.

Each character is a signal among 36 in Gaussian noise; with signal 1 and noise s the true posterior of the classes is
the softmax of x / s^2, so a single frame is calibrated by construction, and adding up log-probabilities is Bayes'
rule as far as the frames' noise is independent. Part of the noise (`shared`) is the same in all frames of an arrival,
as dirt and glare are; the rest differs, more in blurred and small frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_lpr.recognition import ctc
from edge_lpr.records import Arrival, Detection, PlateCrop, Reading, Sighting

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
STEPS = 36


@dataclass(frozen=True)
class Drive:
    """How an arrival is drawn: frames at `fps`; `noise` of the clearest frame, and how much more of the worst;
    `shared` part of the noise's variance; plate heights from `far_px` to `near_px`."""

    frames: int = 12
    fps: float = 15.0
    noise: float = 0.24
    worst: float = 1.8
    shared: float = 0.15
    far_px: float = 14.0
    near_px: float = 30.0
    rubbish: float = 0.04


def corners(x: float, y: float, height: float, aspect: float = 4.6) -> NDArray[np.float32]:
    """An upright plate's corners from its centre and height in pixels."""
    half_width, half_height = height * aspect / 2, height / 2
    return np.array(
        [[x - half_width, y - half_height], [x + half_width, y - half_height],
         [x + half_width, y + half_height], [x - half_width, y + half_height]], np.float32
    )  # fmt: skip


def sighting(
    text: str = "",
    at_s: float = 0.0,
    x: float = 320.0,
    y: float = 240.0,
    height: float = 24.0,
    confidence: float = 0.95,
    reading: Reading | None = None,
    sharpness: float = 400.0,
    score: float = 0.9,
) -> Sighting:
    """A sighting without pixels worth mentioning."""
    if reading is None:
        confidence = confidence if text else 0.0
        reading = Reading(text, confidence, (confidence ** (1 / max(1, len(text))),) * len(text))
    detection = Detection(corners(x, y, height), score)
    crop = PlateCrop(np.zeros((4, 12, 3), np.uint8), detection, round(at_s * 15), sharpness)
    return Sighting(crop, reading, at_s)


def reading_of(noisy: NDArray[np.float64], noise: float) -> Reading:
    """What a calibrated reader says of signals (characters, 36) in noise of that deviation."""
    logits = noisy / noise**2
    logits -= logits.max(axis=1, keepdims=True)
    probs = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    steps = np.full((STEPS, len(ALPHABET) + 1), 1e-7)
    steps[:, -1] = 1.0
    for at, char in enumerate(probs):
        steps[3 * at + 2, :-1] = np.maximum(char, 1e-7)
        steps[3 * at + 2, -1] = 1e-7
    steps /= steps.sum(axis=1, keepdims=True)
    log_probs = np.log(steps)
    text, char_probs, _ = ctc.greedy(log_probs, ALPHABET)
    confidence = math.exp(ctc.ctc_score(log_probs, text, ALPHABET))
    return Reading(text, confidence, char_probs, log_probs.astype(np.float32))


def arrival_of(text: str, rng: np.random.Generator, drive: Drive = Drive()) -> Arrival:
    """One arrival of a vehicle that comes closer, with the readings of all its frames."""
    signal = np.zeros((len(text), len(ALPHABET)))
    signal[np.arange(len(text)), [ALPHABET.index(char) for char in text]] = 1.0
    always = rng.normal(size=signal.shape)
    sightings = []
    for at in range(drive.frames):
        share = at / max(1, drive.frames - 1)
        height = drive.far_px * (drive.near_px / drive.far_px) ** share
        blur = rng.random()
        noise = drive.noise * (1 + (drive.worst - 1) * max(blur, 1 - share) * rng.random())
        seen = rng.normal(size=signal.shape) if rng.random() < drive.rubbish else signal
        own = math.sqrt(drive.shared) * always + math.sqrt(1 - drive.shared) * rng.normal(size=signal.shape)
        reading = reading_of(seen + noise * own, noise)
        sharpness = 600.0 * (drive.noise / noise) ** 4
        sightings.append(
            sighting(at_s=at / drive.fps, x=300 + 60 * share, y=150 + 250 * share, height=height, reading=reading,
                     sharpness=sharpness)
        )  # fmt: skip
    return Arrival("a", "gate", 0.0, (drive.frames - 1) / drive.fps, sightings)


def path_only(arrival: Arrival) -> Arrival:
    """The same arrival by a reader that gives only its best path."""
    bare = [replace(one, reading=replace(one.reading, log_probs=None)) for one in arrival.sightings]
    return replace(arrival, sightings=bare)


def random_text(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(ALPHABET), size=int(rng.integers(5, 9))))
