"""Videos made at test time, and the fake source where the capture process finds it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_lpr.capture.isolate import CameraProcess
from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.capture.source import CameraSpec

QUICK = RetryOptions(first_s=0.01, longest_s=0.05, stall_s=0.4, open_timeout_s=0.5)
"""Nobody waits half a minute in a test."""


def grey_of(index: int) -> int:
    """The brightness of the `index`-th frame of a test video."""
    return 20 + 20 * (index % 11)


def save_video(
    path: Path, frames: int = 12, size: tuple[int, int] = (64, 48), fps: int = 10, sound: bool = False
) -> Path:
    """A video of even grey frames of `grey_of` brightness, a red left third on each; `size` (width, height)."""
    av = pytest.importorskip("av", reason="PyAV is not installed (extra `cpu`)")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.bit_rate = 2_000_000
        tone = container.add_stream("mp2", rate=48000) if sound else None
        for index in range(frames):
            pixels = np.full((size[1], size[0], 3), grey_of(index), np.uint8)
            pixels[:, : size[0] // 3] = (220, 0, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            if tone is not None:
                silence = av.AudioFrame(format="s16", layout="mono", samples=1152)
                silence.planes[0].update(bytes(2 * 1152))
                silence.sample_rate, silence.pts = 48000, index * 1152
                container.mux(tone.encode(silence))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def make_video() -> Callable[..., Path]:
    """`save_video`."""
    return save_video


@pytest.fixture
def fake_spec(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., CameraSpec]:
    """Specs of the fake source: (behaviour, options) as of fake_source.py."""
    paths = (str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))

    def spec(behaviour: str, live: bool = True, retry: RetryOptions = QUICK, **options: object) -> CameraSpec:
        words = "&".join(f"{key}={value}" for key, value in {"notes": tmp_path / "notes", **options}.items())
        uri = f"{'fake://' if live else ''}{behaviour}?{words}"
        return CameraSpec("gate", uri, backend="fake_source:FakeSource", pace="real" if live else "fast", retry=retry)

    return spec


@pytest.fixture
def camera() -> Iterator[Callable[[CameraSpec], CameraProcess]]:
    """Starts cameras, and stops them after the test."""
    started: list[CameraProcess] = []

    def start(spec: CameraSpec, **options: object) -> CameraProcess:
        started.append(CameraProcess(spec, **options))
        started[-1].start()
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def fake_jetson(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """jetson_utils and jetson_inference as the strict fakes of tests/fakes/jetson, here and in processes that start."""
    pytest.importorskip("av", reason="PyAV is not installed (extra `cpu`)")
    folder = str(Path(__file__).parents[1] / "fakes" / "jetson")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((folder, os.environ.get("PYTHONPATH", ""))))
    monkeypatch.setenv("FAKE_JETSON", "")
    names = ("jetson_utils_python", "jetson_utils", "jetson_inference")
    for name in names:
        sys.modules.pop(name, None)
    yield importlib.import_module("jetson_utils_python")
    for name in names:
        sys.modules.pop(name, None)
