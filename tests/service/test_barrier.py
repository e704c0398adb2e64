"""The gate with a relay board in another process: decisions, orders by hand, the lane."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_lpr.barrier.base import OrderKind
from edge_lpr.barrier.simulated import SimulatedBarrier
from edge_lpr.cli import main
from edge_lpr.config import SiteConfig
from edge_lpr.errors import BarrierError
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.rows import EventKind
from edge_lpr.records import CommandOutcome, Outcome
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.health import read_health
from edge_lpr.service.orders import OrderFile, give_order
from tests.barrier.peers import pty_peer
from tests.service.gate_cases import FakeClock, ListCamera, frames, picture, wait_for

pytest.importorskip("serial", reason="pyserial opens the ports")

LONG_S = 30.0
BOARD = """[[barrier]]
            driver = "simulated"
            reply_timeout_s = 2.0
            [barrier.inputs]
            loop = 1
            opened = 2
            closed = 3
            every_s = 0.1"""
LONG_PULSE = """[[barrier]]
            driver = "simulated"
            reply_timeout_s = 2.0
            pulse_by = "host"
            pulse_s = 5.0"""


class Gate:
    """A daemon with a board, whose vehicle comes when `arrive` is called."""

    def __init__(self, config: SiteConfig) -> None:
        self.config = config
        self.ended: list[CommandOutcome] = []
        self.waiting: list[object] = []
        camera = ListCamera(iter(self._frames()), stays=True)
        self.daemon = Daemon(config, None, Listeners(on_outcome=lambda _, outcome: self.ended.append(outcome)),
                             FakeClock(), lambda spec, clock: camera)

    def _frames(self) -> Iterator[object]:
        while True:
            yield self.waiting.pop(0) if self.waiting else None

    def arrive(self) -> None:
        self.waiting += list(frames([picture(160)] * 4))

    @property
    def board(self) -> SimulatedBarrier:
        barrier = self.daemon.barriers["gate"]
        assert isinstance(barrier, SimulatedBarrier)
        return barrier

    def health(self) -> dict[str, object]:
        try:
            return read_health(self.config.service.runtime_folder).barriers["gate"]
        except Exception:  # not written yet
            return {}

    def events(self, kind: EventKind) -> list[str]:
        with PlateLogReader(self.config.log.folder) as reader:
            return [event.detail for event in reader.events(kind)]


@pytest.fixture
def gate(make_site: Callable[..., SiteConfig]) -> Iterator[Gate]:
    made = Gate(make_site(more=BOARD))
    made.daemon.start()
    assert wait_for(lambda: bool(made.health().get("connected")), LONG_S)
    yield made
    made.daemon.request_stop()
    made.daemon.stop()


def test_a_decision_pulses_the_relay_and_the_lane_is_told_with_its_arrival(gate: Gate) -> None:
    gate.arrive()
    assert wait_for(lambda: len(gate.ended) == 1, LONG_S)
    assert gate.ended[0].outcome is Outcome.DONE
    assert gate.board.board is not None and gate.board.board.pulses(1) == 1
    assert wait_for(lambda: any("closed" in said for said in gate.events(EventKind.LANE)), LONG_S)
    opened, passed, closed = gate.events(EventKind.LANE)
    assert "barrier gate: opened: decision 1, arrival " in opened
    assert "passed: decision 1" in passed and "closed: decision 1" in closed
    assert not gate.board.board.is_on(1)


def test_by_hand_through_a_gate_that_runs(gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def barrier(*words: str) -> int:
        return main(["barrier", words[0], "--config", str(tmp_path / "site.toml"), *words[1:]])

    assert barrier("state") == 0 and "relay released" in capsys.readouterr().out
    assert barrier("open", "-y", "--reason", "a delivery") == 0
    assert "done: confirmed" in capsys.readouterr().out
    assert "because: a delivery: done" in gate.events(EventKind.MANUAL)[-1]
    assert barrier("open", "-y", "--reason", "moving", "--hold", "1h") == 0
    assert wait_for(lambda: barrier("state") == 0 and "held open by" in capsys.readouterr().out, LONG_S)
    assert gate.board.board is not None and gate.board.board.is_on(1)
    assert barrier("release") == 0 and not gate.board.board.is_on(1)
    assert barrier("test", "-y") == 1
    assert "stop it first" in capsys.readouterr().err


def test_a_board_that_dies_is_a_state_and_comes_back(gate: Gate) -> None:
    assert gate.board.board is not None
    gate.board.board.stop()
    assert wait_for(lambda: gate.board.board is not None and gate.board.board.is_alive, LONG_S)
    assert wait_for(lambda: gate.health().get("connected") is True and gate.health().get("fault") == "", LONG_S)


def test_the_gate_stops_with_its_relay_released(make_site: Callable[..., SiteConfig]) -> None:
    """In the middle of a pulse of five seconds that the host times."""
    gate = Gate(make_site(more=LONG_PULSE))
    gate.daemon.start()
    assert wait_for(lambda: gate.board.board is not None, LONG_S)
    board = gate.board.board
    assert board is not None
    gate.arrive()
    assert wait_for(lambda: board.is_on(1), LONG_S)
    gate.daemon.request_stop()
    gate.daemon.stop()
    assert not board.is_alive and wait_for(lambda: not board.is_on(1))
    assert gate.ended[0].outcome is Outcome.DONE


def test_killed_in_the_middle_of_a_pulse_the_relay_is_released_by_command(
    make_site: Callable[..., SiteConfig], tmp_path: Path
) -> None:
    """kill -9 while the host times a pulse; then what the service's ExecStopPost may run."""
    peer = pty_peer("waveshare")
    text = f'[[barrier]]\ndriver = "waveshare"\nport = "{peer.first}"\npulse_by = "host"\npulse_s = 5.0'
    config = make_site('uri = "/dev/video97"', more=text + "\nreply_timeout_s = 2.0")
    site = str(tmp_path / "site.toml")
    gate = subprocess.Popen([sys.executable, "-m", "edge_lpr.cli", "run", "--config", site],
                            env={**os.environ, "PYTHONPATH": os.getcwd()}, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: (config.service.runtime_folder / "health.json").exists(), LONG_S)
        assert wait_for(lambda: read_health(config.service.runtime_folder).barriers["gate"]["connected"], LONG_S)
        order = OrderFile("gate", OrderKind.OPEN, "a delivery", written_s=time.monotonic())
        with pytest.raises(BarrierError, match="no answer"):
            give_order(config.service.runtime_folder, order, within_s=2.0)
        assert "relay on" in peer.heard(until="relay on")
        gate.kill()
        gate.wait()
        assert "relay off" not in peer.heard()
        assert main(["barrier", "release", "--config", site]) == 0
        assert "relay off" in peer.heard(until="relay off")
        assert peer.frames().count("01 05 00 00 ff 00 8c 3a") == 1
    finally:
        gate.kill()
        gate.wait()
        peer.stop()
