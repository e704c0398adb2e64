"""The tables of a site's file turned into the options of the gate's parts."""

from __future__ import annotations

import os
from pathlib import Path

from edge_lpr.barrier import HARMLESS, make_barrier
from edge_lpr.barrier.ports import same_device
from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.capture.source import CameraSpec, make_source, pick_backend
from edge_lpr.config import ArrivalsTable, CameraTable, LogTable, RecognitionTable, SiteConfig, load_config
from edge_lpr.errors import ConfigError, EdgeLprError
from edge_lpr.gate.access import AccessOptions, CameraRule, GroupRule, ListKind, ListSpec
from edge_lpr.gate.direction import DirectionOptions
from edge_lpr.gate.readiness import ReadyOptions
from edge_lpr.gate.schedule import Schedule
from edge_lpr.gate.track import TrackerOptions
from edge_lpr.gate.zones import Zone, Zones
from edge_lpr.networks import BACKENDS
from edge_lpr.networks.engine_key import EngineOptions
from edge_lpr.platelog.pictures import PictureOptions
from edge_lpr.platelog.retention import RetentionOptions
from edge_lpr.platelog.store import LogOptions
from edge_lpr.recognition.detect import DetectorOptions
from edge_lpr.recognition.letterbox import SIZE_STEP_PX
from edge_lpr.recognition.regions import parse_regions
from edge_lpr.records import Direction

MB = 1_000_000


def load_site(path: Path, folder: Path | None = None) -> SiteConfig:
    """Read and check a whole site: what the tables say must also make sense to the parts that they are for. `folder` as
    in `load_config`.

    Raises ConfigError naming the file; BackendUnavailable for a backend or driver that is not installed.
    """
    config = load_config(path, folder)
    try:
        _check(config)
    except EdgeLprError as error:
        raise type(error)(f"{path}: {error}") from error
    return config


def camera_spec(camera: CameraTable) -> CameraSpec:
    """What the capture process is told."""
    return CameraSpec(
        name=camera.name,
        uri=camera.uri,
        backend=camera.backend,
        width=camera.width,
        height=camera.height,
        fps=camera.fps,
        input_format=camera.input_format,
        vehicle_network=camera.vehicle_network,
        pace=camera.pace,
        loop=camera.loop,
        starts_at=camera.starts_at,
        retry=RetryOptions(stall_s=camera.stall_s, open_timeout_s=camera.open_timeout_s),
    )


def tracker_options(camera: CameraTable, arrivals: ArrivalsTable) -> TrackerOptions:
    """How one camera's arrivals are followed."""
    zones = {kind: tuple(Zone(one.name, one.polygon) for one in camera.zone if one.kind == kind)
             for kind in ("trigger", "ignore")}
    return TrackerOptions(
        departed_after_s=arrivals.departed_after_s,
        parked_after_s=arrivals.parked_after_s,
        parked_departed_after_s=arrivals.parked_departed_after_s,
        zones=Zones(zones["trigger"], zones["ignore"]),
        direction=DirectionOptions(way=camera.way if any(camera.way) else None),
    )


def ready_options(camera: CameraTable, config: SiteConfig) -> ReadyOptions:
    """When one camera's arrivals are decided: where an unknown direction may not open, it is waited for."""
    arrivals = config.arrivals
    return ReadyOptions(
        enough=arrivals.enough,
        frames=arrivals.enough_frames,
        very_sure=arrivals.very_sure,
        sure_frames=arrivals.very_sure_frames,
        fair=arrivals.fair,
        max_wait_s=arrivals.max_wait_s,
        give_up_s=arrivals.give_up_s,
        needs_direction=Direction.UNKNOWN not in (camera.open_directions or config.access.open_directions),
    )


def access_options(config: SiteConfig) -> AccessOptions:
    """The rules of who may enter."""
    access = config.access
    return AccessOptions(
        lists=tuple(ListSpec(one.name, one.path, ListKind(one.kind), one.tolerance, one.cameras)
                    for one in access.list),
        groups=tuple(GroupRule(one.name, one.schedule) for one in access.group),
        schedules=tuple(Schedule.parse(one.name, one.windows, one.on_holidays) for one in access.schedule),
        cameras=tuple(CameraRule(one.name, one.open_directions) for one in config.camera if one.open_directions),
        time_zone=access.time_zone,
        holidays=access.holidays,
        min_confidence=access.min_confidence,
        deny_alternative_from=access.deny_alternative_from,
        open_directions=access.open_directions,
        evidence_max_age_s=access.evidence_max_age_s,
        expires_after_s=access.expires_after_s,
        trust_unsynced_clock=access.trust_unsynced_clock,
        confusable_pairs=access.confusable_pairs,
    )


