"""`edge-lpr config`, `status`, `replay` and `bench`, and that the command line itself stays light."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge_lpr import cli
from edge_lpr.service.health import GateHealth, GateState, is_old, read_health, write_health
from edge_lpr.service.notify import Notifier
from edge_lpr.service.waiting import Waiting
from tests.service.gate_cases import PLATE, picture

HEALTH = GateHealth(GateState.OK, (), "north", 0, "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:02+00:00", 0.0, 2.0,
                    True, {}, {}, {"state": "ok", "pending": 0, "lost": 0, "commits": 3})


@pytest.fixture
def health() -> GateHealth:
    return replace(HEALTH, pid=os.getpid(), written_s=time.monotonic())


def test_init_then_check_then_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site.toml"
    assert cli.main(["config", "init", str(site)]) == 0
    assert cli.main(["config", "init", str(site)]) == 1, "a file that is there stays"
    assert cli.main(["config", "check", str(site)]) == 1, "its list is not there yet"
    assert "residents.csv" in capsys.readouterr().out
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/residents.csv").write_text("plate\n1AB2345\n")
    assert cli.main(["config", "check", str(site)]) == 0
    site.write_text(site.read_text().replace('uri = "/dev/video0"', 'uri = "rtsp://user:secret@host/path"'))
    capsys.readouterr()
    assert cli.main(["config", "show", str(site)]) == 0
    shown = capsys.readouterr().out
    assert "stall_s = 5.0" in shown and "secret" not in shown


def test_check_looks_for_the_networks(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "check", str(site)]) == 0
    site.write_text(re.sub("engines = .*", 'engines = "nosuch"', site.read_text()))
    assert cli.main(["config", "check", str(site)]) == 1
    assert f"{site.parent / 'nosuch/lpdnet'}: not a model card" in capsys.readouterr().err


def test_check_names_file_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text('[[camera]]\nname = "a"\nuri = "x"\npace = "slow"\n')
    assert cli.main(["config", "check", str(tmp_path / "site.toml")]) == 1
    said = capsys.readouterr().err
    assert "site.toml" in said and "pace" in said and "real, fast" in said


def test_status_tells_a_gate_that_is_well(tmp_path: Path, health: GateHealth,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    write_health(tmp_path, health)
    assert read_health(tmp_path) == health
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 0
    assert "north: ok" in capsys.readouterr().out


def test_status_tells_why_it_is_degraded(tmp_path: Path, health: GateHealth,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    write_health(tmp_path, replace(health, state=GateState.DEGRADED, reasons=("camera entry: no frames",)))
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 1
    assert "camera entry: no frames" in capsys.readouterr().out


def test_status_of_a_gate_that_is_not_there(tmp_path: Path, health: GateHealth) -> None:
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 3
    (tmp_path / "health.json").write_text("{")
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 3
    (tmp_path / "health.json").write_text(json.dumps({"version": 99}))
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 3
    for gone in (replace(health, state=GateState.STOPPED), replace(health, pid=2**22 - 3),
                 replace(health, written_s=time.monotonic() - 60.0), replace(health, written_s=time.monotonic() + 9.0)):
        write_health(tmp_path, gone)
        assert cli.main(["status", "--runtime", str(tmp_path)]) == 3
    assert is_old(replace(health, written_s=0.0), 60.0) and not is_old(replace(health, written_s=55.0), 60.0)


def test_status_begins_with_what_matters_and_json_stays_json(tmp_path: Path, health: GateHealth,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--json", "--runtime", str(tmp_path)]) == 3
    told = capsys.readouterr()
    assert told.out == "" and "not running" in told.err
    write_health(tmp_path, replace(health, pid=2**22 - 3))
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 3
    assert capsys.readouterr().out.startswith("not running: what it wrote at ")
    assert cli.main(["status", "--json", "--runtime", str(tmp_path)]) == 3
    told = capsys.readouterr()
    assert json.loads(told.out)["name"] == "north" and "has ended or hangs" in told.err


def test_status_of_a_gate_that_cannot_start_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = Waiting(tmp_path / "site.toml", Notifier(), {"RUNTIME_DIRECTORY": str(tmp_path)}, retry_every_s=0.01)
    assert waiting.wait("no networks")
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 1
    assert "cannot start: no networks" in capsys.readouterr().out
    waiting.request_stop()
    assert not waiting.wait("no networks")
    assert cli.main(["status", "--runtime", str(tmp_path)]) == 3


def test_a_gate_that_was_killed_does_not_run_though_nobody_asked_how_it_ended(tmp_path: Path,
                                                                             health: GateHealth) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        write_health(tmp_path, replace(health, pid=child))
        assert cli.main(["status", "--runtime", str(tmp_path)]) == 3
    finally:
        os.waitpid(child, 0)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A vehicle for three seconds, at a frame a second."""
    pytest.importorskip("av", reason="PyAV reads and writes videos")
    from edge_lpr.capture.video_writer import VideoWriter

    with VideoWriter(tmp_path / "film.mp4", 1.0) as video:
        for x in (None, 160, 164, 168, None):
            video.write(picture(x))
    return tmp_path / "film.mp4"


@pytest.fixture
def site(tmp_path: Path, red_engines: Path) -> Path:
    (tmp_path / "list.csv").write_text(f"plate\n{PLATE}\n")
    path = tmp_path / "site.toml"
    path.write_text(f'[[camera]]\nname = "entry"\nuri = "/dev/video0"\n[recognition]\nengines = "{red_engines}"\n'
                    'threads = 1\n[[access.list]]\nname = "residents"\npath = "list.csv"\n[log]\nfolder = "log"\n')
    return path


