"""The Jetson's source: CSI, USB and RTSP cameras through jetson_utils, decoded and made RGB by the Jetson's hardware.

The picture lies in memory that processor and GPU share, so it is looked at without a copy. What jetson_utils does that
one must know (its version 1 and 2 differ; seen in its sources, to be confirmed on a device by `tests/hardware/`):

- `Capture` gives None when nothing came in time, and None for ever when the camera is unplugged or its stream stalls,
  while IsStreaming() stays true: whoever asks counts the silence. All else, the end of a file included, is a plain
  Exception. Open() is never called: Capture opens, and a second opening can take the process down.
- A ring of four pictures: the fifth capture overwrites the first. One is used at a time here.
- Links such as /dev/v4l/by-id/... are refused: they are followed at each opening.
- Time stamps are of the stream, in nanoseconds, and sometimes missing.
- Each opening of a file or RTSP stream leaks two file descriptors: the process is replaced after some openings.
"""

from __future__ import annotations

import importlib.util
import os
import re
import time
from contextlib import suppress
from typing import Any

from edge_lpr.capture.source import CameraRefused, CameraSpec, EndOfStream, Picture, file_path
from edge_lpr.capture.thinning import Thinning
from edge_lpr.errors import BackendUnavailable, CameraError
from edge_lpr.records import Pixels

MODULES = ("jetson_utils_python", "jetson_utils")
"""The bare extension, in both versions, before the package, which in version 2 imports much and changes the logger."""
OPENINGS_PER_PROCESS = 10
RTSP_LATENCY_MS = 200
"""How long jetson_utils holds an RTSP stream back to smooth it; its own 2000 ms are an eternity at a gate."""
UNKNOWN_RATE_FPS = 30.0
SHOWN_AT_LEAST_S = 1.0
"""With a vehicle gate one frame in so long is shown all the same: the camera is alive, and no network sees all."""
VEHICLES = frozenset(("car", "truck", "bus", "motorcycle", "motorbike", "vehicle"))
VEHICLE_THRESHOLD = 0.3
"""Low: a missed vehicle is a missed opening, a needless look costs milliseconds."""

_DEVICE = re.compile(r"^(v4l2:(//)?)?(?=/dev/)", re.IGNORECASE)
_CSI = re.compile(r"^csi:(//)?(\d+)$", re.IGNORECASE)


