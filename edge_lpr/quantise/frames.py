"""Where calibration frames come from, and how they become what the network is shown.

A detector sees the whole picture as at the gate; a reader sees the plates that the float detector finds in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lpr.capture.images import list_pictures, load_picture
from edge_lpr.capture.isolate import CameraProcess, CameraState
from edge_lpr.capture.source import CameraSpec, without_secrets
from edge_lpr.errors import CameraError, ConfigError, ImageError
from edge_lpr.networks.base import Network, to_batch
from edge_lpr.platelog.pictures import all_pictures
from edge_lpr.quantise.drawn import drawn_plates, drawn_scenes
from edge_lpr.quantise.light import LightSpread
from edge_lpr.recognition.detect import PlateDetector
from edge_lpr.recognition.letterbox import canvas_size, letterbox
from edge_lpr.recognition.rectify import cut_plate, lay_out, layouts
from edge_lpr.records import Floats, Pixels

SOURCES = ("drawn", "pictures", "video", "log", "camera")
LEAST_FRAMES = 20
"""Fewer say nothing about the ranges."""
READER_BATCH = 10
FRAME_WAIT_S, CAMERA_PATIENCE_S = 1.0, 30.0
LIVE_EVERY_S = 0.5
"""A camera's frames are taken at least so far apart: neighbours show the same."""


@dataclass(frozen=True)
class FrameRequest:
    """`source` of SOURCES; `place` its folder, file or camera address; `count` frames at most.

    `crops` a folder whose pictures are plates already; `hours` over which a camera's frames are collected, 0: as fast
    as they come; `seed` and `cache` of drawn ones.
    """

    source: str = "drawn"
    place: str = ""
    count: int = 500
    crops: bool = False
    hours: float = 0.0
    seed: int = 20
    cache: Path | None = None

    @property
    def about(self) -> str:
        """For card and report."""
        if self.source == "drawn":
            return f"drawn, seed {self.seed}"
        return f"{self.source} {without_secrets(self.place)}"


def check_source(request: FrameRequest, task: str) -> None:
    """Raise ConfigError when a folder, log or file has no pictures for a network of this task: no camera is asked."""
    if request.source in ("pictures", "log"):
        _paths(request, "crop" if task == "read" else "frame")
    elif request.source == "video" and not Path(request.place).is_file():
        raise ConfigError(f"{request.place}: no such video")


def batches(request: FrameRequest, network: Network, detector: Callable[[], PlateDetector],
            say: Callable[[str], None] = print) -> Iterator[Floats]:
    """Inputs for `network`, float32 (N, C, H, W); `detector` gives the float detector, asked for only when plates must
    be found. Raises ConfigError when the source gives fewer than LEAST_FRAMES, CameraError for a camera that fails."""
    reads = network.card.task == "read"
    inputs = _reader_inputs(request, network, detector, say) if reads else _detector_inputs(request, network, say)
    size, given = READER_BATCH if reads else 1, 0
    waiting: list[Pixels] = []
    for one in inputs:
        waiting.append(one)
        given += 1
        if len(waiting) == size:
            yield to_batch(np.stack(waiting), network.card.input)
            waiting = []
        if given == request.count:
            break
    if waiting:
        yield to_batch(np.stack(waiting), network.card.input)
    if given < min(LEAST_FRAMES, request.count):
        what = "plates" if reads else "frames"
        raise ConfigError(f"{request.about}: only {given} {what} to calibrate with; at least {LEAST_FRAMES} are needed")


def _detector_inputs(request: FrameRequest, network: Network, say: Callable[[str], None]) -> Iterator[Pixels]:
    drawn = request.source == "drawn"
    for pixels in _drawn_scenes(request) if drawn else _pictures(request, "frame", say):
        size = canvas_size((pixels.shape[1], pixels.shape[0]), network)
        yield letterbox(pixels, size, network.card.input.resize == "stretch")[0]


def _drawn_scenes(request: FrameRequest) -> Iterator[Pixels]:
    return (one.pixels for one in drawn_scenes(request.count, request.seed, request.cache))


