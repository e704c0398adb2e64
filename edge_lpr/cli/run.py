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
    from edge_lpr.config import SiteConfig
    from edge_lpr.records import CommandOutcome
    from edge_lpr.service.daemon import Daemon, Listeners
    from edge_lpr.service.notify import Notifier
    from edge_lpr.service.pipeline import Decided

DEFAULT_CONFIG = "/etc/edge-lpr/site.toml"
ABOUT = """\
Runs the gate until it is stopped by SIGTERM or Ctrl-C, or until every camera was a file and has ended. SIGHUP takes
over changed lists and settings. Each arrival is printed with its decision; as a service of systemd, it goes to the
journal with the fields PLATE, DECISION, REASON, ARRIVAL, CAMERA and CONFIDENCE.
"""

log = logging.getLogger(__name__)


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
    """Run the gate to its end. A service that cannot start waits until it can; else that is an error."""
    import faulthandler

    from edge_lpr.errors import EdgeLprError
    from edge_lpr.service.journal import log_handler
    from edge_lpr.service.notify import Notifier
    from edge_lpr.service.waiting import Waiting

    faulthandler.enable()  # the watchdog ends a gate that hangs by SIGABRT: where it hung is then told
    handler = log_handler()
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    notifier, is_service = Notifier.from_environment(), bool(os.environ.get("STATE_DIRECTORY"))
    waiting = Waiting(args.config, notifier)
    while True:
        _handle_signals(waiting.request_stop, waiting.request_retry)
        try:
            daemon = _start(args, notifier, type(handler).__name__ == "JournalHandler")
        except EdgeLprError as error:
            if not is_service:
                raise
            if not waiting.wait(str(error)):
                return 0
        except ImportError as error:
            if not is_service:
                raise
            if not waiting.wait(f"the installation is damaged: {error}; install edge_lpr again"):
                return 0
            _begin_anew()
        else:
            return _watch(daemon, notifier)


def _start(args: argparse.Namespace, notifier: Notifier, to_journal: bool) -> Daemon:
    """The daemon at work. Raises EdgeLprError, and ImportError where the installation is damaged."""
    from edge_lpr.service.daemon import Listeners
    from edge_lpr.service.kept import Kept
    from edge_lpr.service.start import extended, make_daemon

    def listeners(config: SiteConfig) -> Listeners:
        if args.quiet or (to_journal and not config.service.journal_plates):
            return Listeners()
        return _journal_listeners() if to_journal else Listeners(on_decided=print_decided, on_outcome=print_outcome)

    with extended(notifier):
        daemon = make_daemon(args.config, Kept.from_environment(), listeners)
        logging.getLogger().setLevel(daemon.config.service.log_level.upper())
        _handle_signals(daemon.request_stop, daemon.request_reload)
        daemon.start()
    return daemon


def _watch(daemon: Daemon, notifier: Notifier) -> int:
    """To the end."""
    from edge_lpr.service.supervise import Supervisor

    try:
        daemon.wait(each=Supervisor(daemon, notifier).turn)
    finally:
        notifier.stopping()
        status = daemon.stop()
    return status


def _handle_signals(stop: Any, reload: Any) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
    signal.signal(signal.SIGHUP, lambda *_: reload())


def _begin_anew() -> None:
    """The same process with a fresh interpreter: what was imported by half is not imported again."""
    os.execv(sys.executable, [sys.executable, "-m", "edge_lpr.cli", *sys.argv[1:]])


def _journal_listeners() -> Listeners:
    from edge_lpr.service.daemon import Listeners

    return Listeners(
        on_decided=lambda one: log.info("%s", decided_line(one), extra={"fields": decided_fields(one)}),
        on_outcome=lambda command, outcome: log.info("%s", outcome_line(command, outcome),
                                                     extra={"fields": outcome_fields(command, outcome)}),
    )


def print_decided(decided: Decided) -> None:
    """One line for an arrival: when, where, which plate, what and why."""
    read = decided.decision.plate_read
    _say(f"{read.wall_time:%Y-%m-%d %H:%M:%S}Z  {decided_line(decided)}")


def print_outcome(command: Command, outcome: CommandOutcome) -> None:
    """One line for what became of an opening."""
    _say(f"{'':<32}{outcome_line(command, outcome)}")


def decided_line(decided: Decided) -> str:
    """An arrival for people, without the time."""
    decision, read = decided.decision, decided.decision.plate_read
    what = "OPEN  " if decision.action.value == "open" else "closed"
    rule = f" ({decision.rule})" if decision.rule else ""
    fault = f"; NOT in the log: {decided.fault}" if decided.fault else ""
    return (f"{read.camera:<8} {read.text:<10} {read.confidence:6.1%} {read.direction.value:<11} {what} because "
            f"{decision.reason.value}{rule}{fault}")


def outcome_line(command: Command, outcome: CommandOutcome) -> str:
    """What became of an opening, for people."""
    return f"{command.decision.plate_read.text:<10} barrier: {outcome.outcome.value}: {outcome.detail}"


def decided_fields(decided: Decided) -> dict[str, str]:
    """An arrival as fields of the journal."""
    decision, read = decided.decision, decided.decision.plate_read
    return {"PLATE": read.text, "DECISION": decision.action.value, "REASON": decision.reason.name.lower(),
            "ARRIVAL": read.arrival_id, "CAMERA": read.camera, "CONFIDENCE": f"{read.confidence:.4f}",
            "DECISION_ID": str(decided.decision_id)}


def outcome_fields(command: Command, outcome: CommandOutcome) -> dict[str, str]:
    """What became of an opening as fields of the journal."""
    read = command.decision.plate_read
    return {"PLATE": read.text, "OUTCOME": outcome.outcome.value, "ARRIVAL": read.arrival_id, "CAMERA": read.camera,
            "DECISION_ID": str(outcome.decision_id)}


def _say(line: str) -> None:
    """A line at once, as several threads speak; nobody listening, or a full disk, is no reason to stop a gate."""
    with suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
