"""The demonstration of the whole gate: a drawn clip, the daemon over it, and what came of it."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
from PIL import Image
from tqdm import tqdm

from edge_lpr.barrier.base import Command
from edge_lpr.barrier.simulated import SimulatedBarrier
from edge_lpr.platelog.query import LogFilter, PlateLogReader
from edge_lpr.recognition.annotate import annotate
from edge_lpr.recognition.recognise import plate_of
from edge_lpr.records import Action, CommandOutcome, Outcome, Pixels
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.pipeline import Decided, Step
from edge_lpr.service.site import load_site
from edge_lpr.training.gate_clip import FPS, Expected
from edge_lpr.training.gate_site import BARRIER, RELAY, Gate, write_gate

HEADING = f"{'clip':>6}  {'plate':<10}{'sure':>6}  {'direction':<12}{'barrier':<8}{'relay':<9} because"
RELAY_WITHIN_S = 0.5
OUTCOMES_WITHIN_S = 5.0
OPEN_COLOUR, CLOSED_COLOUR = (34, 150, 60), (176, 40, 40)
_OUTPUTS = ("log", "run", "arrivals")
"""Folders of an earlier demonstration that begin anew."""


@dataclass(eq=False)
class _Audience:
    """Hears the gate at work, on the threads of the camera and of the barrier. An opening is told with its outcome."""

    progress: tqdm[None]
    relay: SimulatedBarrier | None = None
    decided: list[Decided] = field(default_factory=list)
    outcomes: dict[int, CommandOutcome] = field(default_factory=dict)
    pulses_seen: int = 0
    frames: int = 0
    _began_s: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on_step(self, step: Step) -> None:
        if self._began_s is None:
            self._began_s = step.frame.captured_at_s
        self.frames += 1
        self.progress.update()

    def on_decided(self, one: Decided) -> None:
        with self._lock:
            self.decided.append(one)
            outcome = self.outcomes.get(one.decision_id)
        if outcome is not None or not one.told:
            self._tell(one, outcome)

    def on_outcome(self, command: Command, outcome: CommandOutcome) -> None:
        self._await_relay(outcome)
        with self._lock:
            self.outcomes[command.decision_id] = outcome
            own = [one for one in self.decided if one.decision_id == command.decision_id]
        if own:
            self._tell(own[0], outcome)

    @property
    def pulses(self) -> int:
        """How often the relay was switched on, by the board's own account."""
        return 0 if self.relay is None or self.relay.board is None else self.relay.board.pulses(RELAY)

    @property
    def told(self) -> int:
        """How many decisions went to the barrier."""
        return sum(one.told for one in self.decided)

    def _await_relay(self, outcome: CommandOutcome) -> None:
        """The board says by another way than the serial line that its relay is on."""
        until_s = time.monotonic() + RELAY_WITHIN_S
        while outcome.outcome is Outcome.DONE and not self._is_on() and time.monotonic() < until_s:
            time.sleep(0.005)

    def _is_on(self) -> bool:
        return self.relay is not None and self.relay.board is not None and self.relay.board.is_on(RELAY)

    def _tell(self, one: Decided, outcome: CommandOutcome | None) -> None:
        read, began_s = one.decision.plate_read, self._began_s
        at_s = 0.0 if began_s is None else read.first_seen_s - began_s
        barrier = "opens" if one.decision.action is Action.OPEN else "closed"
        relay = "on" if self._is_on() else "off"
        if outcome is not None and outcome.outcome is not Outcome.DONE:
            relay = outcome.outcome.value
        line = f"{at_s:5.1f}s  {read.text or '?':<10}{read.confidence:6.1%}  {read.direction.value:<12}{barrier:<8}"
        because = one.decision.reason.value + (f"  (NOT LOGGED: {one.fault})" if one.fault else "")
        self.progress.write(f"{line}{relay:<9} {because}")


def run_gate(out: Path, seed: int, engines: Path | None) -> int:
    """Draw, run, print, compare; 0 when every arrival is one row and decided as it should be."""
    for name in _OUTPUTS:
        shutil.rmtree(out / name, ignore_errors=True)
    gate = _draw(out, seed, engines)
    audience = _run(gate)
    decided = audience.decided
    pictures = _save_pictures(out / "arrivals", decided)
    faults = compare(gate.expected, decided) + relay_faults(audience.pulses_seen, decided)
    with PlateLogReader(out / "log") as reader:
        rows = len(reader.newest(LogFilter(), 1000))
    for fault in faults:
        print(f"  differs: {fault}")
    print(f"\n{len(gate.expected)} arrivals in the clip, {len(decided)} decided, {rows} rows in the log,"
          f" {len(faults)} not as they should be")
    print(f"clip {gate.clip}, what is in it {gate.truth}, pictures of the arrivals {pictures}")
    command = sys.argv[0] if Path(sys.argv[0]).name == "edge-lpr" else "edge-lpr"
    print(f"look at the log:  {command} log list --log {out / 'log'}   (or stats, show 1, export)")
    print(f"run it again:     {command} replay {gate.clip} --config {gate.config}")
    return int(bool(faults) or rows != len(decided))


