"""What a camera's address means, and who opens it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from edge_lpr.capture.source import CameraSpec, make_source, pick_backend, without_secrets
from edge_lpr.errors import BackendUnavailable


@pytest.mark.parametrize(
    ("uri", "live", "backend"),
    [
        ("/dev/video0", True, "pyav"),
        ("v4l2:/dev/v4l/by-id/usb-cam-index0", True, "pyav"),
        ("rtsp://u:p@10.0.0.9:554/stream", True, "pyav"),
        ("http://10.0.0.9/video.mjpg", True, "pyav"),
        ("csi://0", True, "jetson"),
        ("clip.mp4", False, "pyav"),
        ("file:///clips/clip.mp4", False, "pyav"),
        ("/data/clip.mkv", False, "pyav"),
        ("absent/pictures/", False, "folder"),
    ],
)
def test_address(uri: str, live: bool, backend: str) -> None:
    spec = CameraSpec("gate", uri)
    assert (spec.live, pick_backend(spec)) == (live, backend)


def test_a_folder_is_known_by_being_one(tmp_path: Path) -> None:
    assert pick_backend(CameraSpec("gate", str(tmp_path))) == "folder"
    assert pick_backend(CameraSpec("gate", f"file://{tmp_path}")) == "folder"
    assert pick_backend(CameraSpec("gate", str(tmp_path), backend="pyav")) == "pyav"


@pytest.mark.parametrize(("uri", "pace", "lossless"), [("a.mp4", "fast", True), ("a.mp4", "real", False)])
def test_only_files_can_be_fast(uri: str, pace: str, lossless: bool) -> None:
    assert CameraSpec("gate", uri, pace=pace).lossless is lossless
    assert not CameraSpec("gate", "rtsp://host/", pace=pace).lossless


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("rtsp://joe:se:cret@10.0.0.1:554/a?b=1", "rtsp://***@10.0.0.1:554/a?b=1"),
        ("Errno 5: 'rtsp://joe@host/x' and http://a:b@c/", "Errno 5: 'rtsp://***@host/x' and http://***@c/"),
        ("rtsp://joe:p@ss@host/x", "rtsp://***@host/x"),
        ("rtsp://host/x", "rtsp://host/x"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_passwords_are_masked(text: str, masked: str) -> None:
    assert without_secrets(text) == masked
    assert CameraSpec("gate", text).public_uri == masked


@pytest.mark.parametrize("backend", ["nonsense", "jetson", "no.such.module:Source", "edge_lpr.capture.folder:Nothing"])
def test_an_absent_backend_says_so(backend: str) -> None:
    with pytest.raises(BackendUnavailable, match="backend"):
        make_source(CameraSpec("gate", "/dev/video0", backend=backend))


def test_a_spec_passes_between_processes() -> None:
    spec = CameraSpec("gate", "rtsp://host/", width=1280, height=720)
    assert pickle.loads(pickle.dumps(spec)) == spec
