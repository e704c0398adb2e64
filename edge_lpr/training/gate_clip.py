"""A drawn gate clip of a minute with its truth, and the site that goes with it: what `make run` shows.

A fixed camera over an entry and an exit lane, first by day and then by night; see gate_script.py for who comes. All
of it is drawn here from a seed, so it needs no photograph and no font.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.errors import EdgeLprError
from edge_lpr.recognition.plate_format import load_formats
from edge_lpr.records import Floats, Pixels
from edge_lpr.training.drawn import DrawnPlate
from edge_lpr.training.gate_place import NIGHT, draw_barrier, draw_place
from edge_lpr.training.gate_script import LENGTH_S, PARTS, Part, arm_raised, night_share
from edge_lpr.training.gate_vehicle import (
    GateVehicle,
    Lighting,
    Stand,
    build_vehicle,
    draw_vehicle_at,
    soft_shadow,
)
from edge_lpr.training.gate_view import GateView
from edge_lpr.training.plates import draw_plate

FPS = 15
READABLE_PX = 15.5
"""A plate whose rows are at least so high, whole and in view, counts as readable: 72 px wide if it is a long one."""
SHORTEST_TEXT = 6
NOISE = {False: 1.2, True: 3.0}
"""Standard deviation of the sensor's noise by day (False) and by night, in grey values."""
PLATE_PX = {1: 88, 2: 150}
"""Height at which plates are drawn, by their rows."""


@dataclass(frozen=True)
class Expected:
    """One arrival of a clip as it should come out: frames count from 0; `list_name` '' when the plate is on none."""

    name: str
    text: str
    rows: int
    region: str
    direction: str
    action: str
    reason: str
    list_name: str
    first_readable_frame: int
    last_readable_frame: int


class GateClip:
    """The clip with this seed: the same seed gives the same pictures."""

    def __init__(self, seed: int = 1, view: GateView | None = None) -> None:
        self.view = view or GateView()
        self._rng = np.random.default_rng(seed)
        self._place = draw_place(self._rng, self.view)
        self._vehicles = {part.name: _vehicle(np.random.default_rng([seed, n]), part) for n, part in enumerate(PARTS)}
        self._shadows = {False: soft_shadow(0.62), True: soft_shadow(0.4)}
        noise = [self._rng.normal(0, 1, (self.view.height_px, self.view.width_px)) for _ in range(3)]
        self._grain = {night: [_grain(one, sigma) for one in noise] for night, sigma in NOISE.items()}
        self._grounds = {night: self._with_parked(night) for night in (False, True)}
        self.frame_count = round(LENGTH_S * FPS)

    def frame(self, index: int) -> Pixels:
        """Frame `index`, uint8 RGB (H, W, 3)."""
        at_s = index / FPS
        dark = night_share(at_s)
        if 0 < dark < 1:
            picture = np.asarray(cv2.addWeighted(self._still(False, at_s), 1 - dark, self._still(True, at_s), dark, 0))
        else:
            picture = self._lively(dark == 1, at_s)
        _caption(picture, at_s)
        drawn: Pixels = cv2.add(picture, self._grain[dark > 0.5][index % 3], dtype=cv2.CV_8U)
        return drawn

    def frames(self) -> Iterator[Pixels]:
        """All frames in order."""
        return (self.frame(index) for index in range(self.frame_count))

    def expected(self) -> tuple[Expected, ...]:
        """The arrivals in the order in which their plates become readable."""
        found = [self._expect(part) for part in PARTS]
        return tuple(sorted(found, key=lambda one: one.first_readable_frame))

    def plate_quad(self, part: Part, index: int) -> Floats | None:
        """The corners (4, 2) px of a part's plate in frame `index`, TL TR BR BL; None while it is not there."""
        stand = part.stand(index / FPS)
        return None if stand is None else self._vehicles[part.name].plate_quad(stand, self.view)

    def _with_parked(self, night: bool) -> Pixels:
        """The place with the vehicles that never move."""
        picture = (self._place.night if night else self._place.day).copy()
        for part in PARTS:
            if part.parked:
                self._draw(picture, part, part.stand(0.0), night)
        return picture

    def _still(self, night: bool, at_s: float) -> Pixels:
        picture = self._grounds[night].copy()
        draw_barrier(picture, self._place, self.view, arm_raised(at_s), _lighting(night).ambient)
        return picture

    def _lively(self, night: bool, at_s: float) -> Pixels:
        """The place with who drives in it, the farthest drawn first."""
        picture = self._grounds[night].copy()
        moving = [(part, stand) for part in PARTS if not part.parked and (stand := part.stand(at_s)) is not None]
        for part, stand in sorted(moving, key=lambda one: -one[1].z):
            self._draw(picture, part, stand, night)
        draw_barrier(picture, self._place, self.view, arm_raised(at_s), _lighting(night).ambient)
        return picture

    def _draw(self, picture: Pixels, part: Part, stand: Stand | None, night: bool) -> None:
        if stand is not None:
            vehicle = self._vehicles[part.name]
            draw_vehicle_at(picture, vehicle, stand, self.view, _lighting(night), self._shadows[night])

    def _expect(self, part: Part) -> Expected:
        plate = self._vehicles[part.name].plate
        readable = [index for index in range(self.frame_count) if self._is_readable(part, index)]
        return Expected(
            part.name, plate.text, plate.rows, plate.region, part.direction.value,
            part.action.value, part.reason.name, part.list_name, readable[0], readable[-1],
        )

    def _is_readable(self, part: Part, index: int) -> bool:
        quad = self.plate_quad(part, index)
        if quad is None or (part.parked and night_share(index / FPS) > 0):
            return False
        high = float(np.hypot(*(quad[3] - quad[0])))
        return self.view.inside(quad) and high / part.rows >= READABLE_PX


