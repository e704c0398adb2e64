"""A gate in a process of its own that says what it has acknowledged: `gate_process.py SITE`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from edge_lpr.barrier.base import Command
from edge_lpr.records import CommandOutcome
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.pipeline import Decided
from edge_lpr.service.site import load_site


def say(line: str) -> None:
    """A whole line at once: two threads speak."""
    os.write(1, f"{line}\n".encode())


def decided(one: Decided) -> None:
    say(f"decided {one.decision_id} {one.decision.plate_read.arrival_id}")


def ended(command: Command, outcome: CommandOutcome) -> None:
    say(f"ended {outcome.decision_id} {outcome.outcome.value}")


daemon = Daemon(load_site(Path(sys.argv[1])), Path(sys.argv[1]), Listeners(decided, on_outcome=ended))
signal.signal(signal.SIGTERM, lambda *_: daemon.request_stop())
daemon.start()
daemon.wait()
sys.exit(daemon.stop())
