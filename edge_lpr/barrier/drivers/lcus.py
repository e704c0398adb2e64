"""LCUS relays of LC-tech (CH340): four bytes with a sum, no confirmation; boards of several channels can be asked."""

from __future__ import annotations

from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.drivers.channels import channel_up_to
from edge_lpr.barrier.protocol import RelayOnly, Request, WrongReply, silent
from edge_lpr.barrier_tables import BarrierTable

START, QUERY = 0xA0, 0xFF
MOST_CHANNELS = 8


class LcusRelay(RelayOnly):
    """See Driver. One that says nothing, such as the board of one channel."""

    def __init__(self, table: BarrierTable) -> None:
        self._channel = channel_up_to(MOST_CHANNELS, table)

    def switch_on(self) -> Request | None:
        return silent(self._frame(1))

    def switch_off(self) -> Request | None:
        return silent(self._frame(0))

    def _frame(self, state: int) -> bytes:
        return bytes([START, self._channel, state, (START + self._channel + state) & 0xFF])


class Lcus8Relay(LcusRelay):
    """See Driver. The board of eight channels: a query gives a byte for each, 1 for on."""

    def query(self) -> Request | None:
        def check(reply: bytes) -> None:
            if any(byte not in (0, 1) for byte in reply):
                raise WrongReply(f"expected eight bytes 00 or 01, got {reply.hex(' ')}")

        return Request(bytes([QUERY]), lambda received: MOST_CHANNELS, check)

    def read_query(self, reply: bytes) -> RelayState:
        return RelayState.PULSING if reply[self._channel - 1] else RelayState.RELEASED
