"""The demonstration's site and its verdict; the whole of it is `make run`."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_lpr.barrier.base import Command
from edge_lpr.capture.clock import SystemClock
from edge_lpr.platelog.pictures import Pictures
from edge_lpr.records import Action, CommandOutcome, Decision, Direction, Outcome, PlateRead, Reason
from edge_lpr.service.pipeline import Decided
from edge_lpr.service.site import load_site
from edge_lpr.training import gate_site
from edge_lpr.training.gate_clip import Expected, GateClip
from edge_lpr.training.gate_demo import _Audience, compare, relay_faults

pytest.importorskip("av", reason="PyAV writes the clip")
EXPECTED = Expected("resident", "1AB2345", 1, "CZ", "approaching", "open", "ALLOWED", "residents", 0, 9)


def decided(text: str = "1AB2345", action: Action = Action.OPEN, reason: Reason = Reason.ALLOWED) -> Decided:
    now = datetime(2026, 3, 1, tzinfo=timezone.utc)
    read = PlateRead("a", "entry", text, 0.99, (), 5, "", Direction.APPROACHING, 1.0, 2.0, now, True)
    return Decided(Decision(action, reason, "", read, 2.0, 4.5), 1, "", True, None, Pictures())


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        ([decided()], ""),
        ([], "decided 0 times"),
        ([decided(), decided()], "decided 2 times"),
        ([decided(action=Action.STAY_CLOSED, reason=Reason.DENIED)], "expected open"),
        ([decided(), decided("7XY0000")], "nobody's"),
    ],
)
def test_what_differs_is_told(made: list[Decided], fault: str) -> None:
    faults = compare([EXPECTED], made)
    assert len(faults) == bool(fault) and fault in "".join(faults)


@pytest.mark.parametrize(
    ("pulses", "made", "is_right"),
    [(1, [decided()], True), (0, [decided()], False), (2, [decided()], False),
     (0, [decided(action=Action.STAY_CLOSED)], True)],
)
def test_each_opening_is_one_pulse_of_the_relay(pulses: int, made: list[Decided], is_right: bool) -> None:
    assert (relay_faults(pulses, made) == []) == is_right


class Progress:
    """Remembers what is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize("is_outcome_first", [True, False])
def test_an_opening_is_told_once_with_its_outcome(is_outcome_first: bool) -> None:
    progress = Progress()
    audience = _Audience(progress)  # type: ignore[arg-type]
    one = decided()
    ended = CommandOutcome(1, Outcome.EXPIRED, "too late", 3.0)
    command = Command(1, one.decision, SystemClock())
    steps = [lambda: audience.on_outcome(command, ended), lambda: audience.on_decided(one)]
    for step in steps if is_outcome_first else steps[::-1]:
        step()
    (line,) = progress.lines
    assert "opens" in line and "expired" in line


def test_the_site_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GateClip, "frames", lambda self: (self.frame(index) for index in range(3)))
    heard: list[int] = []
    gate = gate_site.write_gate(tmp_path, 1, tmp_path / "engines", heard.append)
    assert heard == [1, 2, 3] and gate.clip.stat().st_size > 1000
    config = load_site(gate.config)
    assert config.recognition.engines == tmp_path / "engines" and config.camera[0].uri == str(gate.clip)
    assert {one.name: one.kind for one in config.access.list} == gate_site.LISTS
    for one in config.access.list:
        with one.path.open(newline="", encoding="utf-8") as file:
            plates = {row["plate"] for row in csv.DictReader(file, delimiter=";")}
        assert {each.text for each in gate.expected if each.list_name == one.name} < plates
    truth = json.loads(gate.truth.read_text(encoding="utf-8"))
    assert [Expected(**one) for one in truth["arrivals"]] == list(gate.expected)
