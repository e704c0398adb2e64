"""`edge-lpr run`: the gate."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.barrier.base import Command
    from edge_lpr.records import CommandOutcome
    from edge_lpr.service.pipeline import Decided

DEFAULT_CONFIG = "/etc/edge-lpr/site.toml"
ABOUT = """\
Runs the gate until it is stopped by SIGTERM or Ctrl-C, or until every camera was a file and has ended. SIGHUP takes
over changed lists and settings. Each arrival is printed with its decision.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("run", help="run the gate", description=ABOUT)
    add_config(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="do not print arrivals")
    parser.set_defaults(run=run)


def add_config(parser: argparse.ArgumentParser) -> None:
    """The argument --config, of every command that needs a site."""
    config = os.environ.get("EDGE_LPR_CONFIG", DEFAULT_CONFIG)
    parser.add_argument("--config", type=Path, default=Path(config), metavar="FILE", help=f"the site ({config})")


def run(args: argparse.Namespace) -> int:
    """Run the gate to its end."""
    from edge_lpr.service.daemon import Daemon, Listeners
    from edge_lpr.service.site import load_site

    config = load_site(args.config)
    logging.basicConfig(
        level=config.service.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    listeners = Listeners() if args.quiet else Listeners(on_decided=print_decided, on_outcome=print_outcome)
    daemon = Daemon(config, args.config, listeners)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.request_stop())
    signal.signal(signal.SIGHUP, lambda *_: daemon.request_reload())
    daemon.start()
    try:
        daemon.wait()
    finally:
        status = daemon.stop()
    return status


def print_decided(decided: Decided) -> None:
    """One line for an arrival: when, where, which plate, what and why."""
    decision = decided.decision
    read = decision.plate_read
    what = "OPEN  " if decision.action.value == "open" else "closed"
    rule = f" ({decision.rule})" if decision.rule else ""
    fault = f"; NOT in the log: {decided.fault}" if decided.fault else ""
    _say(
        f"{read.wall_time:%Y-%m-%d %H:%M:%S}Z  {read.camera:<8} {read.text:<10} {read.confidence:6.1%} "
        f"{read.direction.value:<11} {what} because {decision.reason.value}{rule}{fault}"
    )


def print_outcome(command: Command, outcome: CommandOutcome) -> None:
    """One line for what became of an opening."""
    plate = command.decision.plate_read.text
    _say(f"{'':<32}{plate:<10} barrier: {outcome.outcome.value}: {outcome.detail}")


def _say(line: str) -> None:
    """A line at once, as several threads speak; nobody listening is no reason to stop a gate."""
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
