"""Devantech USB-RLY relays: one byte a command, `5B` gives all states as bits.

64 and 6E, next to the bytes of the channels, switch all relays: they are never sent.
"""

from __future__ import annotations

from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.drivers.channels import channel_up_to
from edge_lpr.barrier.protocol import RelayOnly, Request, silent
from edge_lpr.barrier_tables import BarrierTable

FIRST_ON, FIRST_OFF, STATES = 0x65, 0x6F, 0x5B
MOST_CHANNELS = 8


class DevantechRelay(RelayOnly):
    """See Driver."""

    def __init__(self, table: BarrierTable) -> None:
        self._at = channel_up_to(MOST_CHANNELS, table) - 1

    def switch_on(self) -> Request | None:
        return silent(bytes([FIRST_ON + self._at]))

    def switch_off(self) -> Request | None:
        return silent(bytes([FIRST_OFF + self._at]))

    def query(self) -> Request | None:
        return Request(bytes([STATES]), lambda received: 1, lambda reply: None)

    def read_query(self, reply: bytes) -> RelayState:
        return RelayState.PULSING if reply[0] >> self._at & 1 else RelayState.RELEASED
