"""PyAV: files of every shape, and streams that go wrong."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="PyAV is not installed (extra `cpu`)")
from edge_lpr.capture.pyav import PyavSource
from edge_lpr.capture.source import CameraSpec, EndOfStream, Picture
from edge_lpr.errors import CameraError

CLIP = Path(__file__).parents[3] / "shared/data/clips/uk_roundabout_LS15EBC.mp4"


def read_all(path: Path, **options: object) -> list[Picture]:
    source = PyavSource(CameraSpec("gate", str(path), **options))
    source.open()
    got: list[Picture] = []
    try:
        while True:
            picture = source.next(1.0)
            got.append(Picture(picture.pixels.copy(), picture.pts_s))
    except EndOfStream:
        return got
    finally:
        source.close()


def turn_video(path: Path) -> None:
    """Mark an MP4 as to be shown turned clockwise by 90 degrees, as a phone does: the matrix of ISO 14496-12, 8.3.2."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def test_frames_are_rgb_and_timed_by_the_file(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    got = read_all(make_video(tmp_path / "clip.mp4", 12, fps=10, sound=True))
    assert [round(picture.pts_s, 3) for picture in got] == [round(index / 10, 3) for index in range(12)]
    for index, picture in enumerate(got):
        assert picture.pixels.shape == (48, 64, 3)
        red, grey = picture.pixels[24, 8].astype(int), picture.pixels[24, 50].astype(int)
        assert red[0] > 150 and red[1:].max() < 60, "red is the first of three colours"
        assert np.abs(grey - (20 + 20 * (index % 11))).max() < 12, "the right frame at its place"


@pytest.mark.parametrize("size", [(62, 46), (98, 34), (130, 50)])
def test_widths_that_pad_the_rows(size: tuple[int, int], tmp_path: Path, make_video: Callable[..., Path]) -> None:
    pixels = read_all(make_video(tmp_path / "clip.mp4", 2, size))[1].pixels
    assert pixels.shape == (size[1], size[0], 3)
    assert (np.abs(pixels[:, size[0] // 2 :].astype(int) - 40) < 12).all(), "every row is in its place"


def test_turned_video_is_shown_upright(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "clip.mp4", 2)
    turn_video(path)
    pixels = read_all(path)[0].pixels
    assert pixels.shape == (64, 48, 3)
    assert pixels[4, 24, 0] > 150 and pixels[4, 24, 1] < 60, "what was left is on top"
    assert read_all(path, width=24, height=32)[0].pixels.shape == (32, 24, 3)


@pytest.mark.parametrize(("width", "height", "shape"), [(32, 32, (24, 32)), (640, 480, (48, 64)), (64, 12, (12, 16))])
def test_scaled_down_to_fit_never_up(
    width: int, height: int, shape: tuple[int, int], tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    assert read_all(make_video(tmp_path / "clip.mp4", 1), width=width, height=height)[0].pixels.shape[:2] == shape


@pytest.mark.parametrize(("fps", "frames"), [(0, 20), (20, 20), (10, 20), (5, 10), (4, 8), (1, 2)])
def test_thinned_by_the_files_time(fps: float, frames: int, tmp_path: Path, make_video: Callable[..., Path]) -> None:
    got = read_all(make_video(tmp_path / "clip.mp4", 20, fps=10), fps=fps)
    assert len(got) == frames


def test_a_cut_off_file_gives_what_it_has(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    whole = make_video(tmp_path / "clip.ts", 12)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert 1 <= len(read_all(cut)) < 12


def test_damage_inside_is_passed_over(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    data = bytearray(make_video(tmp_path / "clip.ts", 12, size=(160, 120)).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = os.urandom(2000)
    (tmp_path / "bad.ts").write_bytes(data)
    assert 3 <= len(read_all(tmp_path / "bad.ts")) <= 12


@pytest.mark.parametrize("content", [b"", b"no video at all" * 50])
def test_what_is_no_video_is_a_camera_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(CameraError, match=r"x\.mp4: cannot be opened: Invalid data found when processing input$"):
        read_all(tmp_path / "x.mp4")


@pytest.mark.parametrize(
    ("uri", "address", "file_format", "options"),
    [
        ("/dev/video9", "/dev/video9", "v4l2", {"video_size": "1280x720", "framerate": "15", "input_format": "mjpeg"}),
        ("v4l2:///dev/video9", "/dev/video9", "v4l2", None),
        ("v4l2:/dev/video9", "/dev/video9", "v4l2", None),
        ("rtsp://h/x", "rtsp://h/x", None, {"fflags": "nobuffer", "rtsp_transport": "tcp"}),
        ("file:///a/b.mp4", "/a/b.mp4", None, {}),
    ],
)
def test_what_ffmpeg_is_asked(uri: str, address: str, file_format: str | None, options: dict | None) -> None:
    source = PyavSource(CameraSpec("gate", uri, width=1280, height=720, fps=15, input_format="mjpeg"))
    asked = source._address()
    assert asked[:2] == (address, file_format)
    assert options is None or options.items() <= asked[2].items()


def test_a_camera_by_its_link_is_followed(tmp_path: Path) -> None:
    link = Path("/dev/../dev/null")
    assert PyavSource(CameraSpec("gate", f"v4l2:{link}"))._address()[0] == "/dev/null"
    with pytest.raises(CameraError, match="null"):
        PyavSource(CameraSpec("gate", f"v4l2:{link}")).open()


def test_reopening_leaks_nothing(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    """In a process of its own, where nothing else moves: descriptors, threads, memory."""
    path = make_video(tmp_path / "clip.mp4", 3, (160, 120))
    code = f"""
import os
from edge_lpr.capture.pyav import PyavSource
from edge_lpr.capture.source import CameraSpec
def held():
    rss = int(open("/proc/self/statm").read().split()[1]) * 4
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), rss
source = PyavSource(CameraSpec("gate", {str(path)!r}))
def reopen(times):
    for _ in range(times):
        source.open()
        source.next(1.0)
        source.close()
    return held()
before = reopen(10)
after = reopen(50)
assert after[:2] == before[:2], (before, after)
assert after[2] - before[2] < 1000, (before, after)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not CLIP.exists(), reason="../shared/data is not here")
def test_a_real_clip_with_sound() -> None:
    source = PyavSource(CameraSpec("gate", str(CLIP), fps=10, width=320, height=320))
    source.open()
    pictures = [source.next(1.0) for _ in range(3)]
    assert [picture.pixels.shape for picture in pictures] == [(180, 320, 3)] * 3
    assert [round(picture.pts_s, 3) for picture in pictures] == [0.0, 0.1, 0.2]
    source.close()
