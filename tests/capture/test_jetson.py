"""The Jetson's source on a strict fake of jetson_utils; that it keeps the contract of sources is in test_sources.py."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_lpr.capture.isolate import CameraProcess, CameraState
from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.capture.source import CameraRefused, CameraSpec, make_source, pick_backend
from edge_lpr.errors import BackendUnavailable, CameraError

CSI = CameraSpec("gate", "csi://0")


def take(source: Any, count: int) -> list[tuple[np.ndarray, float]]:
    got = []
    while len(got) < count:
        picture = source.next(1.0)
        if picture is not None:
            got.append((picture.pixels.copy(), picture.pts_s))
    return got


@pytest.mark.parametrize(
    ("uri", "opened"),
    [("csi://0", "csi://0"), ("CSI:1", "csi://1"), ("rtsp://joe:pw@10.0.0.1/x", "rtsp://joe:pw@10.0.0.1/x")],
)
def test_addresses(uri: str, opened: str, fake_jetson: Any) -> None:
    source = make_source(CameraSpec("gate", uri, backend="jetson"))
    source.open()
    assert fake_jetson.opened[-1].uri == opened
    source.close()
    assert fake_jetson.opened == []


def test_a_csi_camera_is_the_jetsons(fake_jetson: Any) -> None:
    assert pick_backend(CSI) == "jetson" and CSI.live
    with pytest.raises(CameraRefused, match="csi://0, csi://1"):
        make_source(CameraSpec("gate", "csi:front")).open()


def test_a_link_to_a_device_is_followed_at_each_opening(
    fake_jetson: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = {"/dev/v4l/by-id/usb-cam": "/dev/null"}
    monkeypatch.setattr(os.path, "realpath", lambda path: links.get(path, path))
    source = make_source(CameraSpec("gate", "v4l2:/dev/v4l/by-id/usb-cam", backend="jetson"))
    for device in ("/dev/null", "/dev/zero"):
        links["/dev/v4l/by-id/usb-cam"] = device
        source.open()
        assert fake_jetson.opened[-1].uri == device
    links["/dev/v4l/by-id/usb-cam"] = "/dev/absent"
    with pytest.raises(CameraError, match="plugged in"):
        source.open()


def test_what_is_asked_of_the_camera_goes_as_arguments(fake_jetson: Any) -> None:
    spec = CameraSpec("gate", "csi://0", width=1280, height=720, fps=15.0, input_format="mjpeg")
    source = make_source(spec)
    source.open()
    words = fake_jetson.opened[-1].argv
    assert {"--input-width=1280", "--input-height=720", "--input-rate=15", "--input-codec=mjpeg"} <= set(words)
    assert "--input-rtsp-latency=200" in words
    source.close()


def test_frames_come_in_order_and_are_looked_at_where_they_lie(fake_jetson: Any) -> None:
    source = make_source(CSI)
    source.open()
    first = source.next(1.0)
    assert np.shares_memory(first.pixels, fake_jetson.opened[-1]._ring[0]), "no copy is made"
    got = take(source, 6)
    assert [int(pixels[0, 0, 0]) for pixels, _ in got] == [1, 2, 3, 4, 5, 6]
    assert [round(pts_s, 3) for _, pts_s in got] == [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]
    source.close()


def test_missing_time_stamps_are_filled_in(fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_JETSON", "noclock")
    source = make_source(CSI)
    source.open()
    assert [round(pts_s, 3) for _, pts_s in take(source, 4)] == [0.0, 0.01, 0.02, 0.03]
    source.close()


def test_more_frames_than_asked_for_are_passed_over(fake_jetson: Any) -> None:
    source = make_source(CameraSpec("gate", "csi://0", fps=25.0))
    source.open()
    pictures = [source.next(1.0) for _ in range(1)]
    pictures += [source.next(1.0) for _ in range(4)]
    assert [picture.passed_over for picture in pictures] == [0, 3, 3, 3, 3]
    source.close()


@pytest.mark.parametrize("words", ["frames=2,unplugged", "frames=2,unplugged,instant"])
def test_silence_is_none_and_costs_no_processor(words: str, fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_JETSON", words)
    source = make_source(CSI)
    source.open()
    take(source, 2)
    before_s = time.thread_time()
    assert [source.next(0.1) for _ in range(4)] == [None] * 4
    assert time.thread_time() - before_s < 0.1 and source._silent == 4 and fake_jetson.opened[-1].IsStreaming()
    source.close()


@pytest.mark.parametrize("words", ["frames=2,dies", "frames=2,old"])
def test_a_failing_camera_is_a_camera_error(words: str, fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_JETSON", words)
    source = make_source(CSI)
    source.open()
    take(source, 2)
    with pytest.raises(CameraError, match="failed to capture"):
        source.next(1.0)
    source.close()


def test_a_camera_that_cannot_be_opened_keeps_its_password(fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_JETSON", "absent")
    with pytest.raises(CameraError, match=r"rtsp://\*\*\*@10.0.0.1.*failed to create"):
        make_source(CameraSpec("gate", "rtsp://joe:pw@10.0.0.1/x", backend="jetson")).open()


def test_a_source_that_fails_on_closing_is_closed(fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_JETSON", "noisy")
    source = make_source(CSI)
    source.open()
    source.close()
    with pytest.raises(CameraError, match="not open"):
        source.next(0.1)


def test_the_bare_extension_is_taken_before_the_package(
    fake_jetson: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_lpr.capture.jetson import _jetson_utils

    assert _jetson_utils() is fake_jetson
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "jetson_utils_python", None)
        patch.syspath_prepend(str(Path(__file__).parents[1] / "fakes" / "jetson_v2"))
        with pytest.raises(BackendUnavailable, match="termcolor"):
            _jetson_utils()
        patch.setitem(sys.modules, "jetson_utils", fake_jetson)
        assert _jetson_utils() is fake_jetson


def test_without_jetson_utils_the_error_says_what_to_do() -> None:
    with pytest.raises(BackendUnavailable, match=r"'jetson' cannot run here.*build jetson-utils.*system-site-packages"):
        make_source(CSI)


def test_an_isolated_camera_that_is_unplugged_comes_back(
    fake_jetson: Any, camera: Callable[..., CameraProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each opening gives three frames and then nothing, as unplugged cameras do; the leaking process is replaced."""
    monkeypatch.setenv("FAKE_JETSON", "frames=3,unplugged")
    retry = RetryOptions(first_s=0.01, longest_s=0.02, stall_s=0.15, open_timeout_s=5.0, replace_after=1000)
    process = camera(CameraSpec("gate", "csi://0", retry=retry))
    seen, until_s = [], time.monotonic() + 60.0
    while (process.health().replaced < 1 or len(seen) < 6) and time.monotonic() < until_s:
        frame = process.latest(0.2)
        if frame is not None:
            seen.append((frame.index, int(frame.pixels[0, 0, 0])))
    health = process.health()
    assert health.replaced >= 1 and health.reopenings >= 9 and "no frame for 0.15 s" in health.last_error
    assert [index for index, _ in seen] == sorted({index for index, _ in seen})
    assert {value for _, value in seen} <= {0, 1, 2}
    assert health.state is not CameraState.ENDED


