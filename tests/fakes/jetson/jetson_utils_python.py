"""jetson_utils as far as edge_lpr uses it, with its quirks, strictly; PyAV decodes behind it.

A file is played to its end; `csi://N`, /dev/videoN and rtsp:// are cameras that FAKE_JETSON (words separated by commas)
describes: frames=N before it `dies` (an Exception), goes `unplugged` (None for ever) or gives on; `absent` cannot be
opened; `noclock` gives no time stamps; `instant` answers None without waiting; `noisy` fails on closing; `old` raises
where a newer version gives None.

Quirks: a picture appears in memory only when the device is synchronised; the fifth capture overwrites the first; Open()
kills; each file opened leaks two descriptors; __cuda_array_interface__ leaks; links under /dev/v4l are refused.
"""

from __future__ import annotations

import os
import time

import av
import numpy as np

PERIOD_S = 0.01
RING = 4
opened: list[videoSource] = []
_pending: list[tuple[np.ndarray, np.ndarray]] = []


def told(word: str) -> str | None:
    for one in os.environ.get("FAKE_JETSON", "").split(","):
        if one == word or one.startswith(f"{word}="):
            return one.partition("=")[2] or "yes"
    return None


class cudaImage:
    __slots__ = ("_memory", "height", "ptr", "timestamp", "width")

    def __init__(self, memory: np.ndarray, timestamp: int) -> None:
        self._memory, self.timestamp = memory, timestamp
        self.height, self.width = memory.shape[:2]
        self.ptr = memory.ctypes.data

    @property
    def __cuda_array_interface__(self) -> dict:
        raise AssertionError("each look at __cuda_array_interface__ leaks")


class videoSource:
    def __init__(self, uri: str = "", argv: list[str] | None = None, positionArg: int = -1) -> None:
        if not isinstance(uri, str) or not all(isinstance(word, str) for word in argv or []):
            raise Exception("videoSource.__init()__ failed to parse args tuple")
        self.uri, self.argv = uri, argv or []
        self._file = None
        if "/v4l/" in uri or told("absent") or uri.startswith("v4l2:") or uri.startswith("file:"):
            raise Exception("[jetson.utils] failed to create videoSource device")
        if "://" not in uri and not uri.startswith("/dev/"):
            self._leaked = [os.open(os.devnull, os.O_RDONLY) for _ in range(2)]
            self._file = av.open(uri)
            self._frames = self._file.decode(video=0)
        self._ring: list[np.ndarray] = []
        self._count, self._streaming = 0, False
        opened.append(self)

    def Open(self) -> None:
        os.abort()

    def Close(self) -> None:
        self._streaming = False
        opened.remove(self)
        if self._file is not None:
            self._file.close()
        if told("noisy"):
            raise Exception("[gstreamer] could not be stopped")

    def IsStreaming(self) -> bool:
        return self._streaming

    def GetFrameRate(self) -> int:
        return 10 if self._file is not None else 100

    def Capture(self, format: str = "rgb8", timeout: int = 1000) -> cudaImage | None:
        if format != "rgb8" or not isinstance(timeout, int) or timeout < 1:
            raise Exception("videoSource.Capture() failed to parse args tuple")
        self._streaming = True
        picture, stamp_ns = self._from_file() if self._file is not None else self._from_camera(timeout)
        if picture is None:
            return None
        if len(self._ring) < RING:
            self._ring.append(np.full(picture.shape, 0xCD, np.uint8))
        place = self._ring[self._count % RING]
        self._count += 1
        _pending.append((place, picture))
        return cudaImage(place, 0 if told("noclock") else stamp_ns)

    def _from_file(self) -> tuple[np.ndarray, int]:
        try:
            frame = next(self._frames)
        except StopIteration:
            self._streaming = False
            raise Exception("videoSource failed to capture image") from None
        return frame.to_ndarray(format="rgb24"), round(frame.time * 1e9) + 5_000_000_000

    def _from_camera(self, timeout: int) -> tuple[np.ndarray | None, int]:
        if self._count >= int(told("frames") or 10**9):
            if told("dies") or told("old"):
                raise Exception("videoSource failed to capture image")
            if told("unplugged"):
                time.sleep(0 if told("instant") else timeout / 1000)
                return None, 0
        time.sleep(PERIOD_S)
        return np.full((48, 64, 3), self._count % 256, np.uint8), round(self._count * PERIOD_S * 1e9) + 7


def cudaDeviceSynchronize() -> None:
    for place, picture in _pending:
        place[...] = picture
    _pending.clear()


def cudaToNumpy(array: cudaImage) -> np.ndarray:
    return array._memory
