"""`edge-lpr log` from the command line to its output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_lpr.cli import main
from edge_lpr.gate.decide import GateTime
from edge_lpr.platelog.store import PlateLog
from edge_lpr.records import Action, CommandOutcome, Decision, Direction, Outcome, PlateRead, Reason


def decision(plate: str, action: Action, reason: Reason, hour: int) -> Decision:
    """A decision at an hour of one day."""
    moment = datetime(2025, 6, 1, hour, tzinfo=timezone.utc)
    read = PlateRead("a", "entry", plate, 0.98, (("X1", 0.01),), 3, "CZ", Direction.APPROACHING, 1.0, 2.5, moment, True)
    return Decision(action, reason, "", read, 2.6, 7.6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of three decisions."""
    moment = datetime(2025, 6, 1, tzinfo=timezone.utc)
    with PlateLog.open(tmp_path, clock=lambda: GateTime(moment, 1.0, True)) as log:
        log.append(decision("5A23456", Action.STAY_CLOSED, Reason.NOT_LISTED, 8))
        log.append(decision("1AB2345", Action.OPEN, Reason.ALLOWED, 9))
        log.finish_command(CommandOutcome(2, Outcome.DRY_RUN, "", 3.0))
        log.append(decision("5A23999", Action.STAY_CLOSED, Reason.DENIED, 10))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ((), "321"),
        (("--plate", "5a*"), "31"),
        (("--decision", "open"), "2"),
        (("--decision", "denied"), "3"),
        (("--since", "2025-06-01T09:00"), "32"),
        (("--until", "2025-06-01T11:00+02:00"), "1"),
        (("--since", "3d"), ""),
        (("-n", "1"), "3"),
        (("--before", "3", "-n", "1"), "2"),
        (("--camera", "exit"), ""),
        (("-n", "0"), ""),
        (("--before", "0"), ""),
    ],
)
def test_list(folder: Path, options: tuple[str, ...], ids: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "list", "--log", str(folder), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "".join(line.split()[0] for line in lines) == ids


def test_line_tells_all_that_matters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["log", "list", "--log", str(folder), "--decision", "allowed"])
    line = " ".join(capsys.readouterr().out.split())
    assert line == "2 2025-06-01 09:00:00Z entry 1AB2345 98.0% open allowed [dry_run]"


def test_show_export_stats_verify(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = ("--log", str(folder))
    assert main(["log", "show", "2", *log]) == 0
    assert "the plate is on an allow list" in capsys.readouterr().out
    assert main(["log", "export", "--format", "jsonl", *log]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [1, 2, 3]
    assert main(["log", "export", "-o", str(tmp_path / "x.csv"), *log]) == 0
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 4
    assert main(["log", "stats", *log]) == 0 and "3 decisions of 3 plates" in capsys.readouterr().out
    assert main(["log", "verify", *log]) == 0
    assert main(["log", "erase", "5A 23999", *log]) == 0 and "erased 1 decisions" in capsys.readouterr().out
    assert main(["log", "events", *log, "--kind", "erase"]) == 0 and "one plate" in capsys.readouterr().out
    assert main(["log", "tail", *log]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1", "2"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("show", "99"), "no decision 99"),
        (("list", "--decision", "maybe"), "stay_closed"),
        (("list", "--plate", "5%"), "stands on a plate"),
        (("stats", "--since", "2025-06-02", "--until", "2025-06-02T00:00+01:00"), "2025-06-02T00:00:00Z is not before"),
        (("events", "--kind", "party"), "health, purge"),
        (("erase", "*"), "is no plate"),
    ],
)
def test_what_is_wrong_is_told(folder: Path, call, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", *call, "--log", str(folder)]) == 1
    assert said in capsys.readouterr().err


def test_an_export_that_cannot_be_made_leaves_the_earlier_one(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("earlier\n")
    assert main(["log", "export", "--plate", "5%", "-o", str(path), "--log", str(folder)]) == 1
    assert path.read_text() == "earlier\n"


def test_no_log_and_no_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "list", "--log", str(tmp_path)]) == 1
    assert "no plate log" in capsys.readouterr().err
    for text in ("yesterday", "99999999999d", "²d"):
        with pytest.raises(SystemExit):
            main(["log", "list", "--since", text])
        assert "allowed: 2025-01-31" in capsys.readouterr().err


def test_tail_follows(folder: Path) -> None:
    command = [sys.executable, "-m", "edge_lpr.cli", "log", "tail", "-f", "-n", "1", "--log", str(folder)]
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "LC_ALL": "C"},
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # tests in the background
    try:
        assert child.stdout.readline().split()[0] == "3"
        with PlateLog.open(folder) as log:
            log.append(decision("NEW", Action.STAY_CLOSED, Reason.DENIED, 11))
            assert child.stdout.readline().split()[0] == "4"
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    finally:
        child.kill()
