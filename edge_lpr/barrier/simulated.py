"""A barrier whose relay board is a process of its own on a pseudo-terminal: all is real but the board."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from dataclasses import replace

from edge_lpr.barrier.base import Inputs, MaySend, RelayState, Reply
from edge_lpr.barrier.device import SerialBarrier
from edge_lpr.barrier.drivers.modbus import ModbusRelay
from edge_lpr.barrier.link import SerialLink
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import BarrierError

log = logging.getLogger(__name__)

STOP_S = 1.0


class BoardProcess:
    """A virtual board in a process of its own, and what it says of its relays."""

    def __init__(self, plays_lane: bool) -> None:
        """Start it. Raises BarrierError."""
        command = [sys.executable, "-m", "edge_lpr.barrier.virtual_board", *(["--lane"] if plays_lane else [])]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except OSError as error:
            raise BarrierError(f"the virtual relay board does not start: {error}") from error
        assert self._process.stdout is not None
        self._lines = self._process.stdout
        self.port = self._lines.readline().strip()
        if not self.port:
            self.stop()
            raise BarrierError("the virtual relay board does not start")
        self._relays: dict[int, bool] = {}
        self._pulses: dict[int, int] = {}
        self.last_on_s = 0.0
        """When a relay last switched on, in monotonic seconds of the machine."""
        threading.Thread(target=self._listen, name="virtual board", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def is_on(self, relay: int) -> bool:
        """Whether a relay, 1 the first, is on, as the board itself says."""
        return self._relays.get(relay, False)

    def pulses(self, relay: int) -> int:
        """How many times a relay was switched on."""
        return self._pulses.get(relay, 0)

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        for line in self._lines:
            at_s, _, relay, state = line.split()
            self.last_on_s = float(at_s) if state == "on" else self.last_on_s
            self._relays[int(relay)] = state == "on"
            self._pulses[int(relay)] = self.pulses(int(relay)) + (state == "on")
        self._lines.close()


class SimulatedBarrier:
    """See Barrier. A virtual board is started at the first `connect`, and again when it has ended."""

    def __init__(self, table: BarrierTable) -> None:
        self._table = replace(table, driver="waveshare", address=1, baud=0, parity="none", stop_bits=1, rs485="adapter")
        self._driver = ModbusRelay(self._table)
        self.board: BoardProcess | None = None
        self._barrier: SerialBarrier | None = None

    def connect(self) -> None:
        if self.board is None or not self.board.is_alive:
            self.board = BoardProcess(self._table.inputs.wired)
            table = replace(self._table, port=self.board.port)
            self._barrier = SerialBarrier(table, self._driver, SerialLink(table, self._driver.baud))
        self._device.connect()

    def pulse(self, may_send: MaySend) -> Reply:
        return self._device.pulse(may_send)

    def hold(self, may_send: MaySend) -> Reply:
        return self._device.hold(may_send)

    def release(self) -> None:
        self._device.release()

    def state(self) -> RelayState:
        return self._device.state()

    def inputs(self) -> Inputs:
        return self._device.inputs()

    def check(self) -> None:
        self._device.check()

    def hurry(self) -> None:
        if self._barrier is not None:
            self._barrier.hurry()

    def close(self) -> None:
        if self._barrier is not None:
            self._barrier.close()
        if self.board is not None:
            self.board.stop()
            self.board = None

    @property
    def _device(self) -> SerialBarrier:
        if self._barrier is None:
            raise BarrierError("the virtual relay board is not connected")
        return self._barrier
