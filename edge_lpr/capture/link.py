"""One capture process as its parent sees it: started, listened to, ended."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import edge_lpr
from edge_lpr.capture.reconnect import START_LIMIT_S
from edge_lpr.capture.ring import EXIT_REPLACE, CaptureStatus, FrameHead, Order, RingReader
from edge_lpr.errors import CameraError
from edge_lpr.records import Pixels

CHILD = "edge_lpr.capture.child"
KILL_AFTER_S = 2.0
"""After SIGTERM, before SIGKILL: a camera that is not closed can stay stuck (FACTS.md, argus)."""
ABANDON_AFTER_S = 7.0
"""A process stuck in the kernel survives SIGKILL; it is left behind then."""

_left_behind: list[subprocess.Popen[bytes]] = []
"""Processes that did not end in time, kept to be reaped when they do."""


class ChildLink:
    """A running capture process and its ring. No call waits for the process, but `take` for its timeout."""

    def __init__(self, order: Order, start_limit_s: float = START_LIMIT_S) -> None:
        """Start it; `start_limit_s` is how long it may take to say its first word. Raises CameraError, OSError."""
        self.order = order
        self._start_limit_s = start_limit_s
        self._started_s = time.monotonic()
        self._ended_s: float | None = None
        self._ring = RingReader()
        try:
            self._process = _start(order, self._ring)
        except BaseException:
            self._ring.ends.close()
            self._ring.close()
            raise
        self._ring.ends.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def take(self, timeout_s: float = 0.0) -> tuple[FrameHead, Pixels] | None:
        """See RingReader.take."""
        return self._ring.take(timeout_s)

    def status(self) -> CaptureStatus:
        """The process's last word."""
        return self._ring.status()

    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def exit_text(self) -> str:
        """Why it ended, in words; '' when it ended as it should."""
        code = self._process.poll()
        if code in (0, EXIT_REPLACE, None):
            return ""
        cause = f"signal {-code}" if code < 0 else f"exit status {code}"
        return f"the capture process ended with {cause}"

    def hangs(self) -> bool:
        """Whether it has been without a sign of life for longer than any wait that it may have."""
        status, retry = self.status(), self.order.spec.retry
        if status.phase == "starting":
            return time.monotonic() - self._started_s > self._start_limit_s
        # Libraries overrun a timeout up to twice (FACTS.md, PyAV).
        limit_s = 2 * retry.open_timeout_s + 5 if status.phase == "opening" else 2 * retry.stall_s + 1
        return time.monotonic() - status.beat_s > limit_s

    def end(self) -> bool:
        """Push it towards its end: SIGTERM, later SIGKILL; call again until True: it is gone, or given up."""
        now_s = time.monotonic()
        if self._process.poll() is not None:
            return True
        if self._ended_s is None:
            self._ended_s = now_s
            self._process.terminate()
        elif now_s - self._ended_s > ABANDON_AFTER_S:
            return True
        elif now_s - self._ended_s > KILL_AFTER_S:
            self._process.kill()
        return False

    @property
    def ending(self) -> bool:
        """Whether `end` was called."""
        return self._ended_s is not None

    def close(self) -> None:
        """Release the ring; a process that still runs is killed, and reaped when it is gone."""
        self._ring.close()
        if self._process.poll() is None:
            self._process.kill()
            _left_behind.append(self._process)
        _left_behind[:] = [process for process in _left_behind if process.poll() is None]


def _start(order: Order, ring: RingReader) -> subprocess.Popen[bytes]:
    ends = ring.ends
    fds = (ends.memory, ends.mailbox_out, ends.mailbox_in, ends.free_out)
    home = str(Path(edge_lpr.__file__).resolve().parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    process = subprocess.Popen(
        [sys.executable, "-m", CHILD, *map(str, fds)],
        stdin=subprocess.PIPE,
        pass_fds=fds,
        start_new_session=True,  # Ctrl-C in a terminal reaches the gate alone, which then ends it
        env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        # By pipe and not as an argument: everybody on the machine can read arguments, and the address has a password.
        # It fits into the pipe's buffer, so nothing waits here.
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(pickle.dumps(order))
    except OSError as error:
        process.kill()
        process.wait()
        raise CameraError(f"the capture process did not start: {error}") from error
    return process
