"""Drawn vehicles of the gate scene: boxes of flat panels in space, with a plate, lamps and a shadow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_lpr.records import Floats, Pixels
from edge_lpr.training.drawn import DrawnPlate
from edge_lpr.training.gate_body import (
    FORMS,
    SILL_M,
    Form,
    cabin_side,
    flank,
    front_face,
    mirrored,
    rear_face,
    screen,
    shade,
    sheet,
)
from edge_lpr.training.gate_view import (
    Colour,
    GateView,
    Light,
    Panel,
    add_glow,
    draw_panel,
    draw_quad,
    on_ground,
    upright,
)
from edge_lpr.training.pasting import Piece

PLATE_HEIGHT_M = {1: 0.112, 2: 0.2}
"""Height of a plate by its rows."""
HEADLAMP = (255.0, 244.0, 214.0)
TAIL_LAMP = (255.0, 36.0, 24.0)
LAMP_REACH_M = {False: 0.62, True: 0.34}
"""Radius of the light around a head lamp (False) and a tail lamp (True) at night."""


@dataclass(frozen=True)
class Stand:
    """Where a vehicle's seen end stands: `x`, `z` in metres, turned by `yaw` radians about the vertical; `share` < 1
    while it fades in or out far away; `lamps` how bright they shine at night, 0..1."""

    x: float
    z: float
    yaw: float = 0.0
    share: float = 1.0
    lamps: float = 1.0


@dataclass(frozen=True)
class Lighting:
    """The light of the scene: day, or night with lamps on and the camera's own lamp that reaches some metres."""

    ambient: Light = (1.0, 1.0, 1.0)
    night: bool = False

    def at(self, z: float) -> Light:
        """The light on what stands at the distance z."""
        own = 0.34 * float(np.exp(-max(0.0, z - 5.0) / 6.0)) if self.night else 0.0
        red, green, blue = (channel + own for channel in self.ambient)
        return red, green, blue

    def on_plate(self, z: float) -> Light:
        """The light on a plate: it throws the camera's own light back."""
        if not self.night:
            return self.ambient
        level = float(np.clip(1.02 - 0.012 * z, 0.45, 0.95))
        return level, level, level * 0.98


@dataclass(frozen=True, eq=False)
class GateVehicle:
    """A vehicle around its own origin, the ground under the middle of its seen end: panels from far to near."""

    form: Form
    panels: tuple[Panel, ...]
    plate: DrawnPlate
    plate_panel: Panel
    lamps: NDArray[np.float64]

    def plate_quad(self, stand: Stand, view: GateView) -> Floats:
        """The corners (4, 2) px of its plate where it stands, TL TR BR BL, in view or not."""
        return view.project(place(self.plate_panel.corners, stand))


def build_vehicle(rng: Generator, kind: str, paint: Colour, plate: DrawnPlate) -> GateVehicle:
    """A vehicle of FORMS in this paint with this plate."""
    form = FORMS[kind]
    face = rear_face(rng, form, paint) if form.rear else front_face(rng, form, paint)
    half = form.width / 2
    side = SILL_M + (form.nose - SILL_M) * 0.76
    high = PLATE_HEIGHT_M[plate.rows]
    wide = high * plate.pixels.shape[1] / plate.pixels.shape[0]
    hung = upright(-wide / 2, wide / 2, form.plate - high / 2, form.plate + high / 2, -0.03)
    return GateVehicle(
        form=form,
        panels=(*_cabin(form, paint), *_flanks(form, paint), *_nose(form, paint, face)),
        plate=plate,
        plate_panel=Panel(Piece(plate.pixels), hung),
        lamps=np.array([[-half * 0.76, side, 0.0], [half * 0.76, side, 0.0]]),
    )


def _cabin(form: Form, paint: Colour) -> list[Panel]:
    """Roof, sides above the waist, screen; the roof is narrower than the waist."""
    low, high = form.width * 0.485, form.width * 0.40
    roof = sheet(form.width * 0.8, 1.2, shade(paint, 1.12), 1.0, 1.1)
    glass = cabin_side(form, paint)
    near_low, near_high = (form.waist, form.glass_at), (form.roof, form.roof_at)
    far_low, far_high = (form.waist, form.roof_end + 0.5), (form.roof, form.roof_end)
    right = _quad((high, *near_high), (high, *far_high), (low, *far_low), (low, *near_low))
    left = _quad((-high, *far_high), (-high, *near_high), (-low, *near_low), (-low, *far_low))
    front = _quad((-high, *near_high), (high, *near_high), (low, *near_low), (-low, *near_low))
    return [
        Panel(Piece(roof), on_ground(-high, high, form.roof_at, form.roof_end, form.roof)),
        Panel(glass, right),
        Panel(mirrored(glass), left),
        Panel(screen(form, paint), front),
    ]


