"""The networks: whole, and how fast here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge_lpr.config import RecognitionTable, SiteConfig
from edge_lpr.doctor.finding import Finding, fail, ok, warn
from edge_lpr.errors import EdgeLprError
from edge_lpr.networks.jetson_traps import jetson_traps
from edge_lpr.service.sight import Networks

SLOW_MS = 120.0
ROUNDS = 5


def network_findings(table: RecognitionTable) -> Iterator[Finding]:
    """Load both, which checks them against their cards, and time the detector."""
    networks = Networks(table)
    try:
        networks.warm()
    except EdgeLprError as error:
        yield fail("networks", str(error), "install edge_lpr again, then `edge-lpr install`; or mend `engines` in"
                   " [recognition]")
        return
    _, height, width = networks.detector.network.card.input.shape
    picture = np.zeros((height, width, 3), np.uint8)
    times = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        networks.detector.detect(picture)
        times.append(1e3 * (time.perf_counter() - began_s))
    best_ms = min(times)
    said = f"{networks.detector.network.card.name} and {networks.reader.network.card.name} on {table.backend}, " \
           f"{best_ms:.0f} ms to look at a frame"
    if best_ms > SLOW_MS:
        yield warn("networks", said, "that is too slow for moving cars: give the gate more cores, or a GPU backend")
    else:
        yield ok("networks", said)


def jetson_findings(config: SiteConfig, root: Path = Path("/")) -> Iterator[Finding]:
    """What goes wrong on a Jetson again and again; nothing on another machine."""
    uses_csi = any(camera.uri.lower().startswith("csi:") for camera in config.camera)
    for trap in jetson_traps(uses_csi, config.recognition.backend != "onnx", root):
        if trap.fault:
            yield warn(trap.name, f"{trap.said}: {trap.fault}", trap.advice)
        else:
            yield ok(trap.name, trap.said)
