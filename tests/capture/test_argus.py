"""The camera service's restart is asked for when it may help, and not too often."""

from __future__ import annotations

from pathlib import Path

from edge_lpr.capture.argus import ASK_EVERY_S, REQUEST, ArgusWatch, request_restart

ROOT = Path(__file__).resolve().parents[2]


def test_only_a_camera_that_stays_dead_through_new_processes_asks() -> None:
    watch = ArgusWatch()
    told = [watch.ask(degraded, frames, replaced, now_s) for degraded, frames, replaced, now_s in [
        (False, 10, 0, 0.0), (True, 20, 0, 1.0), (True, 20, 1, 30.0), (True, 20, 2, 60.0), (True, 20, 4, 90.0)]]
    assert told == [False, False, False, True, False]
    assert watch.ask(True, 20, 6, 60.0 + ASK_EVERY_S), "and again after a while"
    assert not watch.ask(True, 21, 9, 9e9), "a frame came: it begins anew"
    assert not watch.ask(True, 21, 10, 9e9) and watch.ask(True, 21, 11, 9e9)


def test_the_request_is_a_file_that_a_unit_watches(tmp_path: Path) -> None:
    assert request_restart(tmp_path) and (tmp_path / REQUEST).exists()
    assert not request_restart(tmp_path / "absent")
    unit = ROOT / "systemd" / "edge-lpr-argus.path"
    if unit.exists():
        assert f"/run/edge-lpr/{REQUEST}" in unit.read_text()
