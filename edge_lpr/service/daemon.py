"""The gate daemon: its parts put together, started, reloaded and stopped."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_lpr.barrier import make_barrier
from edge_lpr.barrier.base import Command
from edge_lpr.barrier.opener import OpenerOptions
from edge_lpr.barrier.passage import LaneEvent
from edge_lpr.barrier.runner import BarrierRunner, OnOutcome
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.capture.clock import Clock, SystemClock
from edge_lpr.capture.isolate import CameraProcess
from edge_lpr.capture.source import CameraSpec
from edge_lpr.config import CameraTable, SiteConfig
from edge_lpr.errors import LogError
from edge_lpr.gate.evidence import EvidenceOptions, Weigher
from edge_lpr.gate.track import Tracker
from edge_lpr.platelog.rows import EventKind
from edge_lpr.platelog.store import PlateLog
from edge_lpr.recognition.plate_format import compile_grammar
from edge_lpr.recognition.regions import parse_regions
from edge_lpr.records import CommandOutcome, Outcome
from edge_lpr.service.clock import FilmClock, gate_time
from edge_lpr.service.health import GateHealth, GateState
from edge_lpr.service.housekeeping import STARTED_WELL, Housekeeping, Started
from edge_lpr.service.lane import Camera, Lane
from edge_lpr.service.orders import OrderDesk
from edge_lpr.service.pipeline import CommandSink, Decided, DecisionLog, Pipeline, Step
from edge_lpr.service.rules import Rules
from edge_lpr.service.runtime_lock import RuntimeLock
from edge_lpr.service.sight import Networks, Sight
from edge_lpr.service.site import camera_spec, log_options
from edge_lpr.service.stages import StageTimes

log = logging.getLogger(__name__)

STOP_S = 2.5
"""From the request to stop to the end; the promise is 3 seconds."""
BARRIER_STOP_S = 0.9
"""A pulse under way is brought to its end, and the relay released."""
LOG_STOP_S = 0.5
KEPT_LISTS = "kept-lists"
"""Folder in the log's: copies of the last good lists."""


@dataclass(frozen=True)
class Listeners:
    """Who hears what the gate does, each called on the thread that did it: quickly, and without raising."""

    on_decided: Callable[[Decided], None] | None = None
    on_step: Callable[[Step], None] | None = None
    on_outcome: OnOutcome | None = None


class NoBarrier:
    """For a camera that only logs: an opening that the lists would allow gets its outcome at once."""

    def __init__(self, plate_log: PlateLog) -> None:
        self._log = plate_log

    def submit(self, command: Command) -> None:
        """See CommandSink."""
        outcome = CommandOutcome(command.decision_id, Outcome.REFUSED, "this camera has no barrier", time.monotonic())
        try:
            self._log.finish_command(outcome)
        except LogError as error:
            log.warning("%s", error)


def make_lane(camera: CameraTable, networks: Networks, rules: Rules, plate_log: DecisionLog, barrier: CommandSink,
              clock: Clock, listeners: Listeners = Listeners(), session: str = "",
              open_camera: Callable[[CameraSpec, Clock], Camera] = CameraProcess) -> Lane:
    """One camera with its pipeline; `session` makes the arrivals of two runs differ. Raises NetworkError."""
    spec, times = camera_spec(camera), StageTimes()
    film = FilmClock(clock) if spec.lossless else None
    enabled = parse_regions(networks.table.regions).enabled
    grammar = compile_grammar(enabled) if enabled else None
    card = networks.reader.network.card
    weigher = Weigher(EvidenceOptions.of_card(card.parameters), grammar, card.alphabet)
    tracker = Tracker(rules.tracker_of(camera.name), camera.name, session)
    sight = Sight.of(networks, camera, times)
    pipeline = Pipeline(camera.name, sight, tracker, weigher, rules, plate_log, barrier, film or clock)
    return Lane(open_camera(spec, clock), pipeline, times, film, listeners.on_decided, listeners.on_step)


