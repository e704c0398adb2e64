"""A written video comes back: as many pictures, their size, their order, nearly their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_lpr.capture import video_writer
from edge_lpr.capture.video_writer import VideoWriter
from edge_lpr.errors import BackendUnavailable, CameraError

av = pytest.importorskip("av", reason="PyAV writes videos")


def _pictures(count: int, height: int = 64, width: int = 96) -> list[np.ndarray]:
    return [np.full((height, width, 3), (20 * n, 200 - 20 * n, 90), np.uint8) for n in range(count)]


@pytest.mark.parametrize("encoder", [name for name, _ in video_writer.ENCODERS])
def test_pictures_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str) -> None:
    monkeypatch.setattr(video_writer, "ENCODERS", tuple(e for e in video_writer.ENCODERS if e[0] == encoder))
    try:
        av.codec.Codec(encoder, "w")
    except Exception:
        pytest.skip(f"this PyAV has no {encoder}")
    with VideoWriter(tmp_path / "a.mp4", 15) as video:
        for picture in _pictures(9):
            video.write(picture)
    with av.open(str(tmp_path / "a.mp4")) as file:
        frames = list(file.decode(video=0))
        assert file.streams.video[0].average_rate == 15
    assert [round(float(frame.pts * frame.time_base) * 15) for frame in frames] == list(range(9))
    for frame, picture in zip(frames, _pictures(9), strict=True):
        assert frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) == pytest.approx(picture[0, 0], abs=9)


def test_an_odd_row_and_column_are_left_out(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 29.97) as video:
        video.write(_pictures(1, 65, 97)[0])
    with av.open(str(tmp_path / "a.mp4")) as file:
        frame = next(file.decode(video=0))
    assert (frame.width, frame.height) == (96, 64)


def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CameraError, match="cannot be written"):
        VideoWriter(tmp_path / "no" / "a.mp4", 15)
    monkeypatch.setattr(video_writer, "ENCODERS", (("nonesuch", {}),))
    with pytest.raises(BackendUnavailable, match="nonesuch"), VideoWriter(tmp_path / "a.mp4", 15) as video:
        video.write(_pictures(1)[0])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (40, 1)])
def test_a_single_row_or_column_is_doubled(tmp_path: Path, height: int, width: int) -> None:
    with VideoWriter(tmp_path / "a.mp4", 10) as video:
        for picture in _pictures(3, height, width):
            video.write(picture)
    with av.open(str(tmp_path / "a.mp4")) as file:
        frames = list(file.decode(video=0))
    assert [(frame.height, frame.width) for frame in frames] == 3 * [(max(2, height), max(2, width))]


def test_what_is_there_stays_until_the_video_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"of old")
    with VideoWriter(path, 10):
        pass
    with pytest.raises(RuntimeError), VideoWriter(path, 10) as video:
        video.write(_pictures(1)[0])
        raise RuntimeError
    assert path.read_bytes() == b"of old" and list(tmp_path.iterdir()) == [path]
    with VideoWriter(path, 10) as video:
        video.write(_pictures(1)[0])
        assert path.read_bytes() == b"of old"
    assert path.stat().st_size > 100 and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("name", "message"), [("a.foo", "must end in .mp4"), ("", "this is a folder")])
def test_a_name_that_is_none_of_a_video_is_told(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        VideoWriter(tmp_path / name, 15)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_no_draft(small_disk: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 480, 640, 3), np.uint8)
    message = "a.mp4: the video cannot be written: No space left"
    with pytest.raises(CameraError, match=message), VideoWriter(small_disk / "a.mp4", 10) as video:
        for picture in noise:
            video.write(picture)
    assert list(small_disk.iterdir()) == []
