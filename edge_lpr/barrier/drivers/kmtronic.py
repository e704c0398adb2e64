"""KMTronic relays: `FF channel 01 | 00`, and `FF channel 03` asks for one."""

from __future__ import annotations

from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.drivers.channels import channel_up_to
from edge_lpr.barrier.protocol import RelayOnly, Request, WrongReply, silent
from edge_lpr.barrier_tables import BarrierTable

START, OFF, ON, QUERY = 0xFF, 0x00, 0x01, 0x03
MOST_CHANNELS = 8


class KmtronicRelay(RelayOnly):
    """See Driver."""

    gap_s = 0.005

    def __init__(self, table: BarrierTable) -> None:
        self._channel = channel_up_to(MOST_CHANNELS, table)

    def switch_on(self) -> Request | None:
        return silent(bytes([START, self._channel, ON]))

    def switch_off(self) -> Request | None:
        return silent(bytes([START, self._channel, OFF]))

    def query(self) -> Request | None:
        def check(reply: bytes) -> None:
            if reply[:2] != bytes([START, self._channel]) or reply[2] not in (OFF, ON):
                raise WrongReply(f"expected ff {self._channel:02x} 00 or 01, got {reply.hex(' ')}")

        return Request(bytes([START, self._channel, QUERY]), lambda received: 3, check)

    def read_query(self, reply: bytes) -> RelayState:
        return RelayState.PULSING if reply[2] == ON else RelayState.RELEASED
