"""What a network gets right on pictures that set none of its ranges: float and INT8 are measured on the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network
from edge_lpr.networks.card import ModelCard, sha256_of, write_card
from edge_lpr.quantise.drawn import PROOF_SEED, drawn_plates, drawn_scenes
from edge_lpr.recognition.boxes import iou
from edge_lpr.recognition.detect import PlateDetector
from edge_lpr.recognition.read import PlateReader
from edge_lpr.recognition.recognise import verified
from edge_lpr.recognition.rectify import cut_plate
from edge_lpr.records import Pixels, Sighting
from edge_lpr.training.labels import PlateLabel, load_labels
from edge_lpr.training.metrics import MATCH_IOU, edit_distance, fold, match

NAN = float("nan")
DRAWN_PLATES, DRAWN_SCENES = 1000, 250
HELD_OUT_MARGINS = ((0.06, 0.08, 0.06, 0.08), (0.0, 0.0, 0.0, 0.0), (0.03, 0.15, 0.1, 0.05))
"""Margins (left, top, right, bottom; shares) at which each held-out plate is read."""


@dataclass(frozen=True)
class Score:
    """`plates` counted; shares `exact`, `characters`, and of a detector `recall` and `false_per_negative`."""

    plates: int
    exact: float
    characters: float
    recall: float = NAN
    false_per_negative: float = NAN

    def loss_points(self, other: Score) -> float:
        """How much `other` is worse, in points: exact reads, or of a detector recall where that loses more."""
        losses = [100.0 * (self.exact - other.exact)]
        if self.recall == self.recall:
            losses.append(100.0 * (self.recall - other.recall))
        return max(losses)


@dataclass(frozen=True, eq=False)
class ReaderProof:
    """Upright plates with their texts; `rows` where they are known."""

    crops: Sequence[Pixels]
    texts: Sequence[str]
    rows: Sequence[Sequence[int] | None]

    def score(self, network: Network) -> Score:
        """Read them all."""
        reader = PlateReader(network)
        known = [at for at, rows in enumerate(self.rows) if rows is not None]
        others = [at for at, rows in enumerate(self.rows) if rows is None]
        found: dict[int, str] = {}
        for some, rows in ((known, [self.rows[at] or (1,) for at in known]), (others, None)):
            readings = reader.read([self.crops[at] for at in some], rows) if some else []
            found.update(zip(some, (one.text for one in readings), strict=True))
        return _reading_score([(found[at], text) for at, text in enumerate(self.texts)])

    def part(self, every: int) -> ReaderProof:
        """Every n-th of them, for a quicker look."""
        return ReaderProof(self.crops[::every], self.texts[::every], self.rows[::every])


@dataclass(frozen=True, eq=False)
class DetectorProof:
    """Pictures with their plates, and the reader by which detections are verified and texts compared."""

    pictures: Sequence[tuple[Pixels, tuple[PlateLabel, ...]]]
    reader: PlateReader

    def score(self, network: Network) -> Score:
        """Look at them all, and read what is found."""
        detector = PlateDetector(network)
        reads: list[tuple[str, str]] = []
        hits: list[bool] = []
        false: list[int] = []
        for pixels, plates in self.pictures:
            sightings = self._sightings(detector, pixels)
            boxes = [one.crop.detection.box for one in sightings]
            if not plates:
                false.append(len(boxes))
            hits += [by is not None for by in match([plate.box for plate in plates], boxes)]
            reads += [(_read_at(plate, sightings), plate.text) for plate in plates if plate.text]
        score = _reading_score(reads)
        return replace(score, plates=len(hits), recall=float(np.mean(hits)) if hits else NAN,
                       false_per_negative=float(np.mean(false)) if false else NAN)

    def _sightings(self, detector: PlateDetector, pixels: Pixels) -> tuple[Sighting, ...]:
        crops = [cut_plate(pixels, found) for found in detector.look_closely(pixels, detector.detect(pixels))]
        readings = self.reader.read([crop.pixels for crop in crops]) if crops else []
        sightings = (Sighting(crop, reading, 0.0) for crop, reading in zip(crops, readings, strict=True))
        return verified(sightings, detector.verifier)

    def part(self, every: int) -> DetectorProof:
        """Every n-th picture, for a quicker look."""
        return DetectorProof(self.pictures[::every], self.reader)


Proof = ReaderProof | DetectorProof


def reader_proof(photographs: Path | None, detector: Path | None, drawn: int = DRAWN_PLATES) -> ReaderProof:
    """Drawn plates, and with `photographs` (a labels.csv) the held-out use=train plates, set upright by `detector`."""
    plates = list(drawn_plates(drawn, PROOF_SEED))
    crops = [one.pixels for one in plates]
    texts = [one.plates[0].text for one in plates]
    rows: list[Sequence[int] | None] = [(1,)] * len(plates)
    if photographs is not None:
        from edge_lpr.training.reader_sources import load_real_plates

        for plate in load_real_plates(photographs, True, detector):
            for margins in HELD_OUT_MARGINS:
                crops.append(plate.crop(margins))
                texts.append(plate.text)
                rows.append(None)
    return ReaderProof(crops, texts, rows)


def detector_proof(reader: PlateReader, photographs: Path | None, drawn: int = DRAWN_SCENES,
                   cache: Path | None = None) -> DetectorProof:
    """Drawn scenes, and with `photographs` the held-out use=train pictures, those without plates among them."""
    pictures = [(one.pixels, one.plates) for one in drawn_scenes(drawn, PROOF_SEED, cache)]
    if photographs is not None:
        pictures += list(_held_out(photographs))
    return DetectorProof(pictures, reader)


def _held_out(photographs: Path) -> Iterable[tuple[Pixels, tuple[PlateLabel, ...]]]:
    from edge_lpr.capture.images import load_picture
    from edge_lpr.training.photographs import held_out, list_photos

    wanted = {row.path for row in list_photos(photographs) if held_out(row)}
    for picture in load_labels(photographs, use="train"):
        if picture.path in wanted:
            yield load_picture(picture.path), picture.plates


def _read_at(plate: PlateLabel, sightings: Sequence[Sighting]) -> str:
    """The text read where a plate is, '' where nothing is found."""
    near = [one for one in sightings if iou(plate.box, one.crop.detection.box) >= MATCH_IOU]
    best = max(near, key=lambda one: iou(plate.box, one.crop.detection.box), default=None)
    return best.reading.text if best is not None else ""


def _reading_score(pairs: Sequence[tuple[str, str]]) -> Score:
    """Of (read, true) texts; O counts as 0 and I as 1."""
    folded = [(fold(read), fold(true)) for read, true in pairs]
    lengths = sum(len(true) for _, true in folded)
    faults = sum(min(len(true), edit_distance(read, true)) for read, true in folded)
    exact = float(np.mean([read == true for read, true in folded])) if folded else NAN
    return Score(len(pairs), exact, 1.0 - faults / lengths if lengths else NAN)


def as_network(model: Any, card: ModelCard, folder: Path, threads: int = 1) -> Network:
    """An onnx.ModelProto as a network with the contract of `card`, through a file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / card.file
    path.write_bytes(model.SerializeToString())
    write_card(replace(card, sha256=sha256_of(path)), folder / "card.json")
    cv2.setNumThreads(threads)
    return open_network(folder / "card.json", threads=threads)
