"""A relay board made of bytes, in this process, that fails as it is told; a clock that is set; a log that can be full.

The board speaks LCUS-like frames of its own: 4F opens (the host times it), 43 closes, 3F asks. Each is answered by its
own byte and the relay's state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from edge_lpr.barrier.base import Command, RelayState
from edge_lpr.barrier.device import SerialBarrier
from edge_lpr.barrier.protocol import RelayOnly, Request, WrongReply
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import BarrierError, LogError
from edge_lpr.records import Action, CommandOutcome, Decision, Direction, Outcome, PlateRead, Reason

OPEN, PULSE, CLOSE, ASK = b"O", b"P", b"C", b"?"
OPENING = (OPEN, PULSE)
PULSE_S = 0.5


class Time:
    """Time that passes when somebody waits, or when it is told to; `hears` what passes."""

    def __init__(self) -> None:
        self.at_s = 100.0
        self.hears: Callable[[], None] = lambda: None

    def now_s(self) -> float:
        return self.at_s

    def monotonic_s(self) -> float:
        return self.at_s

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.at_s += seconds
            self.hears()


class SteppedTime:
    """The time of `time` with steps: what a decision expires by."""

    def __init__(self, time: Time) -> None:
        self.time, self.step_s = time, 0.0

    def monotonic_s(self) -> float:
        return self.time.at_s + self.step_s


class BoardDriver(RelayOnly):
    """See Driver."""

    def __init__(self, is_timed: bool = False, confirms: bool = True) -> None:
        self.is_timed, self.confirms = is_timed, confirms

    def pulse(self) -> Request | None:
        return self._request(PULSE) if self.is_timed else None

    def switch_on(self) -> Request | None:
        return self._request(OPEN)

    def switch_off(self) -> Request | None:
        return self._request(CLOSE)

    def query(self) -> Request | None:
        return self._request(ASK) if self.confirms else None

    def read_query(self, reply: bytes) -> RelayState:
        return RelayState.PULSING if reply[1:] == b"1" else RelayState.RELEASED

    def _request(self, frame: bytes) -> Request:
        def check(reply: bytes) -> None:
            if reply[:1] != frame:
                raise WrongReply(f"got {reply!r}")

        return Request(frame, lambda received: 2 if self.confirms else 0, check)


@dataclass
class Wire:
    """See Link: the board itself. `faults` are committed one a write (`lost` loses the line before a byte is out);
    `wrote` every frame with its time."""

    time: Time
    is_plugged: bool = True
    is_open: bool = False
    relay: bool = False
    off_at_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    wrote: list[tuple[float, bytes]] = field(default_factory=list)
    waiting: bytes = b""
    late: bytes = b""
    may_open: Callable[[], bool] = lambda: True
    """Asked at each frame that opens; `wrongly` counts those that it says no to."""
    wrongly: int = 0
    noise: int = 0
    """How many times it takes a while until the line is silent."""

    def open(self) -> None:
        self.close()
        if not self.is_plugged:
            raise BarrierError("unplugged")
        self.is_open, self.waiting = True, b""

    def close(self) -> None:
        self.is_open = False

    def check(self) -> None:
        if not (self.is_open and self.is_plugged):
            raise BarrierError("unplugged")

    def settle(self, gap_s: float) -> None:
        self.check()
        if self.noise:
            self.noise -= 1
            self.time.wait(0.2)
        self.waiting = b""

    def write(self, frame: bytes) -> None:
        self.check()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "lost":
            self.is_plugged = False
            raise BarrierError("write failed")
        self.wrote.append((self.time.at_s, frame))
        self.expire()
        if frame in OPENING:
            self.wrongly += not self.may_open()
            self.relay, self.off_at_s = True, self.time.at_s + PULSE_S if frame == PULSE else float("inf")
        elif frame == CLOSE:
            self.relay = False
        reply = frame + (b"1" if self.relay else b"0")
        self.waiting, self.late = self.late, b""
        if fault == "vanish":
            self.is_plugged = False
        elif fault == "slow":
            self.late = reply
        elif fault != "mute":
            self.waiting += {"half": reply[:1], "garbage": b"\xff\x00\x13", "wrong": b"Z1"}.get(fault, reply)

    def expire(self) -> None:
        if self.relay and self.time.at_s >= self.off_at_s:
            self.relay = False

    def read(self, length_of: Callable[[bytes], int], limit_s: float) -> bytes:
        self.check()
        wanted = length_of(b"")
        reply, self.waiting = self.waiting[:wanted], self.waiting[wanted:]
        if len(reply) < wanted:
            self.time.wait(limit_s)
        self.check()
        return reply

    def note_bad(self) -> None:
        pass

    def openings(self) -> list[float]:
        return [at_s for at_s, frame in self.wrote if frame in OPENING]


@dataclass
class MemoryLog:
    """See CommandLog, as PlateLog is: an intent counts in the run that wrote it, an outcome once. `is_full`: nothing
    can be written; `is_deaf`: outcomes cannot."""

    decided: dict[int, str | None] = field(default_factory=dict)
    after_id: int = 0
    is_full: bool = False
    is_deaf: bool = False
    manual: list[str] = field(default_factory=list)

    def decide(self) -> int:
        self.decided[len(self.decided) + 1] = None
        return len(self.decided)

    def begin_command(self, decision_id: int) -> None:
        if self.is_full:
            raise LogError("full")
        if decision_id <= self.after_id or self.decided.get(decision_id, "unknown") is not None:
            raise LogError("of an earlier run, or ended")

    def finish_command(self, outcome: CommandOutcome) -> None:
        if self.is_full or self.is_deaf or self.decided.get(outcome.decision_id) is not None:
            raise LogError("it cannot be written, or it is there")
        self.decided[outcome.decision_id] = outcome.outcome.value

    def begin_manual(self, detail: str) -> None:
        if self.is_full:
            raise LogError("full")
        self.manual.append(detail)

    def finish_manual(self, detail: str) -> None:
        self.manual.append(detail)

    def restart(self) -> None:
        self.after_id = len(self.decided)
        self.decided = {one: ended or Outcome.UNKNOWN.value for one, ended in self.decided.items()}


def board(time: Time, is_timed: bool = False, confirms: bool = True) -> tuple[SerialBarrier, Wire]:
    """A barrier and the board on its wire."""
    wire = Wire(time)
    table = BarrierTable(driver="test", pulse_s=PULSE_S, reply_timeout_s=0.3)
    return SerialBarrier(table, BoardDriver(is_timed, confirms), wire, time), wire


def command(
    time: Time | SteppedTime, decision_id: int, arrival: str = "a-1", for_s: float = 2.5, plate: str = ""
) -> Command:
    """An opening decided now, fresh for so long; each arrival has a plate of its own where none is given."""
    now_s = time.monotonic_s()
    plate = plate or arrival.replace("-", "").upper()
    read = PlateRead(arrival, "entry", plate, 0.99, (), 3, "", Direction.APPROACHING, now_s, now_s,
                     datetime(2026, 1, 1, tzinfo=timezone.utc), True)
    return Command(decision_id, Decision(Action.OPEN, Reason.ALLOWED, "", read, now_s, now_s + for_s), time)
