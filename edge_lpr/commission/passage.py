"""One vehicle's passage, measured frame by frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from edge_lpr.optics.sample import measure
from edge_lpr.recognition.rectify import plate_size
from edge_lpr.records import Floats, Frame, Sighting
from edge_lpr.service.pipeline import Decided, Step

WHITE = 250
MOVED_WIDTHS, MOVED_GROWTH = 0.5, 1.2
"""A vehicle drove when its plate went half its width, or grew by a fifth."""


@dataclass(frozen=True, eq=False)
class Moment:
    """The plate in one frame: sizes in px, `tilt_deg` of its long edges against level, `slant_deg` of its upright edges
    against square to them; brightness, contrast and sharpness as in OpticSample; `clipped` share of white pixels; what
    was read, '' for nothing."""

    at_s: float
    corners: Floats
    width_px: float
    height_px: float
    tilt_deg: float
    slant_deg: float
    brightness: float
    contrast: float
    sharpness: float
    clipped: float
    text: str
    confidence: float


@dataclass(eq=False)
class Passage:
    """One vehicle from its first frame to its last; `decided_s` monotonic, None while it is not decided."""

    arrival_id: str
    moments: list[Moment] = field(default_factory=list)
    text: str = ""
    confidence: float = 0.0
    decided_s: float | None = None
    best: tuple[float, Frame] | None = None
    """The widest plate that was read, with its frame."""

    @property
    def read(self) -> list[Moment]:
        """The frames whose plate was read."""
        return [one for one in self.moments if one.text]

    @property
    def moved(self) -> bool:
        """Whether the vehicle drove: its plate went somewhere, or grew; not that of a car parked in view."""
        first, last = (one.corners.mean(axis=0) for one in (self.moments[0], self.moments[-1]))
        widths = sorted((self.moments[0].width_px, self.moments[-1].width_px))
        return float(np.linalg.norm(last - first)) >= MOVED_WIDTHS * widths[1] or widths[1] >= MOVED_GROWTH * widths[0]

    @property
    def right(self) -> list[Moment]:
        """The frames that said what was decided."""
        return [one for one in self.moments if one.text and one.text == self.text]


class Watcher:
    """Hears a lane and gathers passages; hand its methods to `Listeners`."""

    def __init__(self) -> None:
        self.passages: dict[str, Passage] = {}
        self.departed: set[str] = set()
        self.frames = 0
        self.last: Frame | None = None
        self.first_s = self.last_s = 0.0

    def on_step(self, step: Step) -> None:
        """One frame."""
        self.frames += 1
        self.last, self.last_s = step.frame, step.frame.captured_at_s
        self.first_s = self.first_s or self.last_s
        for sighting, arrival in zip(step.sightings, step.update.matches, strict=True):
            if arrival is None:
                continue
            passage = self.passages.setdefault(arrival.id, Passage(arrival.id))
            moment = moment_of(sighting)
            passage.moments.append(moment)
            if moment.text and (passage.best is None or moment.width_px > passage.best[0]):
                passage.best = moment.width_px, step.frame
        self.departed |= {arrival.id for arrival in step.update.departed}

    def on_decided(self, decided: Decided) -> None:
        """One decision."""
        read = decided.decision.plate_read
        passage = self.passages.setdefault(read.arrival_id, Passage(read.arrival_id))
        passage.text, passage.confidence = read.text, read.confidence
        passage.decided_s = decided.decision.decided_at_s

    @property
    def chosen(self) -> Passage | None:
        """The vehicle to judge by: of those that drove, or else of all, the one that was read in most frames."""
        decided = [one for one in self.passages.values() if one.decided_s is not None and one.moments]
        return max(decided, key=lambda one: (one.moved, len(one.read)), default=None)

    @property
    def has_passed(self) -> bool:
        """Whether a vehicle came, was decided, and has gone."""
        return any(one.decided_s is not None and one.arrival_id in self.departed for one in self.passages.values())

    @property
    def fps(self) -> float:
        """Frames a second."""
        return (self.frames - 1) / (self.last_s - self.first_s) if self.last_s > self.first_s else 0.0


def moment_of(sighting: Sighting) -> Moment:
    """Measure one sighting."""
    corners = sighting.crop.detection.corners
    width_px, height_px = plate_size(corners)
    tilt_deg, slant_deg = angles(corners)
    sample = measure(sighting)
    clipped = float((np.asarray(sighting.crop.pixels).min(axis=2) >= WHITE).mean())
    return Moment(sighting.captured_at_s, corners, width_px, height_px, tilt_deg, slant_deg, sample.brightness,
                  sample.contrast, sample.sharpness, clipped, sighting.reading.text, sighting.reading.confidence)


def angles(corners: Floats) -> tuple[float, float]:
    """(tilt, slant) in degrees: how far the plate's long edges are from level (clockwise positive), and its upright
    edges from square to them. A camera far aside or above sees a slant; a camera that hangs askew sees a tilt."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = corners.astype(float).tolist()
    along = (x2 - x1) + (x3 - x4), (y2 - y1) + (y3 - y4)
    down = (x4 - x1) + (x3 - x2), (y4 - y1) + (y3 - y2)
    tilt = math.degrees(math.atan2(along[1], along[0]))
    upright = math.degrees(math.atan2(down[1], down[0]))
    slant = upright - tilt - 90.0
    return tilt, (slant + 180.0) % 360.0 - 180.0
