"""`edge-lpr status`: how the gate does."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.service.health import GateHealth

DEGRADED, NOT_RUNNING = 1, 3
ABOUT = """\
Reads the health file of a running gate. The exit status is 0 when all is well, 1 when it is degraded, 3 when it does
not run or no longer tells.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("status", help="how the gate does", description=ABOUT)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the site whose runtime_folder is looked into")
    parser.add_argument("--runtime", type=Path, metavar="DIR", help="the runtime folder itself (/run/edge-lpr)")
    parser.add_argument("--json", action="store_true", help="the file as it is")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the state, the reasons, and a line for each part."""
    from edge_lpr.config import RUNTIME_FOLDER, load_config
    from edge_lpr.errors import EdgeLprError
    from edge_lpr.service.health import HEALTH_FILE, GateState, is_gone, read_health

    folder = args.runtime or (load_config(args.config).service.runtime_folder if args.config else RUNTIME_FOLDER)
    try:
        health = read_health(folder)
    except EdgeLprError as error:
        print(f"not running: {error}", file=sys.stderr if args.json else sys.stdout)
        return NOT_RUNNING
    has_ended = is_gone(health, time.monotonic())
    if has_ended and health.state is not GateState.STOPPED:
        print(f"not running: what it wrote at {health.written_utc} was its last: the gate has ended or hangs since",
              file=sys.stderr if args.json else sys.stdout)
    if args.json:
        print((folder / HEALTH_FILE).read_text(encoding="utf-8"), end="")
    else:
        _print(health)
    if has_ended or health.state is GateState.STOPPED:
        return NOT_RUNNING
    return DEGRADED if health.state is GateState.DEGRADED else 0


def _print(health: GateHealth) -> None:
    from edge_lpr.service.stages import NETWORKS, WORK

    print(f"{health.name}: {health.state.value} (process {health.pid}, since {health.started_utc})")
    for reason in health.reasons:
        print(f"  {reason}")
    for name, lane in health.cameras.items():
        camera, ms = lane["camera"], lane["ms"]
        work_ms = sum(ms.get(stage, 0.0) for stage in WORK)
        print(
            f"  camera {name}: {camera['state']}, {lane['fps']} fps, {work_ms:.1f} ms a frame"
            f" ({ms.get(NETWORKS, 0.0):.1f} in the networks), dropped {camera['dropped']},"
            f" reopened {camera['reopenings']}, arrivals {lane['arrivals']},"
            f" last {lane['last_read'] or '-'} {lane['last_read_utc']}".rstrip()
        )
    for name, barrier in health.barriers.items():
        held = f", held open by {barrier['held_by']}" if barrier.get("held_by") else ""
        lane = f", lane {barrier['lane']}" if barrier.get("lane") else ""
        print(f"  barrier {name}: {barrier['fault'] or 'ok'}, relay {barrier.get('relay', 'unknown')}{held}{lane},"
              f" openings {barrier['pulses']}, last {barrier['last_outcome'] or '-'}")
    for note in health.notes:
        print(f"  note: {note}")
    log = health.log
    if not log:  # it could not start yet
        return
    print(f"  log: {log['state']}, waiting {log['pending']}, lost {log['lost']}, writes {log['commits']}")
