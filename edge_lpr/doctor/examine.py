"""The whole examination, in the order in which things depend on one another."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from edge_lpr.config import RUNTIME_FOLDER, SiteConfig
from edge_lpr.doctor import host
from edge_lpr.doctor.camera import opened_findings, running_findings
from edge_lpr.doctor.finding import Finding, Level, fail, ok, warn
from edge_lpr.doctor.networks import jetson_findings, network_findings
from edge_lpr.doctor.records import LogPlace, log_findings
from edge_lpr.doctor.serial_line import serial_findings
from edge_lpr.doctor.service import health_findings, install_findings, running_health
from edge_lpr.errors import EdgeLprError
from edge_lpr.gate.list_store import ListStore
from edge_lpr.install.actions import Commands
from edge_lpr.install.places import USER, Places
from edge_lpr.service.health import GateHealth
from edge_lpr.service.site import access_options, camera_spec, load_site


def examine(path: Path) -> Iterator[Finding]:
    """Examine the gate of a site's file; findings come as they are made, which takes some seconds."""
    places = Places()
    yield from install_findings(places, Commands(places.root))
    try:
        config = load_site(path)
    except EdgeLprError as error:
        yield fail("config", str(error), "mend the file; `edge-lpr config check` says when it is good")
        yield from health_findings(running_health(RUNTIME_FOLDER))
        yield from _machine(Path("/var/lib/edge-lpr"), 64, trusted=False)
        return
    yield ok("config", str(path))
    health = running_health(config.service.runtime_folder)
    yield from health_findings(health)
    yield from _lists(config)
    yield from _cameras(config, health)
    yield from jetson_findings(config)
    yield from network_findings(config.recognition)
    yield from _barriers(config, health, USER if places.user_known else getpass.getuser())
    yield from log_findings(LogPlace(config.log.folder, config.access.time_zone,
                                     tuple(camera.name for camera in config.camera)), datetime.now(timezone.utc))
    yield from _machine(config.log.folder, config.log.disk_reserve_mb, config.access.trust_unsynced_clock)


def worst(findings: list[Finding]) -> Level:
    """The gravest level."""
    order = list(Level)
    return max((one.level for one in findings), key=order.index, default=Level.OK)


def _lists(config: SiteConfig) -> Iterator[Finding]:
    store = ListStore(access_options(config))
    store.reload()
    for fault in store.faults:
        yield fail("list", str(fault), "mend the file; the last good one holds until then")
    for double in store.duplicates:
        yield warn("list", str(double), "keep one of them")
    if not config.access.list:
        yield warn("list", "there is none: nothing opens", "add an [[access.list]]")
    elif not store.faults:
        yield ok("list", f"{', '.join(one.name for one in config.access.list)}")


def _cameras(config: SiteConfig, health: GateHealth | None) -> Iterator[Finding]:
    """By the running gate, whose the cameras are; else they are opened."""
    for camera in config.camera:
        lane = health.cameras.get(camera.name) if health is not None else None
        if lane is not None:
            yield from running_findings(camera.name, lane)
            continue
        try:
            yield from opened_findings(camera_spec(camera))
        except EdgeLprError as error:
            yield fail(f"camera {camera.name}", str(error), "see [[camera]] in the site's file")


def _barriers(config: SiteConfig, health: GateHealth | None, user: str) -> Iterator[Finding]:
    for table in config.barrier:
        port = table.port
        told = health.barriers.get(table.name, {}) if health is not None else {}
        if told.get("fault"):
            yield fail(f"barrier {table.name}", told["fault"], "look at its power and cable, then at its port below")
        if port:
            yield from serial_findings(table.name, port, user)
        elif not told.get("fault"):
            yield ok(f"barrier {table.name}", f"driver {table.driver}")


def _machine(folder: Path, reserve_mb: int, trusted: bool) -> Iterator[Finding]:
    yield from host.clock_findings(trusted)
    yield from host.disk_findings(folder, reserve_mb)
    yield from host.wear_findings()
    yield from host.heat_findings()
    yield from host.memory_findings()
