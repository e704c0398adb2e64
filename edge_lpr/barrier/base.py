"""What a barrier is to the gate: one narrow interface, and the command that goes through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from edge_lpr.records import CommandOutcome, Decision, Outcome


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
    """What became of one pulse, and what the device said or failed to say."""

    outcome: Outcome
    detail: str = ""


class Barrier(Protocol):
    """One barrier, opened by one relay. Made with its BarrierTable, which opens nothing. Used from one thread.

    Nothing here toggles, switches another relay, or sends an opening a second time; all of it returns within about a
    second. Raises BarrierError where it is said, and nothing else.
    """

    def connect(self) -> None:
        """Make the link ready and the relay released. Raises BarrierError; it may be called again."""

    def pulse(self, may_send: Callable[[], bool]) -> Reply:
        """Open: one pulse of the relay. `may_send` is asked right before the first byte, once: where it says no,
        nothing is sent and the outcome is EXPIRED.

        The outcome is DONE only where the device confirmed it, UNKNOWN once a byte was sent and no good reply came,
        REFUSED when nothing was sent. Raises BarrierError only when nothing was sent.
        """

    def release(self) -> None:
        """Switch the relay off. Raises BarrierError."""

    def state(self) -> RelayState:
        """What the relay does now. Raises BarrierError."""

    def inputs(self) -> Inputs:
        """What the lane's inputs say now. Raises BarrierError."""

    def close(self) -> None:
        """Release the relay and everything else. Never raises; closing what is closed does nothing."""


class CommandLog(Protocol):
    """Where commands are written; `PlateLog` is one. Its methods raise LogError."""

    def begin_command(self, decision_id: int) -> None:
        """Make sure that the intent is on disk, and that it has no outcome yet."""

    def finish_command(self, outcome: CommandOutcome) -> None:
        """Write what became of a command."""


class CommandClock(Protocol):
    """The clock by which a decision expires: the one that stamped its frames."""

    def monotonic_s(self) -> float:
        """Seconds that never jump."""


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
