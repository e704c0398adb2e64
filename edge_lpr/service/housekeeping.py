"""What a gate does beside its cameras: takes over changed lists and settings, keeps the log, tells how it does."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from edge_lpr.barrier.runner import BarrierRunner
from edge_lpr.capture.clock import Clock
from edge_lpr.capture.isolate import CameraState
from edge_lpr.config import SiteConfig
from edge_lpr.errors import ConfigError, EdgeLprError, LogError
from edge_lpr.gate.list_store import ListChange
from edge_lpr.platelog.rows import EventKind
from edge_lpr.platelog.store import PlateLog
from edge_lpr.service.argus import ArgusHelper
from edge_lpr.service.health import GateHealth, GateState, write_health
from edge_lpr.service.lane import Lane
from edge_lpr.service.optic_watch import OpticWatch
from edge_lpr.service.rules import Rules
from edge_lpr.service.site import load_site

log = logging.getLogger(__name__)

TURN_S = 1.0
"""Changed lists are looked for so often; a change counts when it was seen twice the same."""
PURGE_EVERY_S = 3600.0
FIRST_PURGE_S = 60.0
EVENT_EVERY_S = 60.0
"""A state that flickers makes no more rows than one in so long: the log is on an SD card."""
RELOADABLE_OF_CAMERAS = ("zone", "way", "open_directions")


@dataclass(frozen=True)
class Started:
    """How the gate started: `config_fault` holds until a good configuration is taken over, `faults` until a restart.
    `keep_site` keeps a copy of the site's file, for a start with a damaged one."""

    config_fault: str = ""
    faults: tuple[str, ...] = ()
    keep_site: Callable[[], None] = lambda: None


STARTED_WELL = Started()


