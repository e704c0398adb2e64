"""A frame to sightings: detect, rectify, read, without reading again what a camera has long known."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edge_lpr.config import CameraTable, RecognitionTable
from edge_lpr.recognition.detect import PlateDetector
from edge_lpr.recognition.read import PlateReader
from edge_lpr.recognition.recognise import PlateRecogniser
from edge_lpr.recognition.rectify import cut_plate
from edge_lpr.records import Detection, Frame, PlateCrop, Reading, Sighting
from edge_lpr.service.site import detector_options
from edge_lpr.service.stages import StageTimes

UNREAD = Reading("", 0.0, ())


class Networks:
    """The two networks, loaded once for all cameras; one camera at a time looks through them."""

    def __init__(self, table: RecognitionTable) -> None:
        self.table = table
        self.lock = threading.Lock()
        self._recogniser = PlateRecogniser(
            table.engines, table.regions, table.threads, options=detector_options(table), backend=table.backend
        )

    @property
    def detector(self) -> PlateDetector:
        """The detector. Raises NetworkError, BackendUnavailable when it is first asked for."""
        return self._recogniser.detector

    @cached_property
    def reader(self) -> PlateReader:
        """The reader; errors as above."""
        return self._recogniser.reader

    def warm(self) -> None:
        """Load both and run each once, so that the first vehicle does not wait. Raises NetworkError."""
        _, height, width = self.detector.network.card.input.shape
        with self.lock:
            self.detector.detect(np.zeros((height, width, 3), np.uint8))
            self.reader.read([np.zeros((32, 128, 3), np.uint8)])


@dataclass(frozen=True, eq=False)
class Sight:
    """What one camera sees through the networks; `detector` looks where the camera's `roi` says."""

    networks: Networks
    detector: PlateDetector
    times: StageTimes

    @classmethod
    def of(cls, networks: Networks, camera: CameraTable, times: StageTimes) -> Sight:
        """The sight of a camera. Raises NetworkError."""
        detector = networks.detector
        if camera.roi:
            detector = PlateDetector(detector.network, detector_options(networks.table, camera.roi))
        return cls(networks, detector, times)

    def look(self, frame: Frame, worth_reading: Callable[[Detection], bool]) -> tuple[Sighting, ...]:
        """All plates of a frame, best detection first; those not `worth_reading` with an empty reading."""
        with self.times("wait"):
            self.networks.lock.acquire()
        try:
            with self.times("detect"):
                found = self.detector.detect(frame.pixels)
            with self.times("rectify"):
                crops = [cut_plate(frame.pixels, one, frame.index) for one in found]
            readings = self._read(crops, [worth_reading(one) for one in found])
        finally:
            self.networks.lock.release()
        return tuple(Sighting(crop, reading, frame.captured_at_s)
                     for crop, reading in zip(crops, readings, strict=True))

    def _read(self, crops: Sequence[PlateCrop], wanted: Sequence[bool]) -> list[Reading]:
        chosen = [crop.pixels for crop, is_wanted in zip(crops, wanted, strict=True) if is_wanted]
        if not chosen:
            return [UNREAD] * len(crops)
        with self.times("read"):
            read = iter(self.networks.reader.read(chosen))
        return [next(read) if is_wanted else UNREAD for is_wanted in wanted]
