"""The time of a frame: monotonic, UTC, and whether the UTC can be trusted."""

from __future__ import annotations

import ctypes
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

TIMESYNC_MARK = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file at its first synchronisation since boot (systemd-timesyncd.service(8))."""
SYNC_CHECK_S = 5.0

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class Clock(Protocol):
    """Where the time comes from; tests and replays bring their own."""

    def monotonic_s(self) -> float:
        """Seconds that never jump."""

    def wall_time(self) -> datetime:
        """Aware UTC."""

    def synced(self) -> bool:
        """Whether `wall_time` can be trusted."""


class SystemClock:
    """The machine's clock. Whether it is synchronised is asked of the kernel at most every SYNC_CHECK_S."""

    def __init__(self) -> None:
        self._synced = False
        self._checked_s = -SYNC_CHECK_S

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_time(self) -> datetime:
        return datetime.now(timezone.utc)

    def synced(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._checked_s >= SYNC_CHECK_S:
            self._synced, self._checked_s = clock_synced(), now_s
        return self._synced


class StreamAge:
    """How old a live stream's frames are when they come. Pure.

    A frame that the reader had to wait for is new, whatever its time stamp says: many cameras' stamps run at a wrong
    rate. Frames that came without waiting were queued, since the reader is slower than the stream; their age follows
    from the stamps since the last new one.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None

    def age_s(self, pts_s: float, now_s: float, waited: bool) -> float:
        """Seconds since the capture of the frame of stream time `pts_s` that is read at `now_s`."""
        offset_s = now_s - pts_s
        if waited or self._offset_s is None or offset_s < self._offset_s:
            self._offset_s = offset_s
        return offset_s - self._offset_s


class _Timex(ctypes.Structure):
    """The head of `struct timex` (adjtimex(2)); the rest is room."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 256),
    ]


def clock_synced(timesync_mark: Path = TIMESYNC_MARK) -> bool:
    """Whether something keeps the system clock right: the kernel says so (ntpd, PTP, chrony with rtcsync), or
    systemd-timesyncd has left its mark. False when nothing can be asked; never raises."""
    return _kernel_synced() or _exists(timesync_mark)


def _kernel_synced() -> bool:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        timex = _Timex()
        state = int(libc.adjtimex(ctypes.byref(timex)))
    except (OSError, AttributeError):  # a system without adjtimex
        return False
    return state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
