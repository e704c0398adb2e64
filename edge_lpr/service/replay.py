"""A clip through the gate's own pipeline, without barrier and log; drawn into a video for people to look at."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from edge_lpr.barrier.base import Command
from edge_lpr.capture.clock import SystemClock
from edge_lpr.capture.video_writer import VideoWriter
from edge_lpr.config import CameraTable, SiteConfig
from edge_lpr.errors import ConfigError, EdgeLprError
from edge_lpr.platelog.pictures import Pictures
from edge_lpr.recognition.annotate import annotate
from edge_lpr.recognition.recognise import Plate, plate_of
from edge_lpr.records import Action, Arrival, CommandOutcome, Decision, Frame, OpticSample, Pixels, Sighting
from edge_lpr.service.daemon import Listeners, make_lane
from edge_lpr.service.lane import Lane
from edge_lpr.service.pipeline import Decided, Step
from edge_lpr.service.rules import Rules
from edge_lpr.service.sight import Networks

log = logging.getLogger(__name__)

VERDICT_S = 3.0
"""How long a decision stands in the picture."""
OPEN_COLOUR, CLOSED_COLOUR, INK = (34, 150, 60), (176, 40, 40), (255, 255, 255)
USUAL_FPS = 25.0
TURN_S = 0.1


class CountingLog:
    """In the log's place: numbers decisions, keeps nothing."""

    def __init__(self) -> None:
        self.count = 0

    def append(self, decision: Decision, pictures: Pictures | None = None, optics: OpticSample | None = None) -> int:
        """See DecisionLog."""
        self.count += 1
        return self.count

    def finish_command(self, outcome: CommandOutcome) -> None:
        """See DecisionLog."""


class NoCommands:
    """In the barrier's place."""

    def submit(self, command: Command) -> None:
        """See CommandSink."""


@dataclass(frozen=True)
class ReplayResult:
    """`frames` taken through; `fault` why the clip or the recognition failed, '' when all went well."""

    frames: int
    fault: str


def replay(config: SiteConfig, clip: Path, camera_name: str = "", listeners: Listeners | None = None,
           stop: threading.Event | None = None) -> ReplayResult:
    """Run a clip as if the camera of that name (the first one) had seen it, every frame, as fast as it goes.

    Raises ConfigError for a clip or camera that is not there, NetworkError.
    """
    if not clip.exists():
        raise ConfigError(f"{clip}: no such clip")
    camera = replace(camera_of(config, camera_name), uri=str(clip.absolute()), backend="auto", pace="fast", loop=False)
    networks = Networks(config.recognition)
    rules = Rules(config)
    for fault in rules.load().faults:
        log.warning("lists: %s", fault)
    lane = make_lane(camera, networks, rules, CountingLog(), NoCommands(), SystemClock(), listeners or Listeners())
    _run(lane, stop or threading.Event())
    health = lane.health()
    failed = f"{health.faults} frames failed" if health.faults else ""
    return ReplayResult(health.steps, health.fault or health.camera.last_error or failed)


def camera_of(config: SiteConfig, name: str) -> CameraTable:
    """The camera of that name, the first one for none. Raises ConfigError."""
    if not name:
        return config.camera[0]
    for camera in config.camera:
        if camera.name == name:
            return camera
    raise ConfigError(f"no camera {name!r}; there are: {', '.join(one.name for one in config.camera)}")


def _run(lane: Lane, stop: threading.Event) -> None:
    """Until the lane is over or `stop` is set; it has ended when this returns."""
    lane.start()
    try:
        while not stop.is_set() and not lane.join(TURN_S):
            pass
    finally:
        lane.stop()
        while not lane.join(TURN_S):
            pass


