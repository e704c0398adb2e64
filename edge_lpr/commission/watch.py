"""Watching a car: by a clip, or by a camera until one has driven through."""

from __future__ import annotations

import time
from pathlib import Path

from edge_lpr.capture.clock import SystemClock
from edge_lpr.capture.source import without_secrets
from edge_lpr.commission.passage import Watcher
from edge_lpr.config import CameraTable, SiteConfig
from edge_lpr.errors import CameraError
from edge_lpr.service.daemon import Listeners, make_lane
from edge_lpr.service.replay import CountingLog, NoCommands, camera_of, replay
from edge_lpr.service.rules import Rules
from edge_lpr.service.sight import Networks

AFTER_S = 0.5


def bare_site(uri: str) -> SiteConfig:
    """A site for a camera that has none yet."""
    return SiteConfig(camera=(CameraTable("camera", uri),))


def watch_clip(config: SiteConfig, clip: Path, camera: str = "") -> Watcher:
    """What a clip shows, every frame. Raises ConfigError, NetworkError; CameraError when it cannot be shown."""
    watcher = Watcher()
    result = replay(config, clip, camera, Listeners(watcher.on_decided, watcher.on_step))
    if not watcher.frames:
        raise CameraError(f"{clip}: {result.fault or 'no frames'}")
    return watcher


def watch_camera(config: SiteConfig, camera: str, limit_s: float) -> Watcher:
    """What a camera sees, until a vehicle has come, was decided and has gone, or the time is over.

    Raises CameraError when no frame came at all.
    """
    watcher, table = Watcher(), camera_of(config, camera)
    rules = Rules(config)
    rules.load()
    lane = make_lane(table, Networks(config.recognition), rules, CountingLog(), NoCommands(), SystemClock(),
                     Listeners(watcher.on_decided, watcher.on_step))
    lane.start()
    until_s = time.monotonic() + limit_s
    try:
        while time.monotonic() < until_s and not watcher.has_passed and not lane.join(0.2):
            pass
        if watcher.has_passed:
            lane.join(AFTER_S)
    finally:
        lane.stop()
        lane.join(3.0)
    if not watcher.frames:
        error = lane.health().camera.last_error or "no frame came"
        raise CameraError(f"camera {table.name} ({without_secrets(table.uri)}): {error}")
    return watcher
