"""A device that is described in the configuration: its frames as bytes, its replies as bytes or a pattern.

A frame is hexadecimal ("A0 01 01 A2") or a text ("text:OPEN 1\\r"). A reply is the same with `??` for any byte, or a
regular expression of the whole reply ("match:OK [0-9]+\\r"), read until it matches; "" where none comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.protocol import RelayOnly, Request, WrongReply, silent
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import ConfigError

LONGEST = 256
TEXT, MATCH = "text:", "match:"
ESCAPES = {"\\r": "\r", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}


class TemplateRelay(RelayOnly):
    """See Driver."""

    def __init__(self, table: BarrierTable) -> None:
        given, where = table.template, f"barrier {table.name!r}: template"
        self._is_timed_by_device = table.pulse_by == "device"
        if not given.open:
            raise ConfigError(f"{where}: open is missing: the bytes that open")
        if not self._is_timed_by_device and not given.release:
            raise ConfigError(f"{where}: release is missing: the bytes that switch the relay off; only with"
                              " pulse_by = \"device\" it may be")
        if given.query and not (given.on_reply and given.off_reply):
            raise ConfigError(f"{where}: query needs on_reply and off_reply")
        self._open = _request(given.open, given.open_reply, f"{where}: open")
        self._release = _request(given.release, given.release_reply, f"{where}: release") if given.release else None
        self._on = pattern_of(given.on_reply, f"{where}: on_reply")
        self._off = pattern_of(given.off_reply, f"{where}: off_reply")
        self._query = frame_of(given.query, f"{where}: query")

    def pulse(self) -> Request | None:
        return self._open if self._is_timed_by_device else None

    def switch_on(self) -> Request | None:
        return None if self._is_timed_by_device else self._open

    def switch_off(self) -> Request | None:
        return self._release

    def query(self) -> Request | None:
        return _matched(self._query, self._on, self._off) if self._query else None

    def read_query(self, reply: bytes) -> RelayState:
        is_on, is_off = self._on.fullmatch(reply), self._off.fullmatch(reply)
        if bool(is_on) == bool(is_off):
            return RelayState.UNKNOWN
        return RelayState.PULSING if is_on else RelayState.RELEASED


def frame_of(text: str, where: str) -> bytes:
    """The bytes of a frame. Raises ConfigError."""
    if text.startswith(TEXT):
        return _escaped(text.removeprefix(TEXT), where)
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ConfigError(f"{where}: {text!r} is no frame; allowed: bytes such as \"A0 01 01 A2\", or"
                          " \"text:OPEN\\\\r\"") from error


def pattern_of(text: str, where: str) -> re.Pattern[bytes]:
    """The pattern of a reply. Raises ConfigError."""
    if text.startswith(MATCH):
        try:
            return re.compile(text.removeprefix(MATCH).encode("latin-1"), re.DOTALL)
        except (re.error, UnicodeEncodeError) as error:
            raise ConfigError(f"{where}: {text!r} is no pattern: {error}") from error
    if text.startswith(TEXT) or "??" not in text:
        return re.compile(re.escape(frame_of(text, where)), re.DOTALL)
    pairs = re.findall(r"\S\S?", text)
    return re.compile(b"".join(b"." if pair == "??" else re.escape(frame_of(pair, where)) for pair in pairs), re.DOTALL)


def _escaped(text: str, where: str) -> bytes:
    plain = re.sub(r"\\.", lambda found: ESCAPES.get(found[0], found[0]), text)
    try:
        return plain.encode("latin-1")
    except UnicodeEncodeError as error:
        raise ConfigError(f"{where}: {text!r} has a letter outside Latin-1") from error


def _request(frame: str, reply: str, where: str) -> Request:
    sent = frame_of(frame, where)
    return _matched(sent, pattern_of(reply, f"{where}_reply")) if reply else silent(sent)


def _matched(frame: bytes, *patterns: re.Pattern[bytes]) -> Request:
    def check(reply: bytes) -> None:
        if not any(pattern.fullmatch(reply) for pattern in patterns):
            raise WrongReply(f"got {reply.hex(' ')}, which is not what the template expects")

    return Request(frame, _until_match(patterns), check)


def _until_match(patterns: tuple[re.Pattern[bytes], ...]) -> Callable[[bytes], int]:
    def length_of(received: bytes) -> int:
        is_over = len(received) >= LONGEST or any(pattern.fullmatch(received) for pattern in patterns)
        return len(received) if is_over and received else len(received) + 1

    return length_of
