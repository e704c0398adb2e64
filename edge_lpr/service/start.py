"""How the gate starts: as it should, or with what still works, or waiting for what it cannot do without."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_lpr.config import SiteConfig
from edge_lpr.platelog.faults import LogUnwritableError
from edge_lpr.platelog.integrity import set_newer_aside
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.housekeeping import Started
from edge_lpr.service.kept import Kept
from edge_lpr.service.notify import Notifier

log = logging.getLogger(__name__)

EXTENSION_S, EXTEND_EVERY_S = 30.0, 10.0
LONGEST_START_S = 1800.0
"""A start is not extended beyond this: building an engine for a small Jetson takes up to a quarter of an hour."""


def make_daemon(path: Path, kept: Kept, listeners: Callable[[SiteConfig], Listeners]) -> Daemon:
    """A daemon for the site of `path`, or for what `kept` has in place of what is damaged; `health` says so.

    Raises EdgeLprError for what nothing stands in for.
    """
    config, config_fault = kept.site(path)
    networks, network_fault = kept.networks(config)
    faults = [f"networks: {network_fault}"] if network_fault else []
    if kept.folder is not None:
        try:
            aside = set_newer_aside(config.log.folder)
        except (OSError, LogUnwritableError) as error:  # PlateLog finds the same, and copes with it
            log.warning("%s: %s", config.log.folder, error)
            aside = ""
        faults += [f"log: {aside}"] if aside else []
    for fault in [*([config_fault] if config_fault else []), *faults]:
        log.error("%s", fault)
    return Daemon(config, path, listeners(config), networks=networks,
                  started=Started(config_fault, tuple(faults), lambda: kept.keep_site(path)))


@contextmanager
def extended(notifier: Notifier, limit_s: float = LONGEST_START_S) -> Iterator[None]:
    """As long as what is done inside takes, within the limit, systemd is asked for more time."""
    done = threading.Event()

    def extend() -> None:
        until_s = time.monotonic() + limit_s
        while time.monotonic() < until_s:
            notifier.extend(EXTENSION_S)
            if done.wait(EXTEND_EVERY_S):
                return

    thread = threading.Thread(target=extend, name="extend start", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(1.0)
