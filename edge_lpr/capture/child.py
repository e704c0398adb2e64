"""The capture process: opens one source, again and again if it must, and puts its frames into the ring.

Started by isolate.py as `python -m edge_lpr.capture.child`. It ends with SIGTERM, with the process that started it, and
when its source has failed so often that a fresh process is wanted; it closes its source whenever it can.
"""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import sys
import threading
import time
from dataclasses import replace
from types import FrameType

from edge_lpr.capture.reconnect import delay_s, wants_new_process
from edge_lpr.capture.ring import EXIT_REPLACE, CaptureStatus, FrameHead, Order, RingEnds, RingWriter
from edge_lpr.capture.source import CameraRefused, EndOfStream, FrameSource, make_source, without_secrets
from edge_lpr.errors import BackendUnavailable, CameraError, EdgeLprError
from edge_lpr.records import Pixels

CLOSE_GRACE_S = 1.5
"""How long a source may take to close before the process ends without it."""
BEAT_S = 0.2
LATE_S = 0.5
"""A file that is later than this against its own pace is shown slower, instead of hurrying after the clock."""
DEFAULT_FPS = 10.0
"""Of a film of one picture, whose rate nobody tells, shown again and again."""
LONGEST_ERROR = 500


class Feeder:
    """Source to ring. `stop` set from outside ends `run` at the next chance."""

    def __init__(self, order: Order, ring: RingWriter, stop: threading.Event) -> None:
        self._spec = order.spec
        self._ring = ring
        self._stop = stop
        self._index = 0 if not order.spec.live else order.first_index
        self._first_index = order.first_index
        self._offset_s = 0.0
        self._pace_start_s: float | None = None
        self._opened_s = 0.0
        self._openings = self._most_openings = 0
        self._status = CaptureStatus(attempt=order.attempt)

    def run(self) -> int:
        """Until the end of a file or `stop`; gives the process's exit status."""
        while not self._stop.is_set():
            try:
                self._stream()
                break
            except EdgeLprError as error:
                if not self._spec.live:
                    self._tell(phase="ended", error=_said(error))
                    return 0
                if self._wait_after(error):
                    return EXIT_REPLACE
        if not self._stop.is_set():
            self._tell(phase="ended", error="", attempt=0)
        return 0

    def _stream(self) -> None:
        """One opening: returns at the end of a file or at `stop`, raises when the source fails."""
        self._tell(phase="opening", openings=self._status.openings + 1)
        source = make_source(self._spec)
        self._openings += 1
        self._most_openings = getattr(source, "openings_per_process", 0)
        try:
            source.open()
            self._opened_s = time.monotonic()
            while self._play(source) and self._spec.loop and not self._stop.is_set():
                source.close()
                source.open()
        finally:
            source.close()

    def _play(self, source: FrameSource) -> bool:
        """All that an open source gives; True at the end of its stream. Raises CameraError when it fell silent."""
        last_s, pts_s, period_s, count, first = time.monotonic(), 0.0, 0.0, 0, self._index
        while not self._stop.is_set():
            try:
                picture = source.next(min(self._spec.retry.stall_s, 1.0))
            except EndOfStream as end:
                if self._spec.live or not count:
                    raise CameraError("the stream ended" if count else "it gave no picture") from end
                self._pass_over(self._index - first, pts_s + (period_s or 1.0 / (self._spec.fps or DEFAULT_FPS)))
                return True
            now_s = time.monotonic()
            if picture is not None:
                period_s, pts_s, count = picture.pts_s - pts_s, picture.pts_s, count + 1
                self._index += picture.passed_over
                self._ring.dropped += picture.passed_over
                self._feed(picture.pixels, self._offset_s + pts_s, now_s - picture.age_s)
                last_s = time.monotonic()
            elif now_s - last_s > self._spec.retry.stall_s:
                raise CameraError(f"no frame for {self._spec.retry.stall_s:g} s")
            else:
                self._tell()
        return False

    def _pass_over(self, frames: int, length_s: float) -> None:
        """A film of so many frames is through; showings of it that an earlier process gave are not decoded again."""
        shown = max(self._first_index - self._index, 0) // frames
        self._index += shown * frames
        self._offset_s += (1 + shown) * length_s

    def _feed(self, pixels: Pixels, pts_s: float, stamp_s: float) -> None:
        index, self._index = self._index, self._index + 1
        if not self._spec.live:
            if index < self._first_index:
                self._beat()
                return
            stamp_s = self._pace(pts_s, stamp_s)
        if self._status.phase != "streaming":
            self._tell(phase="streaming", error="", newest_s=stamp_s)
        if self._status.attempt and stamp_s - self._opened_s > self._spec.retry.stall_s:
            self._tell(attempt=0)  # one frame is no recovery: a camera that dies after each must wait longer and longer
        height, width = pixels.shape[:2]
        head = FrameHead(index, stamp_s, pts_s, self._ring.dropped, width, height)
        if self._ring.publish(head, pixels, self._beat):
            self._status = replace(self._status, newest_s=stamp_s, dropped=self._ring.dropped)
            self._beat()

    def _pace(self, pts_s: float, stamp_s: float) -> float:
        """Wait until a file's frame is due; the moment at which it was shown."""
        if self._spec.lossless:
            return stamp_s
        if self._pace_start_s is None or stamp_s - (self._pace_start_s + pts_s) > LATE_S:
            self._pace_start_s = stamp_s - pts_s
        due_s = self._pace_start_s + pts_s
        while (left_s := due_s - time.monotonic()) > 0 and not self._stop.wait(min(left_s, BEAT_S)):
            self._beat()
        return time.monotonic()

    def _wait_after(self, error: EdgeLprError) -> bool:
        """Tell of a failure and wait; True, at once, when a fresh process is wanted."""
        attempt = self._status.attempt + 1
        fixable = not isinstance(error, (CameraRefused, BackendUnavailable))
        self._tell(phase="waiting", error=_said(error), attempt=attempt, fixable=fixable)
        options = self._spec.retry
        worn = 0 < self._most_openings <= self._openings  # a library that leaks with each opening
        if fixable and (worn or wants_new_process(attempt, options)):
            return True
        until_s = time.monotonic() + delay_s(attempt, fixable, options, random.random())
        while (left_s := until_s - time.monotonic()) > 0 and not self._stop.wait(min(left_s, BEAT_S)):
            self._tell()
        return False

    def _beat(self) -> bool:
        """A sign of life, now and then; False when it is time to stop."""
        if time.monotonic() - self._status.beat_s >= BEAT_S:
            self._tell()
        return not self._stop.is_set()

    def _tell(self, **changes: object) -> None:
        changes["beat_s"] = time.monotonic()
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        self._ring.tell(self._status)


