"""Denkovi boards of 16 relays: `01+//` and `01-//`, echoed; `ask//` gives 16 bits, relay 1 the highest.

`on//` and `off//` switch all relays: they are never sent.
"""

from __future__ import annotations

from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.drivers.channels import channel_up_to
from edge_lpr.barrier.protocol import RelayOnly, Request, expecting
from edge_lpr.barrier_tables import BarrierTable

MOST_CHANNELS = 16


class DenkoviRelay(RelayOnly):
    """See Driver."""

    gap_s = 0.005

    def __init__(self, table: BarrierTable) -> None:
        self._channel = channel_up_to(MOST_CHANNELS, table)

    def switch_on(self) -> Request | None:
        return self._switch("+")

    def switch_off(self) -> Request | None:
        return self._switch("-")

    def query(self) -> Request | None:
        return Request(b"ask//", lambda received: 2, lambda reply: None)

    def read_query(self, reply: bytes) -> RelayState:
        is_on = int.from_bytes(reply, "big") >> MOST_CHANNELS - self._channel & 1
        return RelayState.PULSING if is_on else RelayState.RELEASED

    def _switch(self, sign: str) -> Request:
        frame = f"{self._channel:02d}{sign}//".encode("ascii")
        return expecting(frame, frame)
