"""The daemon through faults: whatever fails, it goes on, says so, and opens nothing that it should not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_lpr.capture.isolate import CameraState
from edge_lpr.config import SiteConfig
from edge_lpr.errors import ConfigError, LogError
from edge_lpr.platelog.faults import LogFullError
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.rows import EventKind
from edge_lpr.records import Action, Outcome, Reason
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.health import GateState, read_health
from edge_lpr.service.pipeline import Decided
from edge_lpr.service.runtime_lock import LOCK_NAME
from edge_lpr.service.sight import Networks
from tests.service.gate_cases import PATIENCE_S, PLATE, FakeClock, ListCamera, Script, frames, picture, wait_for


class Gate:
    """A daemon with cameras that are given, and what it decided."""

    def __init__(self, config: SiteConfig, cameras: dict[str, ListCamera], path: Path | None = None) -> None:
        self.config, self.cameras, self.clock = config, cameras, FakeClock()
        for camera in cameras.values():
            if isinstance(camera.given, Script):
                camera.given.clock = self.clock
        self.decided: list[Decided] = []
        self.daemon = Daemon(config, path, Listeners(self.decided.append), self.clock,
                             lambda spec, clock: cameras[spec.name])

    def __enter__(self) -> Gate:
        self.daemon.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.request_stop()
        self.daemon.stop()

    def finish(self) -> int:
        self.daemon.wait(0.02)
        return self.daemon.stop()

    @property
    def reasons(self) -> str:
        return "; ".join(read_health(self.config.service.runtime_folder).reasons)

    def degraded(self, words: str) -> bool:
        return wait_for(lambda: (self.config.service.runtime_folder / "health.json").exists() and words in self.reasons)

    def well(self) -> bool:
        return wait_for(lambda: self.reasons == "")

    def rows(self) -> list[Any]:
        with PlateLogReader(self.config.log.folder) as reader:
            return reader.newest()


def vehicle(x: int = 160, count: int = 4) -> Iterator[Any]:
    return frames([picture(x)] * count)


@pytest.fixture
def script() -> Script:
    return Script()


def test_each_camera_has_its_rows_and_its_barrier(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    exit_camera = '[[camera]]\nname = "exit"\nuri = "cam"\nbarrier = "none"'
    gate = Gate(make_site(more=exit_camera), {"entry": ListCamera(vehicle()), "exit": ListCamera(vehicle())})
    with gate:
        assert gate.finish() == 0
    rows = {row.decision.plate_read.camera: row for row in gate.rows()}
    assert set(rows) == {"entry", "exit"} and len(gate.rows()) == 2
    assert rows["entry"].command.outcome is Outcome.DRY_RUN
    assert rows["exit"].command.outcome is Outcome.REFUSED and "no barrier" in rows["exit"].command.detail
    health = read_health(tmp_path / "run")
    assert health.state is GateState.STOPPED and health.cameras["entry"]["last_read"] == PLATE
    with PlateLogReader(gate.config.log.folder) as reader:
        assert set(reader.pictures_of(rows["entry"].id)) == {"crop", "frame"}


def test_a_camera_without_frames_is_a_state_and_comes_back(make_site: Callable[..., SiteConfig],
                                                           script: Script) -> None:
    camera = ListCamera(script, stays=True)
    camera.state, camera.error = CameraState.DEGRADED, "no such device"
    with Gate(make_site(), {"entry": camera}) as gate:
        assert gate.degraded("camera entry: no frames for 0 s: no such device")
        lane = gate.daemon.lanes[0]
        assert not lane.is_over and not lane.join(0.01)
        script.vehicle()
        camera.state = CameraState.OK
        assert wait_for(lambda: len(gate.decided) == 1)
        assert gate.well()
    assert lane.is_over and lane.join(0.0)


def test_one_camera_out_leaves_the_other_at_work(make_site: Callable[..., SiteConfig]) -> None:
    silent = ListCamera(stays=True)
    silent.state, silent.error = CameraState.DEGRADED, "unplugged"
    other = '[[camera]]\nname = "exit"\nuri = "cam"'
    with Gate(make_site(more=other), {"entry": ListCamera(vehicle(), stays=True), "exit": silent}) as gate:
        assert wait_for(lambda: len(gate.decided) == 1)
        assert gate.degraded("camera exit: no frames")


def test_a_camera_that_never_opens_for_real(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    """The real capture process on a device that is not there; the end comes all the same."""
    daemon = Daemon(make_site('uri = "/dev/video97"'), None, clock=FakeClock())
    daemon.start()
    try:
        assert wait_for(lambda: (tmp_path / "run/health.json").exists()
                        and any("camera entry" in one for one in read_health(tmp_path / "run").reasons))
        assert not daemon.lanes[0].is_over
    finally:
        began_s = time.monotonic()
        daemon.request_stop()
        status = daemon.stop()
    assert status == 0
    assert time.monotonic() - began_s < PATIENCE_S


def test_a_frame_that_fails_costs_only_itself(make_site: Callable[..., SiteConfig], script: Script,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    with Gate(make_site(), {"entry": ListCamera(script, stays=True)}) as gate:
        sight = gate.daemon.lanes[0]._pipeline._sight
        good = sight.detector.detect
        monkeypatch.setattr(sight.detector, "detect", lambda pixels: 1 / 0)
        script.waiting += list(frames([picture()]))
        assert gate.degraded("recognition: ZeroDivisionError")
        monkeypatch.setattr(sight.detector, "detect", good)
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 1)
        assert gate.well()


def test_a_full_disk_opens_nothing_and_mends_itself(make_site: Callable[..., SiteConfig], script: Script,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    with Gate(make_site(), {"entry": ListCamera(script, stays=True)}) as gate:
        good = gate.daemon.log._database.transact

        def full(work: Any) -> Any:
            raise LogFullError("log.db: the disk is full")

        assert wait_for(lambda: (gate.config.service.runtime_folder / "health.json").exists())
        monkeypatch.setattr(gate.daemon.log._database, "transact", full)
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 1)
        assert gate.decided[0].decision.action is Action.OPEN and not gate.decided[0].told
        assert gate.degraded("log: log.db: the disk is full")
        monkeypatch.setattr(gate.daemon.log._database, "transact", good)
        script.vehicle(x=60)
        assert wait_for(lambda: len(gate.decided) == 2)
        assert gate.decided[1].told
        assert wait_for(lambda: len(gate.rows()) == 2 and gate.rows()[0].command.outcome is not None)
        outcomes = [row.command.outcome for row in gate.rows()]
        assert outcomes == [Outcome.DRY_RUN, Outcome.REFUSED]
        assert gate.well()


def test_a_log_that_cannot_be_made_is_a_state(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    config = make_site()
    (tmp_path / "log").write_text("a file where the folder should be")
    with Gate(config, {"entry": ListCamera(vehicle(), stays=True)}) as gate:
        assert wait_for(lambda: len(gate.decided) == 1)
        assert not gate.decided[0].told
        assert gate.degraded("log: ")


def test_a_log_that_another_gate_writes_is_an_error(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    with Gate(make_site(), {"entry": ListCamera(stays=True)}) as gate:
        elsewhere = replace(gate.config, service=replace(gate.config.service, runtime_folder=tmp_path / "elsewhere"))
        for _ in range(2):
            with pytest.raises(LogError, match="another"):
                Daemon(elsewhere, open_camera=lambda spec, clock: ListCamera())


def test_a_runtime_folder_that_another_gate_has_is_an_error(make_site: Callable[..., SiteConfig],
                                                            tmp_path: Path) -> None:
    gate = Gate(make_site(), {"entry": ListCamera()})
    other = replace(gate.config, log=replace(gate.config.log, folder=tmp_path / "other"))
    with gate, pytest.raises(ConfigError, match=f"the gate of process {os.getpid()} has this runtime_folder"):
        Daemon(other, open_camera=lambda spec, clock: ListCamera())
    assert not (tmp_path / "other").exists()
    with Gate(other, {"entry": ListCamera()}) as next_gate:
        assert next_gate.finish() == 0, "one that has stopped lets go of it"


def test_entries_that_were_never_written_are_told_at_the_end(make_site: Callable[..., SiteConfig], tmp_path: Path,
                                                            caplog: pytest.LogCaptureFixture) -> None:
    config = make_site()
    (tmp_path / "log").write_text("a file where the folder should be")
    with Gate(config, {"entry": ListCamera(vehicle())}) as gate:
        assert gate.finish() == 1
    assert "entries of the log were not written" in caplog.text


def test_a_database_set_aside_is_a_note(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    with Gate(make_site(), {"entry": ListCamera(vehicle())}) as gate:
        assert gate.finish() == 0
    (tmp_path / "log/database/plates.db").write_bytes(b"no database at all" * 1000)
    with Gate(gate.config, {"entry": ListCamera()}) as gate:
        health = gate.daemon.health()
        assert gate.finish() == 0
    assert str(tmp_path / "log/damaged/1") in health.notes[0] and "0 decisions" in health.notes[0]
    assert not any("log" in reason for reason in health.reasons)


def test_a_clock_that_jumps_by_a_day_changes_no_arrival_and_no_row(make_site: Callable[..., SiteConfig],
                                                                  script: Script) -> None:
    with Gate(make_site(), {"entry": ListCamera(script, stays=True)}) as gate:
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 1)
        for jump in (timedelta(days=1), timedelta(days=-2)):
            gate.clock.wall += jump
            script.vehicle()
            gate.daemon.log.purge()
        assert wait_for(lambda: len(gate.decided) == 3)
        assert all(one.told for one in gate.decided)
        assert len(gate.rows()) == 3
        assert gate.well()


def test_an_unsynchronised_clock_keeps_schedules_closed(make_site: Callable[..., SiteConfig], script: Script,
                                                        tmp_path: Path) -> None:
    rules = ('[[access.group]]\nname = "staff"\nschedule = "day"\n[[access.schedule]]\nname = "day"\n'
             'windows = ["daily 00:00-24:00"]\n')
    config = make_site(more=rules)
    (tmp_path / "list.csv").write_text(f"plate;group\n{PLATE};staff\n")
    with Gate(config, {"entry": ListCamera(script, stays=True)}) as gate:
        gate.clock.is_synced = False
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 1)
        assert gate.decided[0].decision.reason is Reason.CLOCK_UNSURE


def test_a_broken_list_keeps_the_last_good_one(make_site: Callable[..., SiteConfig], script: Script,
                                              tmp_path: Path) -> None:
    with Gate(make_site(), {"entry": ListCamera(script, stays=True)}) as gate:
        assert wait_for(lambda: (tmp_path / "run/health.json").exists())
        (tmp_path / "list.csv").write_text("plate\n!!!!\n")
        assert gate.degraded("list.csv:2")
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 1)
        assert gate.decided[0].decision.reason is Reason.ALLOWED
        (tmp_path / "list.csv").write_text("plate\nOTHER1\n")
        assert gate.well()
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 2)
        assert gate.decided[1].decision.reason is Reason.NOT_LISTED
        with PlateLogReader(gate.config.log.folder) as reader:
            assert len(reader.events(EventKind.LISTS)) >= 3


def test_a_reload_takes_over_what_is_good_and_nothing_of_what_is_not(make_site: Callable[..., SiteConfig],
                                                                    script: Script, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    config = make_site()
    with Gate(config, {"entry": ListCamera(script, stays=True)}, path) as gate:
        good = path.read_text()
        path.write_text(good.replace("[access]", "[access]\nmin_confidense = 0.9"))
        gate.daemon.request_reload()
        assert gate.degraded("unknown key 'min_confidense'")
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 1)
        assert gate.decided[0].decision.action is Action.OPEN
        path.write_text(good.replace("[access]", "[access]\nmin_confidence = 1.0"))
        gate.daemon.request_reload()
        assert gate.well()
        script.vehicle()
        assert wait_for(lambda: len(gate.decided) == 2)
        assert gate.decided[1].decision.reason is Reason.LOW_CONFIDENCE


def test_what_takes_a_restart_is_a_note(make_site: Callable[..., SiteConfig], script: Script, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    with Gate(make_site(), {"entry": ListCamera(script, stays=True)}, path) as gate:
        good = path.read_text()
        path.write_text(good.replace("[log]", "[log]\nkeep_frames = false"))
        gate.daemon.request_reload()
        assert wait_for(lambda: gate.daemon.health().notes == ("config: restart the gate to take over: log",))
        assert gate.daemon.health().state is GateState.OK
        path.write_text(good)
        gate.daemon.request_reload()
        assert wait_for(lambda: gate.daemon.health().notes == ())


def test_lists_for_single_cameras_are_not_taken_over_without_the_cameras_that_run(
        make_site: Callable[..., SiteConfig], script: Script, tmp_path: Path) -> None:
    """Else a deny list for a camera that has another name now would hold for none that runs."""
    path = tmp_path / "site.toml"
    with Gate(make_site(), {"entry": ListCamera(script, stays=True)}, path) as gate:
        path.write_text(path.read_text().replace('name = "entry"', 'name = "north"'))
        gate.daemon.request_reload()
        assert gate.degraded("site.toml: has no camera 'entry', which runs: restart the gate; the last good one stays")


def test_a_state_that_changes_is_told_at_once(make_site: Callable[..., SiteConfig], script: Script,
                                              tmp_path: Path) -> None:
    config = make_site()
    seldom = replace(config, service=replace(config.service, health_every_s=60.0))
    with Gate(seldom, {"entry": ListCamera(script, stays=True)}) as gate:
        assert wait_for(lambda: (tmp_path / "run/health.json").exists())
        (tmp_path / "list.csv").write_text("plate\n!!!!\n")
        assert gate.degraded("list.csv:2")


def test_a_stop_logs_what_is_under_way_but_opens_nothing_new(make_site: Callable[..., SiteConfig],
                                                            script: Script) -> None:
    patient = "[arrivals]\nenough_frames = 20\nvery_sure_frames = 20\nmax_wait_s = 60.0\ngive_up_s = 60.0"
    gate = Gate(make_site(more=patient), {"entry": ListCamera(script, stays=True)})
    with gate:
        script.waiting += list(frames([picture(160)]))
        assert wait_for(lambda: gate.daemon.lanes[0].health().steps == 1)
        gate.daemon.request_stop()
        gate.daemon.wait(0.02)
    (row,) = gate.rows()
    assert row.decision.action is Action.OPEN
    assert row.command.outcome is Outcome.REFUSED and "stopping" in row.command.detail


def test_the_health_file_cannot_be_written(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    config = make_site()
    (tmp_path / "run").write_text("a file where the folder should be")
    with Gate(config, {"entry": ListCamera(vehicle())}) as gate:
        assert gate.finish() == 0
    assert len(gate.decided) == 1 and gate.decided[0].told


def test_a_failed_gpu_is_in_the_health(make_site: Callable[..., SiteConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Networks, "faults", property(lambda _: ("reader: ONNX Runtime, as the GPU failed: 719",)))
    with Gate(make_site(), {"entry": ListCamera(vehicle())}) as gate:
        assert gate.degraded("recognition: reader: ONNX Runtime, as the GPU failed")


def test_the_health_is_small_and_whole(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    with Gate(make_site(), {"entry": ListCamera(vehicle())}) as gate:
        gate.finish()
    text = (tmp_path / "run/health.json").read_text()
    assert json.loads(text)["pid"] == os.getpid() and len(text) < 4000
    assert {path.name for path in (tmp_path / "run").iterdir() if path.is_file()} == {"health.json", LOCK_NAME}
