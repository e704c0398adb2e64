"""The whole examination of a site, with a gate that runs and without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_lpr.capture.isolate import CameraHealth, CameraState
from edge_lpr.cli import main
from edge_lpr.config import SiteConfig
from edge_lpr.doctor import camera as camera_module
from edge_lpr.doctor.camera import look, opened_findings, picture_findings, running_findings
from edge_lpr.doctor.examine import examine, worst
from edge_lpr.doctor.finding import Finding, Level
from edge_lpr.doctor.networks import jetson_findings
from edge_lpr.doctor.records import LogPlace, log_findings, span
from edge_lpr.platelog.connection import connect_writer
from edge_lpr.platelog.optics import _ADD
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME
from edge_lpr.platelog.store import PlateLog
from edge_lpr.records import FIGURES
from edge_lpr.service.site import camera_spec
from tests.optics.gates import gate
from tests.service.conftest import make_site  # noqa: F401  # the fixture
from tests.service.gate_cases import picture

LANE = {"camera": vars(CameraHealth(CameraState.OK, 0.1, 100, 0, 0, 0, "")) | {"state": "ok"}, "fps": 12.0, "fault": ""}


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    assert all(one.advice for one in findings if one.level is not Level.OK)
    return {one.name: one for one in findings}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    pytest.importorskip("av", reason="PyAV writes videos")
    from edge_lpr.capture.video_writer import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", 10.0) as video:
        for _ in range(20):
            video.write(picture(160, size=(640, 480)))
    return tmp_path / "clip.mp4"


def test_a_jetsons_traps_are_findings_there_and_none_elsewhere(
    make_site: Callable[..., SiteConfig], clip: Path, tmp_path: Path  # noqa: F811
) -> None:
    site = make_site(f'uri = "{clip}"\nloop = true')
    assert not list(jetson_findings(site, tmp_path / "elsewhere"))
    release = tmp_path / "jetson" / "etc/nv_tegra_release"
    release.parent.mkdir(parents=True)
    release.write_text("# R35 (release), REVISION: 4.1")
    found = by_name(list(jetson_findings(site, tmp_path / "jetson")))
    assert found["jetpack"].level is Level.WARN and "older than JetPack 6" in found["jetpack"].said
    release.write_text("# R36 (release), REVISION: 4.0")
    assert by_name(list(jetson_findings(site, tmp_path / "jetson")))["jetpack"].level is Level.OK


def test_a_gate_that_does_not_run(make_site: Callable[..., SiteConfig], clip: Path, tmp_path: Path) -> None:  # noqa: F811
    make_site(f'uri = "{clip}"\nloop = true')
    found = by_name(list(examine(tmp_path / "site.toml")))
    assert found["config"].level is Level.OK and found["gate"].level is Level.FAIL
    assert found["networks"].level is not Level.FAIL and found["list"].level is Level.OK
    assert found["camera entry"].level is Level.OK, found["camera entry"]
    assert found["log"].level is Level.WARN and "disk" in found and "memory" in found
    assert worst(list(found.values())) is Level.FAIL


def test_a_damaged_site_is_one_finding_of_several(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("[[camera]")
    found = by_name(list(examine(tmp_path / "site.toml")))
    assert found["config"].level is Level.FAIL and "disk" in found


def test_the_command(make_site: Callable[..., SiteConfig], clip: Path, tmp_path: Path,  # noqa: F811
                     capsys: pytest.CaptureFixture[str]) -> None:
    make_site(f'uri = "{clip}"\nloop = true')
    assert main(["doctor", "--config", str(tmp_path / "site.toml"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {"name", "level", "said", "advice"} == set(found[0])
    (tmp_path / "site.toml").write_text("nonsense")
    assert main(["doctor", "--config", str(tmp_path / "site.toml")]) == 1
    said = capsys.readouterr().out
    assert "FAIL  config: " in said and "      -> mend the file" in said


@pytest.mark.parametrize(("change", "level", "word"), [
    ({}, Level.OK, "12.0 frames"),
    ({"fps": 3.0}, Level.WARN, "3.0 frames"),
    ({"fault": "out of memory"}, Level.FAIL, "not read"),
    ({"camera": {**LANE["camera"], "state": "degraded", "last_error": "unplugged"}}, Level.FAIL, "unplugged"),
    ({"camera": {**LANE["camera"], "state": "ended"}}, Level.WARN, "film"),
])
def test_cameras_of_a_running_gate(change: dict[str, object], level: Level, word: str) -> None:
    (found,) = running_findings("entry", {**LANE, **change})
    assert found.level is level and word in found.said


def test_a_camera_that_cannot_be_opened(make_site: Callable[..., SiteConfig],  # noqa: F811
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "FIRST_FRAME_S", 3.0)
    config = make_site('uri = "/dev/video97"')
    (found,) = opened_findings(camera_spec(config.camera[0]))
    assert found.level is Level.FAIL and "/dev/video97" in found.said


def street() -> np.ndarray:
    rng = np.random.default_rng(1)
    pixels = cv2.resize(rng.integers(60, 180, (120, 160, 3), np.uint8), (1280, 720), interpolation=cv2.INTER_NEAREST)
    return np.asarray(pixels, np.uint8)


@pytest.mark.parametrize(("change", "word"), [
    (lambda one: one, "1280x720"),
    (lambda one: (one * 0.1).astype(np.uint8), "dark"),
    (lambda one: np.clip(one.astype(int) + 150, 0, 255).astype(np.uint8), "too bright"),
    (lambda one: np.asarray(cv2.GaussianBlur(one, (0, 0), 25), np.uint8), "nothing in it is sharp"),
    (lambda one: one[:300], "small"),
])
def test_pictures(change: Callable[[np.ndarray], np.ndarray], word: str) -> None:
    assert any(word in one.said for one in picture_findings("picture", look(change(street()))))


NOW = datetime(2026, 6, 10, 12, tzinfo=timezone.utc)


def place(folder: Path) -> LogPlace:
    return LogPlace(folder, "UTC", ("entry",))


def fill(folder: Path, times: list[datetime]) -> None:
    from tests.platelog.conftest import HandClock, make

    with PlateLog.open(folder) as log:
        for number, moment in enumerate(times):
            log.append(make(now=HandClock(moment)(), arrival_id=f"entry-{number}"))


@pytest.mark.parametrize(("pause", "level"), [(timedelta(hours=3), Level.OK), (timedelta(days=5), Level.WARN)])
def test_the_last_read_against_the_pauses_before(tmp_path: Path, pause: timedelta, level: Level) -> None:
    fill(tmp_path, [NOW - pause - timedelta(hours=2 * number) for number in range(30, -1, -1)])
    found = by_name(list(log_findings(place(tmp_path), NOW)))
    assert found["last read entry"].level is level and found["log"].level is Level.OK


def test_drifts_stand_in_the_examination(tmp_path: Path) -> None:
    PlateLog.open(tmp_path).close()
    connection = connect_writer(tmp_path / DATABASE_FOLDER / DATABASE_NAME)
    hours = gate(2, lambda name, day, night: 0.75 if name == "width_px" and day >= 35 else 1.0)
    for hour in hours:
        pairs = [table[name] for name in FIGURES for table in (hour.sums, hour.squares)]
        connection.execute(_ADD, (hour.camera, hour.hour_s, *pairs))
        connection.execute("UPDATE optics SET arrivals = ? WHERE hour_s = ?", (hour.arrivals, hour.hour_s))
    connection.close()
    found = [one for one in log_findings(place(tmp_path), NOW) if one.name == "optics"]
    assert found and found[0].level is Level.WARN and "plate width fell" in found[0].said
    assert found[0].advice.startswith("the camera was moved")


def test_a_damaged_log_is_told(tmp_path: Path) -> None:
    fill(tmp_path, [NOW])
    path = tmp_path / DATABASE_FOLDER / DATABASE_NAME
    path.write_bytes(b"no database" * 1000)
    (found,) = log_findings(place(tmp_path), NOW)
    assert found.level is Level.FAIL


def test_a_log_that_may_not_be_looked_at_is_one_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refused)
    (found,) = log_findings(place(tmp_path), NOW)
    assert found.level is Level.FAIL and found.said == f"{tmp_path}: cannot be looked at: Permission denied"


def test_what_was_set_aside_is_told_beside_what_is_wrong(tmp_path: Path) -> None:
    fill(tmp_path, [NOW])
    (tmp_path / "damaged/1").mkdir(parents=True)
    found = by_name(list(log_findings(place(tmp_path), NOW)))["log"]
    assert found.level is Level.WARN and str(tmp_path / "damaged") in found.said
    (tmp_path / "pictures/000000").mkdir(parents=True)
    (tmp_path / "pictures/000000/9-crop.jpg").touch()
    found = by_name(list(log_findings(place(tmp_path), NOW)))["log"]
    assert found.level is Level.FAIL and "9-crop.jpg" in found.said and str(tmp_path / "damaged") in found.said


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 seconds"), (600, "10 minutes"), (90000, "25 hours"),
                                               (400000, "5 days")])
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
