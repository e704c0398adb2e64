"""The place of the drawn gate clip by day and by night: road, kerbs, parking bay, houses, gate house, sign, barrier.

Everything that stands still is drawn once, into two pictures; the barrier is drawn anew in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_lpr.records import Floats, Pixels
from edge_lpr.training.gate_view import (
    Colour,
    GateView,
    Light,
    Panel,
    add_glow,
    draw_panel,
    draw_polygon,
    draw_quad,
    on_ground,
    upright,
)
from edge_lpr.training.lettering import text_mask
from edge_lpr.training.pasting import Piece
from edge_lpr.training.patterns import bricks, facade, fence

ENTRY_X, EXIT_X = -1.0, 1.95
"""Middles of the two lanes."""
BARRIER_X, BARRIER_Z, ARM_Y, ARM_M = 0.45, 6.9, 1.02, 2.9
"""Where the barrier stands, how high its arm lies and how long it is."""
BAY = (-5.2, -2.5, 9.0, 20.0)
"""The parking bay on the ground: x1, x2, z1, z2."""
LAMPS = ((-5.6, 14.5), (3.75, 13.5))
"""x, z of the street lamps."""
EXIT_SIGN = upright(3.5, 4.3, 1.2, 1.6, 16.0)
"""A green board beside the exit lane, as large as a plate."""
NIGHT: Light = (0.13, 0.14, 0.19)
"""What the night leaves of the day's light."""


@dataclass(frozen=True, eq=False)
class GatePlace:
    """Everything that stands still, uint8 RGB by day and by night, with the parts of the barrier's post."""

    day: Pixels
    night: Pixels
    post: tuple[Panel, ...]


def draw_place(rng: Generator, view: GateView) -> GatePlace:
    """The place, from far to near."""
    picture = _ground(rng, view)
    _sky(rng, picture, view)
    panels = [*_houses(rng), *_gate_house(rng), *_furniture(rng)]
    for panel in panels:
        draw_panel(picture, panel, view, (1.0, 1.0, 1.0))
    _road_words(rng, picture, view)
    day = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)
    return GatePlace(day, _at_night(day, view), tuple(_barrier_post()))


def _ground(rng: Generator, view: GateView) -> Pixels:
    """Grass, lanes, island, bay and kerbs: each pixel below the horizon is looked up on the ground."""
    height, width = view.height_px, view.width_px
    rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
    z = view.focal_px * view.camera_height_m / np.maximum(rows - view.horizon_px, 1.5)
    z = np.broadcast_to(z, (height, width))
    x = (np.arange(width, dtype=np.float32)[None] + 0.5 - width / 2) * z / view.focal_px
    grain = _grain(rng, x, z)
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = (96, 118, 62)
    tarmac = (x > -2.5) & (x < 3.35) | (z > 52) & (z < 60)
    picture[tarmac] = (104, 104, 107)
    bay = (x > BAY[0]) & (x < BAY[1]) & (z > BAY[2]) & (z < BAY[3])
    picture[bay] = (142, 136, 130)
    slabs = bay & ((np.mod(x, 0.4) < 0.03) | (np.mod(z, 0.4) < 0.03))
    picture[slabs] = (116, 111, 106)
    picture[(x > 0.22) & (x < 0.7) & (z < 16)] = (158, 156, 150)
    for kerb in (-2.5, 0.22, 0.58, 3.22):
        near = z < 16 if abs(kerb - 0.4) < 0.2 else ~((kerb < 0) & (z > BAY[2]) & (z < BAY[3]))
        picture[(x > kerb) & (x < kerb + 0.13) & near & (z < 51)] = (178, 176, 170)
    picture[(np.abs(x - 0.45) < 0.06) & (z > 16) & (z < 51) & (np.mod(z, 5.0) < 3.0)] = (214, 214, 208)
    picture[(x > -2.3) & (x < 0.2) & (z > 7.35) & (z < 7.65)] = (216, 216, 210)
    for line in (9.0, 14.5, 20.0):
        picture[(x > BAY[0]) & (x < BAY[1]) & (np.abs(z - line) < 0.07)] = (212, 212, 206)
    picture *= grain[:, :, None]
    haze = np.clip((z - 25) / 160, 0, 0.55)[:, :, None]
    picture = picture * (1 - haze) + np.array((186, 194, 200), np.float32) * haze
    return np.clip(picture, 0, 255).astype(np.uint8)