class ReplayFilm:
    """The annotated video of a clip: hand its `on_step` to `Listeners`, and close it.

    Raises ConfigError when it would be written over the clip, CameraError and BackendUnavailable as VideoWriter does.
    """

    def __init__(self, path: Path, clip: Path) -> None:
        if path.exists() and clip.exists() and path.samefile(clip):
            raise ConfigError(f"{path}: is the clip itself; the video needs a name of its own")
        self._video = VideoWriter(path, USUAL_FPS)
        self._lock = threading.Lock()
        self.fault: EdgeLprError | None = None
        """Why it cannot be written any more."""
        self._is_closed = False
        self._first: Step | None = None
        self._has_begun = False
        self._decisions: dict[str, Decision] = {}
        self._verdict: tuple[Decided, float] | None = None

    def on_step(self, step: Step) -> None:
        """Draw one frame; what goes wrong becomes the `fault`. The rate is that of the first two."""
        with self._lock:
            if self._is_closed or self.fault is not None:
                return
            try:
                self._take(step)
            except EdgeLprError as error:
                self.fault = error

    def close(self) -> None:
        """Finish the file; with a `fault` there will be none, and it is raised."""
        with self._lock, self._video:
            self._is_closed = True
            if self.fault is not None:
                raise self.fault
            if self._first is not None and not self._has_begun:
                self._draw(self._first)

    def _take(self, step: Step) -> None:
        if self._first is None:
            self._first = step
            return
        if not self._has_begun:
            self._has_begun = True
            period_s = step.frame.captured_at_s - self._first.frame.captured_at_s
            self._video.fps = 1.0 / period_s if period_s > 0 else USUAL_FPS
            self._draw(self._first)
        self._draw(step)

    def _draw(self, step: Step) -> None:
        for decided in step.decided:
            self._decisions[decided.decision.plate_read.arrival_id] = decided.decision
            self._verdict = decided, step.frame.captured_at_s + VERDICT_S
        plates = [self._plate(*pair) for pair in zip(step.sightings, step.update.matches, strict=True)]
        picture = annotate(step.frame.pixels, plates)
        if self._verdict is not None and step.frame.captured_at_s < self._verdict[1]:
            draw_verdict(picture, self._verdict[0].decision)
        self._video.write(picture)

    def _plate(self, sighting: Sighting, arrival: Arrival | None) -> Plate:
        """What is drawn of a sighting: the text of its arrival's decision, once there is one."""
        plate = plate_of(sighting)
        decision = self._decisions.get(arrival.id) if arrival is not None else None
        if decision is None:
            return plate
        return replace(plate, text=decision.plate_read.text, confidence=decision.plate_read.confidence)


def draw_verdict(picture: Pixels, decision: Decision) -> None:
    """Write a decision into a strip along the lower edge of a uint8 RGB (H, W, 3) picture, in place."""
    height, width = picture.shape[:2]
    strip_px = max(20, height // 16)
    is_open = decision.action is Action.OPEN
    verdict = "opens" if is_open else "stays closed"
    text = f"{decision.plate_read.text}: the gate {verdict} because {decision.reason.value}"
    cv2.rectangle(picture, (0, height - strip_px), (width, height), OPEN_COLOUR if is_open else CLOSED_COLOUR,
                  cv2.FILLED)
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    scale = min(strip_px / 44, 0.96 * width / max(wide, 1))
    cv2.putText(picture, text, (width // 50, height - strip_px // 3), cv2.FONT_HERSHEY_SIMPLEX, scale, INK,
                max(1, round(2 * scale)), cv2.LINE_AA)


def summary(result: ReplayResult, decided: Sequence[Decided], first_frame: Frame | None) -> list[str]:
    """The end of a replay in a few lines."""
    opened = sum(one.decision.action is Action.OPEN for one in decided)
    lines = [f"{result.frames} frames, {len(decided)} arrivals decided, {opened} openings"]
    if first_frame is not None:
        lines[0] += f", {first_frame.pixels.shape[1]}x{first_frame.pixels.shape[0]} pixels"
    return lines + ([f"stopped early: {result.fault}"] if result.fault else [])
