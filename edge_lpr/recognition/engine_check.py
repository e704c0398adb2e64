"""An engine and ONNX Runtime side by side, on pictures of plates: outputs, texts, boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network, Tensor, to_batch
from edge_lpr.networks.card import ModelCard
from edge_lpr.networks.engine_build import needed_engine
from edge_lpr.networks.engine_key import TOLERANCE, EngineOptions, deviations
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.recognition.read import PlateReader
from edge_lpr.records import Detection, Floats, Pixels

SAME_PLACE = 0.1
"""Corners that lie apart by this share of the plate's width are told."""
GROUND_GREY = 90


class AtSize:
    """A network that is shown pictures of the size that another one takes."""

    flexible = False

    def __init__(self, network: Network, card: ModelCard) -> None:
        self._network = network
        self.card = replace(network.card, input=card.input)

    def run(self, batch: Floats) -> dict[str, Tensor]:
        """See Network."""
        return self._network.run(batch)


def check_reader(folder: Path, options: EngineOptions, crops: Sequence[Pixels]) -> tuple[list[str], int]:
    """Lines for people, and how many texts differ (one more when the outputs deviate too far)."""
    engine, onnx = open_network(folder, "tensorrt", engines=options), open_network(folder)
    lines, wrong = _outputs(folder, options, engine, onnx, crops)
    pairs = zip(PlateReader(onnx).read(crops), PlateReader(engine).read(crops), strict=True)
    differing = [
        f"picture {at}: ONNX Runtime {one.text!r} {one.confidence:.1%}, engine {two.text!r} {two.confidence:.1%}"
        for at, (one, two) in enumerate(pairs, 1) if one.text != two.text
    ]
    lines.append(f"{len(crops) - len(differing)} of {len(crops)} texts are the same")
    return lines + differing, wrong + len(differing)


def check_detector(folder: Path, options: EngineOptions, crops: Sequence[Pixels]) -> tuple[list[str], int]:
    """Lines for people, and in how many pictures the plates differ (one more when the outputs deviate too far)."""
    engine, onnx = open_network(folder, "tensorrt", engines=options), open_network(folder)
    same_size = AtSize(onnx, engine.card)
    pictures = [_on_ground(crop) for crop in crops]
    lines, wrong = _outputs(folder, options, engine, same_size, pictures)
    both = [PlateDetector(network, DetectorOptions()) for network in (same_size, engine)]
    differing = []
    for at, picture in enumerate(pictures, 1):
        found, got = (detector.detect(picture) for detector in both)
        if text := _difference(found, got):
            differing.append(f"picture {at}: {text}")
    lines.append(f"the same plates in {len(pictures) - len(differing)} of {len(pictures)} pictures")
    return lines + differing, wrong + len(differing)


def _outputs(
    folder: Path, options: EngineOptions, engine: Network, onnx: Network, pictures: Sequence[Pixels]
) -> tuple[list[str], int]:
    """The outputs' deviation over all pictures, and whether it is beyond what its precision allows."""
    key = needed_engine(folder, options).key
    _, height, width = engine.card.input.shape
    told: dict[str, float] = {}
    for picture in pictures:
        shown = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        batch = to_batch(shown[None], engine.card.input)
        for role, value in deviations(engine.run(batch), onnx.run(batch)).items():
            told[role] = max(value, told.get(role, 0.0))
    limit = TOLERANCE[key.precision]
    words = ", ".join(f"{role} {value:.4f}" for role, value in told.items()) or "no pictures"
    far = any(not value <= limit for value in told.values())
    return [f"{key.precision}: largest deviation of a picture's outputs, in their spread: {words}"
            + (f": more than {limit}" if far else "")], int(far)


def _on_ground(crop: Pixels) -> Pixels:
    """A plate before a plain ground, three times as wide as it is."""
    height, width = crop.shape[:2]
    picture = np.full((max(2 * width, 3 * height), 3 * width, 3), GROUND_GREY, np.uint8)
    y, x = (picture.shape[0] - height) // 2, width
    picture[y : y + height, x : x + width] = crop
    return picture


def _difference(found: Sequence[Detection], got: Sequence[Detection]) -> str:
    if len(found) != len(got):
        return f"ONNX Runtime finds {len(found)} plates, the engine {len(got)}"
    for one in found:
        apart = min(float(np.abs(one.corners - two.corners).max()) for two in got)
        if apart > SAME_PLACE * max(one.box[2], 1.0):
            return f"a plate's corners lie {apart:.1f} px apart"
    return ""