def compare(expected: Sequence[Expected], decided: Sequence[Decided]) -> list[str]:
    """What is not as it should be, one line each: arrivals missing, twice, strange or decided otherwise."""
    faults = []
    for one in expected:
        own = [each.decision for each in decided if each.decision.plate_read.text == one.text]
        if len(own) != 1:
            faults.append(f"{one.text} ({one.name}) was decided {len(own)} times")
        for decision in own:
            if (decision.action.value, decision.reason.name) != (one.action, one.reason):
                faults.append(f"{one.text} ({one.name}): expected {one.action} ({one.reason})")
    known = {one.text for one in expected}
    texts = [one.decision.plate_read.text for one in decided]
    return faults + [f"{text or 'an unread plate'} is nobody's" for text in texts if text not in known]


def relay_faults(pulses: int, decided: Sequence[Decided]) -> list[str]:
    """What the relay did that the decisions do not explain."""
    openings = sum(one.decision.action is Action.OPEN for one in decided)
    return [] if pulses == openings else [f"the relay was pulsed {pulses} times for {openings} openings"]


def _draw(out: Path, seed: int, engines: Path | None) -> Gate:
    with tqdm(desc="drawing the clip", unit=" frames", leave=False, disable=None) as progress:
        return write_gate(out, seed, engines, lambda count: _advance(progress, count))


def _advance(progress: tqdm[None], count: int) -> None:
    progress.update(count - progress.n)


def _run(gate: Gate) -> _Audience:
    """The daemon over the clip, with a relay board in a process of its own."""
    config = load_site(gate.config)
    started_s = time.monotonic()
    print(HEADING)
    with tqdm(total=gate.frame_count, desc="the gate at work", unit=" frames", leave=False, disable=None) as progress:
        audience = _Audience(progress)
        daemon = Daemon(config, gate.config, Listeners(audience.on_decided, audience.on_step, audience.on_outcome))
        audience.relay = _board(daemon)
        daemon.start()
        try:
            daemon.wait()
            _await_outcomes(audience)
        finally:
            daemon.stop()
    spent_s = time.monotonic() - started_s
    print(f"\n{audience.frames} frames ({audience.frames / FPS:.0f} s of film) in {spent_s:.0f} s;"
          f" the relay was pulsed {audience.pulses_seen} times")
    return audience


def _board(daemon: Daemon) -> SimulatedBarrier:
    """The board, started before the film, which does not wait for it."""
    barrier = daemon.barriers[BARRIER]
    assert isinstance(barrier, SimulatedBarrier)
    barrier.connect()
    return barrier


def _await_outcomes(audience: _Audience) -> None:
    """Every opening has its outcome; then the board says how many there were."""
    until_s = time.monotonic() + OUTCOMES_WITHIN_S
    while len(audience.outcomes) < audience.told and time.monotonic() < until_s:
        time.sleep(0.02)
    audience.pulses_seen = audience.pulses


def _save_pictures(folder: Path, decided: Sequence[Decided]) -> Path:
    """One picture an arrival: the frame that shows its plate best, with the reading and the decision."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(decided, 1):
        if one.best is None:
            continue
        frame, plates = one.pictures.frame, [plate_of(one.best)]
        picture = one.best.crop.pixels if frame is None else _with_verdict(annotate(frame, plates), one)
        name = f"{number:02d}-{one.decision.plate_read.text or 'unread'}-{one.decision.action.value}.jpg"
        Image.fromarray(picture).save(folder / name, quality=90)
    return folder


def _with_verdict(picture: Pixels, one: Decided) -> Pixels:
    """The decision in a strip along the lower edge."""
    is_open = one.decision.action is Action.OPEN
    verdict = "opens" if is_open else "stays closed"
    text = f"{one.decision.plate_read.text}: the gate {verdict}, {one.decision.reason.value}"
    height, width = picture.shape[:2]
    cv2.rectangle(picture, (0, height - 44), (width, height), OPEN_COLOUR if is_open else CLOSED_COLOUR, cv2.FILLED)
    cv2.putText(picture, text, (16, height - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.85, (255, 255, 255), 2, cv2.LINE_AA)
    return picture
