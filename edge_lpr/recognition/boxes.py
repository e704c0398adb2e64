"""Upright boxes in a picture. Pure."""

from __future__ import annotations

Box = tuple[float, float, float, float]
"""x, y, w, h in pixels."""


def iou(a: Box, b: Box) -> float:
    """Area of the intersection of two upright boxes over that of their union, 0..1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