def _reader_inputs(request: FrameRequest, network: Network, detector: Callable[[], PlateDetector],
                   say: Callable[[str], None]) -> Iterator[Pixels]:
    _, height, width = network.card.input.shape
    if request.source == "drawn":
        for one in drawn_plates(request.count, request.seed):
            yield lay_out(one.pixels, 1, (width, height))
        return
    is_crop = request.crops or request.source == "log"
    find = None if is_crop else detector()
    for pixels in _pictures(request, "crop", say):
        crops = [pixels] if find is None else [cut_plate(pixels, found).pixels for found in find.detect(pixels)]
        for crop in crops:
            yield lay_out(crop, layouts(crop)[0], (width, height))


def _pictures(request: FrameRequest, kind: str, say: Callable[[str], None]) -> Iterator[Pixels]:
    """The source's pictures: spread evenly over it where it can be counted, over light where it comes live."""
    if request.source == "camera":
        return _from_camera(request, say)
    if request.source == "video":
        return _from_video(request)
    return _loaded(_spread(_paths(request, kind), request.count * (1 if kind == "frame" or request.crops else 3)), say)


def _paths(request: FrameRequest, kind: str) -> list[Path]:
    """The picture files of a folder or a plate log. ConfigError where there are none."""
    if request.source == "log":
        suffix = f"-{kind}.jpg"
        paths = [path for _, path in all_pictures(Path(request.place)) if path.name.endswith(suffix)]
        if not paths:
            raise ConfigError(f"{request.place}: no stored {kind} pictures in this plate log")
        return paths
    paths = list_pictures([Path(request.place)])
    if not paths:
        raise ConfigError(f"{request.place}: no pictures there")
    return paths


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    """At most `count` of them, evenly over all: the first hours of a log are not the whole of it."""
    if len(paths) <= count:
        return list(paths)
    return [paths[round(at)] for at in np.linspace(0, len(paths) - 1, count)]


def _loaded(paths: Sequence[Path], say: Callable[[str], None]) -> Iterator[Pixels]:
    for path in paths:
        try:
            yield load_picture(path)
        except ImageError as error:
            say(f"passed over: {error}")


def _from_video(request: FrameRequest) -> Iterator[Pixels]:
    """All frames of a file, spread over its light."""
    check_source(request, "")
    kept = LightSpread(request.count, request.seed)
    spec = CameraSpec("calibration", str(Path(request.place).absolute()), pace="fast")
    with CameraProcess(spec) as camera:
        while (frame := camera.latest(CAMERA_PATIENCE_S)) is not None:
            kept.add(frame.pixels)
        error = camera.health().last_error
    if not len(kept):
        raise ConfigError(f"{request.place}: no frames: {error or 'it is empty'}")
    yield from kept.pictures()


def _from_camera(request: FrameRequest, say: Callable[[str], None]) -> Iterator[Pixels]:
    """Frames of a live camera, taken evenly over the hours asked for, kept evenly over light."""
    kept = LightSpread(request.count, request.seed)
    every_s = max(LIVE_EVERY_S, 3600.0 * request.hours / (2 * request.count))
    until_s = time.monotonic() + 3600.0 * request.hours
    next_s, seen_s = time.monotonic(), time.monotonic()
    with CameraProcess(CameraSpec("calibration", request.place)) as camera:
        while len(kept) < request.count or time.monotonic() < until_s:
            frame, now_s = camera.latest(FRAME_WAIT_S), time.monotonic()
            health = camera.health()
            if frame is None and (health.state is CameraState.ENDED or now_s - seen_s > CAMERA_PATIENCE_S):
                told = without_secrets(health.last_error) or "it is silent"
                raise CameraError(f"{without_secrets(request.place)}: gives no frames: {told}")
            if frame is not None:
                seen_s = now_s
                if now_s >= next_s:
                    kept.add(frame.pixels)
                    next_s = now_s + every_s
    say(f"frames by brightness, dark to bright: {' '.join(map(str, kept.by_band))}")
    yield from kept.pictures()
