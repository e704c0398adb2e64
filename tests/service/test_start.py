"""A start with what still works, and a service that waits for what it cannot do without."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_lpr.config import SiteConfig
from edge_lpr.errors import ConfigError, EdgeLprError, NetworkError
from edge_lpr.platelog.integrity import damaged_folders
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.store import PlateLog
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.health import GateState, read_health
from edge_lpr.service.kept import Kept
from edge_lpr.service.notify import Notifier
from edge_lpr.service.start import make_daemon
from edge_lpr.service.supervise import Supervisor, status_line
from edge_lpr.service.waiting import Waiting
from tests.service.gate_cases import PLATE, FakeClock, ListCamera, frames, picture, wait_for

CAMERA = 'uri = "/dev/video97"'


def started(path: Path, kept: Path | None) -> Daemon:
    return make_daemon(path, Kept(kept), lambda config: Listeners())


def reasons(daemon: Daemon) -> str:
    """Why it is degraded from the start; it is ended."""
    told = "; ".join(one for one in daemon.health().reasons if not one.startswith("camera "))
    daemon.start()
    daemon.request_stop()
    daemon.stop()
    return told


def test_a_damaged_site_is_stood_in_for_by_its_last_good_copy(make_site: Callable[..., SiteConfig],
                                                             tmp_path: Path) -> None:
    site, kept = tmp_path / "site.toml", tmp_path / "kept"
    good = make_site(CAMERA)
    assert reasons(started(site, kept)) == ""
    assert (kept / "site.toml").stat().st_mode & 0o777 == 0o600, "it may hold a password"
    site.write_text('[[camera]\nname = "entry"')
    daemon = started(site, kept)
    assert daemon.config == good, "its relative paths are those of the site's folder"
    told = reasons(daemon)
    assert "config:" in told and "the last good one" in told and str(site) in told
    site.unlink()
    assert "the last good one" in reasons(started(site, kept))


def test_a_good_site_taken_over_ends_the_fault(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    site, kept = tmp_path / "site.toml", tmp_path / "kept"
    make_site(CAMERA)
    good = site.read_text()
    reasons(started(site, kept))
    site.write_text("nonsense")
    daemon = started(site, kept)
    daemon.start()
    try:
        assert any("config" in one for one in daemon.health().reasons)
        site.write_text(good)
        daemon.request_reload()
        assert wait_for(lambda: not any("config" in one for one in daemon.health().reasons))
    finally:
        daemon.request_stop()
        daemon.stop()


def test_what_a_reload_takes_over_is_the_last_good_one(make_site: Callable[..., SiteConfig], tmp_path: Path) -> None:
    site, kept = tmp_path / "site.toml", tmp_path / "kept"
    make_site(CAMERA)
    good = site.read_text()
    daemon = started(site, kept)
    daemon.start()
    try:
        site.write_text(good.replace("[access]", "[access]\nmin_confidence = 0.95"))
        daemon.request_reload()
        assert wait_for(lambda: "0.95" in (kept / "site.toml").read_text())
        site.write_text("damaged")
        daemon.request_reload()
        assert wait_for(lambda: any("config" in one for one in daemon.health().reasons))
    finally:
        daemon.request_stop()
        daemon.stop()
    config, fault = Kept(kept).site(site)
    assert config.access.min_confidence == 0.95 and "the last good one" in fault


def test_without_a_folder_of_its_own_a_damaged_site_is_an_error(make_site: Callable[..., SiteConfig],
                                                               tmp_path: Path) -> None:
    make_site(CAMERA)
    (tmp_path / "site.toml").write_text("nonsense")
    for kept in (None, tmp_path / "kept"):
        with pytest.raises(ConfigError, match=r"site\.toml"):
            started(tmp_path / "site.toml", kept)


def test_networks_are_stood_in_for(make_site: Callable[..., SiteConfig], red_engines: Path, tmp_path: Path) -> None:
    """By those that came with the package, then by a copy of those that worked last."""
    site, kept = tmp_path / "site.toml", tmp_path / "kept"
    make_site(CAMERA)
    reasons(started(site, kept))
    network = red_engines / "lpdnet" / "lpdnet.onnx"
    network.write_bytes(network.read_bytes()[:100])
    told = reasons(started(site, kept))
    assert "networks:" in told and "stand in" in told and "SHA-256" in told


def test_a_kept_copy_of_networks_is_the_last_resort(make_site: Callable[..., SiteConfig], red_engines: Path,
                                                   tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, kept = tmp_path / "site.toml", tmp_path / "kept"
    make_site(CAMERA)
    reasons(started(site, kept))

    def none_came() -> Path:
        raise NetworkError("no trained networks")

    monkeypatch.setattr("edge_lpr.service.kept.engine_folder", none_came)
    (red_engines / "lprnet" / "card.json").write_text("{")
    assert f"those of {kept / 'engines'} stand in" in reasons(started(site, kept))
    (kept / "engines" / "lprnet" / "card.json").unlink()
    with pytest.raises(NetworkError, match="lprnet"):
        started(site, kept)


def test_a_disk_that_is_full_keeps_no_copy_and_no_gate_from_starting(make_site: Callable[..., SiteConfig],
                                                                    tmp_path: Path) -> None:
    make_site(CAMERA)
    (tmp_path / "kept").write_text("a file where the folder should be")
    assert reasons(started(tmp_path / "site.toml", tmp_path / "kept")) == ""


def test_a_log_of_a_newer_release_is_set_aside(make_site: Callable[..., SiteConfig], tmp_path: Path,
                                               make_decision_for: Callable[[str], object]) -> None:
    config = make_site(CAMERA)
    with PlateLog.open(config.log.folder) as log:
        last = log.append(make_decision_for("NEW1"))
    path = config.log.folder / "database" / "plates.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    daemon = started(tmp_path / "site.toml", tmp_path / "kept")
    assert daemon.log.append(make_decision_for("OLD1")) == last + 1, "no id is used twice"
    told = reasons(daemon)
    assert "newer edge_lpr" in told and "kept in" in told
    (aside,) = damaged_folders(config.log.folder)
    connection = sqlite3.connect(aside / "plates.db")
    assert connection.execute("SELECT plate FROM decisions").fetchall() == [("NEW1",)]
    connection.close()
    with PlateLogReader(config.log.folder) as reader:
        assert [row.decision.plate_read.text for row in reader.newest()] == ["OLD1"]


@pytest.fixture
def make_decision_for() -> Callable[[str], object]:
    from tests.platelog.conftest import make

    return lambda plate: make(plate)


def test_waiting_tells_what_is_wrong_and_tries_again_when_the_file_changes(tmp_path: Path) -> None:
    heard: list[str] = []
    site, run = tmp_path / "site.toml", tmp_path / "run"
    waiting = Waiting(site, Notifier(heard.append, 20.0), {"RUNTIME_DIRECTORY": str(run)}, 60.0, 0.05)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(waiting.wait("no camera is named")))
    thread.start()
    assert wait_for(lambda: (run / "health.json").exists() and heard.count("WATCHDOG=1") > 1)
    health = read_health(run)
    assert health.state is GateState.DEGRADED and health.reasons == ("cannot start: no camera is named",)
    assert heard[:2] == ["READY=1", "STATUS=cannot start: no camera is named"]
    site.write_text("better")
    thread.join(10.0)
    assert answers == [True]
    waiting.request_retry()
    assert waiting.wait("no camera is named")
    waiting.request_stop()
    assert not waiting.wait("no camera is named") and read_health(run).state is GateState.STOPPED


def test_ready_when_the_first_frame_came_or_it_is_known_why_not(make_site: Callable[..., SiteConfig]) -> None:
    from edge_lpr.capture.isolate import CameraState

    heard: list[str] = []
    camera = ListCamera(stays=True)
    daemon = Daemon(make_site(), clock=FakeClock(), open_camera=lambda spec, clock: camera)
    supervisor = Supervisor(daemon, Notifier(heard.append, 1000.0))
    daemon.start()
    try:
        supervisor.turn()
        assert not daemon.is_settled and "READY=1" not in heard
        camera.state = CameraState.DEGRADED
        assert wait_for(lambda: daemon.is_settled)
        supervisor.turn()
        supervisor.turn()
        assert heard.count("READY=1") == 1
        assert any(one.startswith("STATUS=degraded | entry 0 fps | camera entry: no frames") for one in heard)
    finally:
        daemon.request_stop()
        daemon.stop()


def test_a_frame_makes_it_ready_and_the_status_line_tells_of_it(make_site: Callable[..., SiteConfig]) -> None:
    heard: list[str] = []
    camera = ListCamera(frames([picture(160)] * 4), stays=True)
    daemon = Daemon(make_site(), clock=FakeClock(), open_camera=lambda spec, clock: camera)
    supervisor = Supervisor(daemon, Notifier(heard.append, 1000.0))
    daemon.start()
    try:
        assert wait_for(lambda: daemon.lanes[0].health().arrivals == 1)
        supervisor.turn()
        assert "READY=1" in heard and "WATCHDOG=1" in heard
        assert f"last {PLATE} at 12:00:0" in status_line(daemon.health())
    finally:
        daemon.request_stop()
        daemon.stop()


def test_a_loop_that_hangs_is_not_fed_for(make_site: Callable[..., SiteConfig],
                                          caplog: pytest.LogCaptureFixture) -> None:
    """The housekeeping and the main thread go on; that alone must not feed the watchdog."""
    heard: list[str] = []
    go_on, hangs = threading.Event(), threading.Event()
    daemon = Daemon(make_site(), clock=FakeClock(),
                    open_camera=lambda spec, clock: ListCamera(frames([picture()]), stays=True))

    def hang(frame: object) -> None:
        hangs.set()
        go_on.wait(30.0)
        raise RuntimeError("went on")

    daemon.lanes[0]._pipeline.step = hang  # type: ignore[method-assign]
    supervisor = Supervisor(daemon, Notifier(heard.append, 0.4))
    daemon.start()
    try:
        assert hangs.wait(10.0)
        supervisor.turn()
        fed, turned = heard.count("WATCHDOG=1"), daemon.turns()["housekeeping"]
        assert wait_for(lambda: daemon.turns()["housekeeping"] > turned + 3)

        def alarmed() -> bool:
            supervisor.turn()
            return "does not go on: camera entry" in caplog.text

        assert wait_for(alarmed) and heard.count("WATCHDOG=1") == fed
        go_on.set()

        def fed_again() -> bool:
            supervisor.turn()
            return heard.count("WATCHDOG=1") > fed

        assert wait_for(fed_again), "a frame that failed is told, and the loop goes on"
    finally:
        go_on.set()
        daemon.request_stop()
        daemon.stop()


class Service:
    """`edge-lpr run` as systemd would start it, and what systemd hears."""

    def __init__(self, site: Path, folder: Path, watchdog_s: float) -> None:
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.line.bind(str(folder / "notify"))
        self.heard: list[tuple[float, str]] = []
        environment = {**os.environ, "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1",
                       "NOTIFY_SOCKET": str(folder / "notify"), "STATE_DIRECTORY": str(folder / "state"),
                       "RUNTIME_DIRECTORY": str(folder / "run"), "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}
        command = [sys.executable, "-m", "edge_lpr.cli", "run", "--config", str(site)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                word = self.line.recv(2000).decode()
            except OSError:
                return
            self.heard.append((time.monotonic(), word))

    def words(self, start: str) -> int:
        return sum(word.startswith(start) for _, word in self.heard)

    def waits_for(self, start: str, limit_s: float = 90.0) -> None:
        assert wait_for(lambda: bool(self.words(start)) or self.process.poll() is not None, limit_s)
        assert self.words(start), f"{start!r} was not heard: {self.heard}; {self.process.communicate()[1]}"

    def end(self) -> str:
        self.process.kill()
        self.line.close()
        return self.process.communicate()[1]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(watchdog_s: float = 8.0) -> Service:
        made.append(Service(tmp_path / "site.toml", tmp_path, watchdog_s))
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_the_process_waits_for_a_good_site_and_then_runs(make_site: Callable[..., SiteConfig], tmp_path: Path,
                                                        service: Callable[..., Service]) -> None:
    make_site(CAMERA)
    good = (tmp_path / "site.toml").read_text()
    (tmp_path / "site.toml").write_text("[[camera]")
    gate = service()
    gate.waits_for("STATUS=cannot start")
    (tmp_path / "site.toml").write_text(good)
    gate.waits_for("STATUS=degraded | entry")
    gate.process.send_signal(signal.SIGTERM)
    _, errors = gate.process.communicate(timeout=30)
    assert gate.process.returncode == 0, errors
    assert wait_for(lambda: gate.words("STOPPING=1") == 1)
    assert "the gate cannot start" in errors and json.loads((tmp_path / "run/health.json").read_text())


def test_a_camera_outage_feeds_the_watchdog_and_a_stopped_process_does_not(make_site: Callable[..., SiteConfig],
                                                                          service: Callable[..., Service]) -> None:
    make_site(CAMERA)
    gate = service(watchdog_s=4.0)
    gate.waits_for("READY=1")
    assert wait_for(lambda: gate.words("WATCHDOG=1") >= 3, 60.0), "an outage that is told is no reason to restart"
    gate.process.send_signal(signal.SIGABRT)  # as the watchdog would
    _, errors = gate.process.communicate(timeout=30)
    assert "Fatal Python error: Aborted" in errors and "housekeeping.py" in errors, "where every thread was is told"


def test_errors_of_a_start_that_nothing_stands_in_for(tmp_path: Path) -> None:
    with pytest.raises(EdgeLprError):
        Kept.from_environment({}).site(tmp_path / "none.toml")
