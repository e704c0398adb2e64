"""The gate as systemd sees it: ready, alive, and how it does."""

from __future__ import annotations

import logging
import time

from edge_lpr.service.daemon import Daemon
from edge_lpr.service.health import GateHealth, GateState
from edge_lpr.service.notify import Notifier
from edge_lpr.service.vitals import Vitals

log = logging.getLogger(__name__)

STATUS_EVERY_S = 5.0


class Supervisor:
    """Its `turn` is called by the main thread, again and again while the gate runs."""

    def __init__(self, daemon: Daemon, notifier: Notifier) -> None:
        self._daemon = daemon
        self._notifier = notifier
        self._vitals = Vitals(notifier.watchdog_s)
        self._is_ready = False
        self._status_at_s = 0.0
        self._fed_at_s = time.monotonic()
        self._is_alarmed = False

    def turn(self) -> None:
        """Tell what there is to tell."""
        now_s, turns = time.monotonic(), self._daemon.turns()
        if not self._is_ready and self._daemon.is_settled:
            self._is_ready = True
            self._notifier.ready()
            self._status_at_s = 0.0
        if self._vitals.due(turns, now_s):
            self._notifier.alive()
            self._fed_at_s, self._is_alarmed = now_s, False
        elif self._notifier.watchdog_s and now_s - self._fed_at_s > self._notifier.watchdog_s / 2:
            self._alarm(self._vitals.stuck(turns))
        if now_s >= self._status_at_s:
            self._status_at_s = now_s + STATUS_EVERY_S
            self._notifier.status(status_line(self._daemon.health()))

    def _alarm(self, stuck: list[str]) -> None:
        if not self._is_alarmed:
            log.error("does not go on: %s; the watchdog is not fed", ", ".join(stuck))
            self._is_alarmed = True


def status_line(health: GateHealth) -> str:
    """The gate in a line: state, frames a second and the last read of each camera, what is wrong."""
    parts = [health.state.value]
    for name, lane in health.cameras.items():
        last = f", last {lane['last_read']} at {lane['last_read_utc'][11:19]}Z" if lane["last_read"] else ""
        parts.append(f"{name} {lane['fps']:g} fps{last}")
    if health.state is GateState.DEGRADED:
        parts.append("; ".join(health.reasons))
    return " | ".join(parts)
