"""A frame to sightings: detect, rectify, read, without reading again what a camera has long known."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress

import numpy as np

from edge_lpr.config import CameraTable, RecognitionTable
from edge_lpr.networks.base import Network, Tensor
from edge_lpr.networks.card import ModelCard, load_card
from edge_lpr.networks.engine_build import Progress, ensure_engine
from edge_lpr.recognition.detect import PlateDetector
from edge_lpr.recognition.read import PlateReader
from edge_lpr.recognition.recognise import PlateRecogniser, verified
from edge_lpr.recognition.rectify import cut_plate
from edge_lpr.records import Detection, Floats, Frame, PlateCrop, Reading, Sighting
from edge_lpr.service.site import detector_options, engine_options
from edge_lpr.service.stages import StageTimes

log = logging.getLogger(__name__)

UNREAD = Reading("", 0.0, ())


def told(text: str, spent_s: float) -> None:
    """A Progress for the journal."""
    log.info("engine: %s (%.0f s)", text, spent_s)


class TimedNetwork:
    """A network that counts the time spent in it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.spent_s = 0.0

    @property
    def card(self) -> ModelCard:
        """See Network."""
        return self._network.card

    @property
    def flexible(self) -> bool:
        """See Network."""
        return self._network.flexible

    @property
    def fault(self) -> str:
        """Why the GPU does not run it, where the backend tells; '' when all is well."""
        return str(getattr(self._network, "fault", ""))

    def input_for(self, count: int) -> Floats | None:
        """See `base.batch_for`."""
        give = getattr(self._network, "input_for", None)
        place: Floats | None = give(count) if give is not None else None
        return place

    def run(self, batch: Floats) -> dict[str, Tensor]:
        """See Network."""
        began_s = time.perf_counter()
        try:
            return self._network.run(batch)
        finally:
            self.spent_s += time.perf_counter() - began_s


class Networks:
    """The two networks, loaded once for all cameras; one camera at a time looks through them, holding `lock`.

    `detector` and `reader` raise NetworkError or BackendUnavailable when they are first asked for.
    """

    def __init__(self, table: RecognitionTable) -> None:
        self.table = table
        self.lock = threading.Lock()
        self._networks: list[TimedNetwork] = []
        self._recogniser = PlateRecogniser(
            table.engines, table.regions, table.threads, options=detector_options(table), backend=table.backend,
            engine_options=engine_options(table),
            precision=table.precision,
        )

    @cached_property
    def detector(self) -> PlateDetector:
        """The detector."""
        detector = self._recogniser.detector
        detector.network = self._timed(detector.network)
        return detector

    @cached_property
    def reader(self) -> PlateReader:
        """The reader."""
        reader = self._recogniser.reader
        reader.network = self._timed(reader.network)
        return reader

    @property
    def spent_s(self) -> float:
        """The time spent inside the networks so far."""
        return sum(network.spent_s for network in self._networks)

    def _timed(self, network: Network) -> TimedNetwork:
        self._networks.append(TimedNetwork(network))
        return self._networks[-1]

    @property
    def faults(self) -> tuple[str, ...]:
        """Why networks do not run as they should, though they run; nothing when all is well."""
        return tuple(f"{network.card.name}: {network.fault}" for network in self._networks if network.fault)

    def check(self) -> None:
        """See that both are there, and load neither. Raises NetworkError."""
        for folder, _ in self._recogniser.engines():
            load_card(folder)

    def prepare(self, progress: Progress = told) -> None:
        """Have the engines built that the backend 'tensorrt' cannot do without: minutes at the first start.

        A service that is starting asks for more time in `progress`. Raises BackendUnavailable, NetworkError.
        """
        if self.table.backend == "tensorrt":
            for folder, options in self._recogniser.engines():
                ensure_engine(folder, options, progress)

    def warm(self) -> None:
        """Load both and run each once, so that the first vehicle does not wait. Raises NetworkError."""
        self.prepare()
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
        """All plates of a frame; those not `worth_reading`, which an arrival knows already, with an empty reading."""
        with self.times("wait"):
            self.networks.lock.acquire()
        try:
            before_s = self.networks.spent_s
            with self.times("detect"):
                found = self.detector.detect(frame.pixels)
                wanted = [worth_reading(one) for one in found]
                close = iter(self.detector.look_closely(frame.pixels, list(compress(found, wanted))))
                found = tuple(next(close) if is_wanted else one for one, is_wanted in zip(found, wanted, strict=True))
            with self.times("rectify"):
                crops = [cut_plate(frame.pixels, one, frame.index) for one in found]
            readings = self._read(crops, wanted)
            self.times.add("networks", self.networks.spent_s - before_s)
        finally:
            self.networks.lock.release()
        sightings = [Sighting(crop, reading, frame.captured_at_s)
                     for crop, reading in zip(crops, readings, strict=True)]
        known = tuple(one for one, is_read in zip(sightings, wanted, strict=True) if not is_read)
        new = (one for one, is_read in zip(sightings, wanted, strict=True) if is_read)
        return known + verified(new, self.detector.verifier)

    def _read(self, crops: Sequence[PlateCrop], wanted: Sequence[bool]) -> list[Reading]:
        chosen = [crop.pixels for crop, is_wanted in zip(crops, wanted, strict=True) if is_wanted]
        if not chosen:
            return [UNREAD] * len(crops)
        with self.times("read"):
            read = iter(self.networks.reader.read(chosen))
        return [next(read) if is_wanted else UNREAD for is_wanted in wanted]
