"""`edge-lpr barrier` on a virtual board, without a gate and with one."""

from __future__ import annotations

import argparse
import io
import json
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edge_lpr.cli import main
from edge_lpr.cli.barrier import hold_seconds, hold_time
from edge_lpr.errors import ConfigError
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.rows import EventKind
from edge_lpr.service.notify import Notifier
from edge_lpr.service.site import load_site
from edge_lpr.service.waiting import Waiting
from tests.service.gate_cases import wait_for

pytest.importorskip("serial", reason="pyserial opens the ports")

SITE = """
[[camera]]
name = "entry"
uri = "/dev/video97"
barrier = "gate"
[[barrier]]
driver = "simulated"
reply_timeout_s = 2.0
[barrier.inputs]
loop = 1
opened = 2
closed = 3
[log]
folder = "log"
[service]
runtime_folder = "run"
health_every_s = 0.2
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


def barrier(site: Path, *words: str) -> int:
    return main(["barrier", words[0], "--config", str(site), *words[1:]])


def manual(site: Path) -> list[str]:
    with PlateLogReader(load_site(site).log.folder) as reader:
        return [event.detail for event in reader.events(EventKind.MANUAL)]


def test_opened_by_hand_without_a_gate(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert barrier(site, "open", "--yes", "--reason", "a delivery") == 0
    told = capsys.readouterr()
    assert "This moves the barrier 'gate'" in told.err and "done: confirmed by the device" in told.out
    begun, ended = manual(site)
    assert "because: a delivery: begins" in begun and "(user " in begun and "done" in ended


@pytest.mark.parametrize(
    ("terminal", "typed", "words"),
    [(False, "yes\n", "--yes goes on"), (True, "no\n", "not confirmed"), (True, "\n", "not confirmed")],
)
def test_nothing_moves_unless_somebody_says_yes(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool, typed: str,
    words: str
) -> None:
    keyboard = io.StringIO(typed)
    keyboard.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", keyboard)
    assert barrier(site, "open", "--reason", "x") == 1
    assert words in capsys.readouterr().err
    assert not (site.parent / "log").exists()


def test_held_open_and_released(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert barrier(site, "open", "-y", "--reason", "moving", "--hold", "0.3s") == 0
    assert "Ctrl-C releases" in capsys.readouterr().out
    assert "its time is over" in manual(site)[-1]
    assert barrier(site, "open", "-y", "--reason", "moving", "--hold", "13h") == 1
    assert "at most 12 hours" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_is_closed_leaves_no_relay_on(site: Path, number: signal.Signals) -> None:
    """Without a gate it is this command that holds it open, over a connection that may break."""
    with subprocess.Popen([sys.executable, "-m", "edge_lpr.barrier.virtual_board"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None and board.stdin is not None
        port = board.stdout.readline().strip()
        site.write_text(SITE.replace('"simulated"', f'"waveshare"\nport = "{port}"'))
        call = ["barrier", "open", "-y", "--config", str(site), "--reason", "moving", "--hold", "1h"]
        holding = subprocess.Popen([sys.executable, "-m", "edge_lpr.cli", *call], stderr=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL)
        assert board.stdout.readline().endswith("relay 1 on\n")
        assert wait_for(lambda: "held open for" in manual(site)[-1])
        holding.send_signal(number)
        assert board.stdout.readline().endswith("relay 1 off\n")
        assert holding.wait(20.0) == 130
        board.stdin.close()
    assert "no longer held open: the command ended" in manual(site)[-1]


def test_state_and_test(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert barrier(site, "state", "--json") == 0
    assert json.loads(capsys.readouterr().out)["closed"] is True and manual(site) == []
    assert barrier(site, "test", "--yes") == 0
    said = capsys.readouterr().out
    assert "connected and released" in said
    assert "relay released, loop off, open switch off, closed switch on" in said
    assert "because: test" in manual(site)[0]


def test_opened_by_hand_while_the_gate_cannot_start(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds no port and takes no orders: people open all the more."""
    runtime = {"RUNTIME_DIRECTORY": str(site.parent / "run")}
    assert Waiting(site, Notifier(), runtime, retry_every_s=0.01).wait("the networks are damaged")
    assert barrier(site, "open", "--yes", "--reason", "a delivery") == 0
    assert barrier(site, "state") == 0 and "relay released" in capsys.readouterr().out


def test_a_device_that_is_not_there_is_told(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(SITE.replace('"simulated"', '"waveshare"\nport = "/dev/serial/by-id/nothing"'))
    assert barrier(site, "open", "-y", "--reason", "x") == 1
    assert "/dev/serial/by-id/nothing: there is no such device" in capsys.readouterr().err
    assert manual(site) == [], "nothing was begun"
    assert barrier(site, "open", "-y", "--reason", "x", "--barrier", "north") == 1
    assert "no barrier 'north'; there are: gate" in capsys.readouterr().err


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "\x1b[2Jgone"])
def test_who_opens_says_why(site: Path, capsys: pytest.CaptureFixture[str], reason: str) -> None:
    assert barrier(site, "open", "-y", "--reason", reason) == 1
    assert "reason" in capsys.readouterr().err and not (site.parent / "log").exists()


def test_ports_and_drivers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["barrier", "list"]) == 0
    said = capsys.readouterr().out
    assert "drivers: dry-run, simulated, waveshare" in said and "template" in said


def test_the_time_to_the_first_byte_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["barrier", "bench", "--count", "2"]) == 0
    assert "from the decision, log included" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("15m", 900.0), ("1.5h", 5400.0)])
def test_times_to_hold(text: str, seconds: float) -> None:
    assert hold_seconds(hold_time(text), "UTC") == seconds


def test_held_until_a_time_of_the_sites_zone() -> None:
    now = datetime(2026, 7, 1, 14, 0, tzinfo=timezone.utc)  # 16:00 in Prague
    assert hold_seconds(hold_time("17:30"), "Europe/Prague", now) == 5400.0
    with pytest.raises(ConfigError, match="15:30 is over today: it is 16:00 by the site's time zone Europe/Prague"):
        hold_seconds(hold_time("15:30"), "Europe/Prague", now)
    night = datetime(2026, 10, 25, 0, 0, tzinfo=timezone.utc)  # 02:00 summer time; at 03:00 it is 02:00 once more
    assert hold_seconds(hold_time("06:00"), "Europe/Prague", night) == timedelta(hours=5).total_seconds()


def test_a_time_that_is_over_moves_nothing(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert barrier(site, "open", "-y", "--reason", "x", "--hold", "00:00") == 1
    assert "00:00 is over today" in capsys.readouterr().err and not (site.parent / "log").exists()


@pytest.mark.parametrize("text", ["", "5", "-5m", "0s", "25:00", "infh", "nanh", "forever"])
def test_no_times_to_hold(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        hold_time(text)