def _flanks(form: Form, paint: Colour) -> list[Panel]:
    half, length, waist = form.width / 2, form.length, form.waist
    side = flank(form, paint)
    right = _quad((half, waist, 0), (half, waist, length), (half, 0, length), (half, 0, 0))
    left = _quad((-half, waist, length), (-half, waist, 0), (-half, 0, 0), (-half, 0, length))
    return [Panel(side, right), Panel(mirrored(side), left)]


def _nose(form: Form, paint: Colour, face: Piece) -> list[Panel]:
    """Wheels below, bonnet or boot lid, the seen end."""
    half = form.width / 2
    tyre = Piece(np.full((16, 16, 3), 17, np.uint8))
    lid = sheet(form.width, max(0.2, form.glass_at), shade(paint, 1.06), 0.95, 1.12)
    cv2.line(lid, (lid.shape[1] // 3, 0), (lid.shape[1] // 4, len(lid)), shade(paint, 0.9), 4, cv2.LINE_AA)
    cv2.line(lid, (lid.shape[1] * 2 // 3, 0), (lid.shape[1] * 3 // 4, len(lid)), shade(paint, 0.9), 4, cv2.LINE_AA)
    top = _quad((-half * 0.97, form.waist, form.glass_at), (half * 0.97, form.waist, form.glass_at),
                (half, form.nose - 0.02, 0.03), (-half, form.nose - 0.02, 0.03))
    return [
        Panel(tyre, upright(-half + 0.08, -half + 0.3, 0.0, 0.32, 0.4)),
        Panel(tyre, upright(half - 0.3, half - 0.08, 0.0, 0.32, 0.4)),
        Panel(Piece(lid), top),
        Panel(face, upright(-half, half, SILL_M, form.nose, 0.0)),
    ]


def _quad(*corners: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(corners, np.float64)


def place(points: NDArray[np.float64], stand: Stand) -> NDArray[np.float64]:
    """Points of a vehicle (N, 3) where it stands."""
    x, z = points[:, 0], points[:, 2]
    cos, sin = np.cos(stand.yaw), np.sin(stand.yaw)
    return np.stack([stand.x + x * cos + z * sin, points[:, 1], stand.z + z * cos - x * sin], axis=1)


def draw_vehicle_at(
    picture: Pixels, vehicle: GateVehicle, stand: Stand, view: GateView, lighting: Lighting, shadow: Piece
) -> None:
    """Draw the vehicle into the picture, in place."""
    light = lighting.at(stand.z)
    half, length = vehicle.form.width / 2, vehicle.form.length
    ground = place(on_ground(-half - 0.35, half + 0.35, -0.35, length + 0.35), stand)
    draw_quad(picture, shadow, view.project(ground), (1.0, 1.0, 1.0), stand.share)
    for panel in vehicle.panels:
        placed = Panel(panel.piece, place(panel.corners, stand), panel.glows)
        draw_panel(picture, placed, view, light, stand.share)
    if lighting.night and stand.lamps > 0:
        _shine(picture, vehicle, stand, view)
    quad = vehicle.plate_quad(stand, view)
    draw_quad(picture, vehicle.plate_panel.piece, quad, lighting.on_plate(stand.z), stand.share)


def _shine(picture: Pixels, vehicle: GateVehicle, stand: Stand, view: GateView) -> None:
    """The lamps at night, seen against the light."""
    rear = vehicle.form.rear
    strength = stand.share * stand.lamps * (0.6 if rear else 0.95)
    colour = [channel * strength for channel in (TAIL_LAMP if rear else HEADLAMP)]
    scale = view.scale_at(stand.z)
    for x, y in view.project(place(vehicle.lamps, stand)):
        add_glow(picture, (x, y), LAMP_REACH_M[rear] * scale, colour)
        add_glow(picture, (x, y), 0.16 * scale, colour)


def soft_shadow(depth: float) -> Piece:
    """The dark ground under a vehicle: black, densest in the middle."""
    cover = np.zeros((160, 96), np.uint8)
    cv2.rectangle(cover, (14, 12), (81, 147), int(255 * depth), -1)
    cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), 7), np.uint8)
    return Piece(np.zeros((160, 96, 3), np.uint8), cover)