class Housekeeping:
    """Runs on a thread of its own. `reload` and `stop` from any thread."""

    def __init__(self, config: SiteConfig, path: Path | None, rules: Rules, plate_log: PlateLog, lanes: Sequence[Lane],
                 runners: Sequence[BarrierRunner], clock: Clock, started: Started = STARTED_WELL,
                 network_faults: Callable[[], Sequence[str]] = tuple) -> None:
        self._config = config
        self._path = path
        self._rules = rules
        self._log = plate_log
        self._lanes = lanes
        self._runners = runners
        self._clock = clock
        self._network_faults = network_faults
        self._started_utc = _iso(clock.wall_time())
        self._wake = threading.Event()
        self._stopping = self._reloading = False
        self._thread = threading.Thread(target=self._work, name="housekeeping", daemon=True)
        self._config_fault, self._lasting = started.config_fault, started.faults
        self._keep_site = started.keep_site
        self._left_to_restart: tuple[str, ...] = ()
        self._health_fault = ""
        self._argus = ArgusHelper(config.service.runtime_folder)
        self._optics = OpticWatch(plate_log.optics, config.access.time_zone)
        self.turns = 0
        self.is_busy = False
        """Whether it does what may take long: then its turns are no sign of life."""
        self._told_state, self._told_at_s = GateState.OK, -EVENT_EVERY_S
        self._written_state: GateState | None = None
        self._is_news = False

    def start(self) -> None:
        """Begin; the first health is written at once."""
        self._thread.start()

    def reload(self) -> None:
        """Take over the configuration and the lists soon."""
        self._reloading = True
        self._wake.set()

    def tell_soon(self) -> None:
        """Have the health written out of its turn; from any thread."""
        self._is_news = True
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """End it."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)

    def note_lists(self, change: ListChange) -> None:
        """Tell of a change of lists, in the journal and the log."""
        log.log(logging.WARNING if change.faults else logging.INFO, "%s", change.told)
        if change.loaded or change.broken or change.mended:
            self._event(EventKind.LISTS, change.told)

    def write_health(self, state: GateState | None = None) -> None:
        """Write the health file now; a fault is told once, and does not matter to the gate."""
        health = self.health()
        self._written_state = health.state
        try:
            write_health(self._config.service.runtime_folder, replace(health, state=state) if state else health)
            self._health_fault = ""
        except OSError as error:
            if str(error) != self._health_fault:
                log.warning("the health file cannot be written: %s", error)
            self._health_fault = str(error)

    def health(self) -> GateHealth:
        """How the gate does now."""
        reasons, plate_log = self._reasons(), self._log.health()
        return GateHealth(
            state=GateState.DEGRADED if reasons else GateState.OK,
            reasons=reasons,
            name=self._config.name,
            pid=os.getpid(),
            started_utc=self._started_utc,
            written_utc=_iso(self._clock.wall_time()),
            written_s=time.monotonic(),
            every_s=self._config.service.health_every_s,
            clock_synced=self._clock.synced(),
            cameras={lane.name: asdict(lane.health()) for lane in self._lanes},
            barriers={runner.name: asdict(runner.health()) for runner in self._runners},
            log=asdict(plate_log),
            notes=(
                *([f"config: restart the gate to take over: {', '.join(self._left_to_restart)}"]
                  if self._left_to_restart else []),
                *([f"log: {plate_log.damage}"] if plate_log.damage else []),
                *self._optics.told,
            ),
        )

    def _reasons(self) -> tuple[str, ...]:
        """Why it is degraded; nothing when all is well."""
        reasons = [f"config: {self._config_fault}"] if self._config_fault else []
        reasons += self._lasting
        reasons += [f"recognition: {fault}" for fault in self._network_faults()]
        for lane in self._lanes:
            health = lane.health()
            if health.camera.state is CameraState.DEGRADED:
                detail = health.camera.last_error or "no frame"
                reasons.append(f"camera {lane.name}: no frames for {health.camera.age_s:.0f} s: {detail}")
            elif health.camera.state is CameraState.ENDED and health.camera.last_error:
                reasons.append(f"camera {lane.name}: {health.camera.last_error}")
            if health.fault:
                reasons.append(f"camera {lane.name}: recognition: {health.fault}")
        reasons += [f"lists: {fault}" for fault in self._rules.faults]
        reasons += [f"barrier {one.name}: {one.health().fault}" for one in self._runners if one.health().fault]
        log_health = self._log.health()
        if log_health.state != "ok":
            reasons.append(f"log: {log_health.detail}")
        return tuple(reasons)

    def _work(self) -> None:
        purge_at_s, health_at_s = time.monotonic() + FIRST_PURGE_S, 0.0
        while not self._stopping:
            try:
                self._turn()
                if time.monotonic() >= purge_at_s:
                    purge_at_s = time.monotonic() + PURGE_EVERY_S
                    self._look_back()
                if time.monotonic() >= health_at_s or self._is_news:
                    self._is_news = False
                    health_at_s = time.monotonic() + self._config.service.health_every_s
                    self.write_health()
            except Exception:  # a defect here must not end what keeps the gate in order
                log.exception("housekeeping failed")
            self.turns += 1
            self._wake.wait(min(TURN_S, self._config.service.health_every_s))
            self._wake.clear()

    def _turn(self) -> None:
        if self._reloading:
            self._reloading = False
            self._take_over()
        elif (change := self._rules.poll()) is not None:
            self.note_lists(change)
        self._log.retry()
        self._note_state()
        ages = {lane.name: lane.health().camera.age_s for lane in self._lanes if lane.turns}
        cameras = [(one.uri, ages[one.name]) for one in self._config.camera if one.name in ages]
        self._argus.look(cameras, time.monotonic())

    def _take_over(self) -> None:
        """Load the configuration again; a broken one changes nothing but the health. Lists are read either way."""
        try:
            config = load_site(self._path) if self._path is not None else self._config
            self._check_cameras(config)
            self.note_lists(self._rules.take_over(config))
        except EdgeLprError as error:
            self._config_fault = f"{error}; the last good one stays"
            log.error("%s", self._config_fault)
            self.note_lists(self._rules.load())
            return
        self._left_to_restart = tuple(left_to_restart(self._config, config))
        if self._left_to_restart:
            log.warning("these changes take a restart: %s", ", ".join(self._left_to_restart))
        self._config_fault = ""
        self._keep_site()
        log.info("configuration taken over")

    def _check_cameras(self, config: SiteConfig) -> None:
        """Lists and directions of a site may be for single cameras: they do not fit one that runs under another name.

        Raises ConfigError.
        """
        gone = {one.name for one in self._config.camera} - {one.name for one in config.camera}
        if gone:
            raise ConfigError(f"{self._path}: has no camera {sorted(gone)[0]!r}, which runs: restart the gate")

    def _look_back(self) -> None:
        self.is_busy = True
        try:
            self._log.purge()
            for line in self._optics.look(self._clock.wall_time()):
                self._event(EventKind.HEALTH, line)
        except LogError as error:
            log.warning("%s", error)
        finally:
            self.is_busy = False

    def _note_state(self) -> None:
        """Write a change between well and degraded into the log."""
        reasons = self._reasons()
        state = GateState.DEGRADED if reasons else GateState.OK
        self._is_news = self._is_news or state is not self._written_state
        if state is self._told_state or time.monotonic() - self._told_at_s < EVENT_EVERY_S:
            return
        self._told_state, self._told_at_s = state, time.monotonic()
        detail = "; ".join(reasons) or "all is well again"
        log.log(logging.WARNING if reasons else logging.INFO, "%s: %s", state.value, detail)
        self._event(EventKind.HEALTH, f"{state.value}: {detail}")

    def _event(self, kind: EventKind, detail: str) -> None:
        try:
            self._log.event(kind, detail)
        except LogError as error:
            log.warning("%s", error)


def left_to_restart(running: SiteConfig, wanted: SiteConfig) -> list[str]:
    """The tables that differ between two configurations in what only a restart takes over."""
    changed = [
        name
        for name in ("name", "barrier", "recognition", "log", "service")
        if getattr(running, name) != getattr(wanted, name)
    ]
    if running.access.trust_unsynced_clock != wanted.access.trust_unsynced_clock:
        changed.append("access.trust_unsynced_clock for the log's times to keep")
    if [_fixed(camera) for camera in running.camera] != [_fixed(camera) for camera in wanted.camera]:
        changed.append("camera")
    return changed


def _fixed(camera: object) -> dict[str, object]:
    """What of a camera stays as long as the gate runs."""
    return {name: value for name, value in vars(camera).items() if name not in RELOADABLE_OF_CAMERAS}


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")
