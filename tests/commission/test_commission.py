"""Commissioning: a passage measured and judged; every fault of a camera gets its line and its advice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_lpr.cli import main
from edge_lpr.commission.passage import Moment, Passage, Watcher, angles
from edge_lpr.commission.picture import draw_report
from edge_lpr.commission.verdict import Report, hull, judge
from edge_lpr.doctor.finding import Level
from tests.service.conftest import make_site  # noqa: F401  # the fixture
from tests.service.gate_cases import PLATE, picture

SIZE = 1280, 720


def corners(x: float, y: float, width: float, tilt_deg: float = 0.0, slant_deg: float = 0.0) -> np.ndarray:
    height = width / 4.5
    square = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    square[:, 0] -= np.tan(np.radians(slant_deg)) * square[:, 1]
    angle = np.radians(tilt_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (square @ turn + (x, y)).astype(np.float32)


def moment(number: int, **changes: Any) -> Moment:
    """A good frame of a car that comes nearer."""
    width = changes.pop("width_px", 60.0 + 8 * number)
    tilt, slant = changes.pop("tilt_deg", 1.0), changes.pop("slant_deg", 2.0)
    fields = {"at_s": 10.0 + 0.1 * number, "corners": corners(400 + 20 * number, 200 + 25 * number, width, tilt, slant),
              "width_px": width, "height_px": width / 4.5, "tilt_deg": tilt, "slant_deg": slant, "brightness": 120.0,
              "contrast": 110.0, "sharpness": 0.25, "clipped": 0.01, "text": PLATE, "confidence": 0.95}
    return Moment(**{**fields, **changes})


def passage(frames: int = 12, decided_s: float = 10.8, confidence: float = 0.98, **changes: Any) -> Passage:
    return Passage("entry-1", [moment(number, **changes) for number in range(frames)], PLATE, confidence, decided_s)


def levels(report: Report) -> dict[str, Level]:
    assert all(one.advice for one in report.findings if one.level is not Level.OK)
    return {one.name: one.level for one in report.findings}


def test_a_camera_that_hangs_well() -> None:
    report = judge(passage(), 10.0, SIZE)
    assert report.passed and set(levels(report).values()) == {Level.OK}, report.findings
    assert report.text == PLATE and len(report.zone) >= 4


@pytest.mark.parametrize(("changes", "name", "level"), [
    ({"width_px": 50.0}, "width", Level.FAIL),
    ({"width_px": 85.0}, "width", Level.WARN),
    ({"tilt_deg": 12.0}, "angle", Level.WARN),
    ({"tilt_deg": -25.0}, "angle", Level.FAIL),
    ({"slant_deg": 40.0}, "angle", Level.FAIL),
    ({"sharpness": 0.04}, "blur", Level.FAIL),
    ({"sharpness": 0.08}, "blur", Level.WARN),
    ({"brightness": 230.0}, "exposure", Level.FAIL),
    ({"brightness": 25.0}, "exposure", Level.WARN),
    ({"contrast": 30.0}, "exposure", Level.WARN),
    ({"text": "5A2E456"}, "plate", Level.WARN),
])
def test_one_fault_is_one_line(changes: dict[str, Any], name: str, level: Level) -> None:
    found = levels(judge(passage(**changes), 10.0, SIZE))
    assert found.pop(name) is level and set(found.values()) <= {Level.OK}


def test_an_unsure_reading_fails() -> None:
    assert levels(judge(passage(), 10.0, SIZE))["plate"] is Level.OK
    unsure = passage()
    unsure.confidence = 0.6
    assert not judge(unsure, 10.0, SIZE).passed


def test_a_car_seen_in_two_frames_and_one_read_late() -> None:
    assert levels(judge(passage(frames=2), 2.0, SIZE))["speed"] is Level.WARN
    late = judge(passage(frames=40, decided_s=13.5), 10.0, SIZE)
    assert levels(late)["speed"] is Level.WARN and "read late" in late.findings[-1].advice


def test_no_car_at_all() -> None:
    report = judge(None, 10.0, SIZE)
    assert not report.passed and report.zone == () and "no vehicle" in report.findings[0].said
    assert json.loads(report.to_json())["passed"] is False


def test_the_suggested_zone_holds_every_plate_that_was_read_right() -> None:
    report = judge(passage(), 10.0, SIZE)
    zone = (np.array(report.zone) * SIZE).astype(np.float32)
    import cv2

    for one in passage().moments:
        for x, y in one.corners.tolist():
            assert cv2.pointPolygonTest(zone, (x, y), False) >= 0
    assert report.zone_toml.startswith("[[camera.zone]]") and "polygon = [[" in report.zone_toml
    assert all(0.0 <= share <= 1.0 for point in report.zone for share in point)


def test_hull() -> None:
    points = sorted([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.5, 0.5), (0.5, 0.0)])
    assert set(hull(points)) == {(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)}


@pytest.mark.parametrize(("tilt", "slant"), [(0.0, 0.0), (10.0, 0.0), (-15.0, 0.0), (0.0, 20.0), (5.0, -12.0)])
def test_angles_of_a_plate(tilt: float, slant: float) -> None:
    assert angles(corners(300, 200, 120, tilt, slant)) == pytest.approx((tilt, slant), abs=0.1)


def test_the_picture_shows_frame_zone_and_findings() -> None:
    frame = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    good, bad = judge(passage(), 10.0, SIZE), judge(passage(sharpness=0.04), 10.0, SIZE)
    drawn, failed = draw_report(frame, passage(), good), draw_report(frame, passage(), bad)
    assert drawn.shape[1] == 1280 and drawn.shape[0] > 720 + 100
    assert failed.shape[0] > drawn.shape[0], "advice takes room"
    assert (drawn[:720] != 90).any() and draw_report(frame, None, judge(None, 1.0, SIZE)).shape[1] == 1280


def test_the_command_on_a_clip(make_site: Callable[..., Any], tmp_path: Path,  # noqa: F811
                               capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("av", reason="PyAV reads and writes videos")
    from edge_lpr.capture.video_writer import VideoWriter

    make_site()
    with VideoWriter(tmp_path / "clip.mp4", 10.0) as video:
        for x in (None, 160, 164, 168, 172, *[None] * 44):
            video.write(picture(x))
    os.chdir(tmp_path)
    status = main(["commission", "clip.mp4", "--config", "site.toml", "--out", "seen.png"])
    said = capsys.readouterr().out
    assert PLATE in said and "width:" in said and "the picture is seen.png" in said and (tmp_path / "seen.png").exists()
    assert status == int("failed" in said)
    assert main(["commission", "clip.mp4", "--config", "site.toml", "--json"]) == status
    assert json.loads(capsys.readouterr().out)["plate"] == PLATE


def test_errors_of_the_command(make_site: Callable[..., Any], tmp_path: Path,  # noqa: F811
                               capsys: pytest.CaptureFixture[str]) -> None:
    make_site('uri = "/dev/video97"\nopen_timeout_s = 1.0')
    assert main(["commission", "--config", str(tmp_path / "site.toml"), "--limit", "3"]) == 1
    assert "/dev/video97" in capsys.readouterr().err
    assert main(["commission", "--config", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err


def test_a_parked_car_is_not_the_one_to_judge_by() -> None:
    watcher = Watcher()
    parked = Passage("parked", [moment(number, corners=corners(100, 90, 80.0), width_px=80.0) for number in range(90)],
                     "PARKED1", 0.99, 10.1)
    watcher.passages = {"parked": parked}
    assert watcher.chosen is parked, "nothing else was seen"
    watcher.passages["entry-1"] = passage()
    assert watcher.chosen is watcher.passages["entry-1"] and not parked.moved


def test_one_frame_is_no_thousand_reads_a_second() -> None:
    report = judge(passage(frames=1, decided_s=10.0), 12.5, SIZE)
    assert "12.5 frames a second, 12.5 reads a second" in {one.name: one.said for one in report.findings}["speed"]
