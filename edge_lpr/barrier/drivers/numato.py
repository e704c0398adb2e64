"""Numato relays: lines of text, echoed, each answered by the prompt `>`.

The board counts its relays 0 to 9 and on with A to V; here channel 1 is relay 0.
"""

from __future__ import annotations

from collections.abc import Callable

from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.drivers.channels import channel_up_to
from edge_lpr.barrier.protocol import RelayOnly, Request, WrongReply
from edge_lpr.barrier_tables import BarrierTable

INDICES = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
PROMPT = b">"
STATES = {b"on": RelayState.PULSING, b"off": RelayState.RELEASED}


class NumatoRelay(RelayOnly):
    """See Driver."""

    baud = 19200

    def __init__(self, table: BarrierTable) -> None:
        self._index = INDICES[channel_up_to(len(INDICES), table) - 1]

    def switch_on(self) -> Request | None:
        return _line(f"relay on {self._index}", (b"",))

    def switch_off(self) -> Request | None:
        return _line(f"relay off {self._index}", (b"",))

    def query(self) -> Request | None:
        return _line(f"relay read {self._index}", tuple(STATES))

    def read_query(self, reply: bytes) -> RelayState:
        return STATES[reply.removesuffix(PROMPT).split()[-1]]


def _line(command: str, answers: tuple[bytes, ...]) -> Request:
    """A command whose reply is its echo, the answer, and the prompt, with any ends of lines between."""
    echo = command.encode("ascii")

    def check(reply: bytes) -> None:
        before, found, after = reply.partition(PROMPT)
        lines = [line for line in before.replace(b"\n", b"\r").split(b"\r") if line]
        if not found or after.strip() or lines[:1] != [echo] or b"".join(lines[1:]) not in answers:
            raise WrongReply(f"{command!r} was answered by {reply.decode('ascii', 'backslashreplace')!r}")

    return Request(echo + b"\r", _until_prompt(), check)


def _until_prompt() -> Callable[[bytes], int]:
    """The reply is over with its prompt."""
    return lambda received: len(received) if received.endswith(PROMPT) else len(received) + 1
