"""A real camera through its process, as the gate has it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from edge_lpr.capture.isolate import CameraProcess, CameraState
from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.capture.source import CameraSpec, make_source, pick_backend
from tests.hardware.machine import Skipped, read

PATIENCE_S = 30.0


def spec_of(uri: str) -> CameraSpec:
    on_jetson = bool(read("/etc/nv_tegra_release"))
    return CameraSpec("hardware", uri, backend="jetson" if on_jetson else "auto", retry=RetryOptions(stall_s=3.0))


def first_frame(process: CameraProcess, patience_s: float = PATIENCE_S) -> Any:
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        frame = process.latest(0.5)
        if frame is not None:
            return frame
    raise AssertionError(f"no frame in {patience_s:.0f} s: {process.health().last_error}")


def frames(uri: str) -> tuple[str, dict[str, Any]]:
    """Ten seconds of frames: their rate, size, age, and that they differ."""
    with CameraProcess(spec_of(uri)) as process:
        first = first_frame(process)
        seen, ages, until_s = 0, [], time.monotonic() + 10.0
        last = first
        while time.monotonic() < until_s:
            frame = process.latest(1.0)
            if frame is not None:
                seen += 1
                ages.append(time.monotonic() - frame.captured_at_s)
                assert frame.index > last.index
                last = frame
        health = process.health()
    assert seen > 20, f"{seen} frames in 10 s"
    assert first.pixels.std() > 1, "the picture is blank: is the lens covered?"
    assert not np.array_equal(first.pixels, last.pixels), "every frame is the same"
    figures = {"backend": pick_backend(spec_of(uri)), "size": list(first.pixels.shape), "fps": seen / 10, "dropped":
               health.dropped, "age_ms": {"median": 1e3 * float(np.median(ages)), "longest": 1e3 * max(ages)}}
    return f"{figures['fps']:.1f} frames a second, {first.pixels.shape[1]}x{first.pixels.shape[0]}", figures


def reopen(uri: str) -> tuple[str, dict[str, Any]]:
    """Six openings in one process; what each leaves behind is told (jetson_utils leaks two for RTSP and files)."""
    counts = []
    source = make_source(spec_of(uri))
    for _ in range(6):
        source.open()
        until_s = time.monotonic() + PATIENCE_S
        while source.next(1.0) is None:
            assert time.monotonic() < until_s, "no frame after opening again"
        source.close()
        counts.append(len(os.listdir("/proc/self/fd")))
    grown = counts[-1] - counts[1]
    return f"{grown} descriptors more after four further openings", {"descriptors": counts}


def handover(uri: str) -> tuple[str, dict[str, Any]]:
    """SIGTERM to the capture process closes the camera: the next one gets frames."""
    waits = []
    with CameraProcess(spec_of(uri)) as process:
        for _ in range(3):
            first_frame(process)
            began_s = time.monotonic()
            os.kill(process.pid, signal.SIGTERM)
            time.sleep(0.2)
            first_frame(process)
            waits.append(round(time.monotonic() - began_s, 1))
    return f"frames again after {waits} s", {"seconds": waits}


def copies(uri: str) -> tuple[str, dict[str, Any]]:
    """Whether a frame is looked at where the camera's process put it."""
    with CameraProcess(spec_of(uri)) as process:
        frame = first_frame(process)
        assert not frame.pixels.flags.owndata and not frame.pixels.flags.writeable
    return "one copy: from the camera's library into the shared memory", {}


def unplug(uri: str) -> tuple[str, dict[str, Any]]:
    """Unplug and plug in, by hand."""
    if uri.startswith("csi:"):
        raise Skipped("a CSI camera is not to be unplugged while powered")
    with CameraProcess(spec_of(uri)) as process:
        first_frame(process)
        input("unplug the camera, then press Enter ")
        until_s = time.monotonic() + PATIENCE_S
        while process.health().state is not CameraState.DEGRADED:
            assert time.monotonic() < until_s, "it is not told as degraded"
            process.latest(0.2)
        said = process.health().last_error
        input("plug it in again, then press Enter ")
        began_s = time.monotonic()
        first_frame(process, 90.0)
        back_s = time.monotonic() - began_s
    return f"told as '{said}', frames again {back_s:.0f} s after", {"device": str(Path(uri)), "seconds": back_s}
