"""Stroke engine: draws a character from a short text of polylines with rounded corners.

Shapes are texts in the language of `shape_text.py`.
Everything is drawn four times too large and averaged down. No fonts, no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_lpr.training.shape_text import Coordinate, Path, parse_shape

SUPERSAMPLE = 4
ARC_STEPS = 6
"""Straight pieces of one rounded corner."""
STROKE_LIMITS: Mapping[str, float] = {
    "W": 0.18, "M": 0.21, "N": 0.27, "A": 0.27, "K": 0.30, "4": 0.28, "V": 0.30, "X": 0.30, "R": 0.32,
    "I": 1.0, "1": 0.8,
}
"""Thickest stroke as a share of the character's width, so that crowded characters stay open."""
_SHIFT = 4
_ONE = 1 << _SHIFT
_MITRE_LIMIT = 4.0
"""Longest mitre tip in half stroke widths; a sharper corner is cut by the cap lines anyway."""


Point = tuple[float, float]


@dataclass(frozen=True)
class StrokeStyle:
    """How the strokes of a face look. Lengths are shares of the cap height."""

    width: float = 0.58
    """Width of a normal character, strokes included."""
    stroke: float = 0.15
    round_x: float = 0.22
    round_y: float = 0.24
    """Radii of rounded corners on the centre line."""
    fullness: float = 1.0
    """1: elliptic corners; above: squarer ones, below: flatter ones."""
    round_caps: bool = False
    contrast: float = 1.0
    """Thickness of upright strokes over that of level ones."""
    slant: float = 0.0
    """Lean to the right per height, tan of the angle."""
    soft: float = 0.0
    """Radius by which the finished outline's corners are softened (a worn or embossed die)."""
    side_bearing: float = 0.07
    params: Mapping[str, float] = field(default_factory=dict)
    """Values of the names used in shapes: m (waist), t (terminals) ..."""
    shapes: Mapping[str, str] = field(default_factory=dict)
    widths: Mapping[str, float] = field(default_factory=dict)
    """Width of a character as a factor of `width`; 1 where it is not named."""


@dataclass(frozen=True, slots=True)
class _Box:
    """Placement of the unit box on the large canvas, in its pixels."""

    left: float
    top: float
    width: float
    height: float
    half: float
    round_x: float
    round_y: float


def _place(coordinate: Coordinate, params: Mapping[str, float]) -> float:
    name, factor, constant = coordinate
    return params[name] * factor + constant if name else constant


_STEPS = np.linspace(0.0, 1.0, ARC_STEPS + 1)[:, None]
_START, _MIDDLE, _END = (1 - _STEPS) ** 2, 2 * _STEPS * (1 - _STEPS), _STEPS ** 2


def _toward(at: Point, other: Point, radii: Point, room: float) -> tuple[Point, Point]:
    """Unit vector from `at` to `other`, and the point where a corner of these radii leaves that side."""
    dx, dy = other[0] - at[0], other[1] - at[1]
    length = math.hypot(dx, dy) or 1e-6
    dx, dy = dx / length, dy / length
    reach = min(math.hypot(dx * radii[0], dy * radii[1]), length * room)
    return (dx, dy), (at[0] + dx * reach, at[1] + dy * reach)


def _corner(before: Point, at: Point, after: Point, radii: Point, rooms: Point,
            fullness: float) -> NDArray[np.float64]:
    """Points (ARC_STEPS + 1, 2) of a rounded corner: a rational quadratic curve from the one side to the other, a
    quarter of an ellipse at a right angle (its weight is the cosine of half the turn)."""
    u, start = _toward(at, before, radii, rooms[0])
    v, end = _toward(at, after, radii, rooms[1])
    cosine = min(1.0, max(-1.0, -(u[0] * v[0] + u[1] * v[1])))
    middle = _MIDDLE * (math.sqrt((1.0 + cosine) / 2.0) * fullness)
    curve: NDArray[np.float64] = (_START * start + middle * at + _END * end) / (_START + middle + _END)
    return curve


def _outline(path: Path, box: _Box, style: StrokeStyle) -> tuple[NDArray[np.float64], list[int]]:
    """Centre line of a path in canvas pixels (N, 2) and the indices of its sharp corners."""
    raw = [(box.left + box.width * _place(v.x, style.params), box.top + box.height * _place(v.y, style.params))
           for v in path.vertices]
    count = len(raw)
    pieces: list[NDArray[np.float64]] = []
    sharp: list[int] = []
    total = 0
    for index, vertex in enumerate(path.vertices):
        inner = path.closed or 0 < index < count - 1
        if inner and vertex.rounding:
            near = ((index - 1) % count, (index + 1) % count)
            before, after = (0.5 if path.vertices[n].rounding and (path.closed or 0 < n < count - 1) else 1.0
                             for n in near)
            radii = (box.round_x * vertex.rounding, box.round_y * vertex.rounding)
            piece = _corner(raw[near[0]], raw[index], raw[near[1]], radii, (before, after), style.fullness)
        else:
            piece = np.array([raw[index]])
            if inner:
                sharp.append(total)
        pieces.append(piece)
        total += len(piece)
    if path.closed:
        pieces.append(pieces[0][:1])
    return np.concatenate(pieces), sharp


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.round(points * _ONE).astype(np.int32).reshape(-1, 1, 2)