class JetsonSource:
    """See FrameSource. Raises BackendUnavailable when jetson_utils is not installed."""

    openings_per_process = OPENINGS_PER_PROCESS

    def __init__(self, spec: CameraSpec) -> None:
        if not any(importlib.util.find_spec(name) for name in MODULES):
            raise BackendUnavailable("jetson_utils is not installed")
        self._spec = spec
        self._utils: Any = None
        self._source: Any = None
        self._gate: VehicleGate | None = None

    def open(self) -> None:
        self.close()
        self._utils = _jetson_utils()
        uri, spec = self._address(), self._spec
        if spec.vehicle_network and self._gate is None:
            self._gate = VehicleGate(spec.vehicle_network)
        try:
            self._source = self._utils.videoSource(uri, argv=self._arguments())
        except Exception as error:  # jetson_utils raises nothing else
            raise CameraError(f"{spec.public_uri}: cannot be opened: {error}") from error
        self._first_ns: int | None = None
        self._last_s, self._shown_s = -1.0, -SHOWN_AT_LEAST_S
        self._thinning = Thinning(spec.fps)  # where the camera gives more than it was asked for
        self._silent, self._over = 0, False

    def next(self, timeout_s: float) -> Picture | None:
        if self._source is None:
            raise CameraError("the source is not open")
        if self._over:  # asked again, jetson_utils would open the file anew
            raise EndOfStream("the file is over")
        until_s, passed_over = time.monotonic() + timeout_s, 0
        while True:
            image = self._capture(max(until_s - time.monotonic(), 0.001))
            if image is None:
                return None
            pts_s = self._pts(image)
            if self._thinning.keeps(pts_s) and self._worth_a_look(image):
                return Picture(self._pixels(image), pts_s, 0.0, passed_over)
            passed_over += 1
            if time.monotonic() >= until_s:
                return None

    def close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            with suppress(Exception):  # whatever it is, there is nothing more to be done with this source
                source.Close()

    def _address(self) -> str:
        """What jetson_utils shall open."""
        uri = self._spec.uri
        if csi := _CSI.match(uri):
            return f"csi://{csi[2]}"
        if uri.lower().startswith("csi:"):
            raise CameraRefused(f"{uri}: a CSI camera is csi://0, csi://1 and so on")
        if _DEVICE.match(uri):
            device = os.path.realpath(_DEVICE.sub("", uri))
            if not os.path.exists(device):
                raise CameraError(f"{uri}: no such device: is the camera plugged in?")
            return device
        if not self._spec.live:
            path = file_path(uri)
            if not path.is_file():
                raise CameraRefused(f"{path}: no such file")
            return str(path.absolute())
        return uri

    def _arguments(self) -> list[str]:
        """As on a command line: the only form that all versions know; one that they do not know they pass over."""
        spec = self._spec
        words = ["edge-lpr", f"--input-rtsp-latency={RTSP_LATENCY_MS}", f"--input-latency={RTSP_LATENCY_MS}"]
        if spec.width and spec.height:
            words += [f"--input-width={spec.width}", f"--input-height={spec.height}"]
        if spec.fps:
            words.append(f"--input-rate={spec.fps:g}")
        if spec.input_format:
            words.append(f"--input-codec={spec.input_format}")
        return words

    def _capture(self, timeout_s: float) -> Any:
        """The next image; None when none came in time. A library that says so at once is not asked all the time."""
        began_s = time.monotonic()
        try:
            image = self._source.Capture(format="rgb8", timeout=max(1, round(timeout_s * 1000)))
        except Exception as error:  # as above
            if self._spec.live or self._first_ns is None:
                raise CameraError(f"{self._spec.public_uri}: {error} (after {self._silent} times nothing)") from error
            self._over = True
            raise EndOfStream("the file is over") from error
        if image is None:
            self._silent += 1
            time.sleep(max(min(timeout_s, 0.05) - (time.monotonic() - began_s), 0.0))
        else:
            self._silent = 0
        return image

    def _pts(self, image: Any) -> float:
        """Seconds since the first frame; a missing time, or one that runs backwards, is one period after the last."""
        stamp_ns = int(getattr(image, "timestamp", 0) or 0)
        if self._first_ns is None:
            self._first_ns = stamp_ns
        pts_s = (stamp_ns - self._first_ns) / 1e9
        if pts_s <= self._last_s:
            pts_s = self._last_s + 1.0 / (float(self._source.GetFrameRate() or 0) or UNKNOWN_RATE_FPS)
        self._last_s = max(pts_s, 0.0)
        return self._last_s

    def _worth_a_look(self, image: Any) -> bool:
        """Whether a vehicle is in view, or none has been shown for long; always without a vehicle gate."""
        if self._gate is None:
            return True
        now_s = time.monotonic()
        if now_s - self._shown_s < SHOWN_AT_LEAST_S and not self._gate.sees_vehicle(image):
            return False
        self._shown_s = now_s
        return True

    def _pixels(self, image: Any) -> Pixels:
        """The image where it lies: the GPU is waited for, nothing is copied."""
        self._utils.cudaDeviceSynchronize()
        pixels: Pixels = self._utils.cudaToNumpy(image)
        return pixels[..., :3]


class VehicleGate:
    """jetson_inference's detectNet asks of each frame whether a vehicle is in it, before plates are looked for.

    `network` a name of its model zoo, such as 'ssd-mobilenet-v2'. Raises BackendUnavailable without jetson_inference or
    when it cannot load the network.
    """

    def __init__(self, network: str) -> None:
        try:
            import jetson_inference
        except ImportError as error:
            raise BackendUnavailable(f"a vehicle gate needs jetson_inference: {error}") from error
        try:
            self._net = jetson_inference.detectNet(network, threshold=VEHICLE_THRESHOLD)
        except Exception as error:  # it raises nothing else
            raise BackendUnavailable(f"detectNet does not load {network!r}: {error}") from error

    def sees_vehicle(self, image: Any) -> bool:
        """Whether any is in view. Nothing is drawn into the image. When detectNet fails, every frame is looked at."""
        try:
            found = self._net.Detect(image, overlay="none")
            return any(self._net.GetClassDesc(one.ClassID).lower() in VEHICLES for one in found)
        except Exception:  # as above: a gate that looks needlessly is better than one that does not
            return True


def _jetson_utils() -> Any:
    """The module, whichever there is. Raises BackendUnavailable when none can be imported."""
    reasons = []
    try:
        import jetson_utils_python

        return jetson_utils_python
    except ImportError as error:
        reasons.append(str(error))
    try:
        import jetson_utils

        return jetson_utils
    except ImportError as error:
        reasons.append(str(error))
    raise BackendUnavailable(f"jetson_utils cannot be imported: {'; '.join(reasons)}")
