"""The service: installed as this release would, running, and what it says of itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edge_lpr.doctor.finding import Finding, fail, ok, warn
from edge_lpr.errors import EdgeLprError
from edge_lpr.install.actions import Commands, has_content
from edge_lpr.install.places import SERVICE, Places
from edge_lpr.install.release import current_release, version
from edge_lpr.service.health import GateHealth, GateState, is_gone, read_health

MANY_RESTARTS = 3


def running_health(folder: Path) -> GateHealth | None:
    """What the running gate says; None where none runs."""
    try:
        health = read_health(folder)
    except EdgeLprError:
        return None
    ended = health.state is GateState.STOPPED or is_gone(health, time.monotonic())
    return None if ended else health


def health_findings(health: GateHealth | None) -> Iterator[Finding]:
    """By the health file."""
    if health is None:
        yield fail("gate", "does not run", "systemctl start edge-lpr; then journalctl -u edge-lpr says why it does not")
    elif health.state is GateState.DEGRADED:
        yield warn("gate", f"degraded: {'; '.join(health.reasons)}", "each reason says what is wrong")
    else:
        yield ok("gate", f"runs since {health.started_utc} (process {health.pid})")


def install_findings(places: Places, commands: Commands) -> Iterator[Finding]:
    """Whether what is installed is this release, and starts with the machine."""
    unit = next(path for path in places.files("") if path.name == SERVICE)
    if not unit.exists():
        yield warn("service", "is not installed", "sudo edge-lpr install")
        return
    release = current_release(places.current)
    python = next((line.split("=", 1)[1].split()[0] for line in unit.read_text(encoding="utf-8").splitlines()
                   if line.startswith("ExecStart=")), sys.executable)
    stale = [path for path, content in places.files(python).items() if not has_content(path, content)]
    if not release.startswith(f"{version()}-") or stale:
        what = f"runs release {release or '(none)'}, this is {version()}" if not stale else f"{stale[0]} differs"
        yield warn("service", f"{what}: an upgrade was not finished, or the file was edited", "sudo edge-lpr install;"
                   " changes of your own belong into `systemctl edit edge-lpr`")
    else:
        yield ok("service", f"release {release} is installed")
    if not commands.has_systemd:
        return
    if not commands.says_yes("systemctl", "is-enabled", SERVICE):
        yield warn("service", "does not start with the machine", "systemctl enable edge-lpr")
    restarts = commands.said("systemctl", "show", "-P", "NRestarts", SERVICE)
    if restarts.isdigit() and int(restarts) > MANY_RESTARTS:
        yield warn("service", f"was restarted {restarts} times after a crash or a hang",
                   "journalctl -u edge-lpr -p warning shows why")