def test_replay_prints_draws_and_touches_no_log(site: Path, film: Path, tmp_path: Path,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    import av

    video = tmp_path / "seen.mp4"
    assert cli.main(["replay", str(film), "--config", str(site), "--video", str(video)]) == 0
    said = capsys.readouterr().out
    assert said.count(f"{PLATE} ") == 1 and "5 frames, 1 arrivals decided, 1 openings, 320x240" in said
    with av.open(str(video)) as drawn:
        assert sum(1 for _ in drawn.decode(video=0)) == 5
    assert not (tmp_path / "log").exists()


def test_two_replays_are_the_same(site: Path, film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for _ in range(2):
        assert cli.main(["replay", str(film), "--config", str(site), "--no-video"]) == 0
        said.append(capsys.readouterr().out.splitlines()[0][20:])
    assert said[0] == said[1]


def test_replay_of_what_is_not_there(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(tmp_path / "no.mp4"), "--config", str(site)]) == 1
    assert "no such clip" in capsys.readouterr().err
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    assert cli.main(["replay", str(tmp_path / "broken.mp4"), "--config", str(site), "--no-video"]) == 1


def test_replay_tells_of_broken_lists(site: Path, film: Path, tmp_path: Path,
                                      caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "list.csv").write_text("plate\n!!!!\n")
    assert cli.main(["replay", str(film), "--config", str(site), "--no-video"]) == 0
    assert "list.csv:2:1: plate: '!' is no letter" in caplog.text


def test_replay_names_the_cameras(site: Path, film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(film), "--config", str(site), "--camera", "exit", "--no-video"]) == 1
    assert "there are: entry" in capsys.readouterr().err


def test_an_interrupted_replay_ends_its_film(site: Path, film: Path, tmp_path: Path) -> None:
    """A Ctrl-C while the lane draws a frame: the film is closed after that frame, and can be shown."""
    import av

    video = tmp_path / "seen.mp4"
    code = ("import os, signal, sys, time; from edge_lpr import cli; from edge_lpr.service import replay\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it\n"
            "def slow(*of):\n"
            "    os.kill(os.getpid(), signal.SIGINT) if not drawn else None\n"
            "    drawn.append(1); time.sleep(0.5); return annotate(*of)\n"
            "drawn, annotate, replay.annotate = [], replay.annotate, slow; sys.exit(cli.main(sys.argv[1:]))")
    arguments = ["replay", str(film), "--config", str(site), "--video", str(video)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "edge-lpr: interrupted\n")
    with av.open(str(video)) as drawn:
        assert 1 <= sum(1 for _ in drawn.decode(video=0)) < 5


def test_replay_spares_the_clip(site: Path, film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = film.read_bytes()
    assert cli.main(["replay", str(film), "--config", str(site), "--video", str(film)]) == 1
    assert "film.mp4: is the clip itself" in capsys.readouterr().err
    assert film.read_bytes() == before


@pytest.mark.parametrize("name", ["no/seen.mp4", "seen.foo", ""])
def test_replay_tells_of_its_film_before_it_starts(site: Path, film: Path, tmp_path: Path, name: str,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(film), "--config", str(site), "--video", str(tmp_path / name)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and "the video cannot be written" in said.err


def test_replay_stops_when_its_film_fails(site: Path, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                          caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    from edge_lpr.capture.video_writer import VideoWriter
    from edge_lpr.errors import CameraError

    def fail(*_: object) -> None:
        raise CameraError("seen.mp4: the video cannot be written: No space left on device")

    monkeypatch.setattr(VideoWriter, "write", fail)
    assert cli.main(["replay", str(film), "--config", str(site), "--video", str(tmp_path / "seen.mp4")]) == 1
    assert capsys.readouterr().err == "edge-lpr: seen.mp4: the video cannot be written: No space left on device\n"
    assert not caplog.records and not list(tmp_path.glob("seen*"))


def test_replay_of_a_clip_without_a_name(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["replay", "", "--config", str(site)])
    assert stop.value.code == 2 and "name of a file or folder is needed" in capsys.readouterr().err


def test_bench_measures(film: Path, red_engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--clip", str(film), "--engines", str(red_engines), "--threads", "1", "--frames", "10"]
    assert cli.main([*arguments, "--one", "fast"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["frames"] == 10 and result["fps"] > 0 and result["dropped"] == 0
    assert 0 <= result["outside_share"] < 1 and result["memory_mb"] > 10
    assert result["ms"]["networks"] <= result["ms"]["detect"] + result["ms"]["read"] + 0.02


def test_the_command_line_loads_nothing_heavy(tmp_path: Path) -> None:
    """`--help` on a small board is quick, and a command that needs no picture needs no picture library."""
    code = ("import sys, edge_lpr.cli as cli; cli.build_parser(); "
            "print(sorted({'numpy', 'cv2', 'PIL', 'onnxruntime', 'av', 'torch'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_status_needs_no_network_library(tmp_path: Path) -> None:
    code = ("import sys, edge_lpr.cli as cli; cli.main(['status', '--runtime', sys.argv[1]]); "
            "print(sorted({'cv2', 'onnxruntime', 'av', 'torch'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


