"""The failures of an evaluation, each cut from its picture, for people to look at.

A sheet shows parts of the photographs: it belongs to whom the photographs belong to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from edge_lpr.capture.images import load_picture
from edge_lpr.errors import ImageError
from edge_lpr.recognition.boxes import Box, iou
from edge_lpr.records import Pixels
from edge_lpr.training.contact_sheet import Tile
from edge_lpr.training.outcomes import PictureOutcome, PlateOutcome

TRUTH_COLOUR = (40, 200, 60)
FOUND_COLOUR = (240, 60, 40)
_CONTEXT = 1.2
"""How much of a picture is shown around a plate, in widths of the plate on each side."""


def failure_tiles(tasks: Mapping[str, Sequence[PictureOutcome]], limit: int = 240) -> tuple[list[Tile], int]:
    """Tiles of what went wrong, in the order of tasks, and how many failures were left out beyond `limit`.

    Plates that were not found (truth green, what was found there red), boxes in pictures without plates, and plates
    that were read wrong other than O for 0 and I for 1.
    """
    failures = [failure for task, outcomes in tasks.items() for one in outcomes for failure in _failures(task, one)]
    tiles = []
    for outcome, box, lines in failures[:limit]:
        try:
            pixels = load_picture(outcome.picture.path)
        except ImageError:
            pixels = np.zeros((60, 110, 3), np.uint8)
        cut = pixels if outcome.picture.is_crop else _surroundings(pixels, outcome, box)
        tiles.append(Tile(cut, (*lines, outcome.picture.path.name)))
    return tiles, max(0, len(failures) - limit)


def _failures(task: str, outcome: PictureOutcome) -> list[tuple[PictureOutcome, Box, tuple[str, str]]]:
    found = []
    if task == "detect" and outcome.picture.is_negative:
        found += [(outcome, box, ("no plate", "but found")) for box in outcome.boxes]
    for plate in outcome.plates:
        lines = _fault(task, plate)
        if lines:
            found.append((outcome, plate.label.box, lines))
    return found


def _fault(task: str, plate: PlateOutcome) -> tuple[str, str] | None:
    truth = f"{plate.label.text or 'a plate'} ({plate.label.region})"
    if not plate.found:
        return (truth, "not found") if task == "detect" else None
    if task == "detect" or plate.exact_folded:
        return None
    return truth, f"{plate.text or '(nothing)'}  {plate.confidence:.2f}"


def _surroundings(pixels: Pixels, outcome: PictureOutcome, box: Box) -> Pixels:
    """The part of a picture around a box, with true boxes and found ones drawn in."""
    drawn = np.ascontiguousarray(pixels)
    truths = [plate.label.box for plate in outcome.plates]
    for truth in truths:
        _outline(drawn, truth, TRUTH_COLOUR)
    for found in outcome.boxes:
        if all(iou(found, truth) < 0.9 for truth in truths):
            _outline(drawn, found, FOUND_COLOUR)
    x, y, w, h = box
    margin = max(w, h) * _CONTEXT
    top, left = max(0, int(y - margin / 2)), max(0, int(x - margin))
    cut = drawn[top : int(y + h + margin / 2) + 1, left : int(x + w + margin) + 1]
    return cut if cut.size else drawn


def _outline(picture: Pixels, box: Box, colour: tuple[int, int, int]) -> None:
    x, y, w, h = (round(value) for value in box)
    cv2.rectangle(picture, (x, y), (x + w, y + h), colour, 1)
