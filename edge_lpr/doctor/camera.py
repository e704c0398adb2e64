"""A camera: by what the running gate says of it, else opened and looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edge_lpr.capture.isolate import CameraProcess
from edge_lpr.capture.source import CameraSpec
from edge_lpr.doctor.finding import Finding, fail, ok, warn
from edge_lpr.records import Pixels

FEWEST_FPS = 8.0
"""A car that rolls past at 20 km/h shows its plate for about a second."""
DARK, BRIGHT, CLIPPED_SHARE = 30.0, 225.0, 0.2
BLURRED = 2.0
"""Edges in grey levels, as `look` gives them, below which nothing in a picture is sharp."""
LOOK_S, FIRST_FRAME_S = 3.0, 25.0


@dataclass(frozen=True)
class Look:
    """A picture in figures: mean grey level; share of pixels that are white; the sharpest tenth's edges in grey
    levels."""

    width: int
    height: int
    brightness: float
    clipped: float
    edges: float


def look(pixels: Pixels) -> Look:
    """The figures of a uint8 RGB picture. Edges are taken by tiles: a sky has none, and is not out of focus."""
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    strength = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (3, 3), 0), cv2.CV_32F))
    tiles = cv2.resize(strength, (24, 16), interpolation=cv2.INTER_AREA)
    return Look(width, height, float(grey.mean()), float((grey >= 250).mean()), float(np.percentile(tiles, 90)))


def picture_findings(name: str, seen: Look) -> Iterator[Finding]:
    """What is wrong with a picture."""
    size = f"{seen.width}x{seen.height}"
    if seen.brightness < DARK:
        yield warn(name, f"dark: mean grey level {seen.brightness:.0f} of 255", "more light, or a longer exposure")
    elif seen.brightness > BRIGHT or seen.clipped > CLIPPED_SHARE:
        yield warn(name, f"too bright: {seen.clipped:.0%} of it is white", "a shorter exposure; no sun into the lens")
    if seen.edges < BLURRED:
        yield warn(name, f"nothing in it is sharp (edges {seen.edges:.1f} grey levels)", "focus it, clean the lens")
    if min(seen.width, seen.height) < 400:
        yield warn(name, f"small: {size}", "ask for a larger picture: width and height in [[camera]]")
    if not (seen.brightness < DARK or seen.brightness > BRIGHT or seen.clipped > CLIPPED_SHARE or seen.edges < BLURRED):
        yield ok(name, f"{size}, mean grey level {seen.brightness:.0f}, {seen.clipped:.0%} white, edges "
                       f"{seen.edges:.1f}")


def running_findings(name: str, lane: dict[str, Any]) -> Iterator[Finding]:
    """By the health that the running gate wrote."""
    camera = lane["camera"]
    label = f"camera {name}"
    if camera["state"] == "ended":
        yield warn(label, f"a film that has ended{': ' + camera['last_error'] if camera['last_error'] else ''}",
                   "name a camera in [[camera]]")
    elif camera["state"] != "ok":
        yield fail(label, f"no frames for {camera['age_s']:.0f} s: {camera['last_error'] or 'silence'}",
                   "look at its power, cable, address and password; the gate takes it up again by itself")
    elif lane["fault"]:
        yield fail(label, f"frames come, but are not read: {lane['fault']}", "journalctl -u edge-lpr")
    else:
        yield from rate_findings(label, lane["fps"])


def rate_findings(label: str, fps: float) -> Iterator[Finding]:
    """Whether frames come often enough."""
    if fps < FEWEST_FPS:
        yield warn(label, f"{fps:.1f} frames a second", f"{FEWEST_FPS:.0f} or more read moving cars: `edge-lpr bench`"
                   " says what this machine can do; else see the camera's own settings")
    else:
        yield ok(label, f"{fps:.1f} frames a second")


def opened_findings(spec: CameraSpec) -> Iterator[Finding]:
    """Open the camera, take frames for some seconds, close it."""
    label = f"camera {spec.name}"
    with CameraProcess(spec) as camera:
        until_s = time.monotonic() + FIRST_FRAME_S
        frame = None
        while frame is None and time.monotonic() < until_s and camera.health().state.value != "ended":
            frame = camera.latest(0.5)
        if frame is None:
            yield fail(label, f"{spec.public_uri}: {camera.health().last_error or 'no frame came'}",
                       "look at its power, cable, address and password")
            return
        began_s, count = time.monotonic(), 0
        while time.monotonic() - began_s < LOOK_S and camera.health().state.value != "ended":
            newer = camera.latest(0.5)
            frame, count = newer or frame, count + (newer is not None)
        dropped = camera.health().dropped
        yield from rate_findings(label, (count + dropped) / max(time.monotonic() - began_s, 0.1))
        yield from picture_findings(f"picture {spec.name}", look(frame.pixels))
