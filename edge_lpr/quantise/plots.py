"""The report's pictures, drawn with OpenCV: bars of layers, lines over numbers of frames, confidence against truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_lpr.records import Pixels

INK, GRID = (30, 30, 30), (215, 215, 215)
COLOURS = ((40, 90, 190), (210, 80, 40), (40, 140, 70), (140, 60, 160), (200, 160, 20), (90, 90, 90))
_FONT = cv2.FONT_HERSHEY_SIMPLEX
Series = Sequence[tuple[float, float]]


def bars(rows: Sequence[tuple[str, float]], title: str) -> Pixels:
    """Horizontal bars, each with its name and value in percent."""
    height, left, width = 60 + 22 * len(rows), 330, 860
    page = _page(width, height, title)
    most = max((value for _, value in rows), default=1.0) or 1.0
    for at, (name, value) in enumerate(rows):
        y = 46 + 22 * at
        long = round((width - left - 90) * value / most)
        cv2.rectangle(page, (left, y), (left + max(1, long), y + 15), COLOURS[0], -1)
        _text(page, name[-44:], (10, y + 12), 0.38)
        _text(page, f"{100 * value:.2f}%", (left + long + 6, y + 12), 0.38)
    return page


def lines(series: Mapping[str, Series], title: str, x_label: str, y_label: str) -> Pixels:
    """One line a name; x by powers of two, y from the least to the most."""
    width, height, left, top, right, bottom = 860, 420, 70, 50, 190, 50
    page = _page(width, height, title)
    points = [point for some in series.values() for point in some]
    if not points:
        return page
    xs, ys = np.log2([x for x, _ in points]), np.array([y for _, y in points])
    x0, x1 = float(xs.min()), float(max(xs.max(), xs.min() + 1))
    y0, y1 = min(0.0, float(ys.min())), float(max(ys.max(), ys.min() + 1e-3))

    def place(x: float, y: float) -> tuple[int, int]:
        across = (np.log2(x) - x0) / (x1 - x0) * (width - left - right)
        return round(left + across), round(height - bottom - (y - y0) / (y1 - y0) * (height - top - bottom))

    for x in sorted({x for x, _ in points}):
        cv2.line(page, place(x, y0), place(x, y1), GRID, 1)
        _text(page, f"{x:g}", (place(x, y0)[0] - 12, height - bottom + 18), 0.38)
    for y in np.linspace(y0, y1, 6):
        cv2.line(page, place(2**x0, float(y)), place(2**x1, float(y)), GRID, 1)
        _text(page, f"{y:.2f}", (8, place(2**x0, float(y))[1] + 4), 0.38)
    for at, (name, some) in enumerate(series.items()):
        colour = COLOURS[at % len(COLOURS)]
        drawn = np.array([place(*point) for point in some], np.int32)
        cv2.polylines(page, [drawn], False, colour, 2, cv2.LINE_AA)
        for x_px, y_px in drawn:
            cv2.circle(page, (int(x_px), int(y_px)), 3, colour, -1, cv2.LINE_AA)
        _text(page, name, (width - right + 12, top + 20 * at), 0.4, colour)
    _text(page, x_label, (width // 2 - 80, height - 10), 0.42)
    _text(page, y_label, (8, top - 12), 0.42)
    return page


def confidence(series: Mapping[str, Sequence[tuple[float, float, int]]], title: str) -> Pixels:
    """(confidence, share right, count) by name against the diagonal; a dot's size tells its count."""
    side, edge = 400, 50
    page = _page(side + 2 * edge + 130, side + 2 * edge, title)
    cv2.rectangle(page, (edge, edge), (edge + side, edge + side), GRID, 1)
    cv2.line(page, (edge, edge + side), (edge + side, edge), GRID, 1, cv2.LINE_AA)
    for at, (name, bins) in enumerate(series.items()):
        colour = COLOURS[at % len(COLOURS)]
        total = max(1, sum(count for _, _, count in bins))
        for sure, right, count in bins:
            centre = (edge + round(side * sure), edge + side - round(side * right))
            cv2.circle(page, centre, 3 + round(12 * (count / total) ** 0.5), colour, 1 + at % 2, cv2.LINE_AA)
        _text(page, name, (edge + side + 12, edge + 20 + 20 * at), 0.4, colour)
    _text(page, "confidence", (edge + side // 2 - 30, edge + side + 26), 0.42)
    _text(page, "right", (6, edge + 12), 0.42)
    return page


def save(page: Pixels, path: Path) -> None:
    """Write a page as PNG."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(page).save(path, optimize=True)


def _page(width: int, height: int, title: str) -> Pixels:
    page: Pixels = np.full((height, width, 3), 255, np.uint8)
    _text(page, title, (10, 24), 0.52)
    return page


def _text(page: Pixels, text: str, where: tuple[int, int], size: float, colour: tuple[int, int, int] = INK) -> None:
    cv2.putText(page, text, where, _FONT, size, colour, 1, cv2.LINE_AA)