def test_frames_without_a_vehicle_are_passed_over(fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake's frames become brighter; from 21 on its detectNet sees a car in them."""
    monkeypatch.setattr("edge_lpr.capture.jetson.SHOWN_AT_LEAST_S", 1000.0)
    source = make_source(CameraSpec("gate", "csi://0", vehicle_network="ssd-mobilenet-v2"))
    source.open()
    values = [int(pixels[0, 0, 0]) for pixels, _ in take(source, 4)]
    assert values == [0, 21, 22, 23], "the first is shown all the same, as one is now and then"
    source.close()


def test_a_blind_detectnet_hides_nothing(fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_JETSON", "blind")
    source = make_source(CameraSpec("gate", "csi://0", vehicle_network="ssd-mobilenet-v2"))
    source.open()
    assert [int(pixels[0, 0, 0]) for pixels, _ in take(source, 3)] == [0, 1, 2]
    source.close()


def test_nothing_but_no_vehicle_is_no_frame(fake_jetson: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_lpr.capture.jetson.SHOWN_AT_LEAST_S", 1000.0)
    source = make_source(CameraSpec("gate", "csi://0", vehicle_network="ssd-mobilenet-v2"))
    source.open()
    assert source.next(1.0) is not None and source.next(0.05) is None
    source.close()


@pytest.mark.parametrize("absent", [True, False])
def test_a_vehicle_gate_that_cannot_be_had_is_told(
    absent: bool, fake_jetson: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = "ssd-mobilenet-v2" if absent else "nonsense"
    said = "needs jetson_inference" if absent else "does not load 'nonsense'"
    with monkeypatch.context() as patch:
        if absent:
            patch.setitem(sys.modules, "jetson_inference", None)
        with pytest.raises(BackendUnavailable, match=said):
            make_source(CameraSpec("gate", "csi://0", vehicle_network=network)).open()


def test_a_file_that_is_not_there_is_named(fake_jetson: Any, tmp_path: Path) -> None:
    with pytest.raises(CameraRefused, match=r"absent.mp4: no such file"):
        make_source(CameraSpec("gate", str(tmp_path / "absent.mp4"), backend="jetson")).open()
