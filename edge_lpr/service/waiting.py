"""A gate that cannot start says so and tries again, rather than being gone.

Needs nothing but the standard library: what keeps the gate from starting may be a damaged installation.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from edge_lpr.service.health import GateHealth, GateState, write_health
from edge_lpr.service.notify import Notifier

log = logging.getLogger(__name__)

RETRY_EVERY_S = 30.0
TURN_S = 1.0
RUNTIME_DIRECTORY = "RUNTIME_DIRECTORY"
Signature = tuple[int, int] | None


class Waiting:
    """Waits for another try: until the site's file changes, someone asks, or a while has passed."""

    def __init__(self, path: Path, notifier: Notifier, environment: Mapping[str, str] = os.environ,
                 retry_every_s: float = RETRY_EVERY_S, turn_s: float = TURN_S) -> None:
        self._path = path
        self._notifier = notifier
        self._folder = Path(environment.get(RUNTIME_DIRECTORY, "").split(":")[0] or "/run/edge-lpr")
        self._retry_every_s, self._turn_s = retry_every_s, turn_s
        self._wake = threading.Event()
        self._stopped = False
        self._started_utc = _now()
        self._told = ""

    def request_stop(self) -> None:
        """Have `wait` return False soon."""
        self._stopped = True
        self._wake.set()

    def request_retry(self) -> None:
        """Have `wait` return True soon."""
        self._wake.set()

    def wait(self, reason: str) -> bool:
        """Tell why there is no gate, wait; whether to try again (False: to stop)."""
        if reason != self._told:
            log.error("the gate cannot start: %s; trying again every %.0f s and when %s changes", reason,
                      self._retry_every_s, self._path)
            self._told = reason
        self._notifier.ready()  # it is there, and tells what is wrong: systemd need not start it again
        self._notifier.status(f"cannot start: {reason}")
        seen, until_s = _signature(self._path), time.monotonic() + self._retry_every_s
        while not self._stopped and time.monotonic() < until_s and _signature(self._path) == seen:
            self._write(GateState.DEGRADED, reason)
            self._notifier.alive()
            if self._wake.wait(self._turn_s):
                self._wake.clear()
                break
        if self._stopped:
            self._write(GateState.STOPPED, reason)
        return not self._stopped

    def _write(self, state: GateState, reason: str) -> None:
        health = GateHealth(state, (f"cannot start: {reason}",), "gate", os.getpid(), self._started_utc, _now(),
                            time.monotonic(), self._turn_s, False)
        try:
            write_health(self._folder, health)
        except OSError as error:
            log.debug("the health file cannot be written: %s", error)


def _signature(path: Path) -> Signature:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