def _said(error: Exception) -> str:
    return without_secrets(str(error) or type(error).__name__)[:LONGEST_ERROR]


def _watch(parent_fd: int, signal_fd: int, stop: threading.Event, done: threading.Event) -> None:
    """Set `stop` when the parent is gone or a signal came, and end the process if its source then does not close.

    A thread, as the main thread may be deep in a library's call, where Python runs no signal handler.
    """
    poll = select.poll()
    poll.register(parent_fd, 0)
    poll.register(signal_fd, select.POLLIN)
    poll.poll()
    stop.set()
    if not done.wait(CLOSE_GRACE_S):
        os._exit(0)


def _on_term(number: int, frame: FrameType | None) -> None:
    """Nothing: the signal's byte wakes `_watch`."""


def main() -> int:
    """`child MEMORY MAILBOX_OUT MAILBOX_IN FREE_OUT` (file descriptors), the pickled Order on stdin."""
    ends = RingEnds(*map(int, sys.argv[1:5]))
    order: Order = pickle.load(sys.stdin.buffer)
    stop, done = threading.Event(), threading.Event()
    signal_out, signal_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(signal_in)
    signal.signal(signal.SIGTERM, _on_term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a signal to all processes: the parent decides
    threading.Thread(target=_watch, args=(ends.free_out, signal_out, stop, done), daemon=True).start()
    try:
        return Feeder(order, RingWriter(ends, order.spec.lossless), stop).run()
    finally:
        done.set()


if __name__ == "__main__":
    sys.exit(main())
