"""Finding plates: a picture to detections, through one network, over one view or over overlapping tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_lpr.errors import ConfigError, NetworkError
from edge_lpr.networks.base import Network, batch_for
from edge_lpr.recognition.boxes import Box, iou
from edge_lpr.recognition.gridbox import DECODERS, Candidates, joined, suppress
from edge_lpr.recognition.letterbox import MAX_ENLARGE, PAD_GREY, canvas_size, letterbox
from edge_lpr.recognition.verify import Verifier
from edge_lpr.recognition.views import CLOSE_SIZE, TILING_SCALE, Region, View, bounds, close_view, tile_views
from edge_lpr.records import Detection, Pixels

TILE_BATCH = 4
"""Views run together: more only costs memory."""
CLOSE_SCALES, CLOSE_BELOW_PX = (0.4, 0.8), 72.0
"""A plate is looked at again closely where the network saw the picture at less than the second scale, and the plate
less wide than so many pixels of its input. From the first scale down the close look alone counts; in between it and the
first look are averaged: their errors are not the same."""
FAR_ABOVE_PX = 250.0
"""What is that wide in the network's input and scores `DOUBTFUL_SCORE` may be a part of a plate that nearly fills the
picture: the network saw no such plate in training. The picture is then looked at again at half its size."""
FAR_SCALE, FAR_SCORE = 2, 0.72
"""From afar a plate is easily seen: what scores lower is rather a sign."""
CLOSE_IOU = 0.2
"""What the close look finds is the same plate when it overlaps it at least so much."""
DOUBTFUL_SCORE, MOST_DOUBTFUL = 0.15, 4
"""What scores less than a proposal, but this much, may be a plate that the network saw too small; so many of them, the
likeliest, are looked at."""


@dataclass(frozen=True)
class DetectorOptions:
    """How to look. `threshold` and `nms_iou` None: the model card's.

    `roi` a polygon (x, y), three points or more, or a rectangle by two opposite corners, in shares 0..1 of the
    picture's width and height; () is the whole picture. Only plates whose centre lies in it are given, and the
    network sees no more than its bounding box. `tiles` 'off' looks once; 'auto' looks again, closer, in overlapping
    tiles when a view is more than 1.6 times the network's input; 'on' when it is larger at all.
    """

    threshold: float | None = None
    nms_iou: float | None = None
    roi: Region = ()
    tiles: str = "off"

    def __post_init__(self) -> None:
        if self.tiles not in ("auto", "on", "off"):
            raise ConfigError(f"tiles is {self.tiles!r}; allowed: auto, on, off")
        if self.threshold is not None and not 0.0 < self.threshold < 1.0:
            raise ConfigError(f"detection threshold is {self.threshold}; allowed: between 0 and 1")
        if len(self.roi) == 1 or any(not 0.0 <= value <= 1.0 for point in self.roi for value in point):
            raise ConfigError(f"region of interest {self.roi}: two points or more, each 0..1, are needed")


class PlateDetector:
    """Finds plates with a network whose card names a decoder of `gridbox.DECODERS`.

    Raises NetworkError for a card of another task, decoder or outputs.
    """

    def __init__(self, network: Network, options: DetectorOptions = DetectorOptions()) -> None:
        card = network.card
        needed = {"coverage", "boxes"} | ({"corners"} if card.decoder == "gridbox_corners" else set())
        if card.task != "detect" or card.decoder not in DECODERS or not needed <= set(card.outputs):
            raise NetworkError(
                f"{card.name}: no plate detector: task {card.task!r}, decoder {card.decoder!r} (allowed:"
                f" {', '.join(DECODERS)}), outputs {sorted(card.outputs)}"
            )
        self.network = network
        self.options = options
        self._decode = DECODERS[card.decoder]

    @property
    def threshold(self) -> float:
        """The least score. Like the other numbers, of the card that runs now: a quantised engine has its own."""
        card = self.network.card
        default = 0.3 if card.decoder == "gridbox" else 0.5
        return self.options.threshold or card.parameters.get("threshold", default)

    @property
    def verifier(self) -> Verifier | None:
        """What decides with the readings which proposals are plates; None for a card without one."""
        return Verifier.from_card(self.network.card.parameters, self.threshold)

    @property
    def _floor(self) -> float:
        verifier = self.verifier
        return verifier.floor if verifier else self.threshold

    @property
    def _nms_iou(self) -> float:
        card = self.network.card
        return self.options.nms_iou or card.parameters.get("nms_iou", 0.3 if card.decoder == "gridbox" else 0.45)

    def detect(self, pixels: Pixels, thoroughly: bool = False) -> tuple[Detection, ...]:
        """Plates of a uint8 RGB (H, W, 3) picture, best score first; boxes are cut at the picture's border.

        With a `verifier` these are proposals down to its floor: the readings decide which of them are plates.
        `thoroughly` looks closely at what may be a plate in a large picture, which costs a twelfth of a whole look for
        each: for single pictures, since a plate of many frames comes nearer by itself.
        """
        picture_size = (pixels.shape[1], pixels.shape[0])
        whole = bounds(self.options.roi, picture_size)
        tiles = self._tiles(whole)
        first = self._look(pixels, [whole], inner=None, floor=min(DOUBTFUL_SCORE, self._floor))
        found = [first.take(first.scores >= self._floor), self._look(pixels, tiles, inner=whole)]
        if thoroughly:
            found.append(self._look_at_doubtful(pixels, first, whole))
        if self._wide(first.take(first.scores >= DOUBTFUL_SCORE), whole).any():
            afar = self._look_from_afar(pixels, whole)
            found.append(afar.take(self._wide(afar, whole) & (afar.scores >= FAR_SCORE)))
        candidates = suppress(joined(found), self._nms_iou)
        detections = (_detection(candidates, at, picture_size) for at in range(len(candidates)))
        return tuple(found for found in detections if _centre_inside(found, self.options.roi, picture_size))

    def look_closely(self, pixels: Pixels, detections: Sequence[Detection]) -> tuple[Detection, ...]:
        """The detections with better corners and boxes, where the network saw small what is large in the picture.

        At a third of its size, one pixel of the input is a fifth of a plate's height. It costs a twelfth of a whole
        look for each such plate with a network that takes any size, a whole look with one that does not. What is not
        found again stays as it was; scores stay.
        """
        whole = bounds(self.options.roi, (pixels.shape[1], pixels.shape[0]))
        scale = self._scale(whole)
        share = min(1.0, (CLOSE_SCALES[1] - scale) / (CLOSE_SCALES[1] - CLOSE_SCALES[0]))
        small = {at: close_view(one.box, pixels.shape) for at, one in enumerate(detections)
                 if share > 0 and scale * one.box[2] < CLOSE_BELOW_PX}
        if not small or self._stretch:
            return tuple(detections)
        seen = self._look(pixels, list(small.values()), inner=None, size=CLOSE_SIZE)
        found = [_detection(seen, at, (pixels.shape[1], pixels.shape[0])) for at in range(len(seen))]
        return tuple(_nearer(one, found, share) if at in small else one for at, one in enumerate(detections))

    def _look_at_doubtful(self, pixels: Pixels, candidates: Candidates, view: View) -> Candidates:
        """What a close look finds where the first one, of the view, saw something small that scores too little."""
        doubtful = np.flatnonzero((candidates.scores < self._floor) & (candidates.scores >= DOUBTFUL_SCORE)
                                  & (self._widths(candidates, view) < CLOSE_BELOW_PX))
        if self._scale(view) >= CLOSE_SCALES[1] or self._stretch or not len(doubtful):
            return candidates.take(np.zeros(0, np.intp))
        likeliest = doubtful[np.argsort(-candidates.scores[doubtful])[:MOST_DOUBTFUL]]
        boxes = _xywh(candidates.take(likeliest))
        seen = self._look(pixels, [close_view(box, pixels.shape) for box in boxes], inner=None, size=CLOSE_SIZE)
        same = [any(iou(found, box) >= CLOSE_IOU for box in boxes) for found in _xywh(seen)]
        return seen.take(np.array(same, bool))

    def _scale(self, view: View) -> float:
        """At which the network sees a view."""
        width, height = canvas_size((view.w, view.h), self.network)
        return width / view.w if self._stretch else min(width / view.w, height / view.h, MAX_ENLARGE)

    def _widths(self, candidates: Candidates, view: View) -> NDArray[np.floating[Any]]:
        """Widths of candidates in pixels of the network's input, in a look at the view."""
        widths: NDArray[np.floating[Any]] = self._scale(view) * (candidates.boxes[:, 2] - candidates.boxes[:, 0])
        return widths

    def _wide(self, candidates: Candidates, view: View) -> NDArray[np.bool_]:
        """Which candidates are so wide in a look at the view that the network may not see the whole of them."""
        wide: NDArray[np.bool_] = self._widths(candidates, view) > FAR_ABOVE_PX
        return wide

    def _look_from_afar(self, pixels: Pixels, view: View) -> Candidates:
        """Candidates of the view at half its size, in pixels of the picture."""
        near = pixels[view.y : view.y + view.h, view.x : view.x + view.w]
        half = max(1, view.w // FAR_SCALE), max(1, view.h // FAR_SCALE)
        padded = np.full_like(near, PAD_GREY)
        padded[: half[1], : half[0]] = cv2.resize(near, half, interpolation=cv2.INTER_AREA)
        seen = self._look(padded, [View(0, 0, view.w, view.h)], inner=None)
        return _placed(seen, view, (half[0] / view.w, half[1] / view.h))

    def _tiles(self, whole: View) -> list[View]:
        _, height, width = self.network.card.input.shape
        scale = min(width / whole.w, height / whole.h)
        limit = {"off": 0.0, "auto": TILING_SCALE, "on": 1.0}[self.options.tiles]
        return tile_views(whole, (width, height)) if scale < limit else []

    def _look(
        self,
        pixels: Pixels,
        views: Sequence[View],
        inner: View | None,
        size: tuple[int, int] | None = None,
        floor: float | None = None,
    ) -> Candidates:
        """Candidates of several views, in pixels of the picture, shown in an input of `size` (width, height) where the
        network takes it; without, in one that suits the first of equally sized views.

        Their scores are at least `floor`, by default a proposal's. With `inner` those that touch a view's edge inside
        that outer view are left out: they are cut plates.
        """
        empty = np.zeros((0, 4), np.float32)
        parts = [Candidates(empty, np.zeros((0, 4, 2), np.float32), empty[:, 0])]
        for at in range(0, len(views), TILE_BATCH):
            some = views[at : at + TILE_BATCH]
            fixed = size if self.network.flexible else None
            shown_size = fixed or canvas_size((some[0].w, some[0].h), self.network)
            shown = [letterbox(pixels[v.y : v.y + v.h, v.x : v.x + v.w], shown_size, self._stretch) for v in some]
            grids = self.network.run(batch_for(self.network, np.stack([picture for picture, _ in shown])))
            for number, (view, (_, scale)) in enumerate(zip(some, shown, strict=True)):
                one = {role: grid[number] for role, grid in grids.items()}
                seen = self._decode(one, self.network.card.parameters, self._floor if floor is None else floor)
                placed = _placed(suppress(seen, self._nms_iou), view, scale)
                parts.append(_uncut(placed, view, inner) if inner else placed)
        return joined(parts)

    @property
    def _stretch(self) -> bool:
        return self.network.card.input.resize == "stretch"


def _placed(candidates: Candidates, view: View, scale: tuple[float, float]) -> Candidates:
    """Candidates of a view's input in pixels of the picture."""
    factor = np.array([1 / scale[0], 1 / scale[1]], np.float32)
    shift = np.array([view.x, view.y], np.float32)
    boxes = (candidates.boxes.reshape(-1, 2, 2) * factor + shift).reshape(-1, 4)
    return Candidates(boxes, candidates.corners * factor + shift, candidates.scores)


def _uncut(candidates: Candidates, view: View, inner: View) -> Candidates:
    """Those that do not reach an edge of `view` which is not also an edge of `inner`."""
    margin = 0.01 * max(view.w, view.h)
    x1, y1, x2, y2 = candidates.boxes.T
    whole = np.ones(len(candidates), bool)
    whole &= (x1 > view.x + margin) | (view.x == inner.x)
    whole &= (y1 > view.y + margin) | (view.y == inner.y)
    whole &= (x2 < view.x + view.w - margin) | (view.x + view.w == inner.x + inner.w)
    whole &= (y2 < view.y + view.h - margin) | (view.y + view.h == inner.y + inner.h)
    return candidates.take(whole)


def _xywh(candidates: Candidates) -> list[Box]:
    """The candidates' boxes as x, y, width and height."""
    return [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in candidates.boxes.tolist()]


def _nearer(detection: Detection, found: Sequence[Detection], share: float) -> Detection:
    """The detection moved by `share` towards the one of `found` that is the same plate; itself when there is none."""
    close = max(found, key=lambda one: iou(one.box, detection.box), default=detection)
    if iou(close.box, detection.box) < CLOSE_IOU:
        return detection
    x, y, w, h = (share * new + (1 - share) * old for new, old in zip(close.box, detection.box, strict=True))
    corners = share * close.corners + (1 - share) * detection.corners
    return Detection(np.asarray(corners, np.float32), detection.score, (x, y, w, h))


def _centre_inside(detection: Detection, roi: Region, picture_size: tuple[int, int]) -> bool:
    if not roi:
        return True
    x, y, w, h = detection.box
    (x1, y1), (x2, y2) = roi[0], roi[-1]
    polygon = roi if len(roi) > 2 else ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    outline = np.asarray(polygon, np.float32) * np.asarray(picture_size, np.float32)
    return bool(cv2.pointPolygonTest(outline.astype(np.float32), (x + w / 2, y + h / 2), False) >= 0)


def _detection(candidates: Candidates, at: int, picture_size: tuple[int, int]) -> Detection:
    """The box is the mean of the network's own and of the corners' hull: their errors are not the same."""
    limit = np.array([*picture_size, *picture_size], np.float32)
    corners = candidates.corners[at]
    box = (candidates.boxes[at] + np.concatenate([corners.min(axis=0), corners.max(axis=0)])) / 2
    x1, y1, x2, y2 = (float(value) for value in np.clip(box, 0, limit))
    score = min(1.0, float(candidates.scores[at]))
    return Detection(corners, score, (x1, y1, x2 - x1, y2 - y1))
