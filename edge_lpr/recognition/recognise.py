"""A picture to plates: detect, rectify, read, with all crops and layouts of the picture in one batch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from edge_lpr.engine_folder import engine_folder
from edge_lpr.errors import ImageError
from edge_lpr.networks import DEFAULT_BACKEND, open_network
from edge_lpr.networks.base import Network
from edge_lpr.networks.engine_key import DEFAULTS, EngineOptions
from edge_lpr.networks.variants import DEFAULT_PRECISION
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.recognition.read import PlateReader
from edge_lpr.recognition.rectify import cut_plate, layouts
from edge_lpr.recognition.regions import parse_regions
from edge_lpr.recognition.verify import Verifier
from edge_lpr.records import Detection, Floats, Pixels, Reading, Sighting

DETECTOR_FOLDER = "lpdnet"
READER_FOLDER = "lprnet"


@dataclass(frozen=True, eq=False)
class Plate:
    """One plate of a picture: `box` (x, y, w, h) and `corners` float32 (4, 2) TL TR BR BL in pixels, `score` of the
    detector, `text` and its `confidence` ('' and 0 when it cannot be read), `rows` 1 or 2, `region` or ''."""

    text: str
    confidence: float
    box: tuple[float, float, float, float]
    corners: Floats
    score: float
    rows: int
    region: str


def plate_of(sighting: Sighting) -> Plate:
    """The sighting without its pictures."""
    found, reading = sighting.crop.detection, sighting.reading
    return Plate(
        reading.text, reading.confidence, found.box, found.corners, found.score, reading.rows, reading.region
    )


class PlateRecogniser:
    """Finds and reads plates.

        plates = PlateRecogniser(regions=["cz", "sk"]).plates(pixels)

    `engines` the folder that holds `lpdnet/` and `lprnet/` (default: `engine_folder()`); `regions` the enabled
    countries, none by default; `threads` CPU threads, 0 for one a core; `threshold` of the detector, the model card's
    by default; `options` all that a detector can be told; `second_look` whether an unsure plate is read in several
    views (off where frames follow one another); `precision` 'auto', 'float32' or 'int8' as in `choose_card`;
    `engine_options` how TensorRT engines are made and kept, for a `backend` that runs them. A network is loaded when it
    is first needed.
    Raises NetworkError, BackendUnavailable or ConfigError (unknown region). Use one recogniser a thread.
    """

    def __init__(
        self,
        engines: Path | None = None,
        regions: Sequence[str] = (),
        threads: int = 0,
        threshold: float | None = None,
        options: DetectorOptions | None = None,
        backend: str = DEFAULT_BACKEND,
        second_look: bool = True,
        precision: str = DEFAULT_PRECISION,
        engine_options: EngineOptions = DEFAULTS,
    ) -> None:
        parse_regions(regions)
        self._second_look = second_look
        self._engines = Path(engines) if engines is not None else engine_folder()
        self._regions = tuple(regions)
        self._threads = threads
        self._options = options or DetectorOptions(threshold=threshold)
        self._backend = backend
        self._engine_options = engine_options
        self._precision = precision

    @cached_property
    def detector(self) -> PlateDetector:
        """The detector, loaded at the first use."""
        return PlateDetector(self._open(DETECTOR_FOLDER), self._options)

    @cached_property
    def reader(self) -> PlateReader:
        """The reader, loaded at the first use."""
        return PlateReader(self._open(READER_FOLDER), self._regions)

    def engines(self) -> tuple[tuple[Path, EngineOptions], ...]:
        """The folders of both networks, and how their engines are made and kept."""
        return tuple((self._engines / name, self._engine_options.under(name))
                     for name in (DETECTOR_FOLDER, READER_FOLDER))

    def _open(self, name: str) -> Network:
        return open_network(self._engines / name, self._backend, self._threads, self._precision,
                            engines=self._engine_options.under(name))

    def detect(self, pixels: Pixels) -> tuple[Detection, ...]:
        """Plates of a uint8 RGB (H, W, 3) picture, best score first."""
        if self.detector.verifier is None:
            return self.detector.detect(_checked(pixels), self._second_look)
        return tuple(sighting.crop.detection for sighting in self._found(pixels, 0, 0.0))

    def recognise(
        self, pixels: Pixels, frame_index: int = 0, captured_at_s: float | None = None
    ) -> tuple[Sighting, ...]:
        """All plates of a uint8 RGB (H, W, 3) picture, found and read, best detection first.

        `captured_at_s` monotonic seconds, by default now.
        """
        found = self._found(pixels, frame_index, time.monotonic() if captured_at_s is None else captured_at_s)
        if not self._second_look:
            return found
        return tuple(replace(one, reading=self.reader.read_closely(one.crop.pixels, one.reading)) for one in found)

    def _found(self, pixels: Pixels, frame_index: int, at_s: float) -> tuple[Sighting, ...]:
        """All plates of a picture as one look reads them."""
        found = self.detector.look_closely(pixels, self.detector.detect(_checked(pixels), self._second_look))
        crops = [cut_plate(pixels, one, frame_index) for one in found]
        readings = self.reader.read([crop.pixels for crop in crops]) if crops else []
        return verified((Sighting(crop, reading, at_s) for crop, reading in zip(crops, readings, strict=True)),
                        self.detector.verifier)

    def plates(self, pixels: Pixels) -> tuple[Plate, ...]:
        """All plates of a uint8 RGB (H, W, 3) picture as plain results, best detection first."""
        return tuple(plate_of(sighting) for sighting in self.recognise(pixels))

    def read_crop(self, pixels: Pixels, rows: int | None = None) -> Reading:
        """The text of a picture that is one upright plate; `rows` 1 or 2 where it is known."""
        tries = layouts(_checked(pixels)) if rows is None else (rows,)
        reading = self.reader.read([pixels], [tries])[0]
        return self.reader.read_closely(pixels, reading, tries) if self._second_look else reading


def verified(sightings: Iterable[Sighting], verifier: Verifier | None) -> tuple[Sighting, ...]:
    """The sightings that are plates, with P(plate) as their detections' score, likeliest first; all without one."""
    if verifier is None:
        return tuple(sightings)
    kept = []
    for sighting in sightings:
        detection = verifier.judge(sighting.crop.detection, sighting.reading)
        if detection is not None:
            kept.append(replace(sighting, crop=replace(sighting.crop, detection=detection)))
    return tuple(sorted(kept, key=lambda sighting: -sighting.crop.detection.score))


def _checked(pixels: Pixels) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ImageError(f"a picture is uint8 RGB (H, W, 3), not {pixels.dtype} {pixels.shape}")
    return pixels
