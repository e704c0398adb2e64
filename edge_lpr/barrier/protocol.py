"""What a driver is: one device's protocol as requests and replies. No driver opens a port, waits, or counts; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_lpr.barrier.base import RelayState

NO_REPLY = 0


class WrongReply(Exception):
    """A reply that does not answer the request; the text says how."""


class DeviceRefused(Exception):
    """A good reply by which the device says that it did not do what it was asked."""


@dataclass(frozen=True)
class Request:
    """`frame` the bytes to send; `length_of(received)` how many bytes the whole reply has, as far as those received so
    far tell (NO_REPLY: the device gives none); `check(reply)` raises WrongReply or DeviceRefused for a bad one."""

    frame: bytes
    length_of: Callable[[bytes], int]
    check: Callable[[bytes], None]


class Driver(Protocol):
    """One relay of one device. Made with its BarrierTable; ConfigError when that does not fit the device."""

    baud: int
    gap_s: float
    """Silence that the device needs before a request."""

    def pulse(self) -> Request | None:
        """Open for `pulse_s`, timed by the device; None where the host must time it."""

    def switch_on(self) -> Request | None:
        """Switch the relay on; None where the device cannot without switching it off by itself."""

    def switch_off(self) -> Request | None:
        """Switch the relay off; None where the device has no such command."""

    def query(self) -> Request | None:
        """Ask for the relay; None where the device does not tell."""

    def read_query(self, reply: bytes) -> RelayState:
        """The answer to `query`, checked before."""

    def query_inputs(self) -> Request | None:
        """Ask for the inputs; None where there are none."""

    def read_inputs(self, reply: bytes) -> tuple[bool, ...]:
        """The answer to `query_inputs`, checked before: input 1 first."""


def silent(frame: bytes) -> Request:
    """A request that the device does not answer."""
    return Request(frame, lambda received: NO_REPLY, lambda reply: None)


def expecting(frame: bytes, reply: bytes) -> Request:
    """A request with one right reply."""
    def check(received: bytes) -> None:
        if received != reply:
            raise WrongReply(f"expected {reply.hex(' ')}, got {received.hex(' ')}")

    return Request(frame, lambda received: len(reply), check)


class RelayOnly:
    """The part of a driver of a device without query, inputs and pulses of its own."""

    baud = 9600
    gap_s = 0.0

    def pulse(self) -> Request | None:
        return None

    def query(self) -> Request | None:
        return None

    def read_query(self, reply: bytes) -> RelayState:
        return RelayState.UNKNOWN

    def query_inputs(self) -> Request | None:
        return None

    def read_inputs(self, reply: bytes) -> tuple[bool, ...]:
        return ()
