"""Calibration frames from every source, and how many of each light."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime runs them (extra `calibrate`)")

from edge_lpr.capture.isolate import CameraHealth, CameraState
from edge_lpr.capture.source import CameraSpec
from edge_lpr.capture.video_writer import VideoWriter
from edge_lpr.errors import CameraError, ConfigError
from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network
from edge_lpr.networks.card import ModelCard
from edge_lpr.platelog.pictures import PictureFolder, PictureOptions, Pictures
from edge_lpr.quantise import frames as module
from edge_lpr.quantise.drawn import drawn_scenes
from edge_lpr.quantise.frames import FrameRequest, batches, check_source
from edge_lpr.quantise.light import LightSpread, band_of
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.records import Frame, Pixels


@pytest.fixture
def detector(tmp_path: Path, make_detector: Callable[..., ModelCard]) -> Network:
    make_detector(tmp_path / "lpdnet")
    return open_network(tmp_path / "lpdnet")


@pytest.fixture
def reader(tmp_path: Path, make_reader: Callable[..., ModelCard]) -> Network:
    make_reader(tmp_path / "lprnet", "AB12")
    return open_network(tmp_path / "lprnet")


def red_spot(level: int = 90) -> Pixels:
    pixels = np.full((480, 640, 3), level, np.uint8)
    pixels[200:208, 304:312] = (255, 0, 0)
    return pixels


def fill(folder: Path, count: int) -> Path:
    folder.mkdir()
    for at in range(count):
        Image.fromarray(red_spot(at)).save(folder / f"{at:03d}.png")
    return folder


def collect(request: FrameRequest, network: Network, find: PlateDetector | None = None) -> list[np.ndarray]:
    def finder() -> PlateDetector:
        assert find is not None, "no detector is needed here"
        return find

    return list(batches(request, network, finder, lambda text: None))


def test_a_folder_for_the_detector(detector: Network, tmp_path: Path) -> None:
    found = collect(FrameRequest("pictures", str(fill(tmp_path / "p", 30)), count=22), detector)
    assert len(found) == 22 and found[0].shape == (1, 3, 480, 640)
    assert found[0].mean() < 0.01 < found[-1].mean(), "spread over the whole folder"


def test_a_folder_for_the_reader_is_searched_for_plates(detector: Network, reader: Network, tmp_path: Path) -> None:
    find = PlateDetector(detector, DetectorOptions(threshold=0.3))
    found = collect(FrameRequest("pictures", str(fill(tmp_path / "p", 25)), count=25), reader, find)
    assert sum(map(len, found)) == 25 and found[0].shape[1:] == (3, 48, 144)


def test_a_folder_of_crops_needs_no_detector(reader: Network, tmp_path: Path) -> None:
    found = collect(FrameRequest("pictures", str(fill(tmp_path / "p", 25)), count=25, crops=True), reader)
    assert sum(map(len, found)) == 25


def test_a_plate_log_gives_crops_to_one_and_frames_to_the_other(
    detector: Network, reader: Network, tmp_path: Path
) -> None:
    log = PictureFolder(tmp_path, PictureOptions(reserve_bytes=0))
    for at in range(1, 26):
        log.save(at, Pictures(np.full((30, 100, 3), 9, np.uint8), red_spot()))
    request = FrameRequest("log", str(tmp_path), count=25)
    assert collect(request, reader)[0].max() < 0.1
    assert collect(request, detector)[0].max() == pytest.approx(1.0, abs=0.1)


def test_a_video(detector: Network, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, 10) as video:
        for at in range(40):
            video.write(red_spot(2 * at))
    found = collect(FrameRequest("video", str(clip), count=25), detector)
    assert len(found) == 25


class FakeCamera:
    """In CameraProcess's place: frames that grow lighter, then nothing more."""

    def __init__(self, spec: CameraSpec, frames: int) -> None:
        self.left, self.shown, self.error = frames, 0, f"{spec.uri} is out"

    def __enter__(self) -> FakeCamera:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def latest(self, timeout_s: float) -> Frame | None:
        if not self.left:
            return None
        self.left, self.shown = self.left - 1, self.shown + 1
        return Frame(red_spot(4 * self.shown), self.shown, float(self.shown), datetime.now(timezone.utc), True, "c")

    def health(self) -> CameraHealth:
        return CameraHealth(CameraState.OK if self.left else CameraState.DEGRADED, 0.0, 0, 0, 0, 0, self.error)


def use_camera(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    monkeypatch.setattr(module, "CameraProcess", lambda spec: FakeCamera(spec, frames))
    monkeypatch.setattr(module, "LIVE_EVERY_S", 0.0)
    monkeypatch.setattr(module, "CAMERA_PATIENCE_S", 0.0)


def test_a_live_camera(detector: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    use_camera(monkeypatch, 60)
    said: list[str] = []
    request = FrameRequest("camera", "rtsp://me:secret@gate/1", count=24)
    found = list(batches(request, detector, lambda: pytest.fail("no detector is needed"), said.append))
    assert len(found) == 24
    assert said and said[0].startswith("frames by brightness")
    assert "secret" not in request.about


def test_a_camera_that_falls_silent_is_an_error(detector: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    use_camera(monkeypatch, 5)
    with pytest.raises(CameraError, match="gate/1: gives no frames: .* is out") as caught:
        collect(FrameRequest("camera", "rtsp://me:secret@gate/1", count=24), detector)
    assert "secret" not in str(caught.value)


def test_too_few_frames_are_an_error(detector: Network, reader: Network, tmp_path: Path) -> None:
    folder = fill(tmp_path / "p", 3)
    with pytest.raises(ConfigError, match="only 3 frames to calibrate with; at least 20"):
        collect(FrameRequest("pictures", str(folder)), detector)
    with pytest.raises(ConfigError, match="only 3 plates"):
        collect(FrameRequest("pictures", str(folder), crops=True), reader)


@pytest.mark.parametrize("source", ["pictures", "video", "log"])
def test_a_source_that_is_not_there_is_told(detector: Network, tmp_path: Path, source: str) -> None:
    from edge_lpr.errors import EdgeLprError

    with pytest.raises(EdgeLprError, match="absent"):
        collect(FrameRequest(source, str(tmp_path / "absent")), detector)


def test_a_source_is_looked_at_before_any_frame_is_asked_for(tmp_path: Path) -> None:
    for source, said in (("pictures", "no pictures there"), ("log", "no stored crop pictures"), ("video", "no such")):
        with pytest.raises(ConfigError, match=said):
            check_source(FrameRequest(source, str(tmp_path)), "read")
    check_source(FrameRequest("pictures", str(fill(tmp_path / "some", 1))), "read")


def test_drawn_frames_are_the_same_with_and_without_cache(tmp_path: Path) -> None:
    first = list(drawn_scenes(2, 4))
    for _ in range(2):
        again = list(drawn_scenes(2, 4, tmp_path))
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)
            assert [plate.text for plate in one.plates] == [plate.text for plate in other.plates]
            np.testing.assert_allclose([p.box for p in one.plates], [p.box for p in other.plates])
    assert len(list(tmp_path.iterdir())) == 2


def test_light_is_spread() -> None:
    kept = LightSpread(20, seed=1)
    for at in range(300):
        kept.add(np.full((16, 16, 3), 200 if at % 30 else 10, np.uint8))
    assert len(kept) == 20 and kept.by_band[0] == 10 and kept.by_band[6] == 10
    pictures = list(kept.pictures())
    assert len(pictures) == 20 and {band_of(one) for one in pictures} == {0, 6}
