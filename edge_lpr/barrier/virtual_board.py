"""A relay board that is not there: a Waveshare Modbus board on a pseudo-terminal, for demonstrations and trials.

`python -m edge_lpr.barrier.virtual_board` prints the terminal's name, then a line whenever a relay switches. It ends
with its standard input. With `--lane` a barrier and a vehicle are played, too: input 1 is the loop, 2 and 3 the open
and closed end switches.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
import tty
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_lpr.barrier.drivers.modbus import (
    COIL_OFF,
    COIL_ON,
    EXCEPTION_BIT,
    READ_COILS,
    READ_DISCRETE,
    WRITE_COIL,
    crc16,
    with_crc,
)

RELAYS = 8
FLASH = 0x0200
TENTH_S = 0.1
BROKEN_AFTER_S = 0.05
"""Half a frame is forgotten after so long a silence."""
FRAME_BYTES = 8
LOOP, OPENED, CLOSED = 0, 1, 2
AFTER_ON = ((0.0, CLOSED, False), (0.6, OPENED, True), (1.2, LOOP, True), (2.4, LOOP, False))
AFTER_OFF = ((2.5, OPENED, False), (3.1, CLOSED, True))
"""What the lane does after the relay: seconds, input, state."""


@dataclass
class VirtualBoard:
    """The board's relays and inputs; `answer` takes a frame and gives the reply. Times are monotonic seconds."""

    unit: int = 1
    plays_lane: bool = False
    relays: list[bool] = field(default_factory=lambda: [False] * RELAYS)
    inputs: list[bool] = field(default_factory=lambda: [False] * RELAYS)
    off_at_s: dict[int, float] = field(default_factory=dict)
    script: list[tuple[float, int, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inputs[CLOSED] = self.plays_lane

    def answer(self, frame: bytes, now_s: float) -> bytes:
        """The reply to a frame; nothing to one that is damaged or for another unit."""
        if len(frame) != FRAME_BYTES or crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            return b""
        if frame[0] != self.unit:
            return b""
        function, address, value = frame[1], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        if function in (READ_COILS, READ_DISCRETE):
            return self._read(function, address, value)
        if function != WRITE_COIL:
            return self._exception(function, 1)
        if address < RELAYS and value in (COIL_ON, COIL_OFF):
            self._switch(address, value == COIL_ON, now_s)
            self.off_at_s.pop(address, None)
        elif FLASH <= address < FLASH + RELAYS and 0 < value < 0x8000:
            self._switch(address - FLASH, True, now_s)
            self.off_at_s[address - FLASH] = now_s + value * TENTH_S
        else:
            return self._exception(function, 2)
        return frame

    def turn(self, now_s: float) -> None:
        """Let the time pass."""
        for relay in [relay for relay, at_s in self.off_at_s.items() if at_s <= now_s]:
            del self.off_at_s[relay]
            self._switch(relay, False, now_s)
        while self.script and self.script[0][0] <= now_s:
            _, number, state = self.script.pop(0)
            self.inputs[number] = state

    def _switch(self, relay: int, is_on: bool, now_s: float) -> None:
        if self.relays[relay] == is_on:
            return
        self.relays[relay] = is_on
        print(f"{now_s:.6f} relay {relay + 1} {'on' if is_on else 'off'}", flush=True)
        if self.plays_lane:
            kept = [] if is_on else self.script
            played = AFTER_ON if is_on else AFTER_OFF
            self.script = kept + [(now_s + after_s, number, state) for after_s, number, state in played]

    def _read(self, function: int, first: int, count: int) -> bytes:
        values = self.relays if function == READ_COILS else self.inputs
        if not 0 < count <= len(values) - first:
            return self._exception(function, 2)
        bits = sum(is_on << at for at, is_on in enumerate(values[first : first + count]))
        return with_crc(bytes([self.unit, function, 1, bits]))

    def _exception(self, function: int, code: int) -> bytes:
        return with_crc(bytes([self.unit, function | EXCEPTION_BIT, code]))


def main(argv: Sequence[str] | None = None) -> int:
    """Make the terminal, say its name, and be the board until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lane", action="store_true", help="play a barrier and a vehicle for each opening")
    args = parser.parse_args(argv)
    master, slave = os.openpty()
    tty.setraw(slave)
    print(os.ttyname(slave), flush=True)
    board, received, heard_s = VirtualBoard(plays_lane=args.lane), b"", time.monotonic()
    while True:
        ready, _, _ = select.select([master, sys.stdin], [], [], 0.01 if board.off_at_s or board.script else 0.5)
        now_s = time.monotonic()
        board.turn(now_s)
        if sys.stdin in ready and not os.read(sys.stdin.fileno(), 64):
            return 0
        if master in ready:
            received = (received if now_s - heard_s < BROKEN_AFTER_S else b"") + os.read(master, 256)
            heard_s = now_s
        while len(received) >= FRAME_BYTES:
            frame, received = received[:FRAME_BYTES], received[FRAME_BYTES:]
            os.write(master, board.answer(frame, now_s))


if __name__ == "__main__":
    sys.exit(main())
