"""Every frozen record that crosses a module border. Numpy is the only dependency.

Pictures are uint8 arrays of shape (H, W, 3) in RGB order. Coordinates are pixels, x right and y down, of the picture
that the record belongs to. Corners are ordered top left, top right, bottom right, bottom left as the plate is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture from a camera, video or file.

    `pixels` uint8 (H, W, 3) RGB; `captured_at_s` monotonic seconds; `wall_time` aware UTC, meaningful only when
    `clock_synced`.
    """

    pixels: Pixels
    index: int
    captured_at_s: float
    wall_time: datetime
    clock_synced: bool
    camera: str


@dataclass(frozen=True, eq=False)
class Detection:
    """One plate found in a picture: `corners` float32 (4, 2) pixels TL TR BR BL; `score` 0..1."""

    corners: Floats
    score: float
    extent: tuple[float, float, float, float] | None = None
    """The detector's own upright box (x, y, w, h) where it gives one; it is often tighter than the corners' hull."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The upright box (x, y, w, h) in pixels."""
        if self.extent is not None:
            return self.extent
        (x1, y1), (x2, y2) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(x1), float(y1), float(x2 - x1), float(y2 - y1)


@dataclass(frozen=True, eq=False)
class PlateCrop:
    """An upright plate cut from a frame: `pixels` uint8 (H, W, 3) RGB; `sharpness` see rectify.py."""

    pixels: Pixels
    detection: Detection
    frame_index: int
    sharpness: float
    rows: int = 1


@dataclass(frozen=True, eq=False)
class Reading:
    """What the reader says of one crop.

    `text` A-Z 0-9 only, top row first; `confidence` calibrated probability 0..1 that the whole text is right;
    `char_probs` one probability a character; `log_probs` float32 (T, C) natural logarithms, blank last, or None for a
    reader that gives only its best path.
    """

    text: str
    confidence: float
    char_probs: tuple[float, ...]
    log_probs: Floats | None = field(default=None, repr=False)
    region: str = ""
    """The country whose format the text matches ('' when none or no country is enabled)."""
    rows: int = 1


@dataclass(frozen=True, eq=False)
class Sighting:
    """One plate in one frame, found and read."""

    crop: PlateCrop
    reading: Reading
    captured_at_s: float


class Direction(str, Enum):
    """Where a vehicle goes, as far as its plate's growth and path tell."""

    APPROACHING = "approaching"
    LEAVING = "leaving"
    STANDING = "standing"
    UNKNOWN = "unknown"


@dataclass(eq=False)
class Arrival:
    """One vehicle at the gate: one arrival is one row of the log, whatever the number of frames.

    The only mutable record; owned by `gate/track.py`. Times are monotonic seconds.
    """

    id: str
    camera: str
    first_seen_s: float
    last_seen_s: float
    sightings: list[Sighting] = field(default_factory=list)
    direction: Direction = Direction.UNKNOWN
    in_zone: bool = True
    """Whether it was seen inside a zone that may trigger."""
    settled: bool = False
    """Whether it was decided: nothing it shows later is decided again."""


@dataclass(frozen=True)
class PlateRead:
    """What an arrival's frames together say: the one plate text of one vehicle.

    `confidence` calibrated 0..1; `alternatives` (text, probability) pairs, likeliest first, without `text`;
    `wall_time` aware UTC, of the last frame used, meaningful only when `clock_synced`.
    """

    arrival_id: str
    camera: str
    text: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...]
    frames_used: int
    region: str
    direction: Direction
    first_seen_s: float
    at_s: float
    wall_time: datetime
    clock_synced: bool
    in_zone: bool = True
    """Whether the arrival was seen inside a zone that may trigger."""


class Action(str, Enum):
    """What the barrier shall do."""

    OPEN = "open"
    STAY_CLOSED = "stay_closed"


class Reason(str, Enum):
    """Why: each value reads as the end of the sentence 'The gate ... because'."""

    ALLOWED = "the plate is on an allow list"
    DENIED = "the plate is on a deny list"
    NOT_LISTED = "the plate is on no list"
    OUTSIDE_SCHEDULE = "its group may not enter at this time"
    NOT_VALID_YET = "its entry is not valid yet"
    EXPIRED = "its entry is no longer valid"
    CLOCK_UNSURE = "the clock is not synchronised and its group has a schedule"
    LOW_CONFIDENCE = "the plate was not read surely enough"
    AMBIGUOUS = "the plate could be more than one listed plate"
    WRONG_DIRECTION = "the vehicle does not come towards the gate"
    OUTSIDE_ZONE = "the vehicle is outside the zones that open"
    STALE = "the evidence is too old"
    NO_LISTS = "no list could be loaded"


@dataclass(frozen=True)
class Decision:
    """One arrival's decision. `rule` names the list and entry that decided; `expires_at_s` monotonic: no command is
    sent at or after it."""

    action: Action
    reason: Reason
    rule: str
    plate_read: PlateRead
    decided_at_s: float
    expires_at_s: float


class Outcome(str, Enum):
    """What became of a command to the barrier. SENT: to a device that has no way to confirm it; UNKNOWN: one that has
    did not, or wrongly."""

    DONE = "done"
    SENT = "sent"
    REFUSED = "refused"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    DRY_RUN = "dry_run"


@dataclass(frozen=True)
class CommandOutcome:
    """The end of one command: `decision_id` of the log, `outcome`, and what the device said or failed to say."""

    decision_id: int
    outcome: Outcome
    detail: str
    at_s: float


FIGURES = ("reads", "confidence", "width_px", "brightness", "contrast", "sharpness")
"""What is counted of an arrival's best plate picture, to see a camera's optics change over days."""


@dataclass(frozen=True)
class OpticSample:
    """How one plate looked: its width in the frame; mean grey level and contrast (both 0..255) of its crop; `sharpness`
    of its edges, 1/px, whatever the contrast."""

    width_px: float
    brightness: float
    contrast: float
    sharpness: float


@dataclass(frozen=True)
class OpticHour:
    """One camera's arrivals in one hour: `sums` and sums of `squares` by FIGURES; `hour_s` its start since 1970."""

    camera: str
    hour_s: int
    arrivals: int
    sums: dict[str, float]
    squares: dict[str, float]