def _lighting(night: bool) -> Lighting:
    return Lighting(NIGHT, True) if night else Lighting()


def _vehicle(rng: Generator, part: Part) -> GateVehicle:
    return build_vehicle(rng, part.kind, part.paint, _plate(rng, part))


def _plate(rng: Generator, part: Part) -> DrawnPlate:
    """A plate of the part's country with its rows, soiled as it says."""
    formats = [f for f in load_formats() if f.country == part.country and len(f.rows) == part.rows and f.read]
    if not formats:
        raise EdgeLprError(f"no plate format of {part.country} with {part.rows} rows")
    fmt = max(formats, key=lambda f: f.weight)
    plate = draw_plate(fmt, rng, PLATE_PX[part.rows])
    while len(plate.text) < SHORTEST_TEXT:  # of a rare series: hard to tell from its neighbours
        plate = draw_plate(fmt, rng, PLATE_PX[part.rows])
    if part.dirt <= 0:
        return plate
    return replace(plate, pixels=_muddy(rng, plate.pixels, part.dirt))


def _muddy(rng: Generator, pixels: Pixels, dirt: float) -> Pixels:
    """A plate under a film of dust, with patches of dried mud, thickest below."""
    height, width = pixels.shape[:2]
    nodes = rng.random((6, 24)).astype(np.float32)
    patches = cv2.resize(nodes, (width, height), interpolation=cv2.INTER_CUBIC)
    patches = patches + np.linspace(-0.35, 0.25, height, dtype=np.float32)[:, None]
    cover = dirt * (0.3 + 0.55 * np.clip((patches - 0.45) * 4, 0, 1))[:, :, None]
    mud = np.array((118, 100, 78)) + rng.normal(0, 7, (height, width, 1))
    return np.clip(pixels * (1 - cover) + mud * cover, 0, 255).astype(np.uint8)


def _grain(noise: Floats, sigma: float) -> Pixels:
    """Sensor noise, int16 (H, W, 3), the same in all channels."""
    grey = np.round(noise * sigma).astype(np.int16)
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


def _caption(picture: Pixels, at_s: float) -> None:
    """The camera's own lettering: its name, and a clock that jumps at dusk."""
    start = 15 * 3600 + 2 * 60 if night_share(at_s) < 0.5 else 22 * 3600 + 14 * 60
    clock = start + int(at_s)
    text = f"GATE 1   {clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"
    for shift, colour in ((2, (0, 0, 0)), (0, (255, 255, 255))):
        cv2.putText(picture, text, (18 + shift, 34 + shift), cv2.FONT_HERSHEY_SIMPLEX, 0.8, colour, 1, cv2.LINE_AA)
