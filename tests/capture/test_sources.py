"""One contract for every source: the same tests over files, folders and the fake."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_lpr.capture.source import CameraSpec, EndOfStream, FrameSource, make_source
from edge_lpr.errors import CameraError

FRAMES = 5
KINDS = ("video", "folder", "picture", "fake", "jetson")


@pytest.fixture(params=KINDS)
def spec(request: pytest.FixtureRequest, tmp_path: Path, make_video: Callable[..., Path]) -> CameraSpec:
    """A source of FRAMES frames ('picture': of one)."""
    if request.param == "video":
        return CameraSpec("gate", str(make_video(tmp_path / "clip.mp4", FRAMES)))
    if request.param == "jetson":
        request.getfixturevalue("fake_jetson")
        return CameraSpec("gate", str(make_video(tmp_path / "clip.mp4", FRAMES)), backend="jetson")
    if request.param == "fake":
        request.getfixturevalue("monkeypatch").syspath_prepend(str(Path(__file__).parent))
        uri = f"ends?frames={FRAMES}&notes={tmp_path / 'notes'}"
        return CameraSpec("gate", uri, backend="fake_source:FakeSource")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(FRAMES):
        Image.new("RGB", (64, 48), (index, 0, 0)).save(folder / f"{index:03d}.png")
    return CameraSpec("gate", f"{folder}/" if request.param == "folder" else str(folder / "000.png"), backend="folder")


def drain(source: FrameSource) -> list[tuple[np.ndarray, float]]:
    """All that an open source gives, copied."""
    got = []
    while True:
        try:
            picture = source.next(1.0)
        except EndOfStream:
            return got
        if picture is not None:
            got.append((picture.pixels.copy(), picture.pts_s))


def test_pictures_in_order_then_the_end(spec: CameraSpec) -> None:
    source = make_source(spec)
    source.open()
    got = drain(source)
    assert len(got) == (1 if spec.uri.endswith("000.png") else FRAMES)
    for pixels, _ in got:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    times = [pts_s for _, pts_s in got]
    assert times[0] == 0.0 and all(a < b for a, b in pairwise(times))
    for _ in range(2):
        with pytest.raises(EndOfStream):
            source.next(0.1)
    source.close()


def test_opened_again_it_starts_anew(spec: CameraSpec) -> None:
    source = make_source(spec)
    rounds = []
    for _ in range(2):
        source.open()
        rounds.append(drain(source))
        source.close()
        source.close()
    assert [pts_s for _, pts_s in rounds[0]] == [pts_s for _, pts_s in rounds[1]]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(*rounds, strict=True))


def test_closed_early_it_can_be_opened(spec: CameraSpec) -> None:
    source = make_source(spec)
    source.open()
    source.next(1.0)
    source.close()
    source.open()
    assert source.next(1.0).pts_s == 0.0
    source.close()


def test_making_and_closing_open_nothing(spec: CameraSpec) -> None:
    source = make_source(spec)
    source.close()
    with pytest.raises(CameraError):
        source.next(0.1)


def test_it_leaves_no_thread(spec: CameraSpec) -> None:
    before = threading.active_count()
    source = make_source(spec)
    source.open()
    source.next(1.0)
    source.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("backend", ["pyav", "folder"])
def test_what_is_not_there_is_a_camera_error(backend: str, tmp_path: Path) -> None:
    if backend == "pyav":
        pytest.importorskip("av", reason="PyAV is not installed (extra `cpu`)")
    source = make_source(CameraSpec("gate", str(tmp_path / "absent"), backend=backend))
    with pytest.raises(CameraError, match="absent"):
        source.open()
    source.close()
