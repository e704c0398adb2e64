"""Clips made at test time from real photographs: moved and scaled as a vehicle comes, leaves or parks.

The photographs lie beside the repository in ../shared/data and are never part of it; clips go to a test's own folder.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from edge_lpr.capture.images import load_picture
from edge_lpr.capture.video_writer import VideoWriter
from edge_lpr.records import Direction, Pixels

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LABELS = DATA / "labels.csv"
FPS = 12
SIZE = (1280, 720)
HORIZON_Y, DROP = 120.0, 3.0
"""A plate that is w px wide hangs DROP x w below the horizon: straight lines of motion, as on a level road."""
FAR_PX, NEAR_PX, PARKED_PX, GONE_PX = 28.0, 135.0, 105.0, 170.0
READABLE_PX = 75.0
AROUND = (2.3, 3.2, 1.6)
"""What is shown of a photograph: plate widths to either side, above and below the plate's middle."""
FEATHER_PX = 14
Kind = Literal["comes", "leaves", "parks"]


@dataclass(frozen=True)
class Photo:
    """A photograph with one labelled plate: `box` x, y, w, h in px."""

    path: Path
    box: tuple[float, float, float, float]
    text: str


@dataclass(frozen=True)
class Ride:
    """A photograph's vehicle in a clip: from `start_s` for `seconds`, along a line that ends near `x` px; one that
    parks stays to the end of the clip."""

    photo: Photo
    kind: Kind
    start_s: float
    seconds: float = 5.0
    x: float = 640.0

    @property
    def direction(self) -> Direction:
        return Direction.LEAVING if self.kind == "leaves" else Direction.APPROACHING

    def width_px(self, at_s: float) -> float:
        """The plate's width at that moment; 0 while the vehicle is not there."""
        share = (at_s - self.start_s) / self.seconds
        if share < 0 or (share > 1 and self.kind != "parks"):
            return 0.0
        if self.kind == "parks":
            start, end, share = FAR_PX, PARKED_PX, 1 - (1 - min(1.0, share)) ** 2
        elif self.kind == "comes":
            start, end, share = FAR_PX, GONE_PX, 1 - (1 - share) ** 1.6
        else:
            start, end, share = NEAR_PX, FAR_PX, share**1.5
        return 1 / (1 / start + (1 / end - 1 / start) * share)

    def centre(self, width_px: float) -> tuple[float, float]:
        """Where the plate's middle is when it is so wide."""
        middle = SIZE[0] / 2
        return middle + (self.x - middle) * width_px / NEAR_PX, HORIZON_Y + DROP * width_px


def photos(names: Sequence[str]) -> list[Photo]:
    """The photographs of ../shared/data with these names, in this order; each has one plate with a text."""
    with LABELS.open(newline="", encoding="utf-8") as file:
        rows = {Path(row["image"]).name: row for row in csv.DictReader(file) if row["text"]}
    found = []
    for name in names:
        x, y, w, h = (float(rows[name][key]) for key in "xywh")
        found.append(Photo(DATA / rows[name]["image"], (x, y, w, h), rows[name]["text"]))
    return found


class PhotoClip:
    """A film of rides over a plain ground; frames uint8 RGB (H, W, 3)."""

    def __init__(self, rides: Sequence[Ride], seconds: float) -> None:
        self.rides = tuple(rides)
        self.frame_count = round(seconds * FPS)
        self._windows = [_window(ride.photo) for ride in rides]
        fall = np.linspace(150, 95, SIZE[1])[:, None, None]
        self._ground = np.ascontiguousarray(np.broadcast_to(fall, (SIZE[1], SIZE[0], 3)).astype(np.uint8))

    def frame(self, index: int) -> Pixels:
        """Frame `index`; what is nearer hides what is farther."""
        picture = self._ground.copy()
        seen = [(ride.width_px(index / FPS), at) for at, ride in enumerate(self.rides)]
        for width_px, at in sorted(seen):
            if width_px > 0:
                _show(picture, self._windows[at], self.rides[at].centre(width_px), width_px)
        return picture

    def frames(self) -> Iterator[Pixels]:
        return (self.frame(index) for index in range(self.frame_count))

    def readable(self, ride: Ride) -> list[int]:
        """The frames in which the ride's plate is whole in view and READABLE_PX wide or more."""
        found = []
        for index in range(self.frame_count):
            width_px = ride.width_px(index / FPS)
            x, y = ride.centre(width_px)
            inside = width_px / 2 < x < SIZE[0] - width_px / 2 and y < SIZE[1] - width_px / 2
            if width_px >= READABLE_PX and inside:
                found.append(index)
        return found

    def write(self, path: Path) -> Path:
        """As a video file."""
        with VideoWriter(path, FPS) as video:
            for picture in self.frames():
                video.write(picture)
        return path


@dataclass(frozen=True, eq=False)
class _Window:
    """The part of a photograph around its vehicle, its soft-edged cover, and the plate's middle and width in it."""

    pixels: Pixels
    cover: Pixels
    centre: tuple[float, float]
    plate_px: float


def _window(photo: Photo) -> _Window:
    picture = load_picture(photo.path)
    x, y, w, h = photo.box
    middle_x, middle_y = x + w / 2, y + h / 2
    side, above, below = (w * times for times in AROUND)
    left, top = max(0, int(middle_x - side)), max(0, int(middle_y - above))
    part = np.ascontiguousarray(picture[top : int(middle_y + below), left : int(middle_x + side)])
    cover = np.zeros(part.shape[:2], np.uint8)
    rim = FEATHER_PX
    cover[rim:-rim, rim:-rim] = 255
    cover = np.asarray(cv2.blur(cover, (2 * rim - 1, 2 * rim - 1)), np.uint8)
    return _Window(part, cover, (middle_x - left, middle_y - top), w)


def _show(picture: Pixels, window: _Window, centre: tuple[float, float], width_px: float) -> None:
    """Scale the window so that its plate is `width_px` wide and set it with the plate's middle at `centre`."""
    scale = width_px / window.plate_px
    pixels, cover, (x, y) = window.pixels, window.cover, window.centre
    if scale < 1:  # first to size: a warp alone would alias
        size = tuple(max(2, round(side * scale)) for side in pixels.shape[1::-1])
        x, y = x * size[0] / pixels.shape[1], y * size[1] / pixels.shape[0]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
        scale = 1.0
    matrix = np.array([[scale, 0, centre[0] - x * scale], [0, scale, centre[1] - y * scale]], np.float32)
    warped = cv2.warpAffine(pixels, matrix, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.merge([cv2.warpAffine(cover, matrix, SIZE)] * 3)
    over = cv2.multiply(warped, alpha, scale=1 / 255)
    picture[:] = cv2.add(cv2.multiply(picture, cv2.bitwise_not(alpha), scale=1 / 255), over)