def _grain(rng: Generator, x: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brightness (h, w) of the ground: coarse patches and fine stones, fixed to the ground."""
    side = 512
    fine = rng.normal(0, 1, (side, side)).astype(np.float32)
    patches = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), 14)
    patches /= patches.std()
    stones = cv2.remap(fine, np.mod(x * 55, side - 1).astype(np.float32), np.mod(z * 16, side - 1).astype(np.float32),
                       cv2.INTER_LINEAR)
    worn = cv2.remap(patches, np.mod(x * 28 + 99, side - 1).astype(np.float32),
                     np.mod(z * 9, side - 1).astype(np.float32), cv2.INTER_LINEAR)
    tracks = 1 - 0.07 * np.exp(-((np.abs(x - ENTRY_X) - 0.72) ** 2) / 0.05) - 0.07 * np.exp(
        -((np.abs(x - EXIT_X) - 0.72) ** 2) / 0.05
    )
    return np.asarray((1 + 0.05 * stones / (1 + z / 12) + 0.05 * worn) * tracks, np.float32)


def _sky(rng: Generator, picture: Pixels, view: GateView) -> None:
    """Pale sky with clouds, and a line of trees before it."""
    horizon, width = int(view.horizon_px) + 6, view.width_px
    fall = np.linspace(0, 1, horizon)[:, None, None]
    sky = np.array((138, 172, 212)) * (1 - fall) + np.array((206, 214, 220)) * fall
    nodes = cv2.resize(rng.random((5, 9)).astype(np.float32), (width, horizon), interpolation=cv2.INTER_CUBIC)
    clouds = np.clip(nodes - 0.45, 0, 0.5)[:, :, None] * 1.5
    picture[:horizon] = np.clip(sky * (1 - clouds) + 236 * clouds, 0, 255).astype(np.uint8)
    for tone, tall, step in ((0.8, 66.0, 60), (1.0, 44.0, 26)):
        nodes = rng.random(width // step + 2).astype(np.float32)[None]
        rise = cv2.resize(nodes, (width, 1), interpolation=cv2.INTER_CUBIC)[0] * tall * 0.6 + tall * 0.4
        rise = rise + rng.normal(0, 1.6, width)
        top = np.stack([np.arange(width), horizon - rise], axis=1)
        outline = np.concatenate([top, [[width, horizon], [0, horizon]]]).astype(np.float32)
        draw_polygon(picture, outline, (94 * tone, 112 * tone, 84 * tone))


def _houses(rng: Generator) -> list[Panel]:
    """House fronts across the street, a hedge before them, the fence along the exit lane."""
    panels = []
    x = -34.0
    while x < 32:
        wide = float(rng.uniform(6, 11))
        if not -5 < x + wide / 2 < 4:
            panels.append(Panel(facade(rng), upright(x, x + wide, 0.0, float(rng.uniform(3.2, 5.6)), 66.0)))
        x += wide + float(rng.uniform(0.5, 3.0))
    for x1, x2 in ((-40.0, -3.4), (4.3, 40.0)):
        panels.append(Panel(_hedge(rng), upright(x1, x2, 0.0, 1.1, 50.0)))
    along = np.array([[4.6, 1.5, 22.0], [4.6, 1.5, 49.0], [4.6, 0.0, 49.0], [4.6, 0.0, 22.0]])
    panels.append(Panel(fence(rng), along, two_sided=True))
    return panels


def _hedge(rng: Generator) -> Piece:
    leaves = rng.normal(0, 1, (40, 640)).astype(np.float32)
    leaves = leaves + 1.5 * cv2.GaussianBlur(leaves, (0, 0), 2)
    pixels = np.array((66, 86, 48)) + leaves[:, :, None] * 9 + np.linspace(14, -14, 40)[:, None, None]
    return Piece(np.clip(pixels, 0, 255).astype(np.uint8))


def _gate_house(rng: Generator) -> list[Panel]:
    """A brick box with a window to the lane and one to the camera, and a flat roof with its eaves."""
    grey = bricks(rng).pixels.mean(axis=2, keepdims=True)
    wall = np.clip(grey / grey.mean() * (150, 98, 82), 0, 255).astype(np.uint8)
    tiled = Piece(np.ascontiguousarray(np.tile(wall, (4, 4, 1))))
    x1, x2, z1, z2, high = 4.1, 7.4, 17.0, 20.5, 2.5
    side = np.array([[x1, high, z2], [x1, high, z1], [x1, 0.0, z1], [x1, 0.0, z2]])
    window = _window()
    beside = np.array([[x1 - 0.02, 2.0, z1 + 2.6], [x1 - 0.02, 2.0, z1 + 0.6], [x1 - 0.02, 1.0, z1 + 0.6],
                       [x1 - 0.02, 1.0, z1 + 2.6]])
    eaves = Piece(np.full((12, 64, 3), 74, np.uint8))
    return [
        Panel(tiled, side, two_sided=True),
        Panel(window, beside, two_sided=True),
        Panel(tiled, upright(x1, x2, 0.0, high, z1)),
        Panel(window, upright(x1 + 0.5, x1 + 1.9, 1.0, 1.95, z1 - 0.02)),
        Panel(eaves, upright(x1 - 0.3, x2 + 0.3, high, high + 0.2, z1 - 0.3)),
        Panel(eaves, np.array([[x1 - 0.3, high + 0.2, z2], [x1 - 0.3, high + 0.2, z1 - 0.3],
                               [x1 - 0.3, high, z1 - 0.3], [x1 - 0.3, high, z2]]), two_sided=True),
    ]


def _window() -> Piece:
    pane = np.empty((80, 120, 3), np.uint8)
    pane[:] = (72, 84, 96)
    cv2.line(pane, (0, 70), (70, 0), (126, 142, 158), 14)
    cv2.rectangle(pane, (0, 0), (119, 79), (226, 226, 222), 7)
    cv2.line(pane, (60, 0), (60, 79), (226, 226, 222), 5)
    return Piece(pane)


def _furniture(rng: Generator) -> list[Panel]:
    """Lamp posts, bollards, and the sign with its lettering."""
    grey, dark = Piece(np.full((64, 8, 3), 118, np.uint8)), Piece(np.full((64, 8, 3), 70, np.uint8))
    panels = [Panel(grey, upright(x - 0.06, x + 0.06, 0.0, 6.0, z)) for x, z in LAMPS]
    panels += [Panel(dark, upright(3.53, 3.67, 0.0, 0.9, z)) for z in (20.0, 15.0, 11.0)]
    panels += [Panel(grey, upright(x - 0.04, x + 0.04, 0.0, 1.5, 22.0)) for x in (-5.2, -3.9)]
    lines = ("PRIVATE PARKING", "RESIDENTS ONLY", "ring for the gate house")
    panels.append(Panel(_board(rng, lines, (24, 60, 128)), upright(-5.6, -3.5, 1.35, 2.55, 22.0)))
    panels.append(Panel(_board(rng, ("EXIT",), (30, 110, 62)), EXIT_SIGN))
    return panels


def _board(rng: Generator, lines: Sequence[str], ground: Colour) -> Piece:
    """A sign board with white lines of text."""
    board = np.empty((56 * len(lines) + 24, 420 if len(lines) > 1 else 170, 3), np.uint8)
    board[:] = ground
    cv2.rectangle(board, (4, 4), (board.shape[1] - 5, board.shape[0] - 5), (240, 240, 238), 3)
    for number, line in enumerate(lines):
        mask = text_mask(rng, line, 34)
        wide = min(mask.shape[1], board.shape[1] - 40)
        mask = np.asarray(cv2.resize(mask, (wide, mask.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
        left, top = (board.shape[1] - wide) // 2, 14 + 56 * number
        part = board[top : top + mask.shape[0], left : left + wide]
        np.maximum(part, mask[: len(part), :, None], out=part)
    return Piece(board)


def _road_words(rng: Generator, picture: Pixels, view: GateView) -> None:
    """STOP in worn paint before the line."""
    mask = text_mask(rng, "STOP", 90)
    worn = np.asarray(mask * (rng.random(mask.shape) > 0.12) * 0.85, np.uint8)
    paint = Piece(np.full((*mask.shape, 3), 214, np.uint8), worn)
    draw_quad(picture, paint, view.project(on_ground(ENTRY_X - 0.75, ENTRY_X + 0.75, 9.2, 12.0)), (1.0, 1.0, 1.0))


def _at_night(day: Pixels, view: GateView) -> Pixels:
    """The same place after dark: two street lamps, the gate house's window, a few windows across the street."""
    rows, cols = np.mgrid[0 : view.height_px, 0 : view.width_px].astype(np.float32)
    lit = np.zeros(day.shape[:2], np.float32)
    for x, z in LAMPS:
        (foot_x, foot_y), = view.project([[x, 0.0, z]])
        reach = view.scale_at(z) * 5.2
        lit += 0.5 * np.exp(-(((cols - foot_x) / reach) ** 2) - (((rows - foot_y + reach * 0.1) / (reach * 0.5)) ** 2))
    lit += 0.18 * np.exp(-(((cols - view.width_px * 0.45) / 500) ** 2) - (((rows - view.height_px) / 260) ** 2))
    warm = np.array((1.0, 0.9, 0.72), np.float32)
    night = day * (np.array(NIGHT, np.float32) + lit[:, :, None] * warm)
    sky = np.clip((view.horizon_px + 4 - rows) / 30, 0, 1)[:, :, None] * (day.mean(axis=2, keepdims=True) > 130)
    night = night * (1 - 0.55 * sky)
    picture: Pixels = np.clip(night, 0, 255).astype(np.uint8)
    for x, z in LAMPS:
        add_glow(picture, view.project([[x, 5.9, z]])[0], view.scale_at(z) * 1.6, (255, 226, 170))
    lit_pane = Piece(np.full((8, 8, 3), (238, 206, 140), np.uint8))
    draw_panel(picture, Panel(lit_pane, upright(4.68, 5.92, 1.08, 1.87, 16.9)), view, (1.0, 1.0, 1.0), 0.85)
    for x in (-21.5, -8.2, 9.4, 15.8):
        add_glow(picture, view.project([[x, 2.2, 66.0]])[0], 15, (220, 180, 110))
    return picture


def _barrier_post() -> list[Panel]:
    box = np.empty((110, 40, 3), np.uint8)
    box[:] = np.linspace(1.0, 0.8, 40)[None, :, None] * np.array((226, 148, 34))
    cv2.rectangle(box, (6, 40), (33, 62), (30, 30, 32), -1)
    cv2.rectangle(box, (0, 0), (39, 5), (70, 70, 72), -1)
    return [Panel(Piece(box), upright(BARRIER_X - 0.16, BARRIER_X + 0.16, 0.0, 1.15, BARRIER_Z + 0.05))]


def draw_barrier(picture: Pixels, place: GatePlace, view: GateView, raised: float, light: Light) -> None:
    """The barrier in place: `raised` 0 its arm lies across the entry lane, 1 it stands upright."""
    for panel in place.post:
        draw_panel(picture, panel, view, light)
    angle = raised * np.radians(86)
    along, across = np.array([-np.cos(angle), np.sin(angle)]), np.array([np.sin(angle), np.cos(angle)])
    edges = np.linspace(-0.25, ARM_M, 9)
    for number, (start, end) in enumerate(zip(edges, edges[1:], strict=False)):
        half = 0.045
        flat = [start * along + half * across, end * along + half * across,
                end * along - half * across, start * along - half * across]
        points = [[BARRIER_X + x, ARM_Y + y, BARRIER_Z] for x, y in flat]
        red = number % 2 == 0
        paint = (198, 34, 34) if red else (236, 236, 232)
        draw_polygon(picture, view.project(points), [c * f for c, f in zip(paint, _arm_light(light), strict=True)])


def _arm_light(light: Light) -> Light:
    """The arm is reflecting: the night dims it less."""
    red, green, blue = (min(1.0, channel + 0.25) if channel < 0.9 else channel for channel in light)
    return red, green, blue


def lane_polygon(view: GateView) -> Floats:
    """Both lanes from the camera to some 30 m, (N, 2) shares of the picture: the zone that may trigger."""
    right = view.width_px
    points = np.array([[right * 0.33, 190], [right * 0.62, 190], [right, 420], [right, view.height_px],
                       [right * 0.02, view.height_px], [right * 0.02, view.height_px * 0.97]], np.float32)
    return np.asarray(points / (view.width_px, view.height_px), np.float32)


def sign_polygon(view: GateView) -> Floats:
    """The exit sign with some room around it, (4, 2) shares of the picture: the zone in which no plate is looked at."""
    quad = view.project(EXIT_SIGN)
    around = quad.mean(axis=0) + (quad - quad.mean(axis=0)) * 1.3
    return np.asarray(around / (view.width_px, view.height_px), np.float32)
