"""A fixed number of frames out of many, spread over light: a night among a hundred noons must not be lost."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from edge_lpr.records import Pixels

BANDS = 8
"""Of mean brightness, dark to bright."""
_QUALITY = 95


class LightSpread:
    """Keeps at most `count` pictures, as even over the bands of brightness as what comes allows.

    Pictures are held as JPEG: 500 frames take about 100 MB instead of 3 GB.
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        self._count = count
        self._rng = np.random.default_rng(seed)
        self._bands: list[list[bytes]] = [[] for _ in range(BANDS)]

    def __len__(self) -> int:
        return sum(map(len, self._bands))

    def add(self, pixels: Pixels) -> None:
        """Offer a picture; when all places are taken, one of the fullest band makes room for one of an emptier."""
        band = self._bands[band_of(pixels)]
        if len(self) >= self._count:
            fullest = max(self._bands, key=len)
            if len(band) >= len(fullest):
                band[int(self._rng.integers(len(band)))] = _encoded(pixels)
                return
            fullest.pop(int(self._rng.integers(len(fullest))))
        band.append(_encoded(pixels))

    @property
    def by_band(self) -> tuple[int, ...]:
        """How many pictures of each brightness, dark to bright."""
        return tuple(map(len, self._bands))

    def pictures(self) -> Iterator[Pixels]:
        """All that were kept, the bands in turn."""
        waiting = [list(band) for band in self._bands]
        while any(waiting):
            for band in waiting:
                if band:
                    yield _decoded(band.pop(0))


def band_of(pixels: Pixels) -> int:
    """The band of a uint8 RGB picture's mean brightness."""
    return min(BANDS - 1, int(pixels[::8, ::8].mean() * BANDS / 256))


def _encoded(pixels: Pixels) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])


def _decoded(content: bytes) -> Pixels:
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(np.asarray(bgr, np.uint8), cv2.COLOR_BGR2RGB), np.uint8)
