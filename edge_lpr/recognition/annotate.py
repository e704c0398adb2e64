"""Found plates drawn into a picture, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge_lpr.recognition.recognise import Plate
from edge_lpr.records import Pixels

READ_COLOUR = (40, 200, 60)
UNREAD_COLOUR = (250, 160, 20)
INK = (0, 0, 0)
FONT = cv2.FONT_HERSHEY_SIMPLEX
LABEL_SHARE = 1 / 32
"""Height of a label as a share of the picture's longer side, 14 px at least."""


def annotate(pixels: Pixels, plates: Sequence[Plate]) -> Pixels:
    """A copy of the picture, uint8 RGB (H, W, 3), with each plate's outline, text and confidence in per cent.

    A plate that was read is green, one that was only found is orange and shows its detection score.
    """
    drawn: Pixels = np.array(pixels, order="C")
    label_px = max(14, round(max(drawn.shape[:2]) * LABEL_SHARE))
    for plate in plates:
        colour = READ_COLOUR if plate.text else UNREAD_COLOUR
        outline = np.round(plate.corners).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(drawn, [outline], True, colour, max(1, label_px // 10), cv2.LINE_AA)
        label = f"{plate.text} {plate.confidence:.0%}" if plate.text else f"plate {plate.score:.0%}"
        _write_label(drawn, label, plate, colour, label_px)
    return drawn


def _write_label(drawn: Pixels, label: str, plate: Plate, colour: tuple[int, int, int], label_px: int) -> None:
    """Write on a filled ground above the plate, or below where there is no room, inside the picture."""
    scale, thickness = label_px / 36, max(1, label_px // 14)
    (width, height), below = cv2.getTextSize(label, FONT, scale, thickness)
    box_x, box_y, _, box_height = plate.box
    total = height + below + 4
    top = int(box_y) - total - 2
    if top < 0:
        top = min(int(box_y + box_height) + 3, drawn.shape[0] - total)
    left = max(0, min(int(box_x), drawn.shape[1] - width - 4))
    cv2.rectangle(drawn, (left, top), (left + width + 4, top + total), colour, cv2.FILLED)
    cv2.putText(drawn, label, (left + 2, top + height + 2), FONT, scale, INK, thickness, cv2.LINE_AA)