class Daemon:
    """One gate: `start`, then `wait`, then `stop`; `request_stop` and `request_reload` from signal handlers."""

    def __init__(self, config: SiteConfig, path: Path | None = None, listeners: Listeners = Listeners(),
                 clock: Clock | None = None,
                 open_camera: Callable[[CameraSpec, Clock], Camera] = CameraProcess,
                 networks: Networks | None = None, started: Started = STARTED_WELL) -> None:
        """Load the networks, unless they come warm, and open the log. `path` of the configuration, to read it again.

        Raises NetworkError, ConfigError (also when another gate has the runtime folder), BackendUnavailable; LogError
        when another gate has the log. A camera, a list or a disk that fails is no error here but a health state.
        """
        self.config = config
        self._clock = clock or SystemClock()
        self._stop = threading.Event()
        if networks is None:
            networks = Networks(config.recognition)
            networks.warm()
        self.barriers = {table.name: make_barrier(table) for table in config.barrier}
        self._runtime = RuntimeLock(config.service.runtime_folder)
        try:
            self.log = PlateLog.open(config.log.folder, log_options(config.log, config.access.trust_unsynced_clock),
                                     lambda: gate_time(self._clock))
        except BaseException:
            self._runtime.release()
            raise
        self._rules = Rules(config, config.log.folder / KEPT_LISTS)
        self._runners = {table.name: self._runner(table, listeners.on_outcome) for table in config.barrier}
        session = f"{self._clock.wall_time():%y%m%d%H%M%S}{secrets.token_hex(2)}"
        try:
            self.lanes = [
                make_lane(camera, networks, self._rules, self.log, self._sink(camera), self._clock, listeners, session,
                          open_camera)
                for camera in config.camera
            ]
        except BaseException:
            self.log.close()
            self._runtime.release()
            raise
        self._keeping = Housekeeping(config, path, self._rules, self.log, self.lanes, list(self._runners.values()),
                                     self._clock, started, lambda: networks.faults)
        self._orders = OrderDesk(config.service.runtime_folder, self._runners, self._keeping.tell_soon)

    def start(self) -> None:
        """Read the lists, and begin with barriers and cameras."""
        self._keeping.note_lists(self._rules.load())
        for runner in self._runners.values():
            runner.start()
        self._orders.start()
        for lane in self.lanes:
            lane.start()
        self._keeping.start()
        log.info("the gate %s runs: cameras %s", self.config.name, ", ".join(lane.name for lane in self.lanes))

    def request_stop(self) -> None:
        """Have `wait` return soon."""
        self._stop.set()

    def request_reload(self) -> None:
        """Take over lists and configuration soon."""
        self._keeping.reload()

    def wait(self, turn_s: float = 0.2, each: Callable[[], None] = lambda: None) -> None:
        """Until a stop is requested, or every camera was a file and has ended. `each` is called every turn."""
        while not self._stop.wait(turn_s) and not all(lane.is_over for lane in self.lanes):
            each()

    @property
    def is_settled(self) -> bool:
        """Whether the first frame of every camera came, or it is known why none did."""
        return all(lane.is_settled for lane in self.lanes)

    def turns(self) -> dict[str, int]:
        """How often each loop that should go on went round, by its name."""
        turns = {f"camera {lane.name}": lane.turns for lane in self.lanes if not lane.is_over}
        return turns if self._keeping.is_busy else {**turns, "housekeeping": self._keeping.turns}

    def health(self) -> GateHealth:
        """How the gate does now."""
        return self._keeping.health()

    def stop(self) -> int:
        """Drain and end everything, within 3 seconds; the exit status: 1 when a file could not be read to its end, or
        entries of the log could not be written.

        Arrivals under way are decided and logged, but nothing new opens: a vehicle that stands there is seen again.
        """
        until_s = time.monotonic() + STOP_S - BARRIER_STOP_S - LOG_STOP_S
        if self._stop.is_set():
            for runner in self._runners.values():
                runner.refuse()
        for lane in self.lanes:
            lane.stop()
        ended = [lane.join(max(until_s - time.monotonic(), 0.1)) for lane in self.lanes]
        if not all(ended):
            log.warning("a camera's thread did not end in time")
        self._orders.stop()
        self._keeping.stop(0.2)
        for runner in self._runners.values():
            runner.stop(BARRIER_STOP_S)
        self._keeping.write_health(GateState.STOPPED)
        is_lossy = self.log.close(LOG_STOP_S) > 0
        self._runtime.release()
        log.info("the gate %s has stopped", self.config.name)
        return int(is_lossy or any(lane.health().camera.last_error and lane.ended_by_itself for lane in self.lanes))

    def _runner(self, table: BarrierTable, on_outcome: OnOutcome | None) -> BarrierRunner:
        def on_lane(event: LaneEvent) -> None:
            self._note_lane(table.name, event)

        return BarrierRunner(table.name, self.barriers[table.name], self.log, OpenerOptions.of(table), on_outcome,
                             on_lane)

    def _note_lane(self, barrier: str, event: LaneEvent) -> None:
        """Have what the lane did in the log, with the arrival that it belongs to."""
        try:
            self.log.event(EventKind.LANE, f"barrier {barrier}: {event}", event.opening.camera)
        except LogError as error:
            log.warning("%s", error)

    def _sink(self, camera: CameraTable) -> CommandSink:
        barrier = self.config.barrier_of(camera)
        return self._runners[barrier.name] if barrier is not None else NoBarrier(self.log)
