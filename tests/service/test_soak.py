"""Nothing grows with the number of frames. EDGE_LPR_SOAK says how many (600); the figure to keep is 20000."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_lpr.config import SiteConfig
from edge_lpr.records import Frame
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.pipeline import Step
from tests.service.gate_cases import NOON, FakeClock, ListCamera, picture

FRAMES = int(os.environ.get("EDGE_LPR_SOAK", "600"))
ROUND = 20
GROWTH_MB = 12.0
"""Memory that allocators, SQLite's and Python's own, may still take after the first third."""


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def drive(clock: FakeClock) -> Iterator[Frame]:
    """A vehicle in each round, seen ten times, then a minute of nothing; sizes of the frames change."""
    start_s = time.monotonic()
    for index in range(FRAMES):
        turn, at = divmod(index, ROUND)
        clock.at_s = start_s + 70.0 * turn + (0.1 * at if at < 12 else 5.0 * (at - 11))
        size = (320, 240) if turn % 3 else (400, 300)
        yield Frame(picture(100 + turn % 100 if at < 10 else None, size=size), index, clock.at_s, NOON, True, "entry")


def test_memory_descriptors_and_threads_do_not_grow(make_site: Callable[..., SiteConfig]) -> None:
    clock = FakeClock()
    seen: list[tuple[float, int, int]] = []
    steps = 0

    def on_step(step: Step) -> None:
        nonlocal steps
        steps += 1
        if steps in (FRAMES // 3, FRAMES):
            seen.append((rss_mb(), len(os.listdir("/proc/self/fd")), threading.active_count()))

    daemon = Daemon(make_site(), listeners=Listeners(on_step=on_step), clock=clock,
                    open_camera=lambda spec, _: ListCamera(drive(clock)))
    daemon.start()
    daemon.wait()
    assert daemon.stop() == 0
    assert steps == FRAMES
    (early_mb, early_files, early_threads), (late_mb, late_files, late_threads) = seen
    print(f"{FRAMES} frames: {early_mb:.1f} -> {late_mb:.1f} MB, {early_files} -> {late_files} files")
    assert late_mb - early_mb < GROWTH_MB
    assert late_files <= early_files + 1 and late_threads <= early_threads + 1
    assert daemon.lanes[0].health().arrivals == FRAMES // ROUND