def log_options(log: LogTable, trust_unsynced_clock: bool) -> LogOptions:
    """How the plate log is kept."""
    return LogOptions(
        RetentionOptions(log.unmatched_hours, log.decision_days, log.event_days, trust_unsynced_clock),
        PictureOptions(log.picture_quota_mb * MB, log.disk_reserve_mb * MB, log.keep_frames, log.picture_quality),
    )


def detector_options(recognition: RecognitionTable, roi: tuple[tuple[float, float], ...] = ()) -> DetectorOptions:
    """How plates are looked for; `roi` a camera's."""
    return DetectorOptions(recognition.threshold, roi=roi, tiles=recognition.tiles)


def engine_options(recognition: RecognitionTable) -> EngineOptions:
    """How TensorRT engines are made and kept: by a service in its cache (`CACHE_DIRECTORY`, see systemd.exec(5)), since
    it may not write beside the networks. Raises ConfigError."""
    size = recognition.engine_size
    if size != (0, 0) and (min(size) < SIZE_STEP_PX or size[0] % SIZE_STEP_PX or size[1] % SIZE_STEP_PX):
        raise ConfigError(f"recognition: engine_size is {list(size)}; allowed: [width, height], both multiples of"
                          f" {SIZE_STEP_PX}, such as [736, 416]; [0, 0] for the usual")
    cache = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    folder = recognition.engine_folder or (Path(cache) / "engines" if cache else None)
    return EngineOptions(folder=folder, size=size if size != (0, 0) else None, dla=recognition.dla)


def _check(config: SiteConfig) -> None:
    """Make every option once, and see that they fit together; nothing is opened."""
    access_options(config)
    log_options(config.log, config.access.trust_unsynced_clock)
    parse_regions(config.recognition.regions)
    engine_options(config.recognition)
    if config.recognition.backend not in BACKENDS:
        allowed = ", ".join(sorted(BACKENDS))
        raise ConfigError(f"recognition: backend is {config.recognition.backend!r}; allowed: {allowed}")
    _check_barriers(config)
    if os.path.realpath(config.log.folder) == os.path.realpath(config.service.runtime_folder):  # each has its lock
        raise ConfigError(f"service: runtime_folder is {str(config.service.runtime_folder)!r}, the folder of the log;"
                          " allowed: one of its own")
    for camera in config.camera:
        try:
            tracker_options(camera, config.arrivals)
            detector_options(config.recognition, camera.roi)
            _check_roi(camera.roi)
            spec = camera_spec(camera)
            if spec.live and (spec.loop or spec.pace == "fast"):
                raise ConfigError("pace 'fast' and loop are for files only, not for devices and streams")
            if spec.vehicle_network and pick_backend(spec) != "jetson":
                raise ConfigError("vehicle_network is for the backend 'jetson' only")
            make_source(spec)
        except EdgeLprError as error:
            raise type(error)(f"camera {camera.name!r}: {error}") from error
        barrier = config.barrier_of(camera)
        if spec.lossless and barrier is not None and barrier.driver not in HARMLESS:
            raise ConfigError(f"camera {camera.name!r}: pace 'fast' has the file's own time: its barrier must be one of"
                              f" {', '.join(HARMLESS)}, not {barrier.driver!r}")
        if camera.starts_at is not None and not spec.lossless:
            raise ConfigError(f"camera {camera.name!r}: starts_at is for files in pace 'fast' only")


def _check_barriers(config: SiteConfig) -> None:
    """Make each once; a port is opened for one alone, so that two could never be connected at the same time."""
    ports: dict[str, str] = {}
    for table in config.barrier:
        make_barrier(table)
        device = same_device(table.port) if table.driver not in HARMLESS else ""
        if device and (other := ports.setdefault(device, table.name)) != table.name:
            raise ConfigError(f"barriers {other!r} and {table.name!r} have the same port {table.port!r}; allowed: one"
                              " of its own for each")


def _check_roi(roi: tuple[tuple[float, float], ...]) -> None:
    if not roi:
        return
    (x1, y1), (x2, y2) = roi[0], roi[-1]
    try:
        Zone("roi", roi if len(roi) > 2 else ((x1, y1), (x2, y1), (x2, y2), (x1, y2)))
    except ConfigError as error:
        raise ConfigError(f"roi is {[list(point) for point in roi]}, which has no area; allowed: two opposite corners"
                          " of a rectangle, or three points or more around an area") from error