def _mitre(canvas: NDArray[np.uint8], line: NDArray[np.float64], index: int, box: _Box, slant: float) -> None:
    """Fills the outer tip of the sharp corner at `line[index]`, as far as it lies within the box."""
    half = box.half
    at = line[index]
    before = line[index - 1] if index else line[-2]
    after = line[index + 1] if index + 1 < len(line) else line[1]
    u, v = at - before, after - at
    u, v = u / (np.hypot(*u) or 1.0), v / (np.hypot(*v) or 1.0)
    turn = u[0] * v[1] - u[1] * v[0]
    if abs(turn) < 0.05:
        return
    side = -1.0 if turn > 0 else 1.0
    first, second = side * half * np.array([-u[1], u[0]]), side * half * np.array([-v[1], v[0]])
    tangent = (1.0 - float(u @ v)) / turn
    reach = min(abs(half * tangent), _MITRE_LIMIT * half)
    wedge = np.array([at, at + first, at + first + u * reach, at + second - v * reach, at + second])
    lean = (box.top + box.height / 2 - wedge[:, 1]) * slant
    wedge[:, 0] = np.clip(wedge[:, 0] - lean, box.left - half, box.left + box.width + half) + lean
    cv2.fillConvexPoly(canvas, _fixed(wedge), 255, cv2.LINE_8, _SHIFT)


def _end(canvas: NDArray[np.uint8], line: NDArray[np.float64], last: bool, path: Path, box: _Box) -> None:
    """Squares one end of an open path; an end on the edge of the box is lengthened to fill the box."""
    at, inside = (line[-1], line[-2]) if last else (line[0], line[1])
    vertex = path.vertices[-1 if last else 0]
    out = at - inside
    out = out / (np.hypot(*out) or 1.0)
    reach = 0.0
    on_edge_y = not vertex.y[0] and vertex.y[2] in (0.0, 1.0)
    on_edge_x = not vertex.x[0] and vertex.x[2] in (0.0, 1.0)
    if not path.cut and on_edge_y and abs(out[1]) > 0.3:
        reach = box.half * (1.0 + abs(out[0])) / abs(out[1])
    elif not path.cut and on_edge_x and abs(out[0]) > 0.8:
        reach = box.half
    across = box.half * np.array([-out[1], out[0]])
    back, tip = at - out * box.half, at + out * reach
    quad = np.array([back + across, tip + across, tip - across, back - across])
    cv2.fillConvexPoly(canvas, _fixed(quad), 255, cv2.LINE_8, _SHIFT)


def _shortened(line: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """The polyline without its last `by` pixels at either end, so that its round caps do not pass a square end."""
    for _ in range(2):
        left = by
        while len(line) > 2:
            length = math.hypot(*(line[-2] - line[-1]))
            if length > left:
                break
            left -= length
            line = line[:-1]
        inward = line[-2] - line[-1]
        length = math.hypot(*inward) or 1.0
        line = np.vstack([line[:-1], line[-1] + inward / length * min(left, length * 0.9)])[::-1]
    return line


def _draw_path(canvas: NDArray[np.uint8], path: Path, box: _Box, style: StrokeStyle) -> None:
    line, sharp = _outline(path, box, style)
    if style.slant:
        middle = box.top + box.height / 2
        line[:, 0] += (middle - line[:, 1]) * style.slant
    square = not path.closed and not style.round_caps
    body = _shortened(line, box.half) if square else line
    cv2.polylines(canvas, [_fixed(body)], False, 255, max(1, round(2 * box.half)), cv2.LINE_8, _SHIFT)
    if style.round_caps and not path.mitred:
        return
    for index in sharp:
        _mitre(canvas, line, index, box, style.slant)
    if square:
        _end(canvas, line, False, path, box)
        _end(canvas, line, True, path, box)


def draw_character(style: StrokeStyle, char: str, height_px: int) -> NDArray[np.uint8]:
    """Ink coverage 0..255, uint8 (height_px, w), cut to the ink in x. Raises KeyError for a char without a shape."""
    shape = style.shapes[char]
    height = height_px * SUPERSAMPLE
    width = style.width * style.widths.get(char, 1.0) * height / style.contrast
    half = min(style.stroke * height, width * STROKE_LIMITS.get(char, 0.42)) / 2
    margin = math.ceil(half * 2 + abs(style.slant) * height / 2) + SUPERSAMPLE
    box = _Box(margin + half, margin + half, max(width - 2 * half, 0.0), height - 2 * half, half,
               style.round_x * height / style.contrast, style.round_y * height)
    columns = -(-(math.ceil(width) + 2 * margin) // SUPERSAMPLE) * SUPERSAMPLE
    canvas = np.zeros((height + 2 * margin, columns), np.uint8)
    for path in parse_shape(shape):
        _draw_path(canvas, path, box, style)
    canvas = canvas[margin:margin + height]
    if style.soft > 0:
        canvas = _soften(canvas, style.soft * height)
    return trimmed(_shrink(canvas, height_px, style.contrast))


def _soften(canvas: NDArray[np.uint8], radius: float) -> NDArray[np.uint8]:
    """Rounds corners: a blur and a threshold at one half."""
    size = 2 * max(1, round(radius)) + 1
    padded = cv2.copyMakeBorder(canvas, size, size, 0, 0, cv2.BORDER_CONSTANT, value=0)
    for _ in range(2):
        padded = cv2.blur(padded, (size, size))
    soft = cv2.threshold(padded, 127, 255, cv2.THRESH_BINARY)[1]
    return np.ascontiguousarray(soft[size:-size])


def _shrink(canvas: NDArray[np.uint8], height_px: int, contrast: float) -> NDArray[np.uint8]:
    width_px = max(1, round(canvas.shape[1] * contrast / SUPERSAMPLE))
    return np.asarray(cv2.resize(canvas, (width_px, height_px), interpolation=cv2.INTER_AREA), np.uint8)


def trimmed(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The columns from the first to the last with ink; one empty column where there is none."""
    columns = np.flatnonzero(mask.max(axis=0) > 8)
    if columns.size == 0:
        return np.ascontiguousarray(mask[:, :1])
    return np.ascontiguousarray(mask[:, columns[0]:columns[-1] + 1])
