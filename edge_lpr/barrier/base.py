"""What a barrier is to the gate: one narrow interface, and the commands that go through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from edge_lpr.records import CommandOutcome, Decision, Outcome

MaySend = Callable[[], bool]
"""Asked once, right before the first byte of what opens: False, and nothing is sent."""


class RelayState(str, Enum):
    """Whether the relay that opens is on now."""

    RELEASED = "released"
    PULSING = "pulsing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Inputs:
    """What the lane says, each None where nothing is wired: `loop` a vehicle stands on the loop; `opened` and `closed`
    the barrier's end switches."""

    loop: bool | None = None
    opened: bool | None = None
    closed: bool | None = None


@dataclass(frozen=True)
class Reply:
    """What became of one opening, and what the device said or failed to say. `fault` what it did wrong, '' for nothing:
    then the link is made anew, and the relay released, before anything else is sent."""

    outcome: Outcome
    detail: str = ""
    fault: str = ""


class Barrier(Protocol):
    """One barrier, opened by one relay. Made with its BarrierTable, which opens nothing. Used from one thread, but for
    `hurry`.

    Nothing here toggles, switches another relay, or sends an opening a second time. Raises BarrierError where it is
    said, and nothing else.
    """

    def connect(self) -> None:
        """Make the link ready and the relay released. Raises BarrierError; it may be called again."""

    def pulse(self, may_send: MaySend) -> Reply:
        """Open: one pulse of the relay, over when this returns or timed by the device.

        The outcome is DONE only where the device confirmed it, SENT where it can confirm nothing, UNKNOWN once a byte
        was sent and no good reply came, EXPIRED when `may_send` said no, REFUSED when nothing moved. Raises
        BarrierError only when nothing was sent.
        """

    def hold(self, may_send: MaySend) -> Reply:
        """Switch the relay on until `release`. As `pulse`; BarrierError too where the device cannot."""

    def release(self) -> None:
        """Switch the relay off. Raises BarrierError."""

    def state(self) -> RelayState:
        """What the relay does now. Raises BarrierError."""

    def inputs(self) -> Inputs:
        """What the lane's inputs say now. Raises BarrierError."""

    def check(self) -> None:
        """See, without asking the device, that the link is still there. Raises BarrierError."""

    def hurry(self) -> None:
        """Have a pulse under way end soon; from any thread. The gate stops."""

    def close(self) -> None:
        """Release the relay and everything else. Never raises; closing what is closed does nothing."""


class CommandLog(Protocol):
    """Where commands are written; `PlateLog` is one. Its methods raise LogError."""

    def begin_command(self, decision_id: int) -> None:
        """Make sure that the intent is on disk, and that it has no outcome yet."""

    def finish_command(self, outcome: CommandOutcome) -> None:
        """Write what became of a command."""

    def begin_manual(self, detail: str) -> None:
        """Have the intent of something done by hand on disk."""

    def finish_manual(self, detail: str) -> None:
        """Write what became of something done by hand."""


class CommandClock(Protocol):
    """The clock by which a decision expires: the one that stamped its frames."""

    def monotonic_s(self) -> float:
        """Seconds that never jump."""


class Timer(Protocol):
    """The time that pulses, waits and limits go by."""

    def now_s(self) -> float:
        """Monotonic seconds."""

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""


class SystemTimer:
    """The machine's monotonic time."""

    def now_s(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


@dataclass(frozen=True)
class Command:
    """One opening: of the decision with `decision_id` in the log, which expires by `clock`."""

    decision_id: int
    decision: Decision
    clock: CommandClock

    @property
    def is_fresh(self) -> bool:
        """Whether it may still be sent."""
        return self.clock.monotonic_s() < self.decision.expires_at_s


class OrderKind(str, Enum):
    """What a person may order."""

    OPEN = "open"
    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True)
class Order:
    """Something done by hand: `id` of its own, `who` ordered it and why. It is not sent at or after `expires_at_s`;
    `hold_s` how long the barrier is held open. Seconds by the Timer."""

    id: str
    kind: OrderKind
    who: str
    reason: str
    expires_at_s: float
    hold_s: float = 0.0
