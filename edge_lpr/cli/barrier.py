"""`edge-lpr barrier`: see, try, open and watch a barrier."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from datetime import time as clock_time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from edge_lpr.cli.run import add_config

if TYPE_CHECKING:
    from edge_lpr.barrier.health import BarrierHealth
    from edge_lpr.service.orders import Answer

FAILED = 1
WATCH_S = 0.25
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
HOLD_HELP = "hold it open for so long: 90s, 15m, 2h; or until a time of today, by the site's time zone: 17:30"
ABOUT_OPEN = """\
Opens by hand, once. Where the gate runs, it is the gate that opens: the order goes through its runtime folder, which
only root and the gate's group may write. Where none runs, this command opens by the same rules. Either way the log says
who opened and why.
"""
ABOUT_TEST = """\
Tries a barrier without the gate: connects, releases, reads relay and inputs, then opens once, after a warning. The gate
must be stopped, since it holds the serial port.
"""
WARNING = "This moves the barrier {name!r}. See that nobody and nothing is under it or beside it."


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `edge-lpr`."""
    group = subparsers.add_parser("barrier", help="see, try, open and watch a barrier")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="serial ports with their steady names, and the drivers there are")
    listing.set_defaults(run=run_list)
    opening = _command(commands, "open", run_open, "open once, or hold open", ABOUT_OPEN)
    opening.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the log")
    opening.add_argument("--hold", type=hold_time, default=0.0, metavar="TIME", help=HOLD_HELP)
    opening.add_argument("-y", "--yes", action="store_true", help="do not ask")
    releasing = _command(commands, "release", run_release, "switch the relay off, and end a hold; opens nothing")
    releasing.add_argument("--reason", default="by hand", metavar="TEXT", help="why; it stands in the log")
    state = _command(commands, "state", run_state, "the relay, the lane, the last command")
    state.add_argument("--json", action="store_true", help="all of it as JSON")
    _command(commands, "watch", run_watch, "a line whenever something changes, until Ctrl-C")
    testing = _command(commands, "test", run_test, "connect, read, and open once", ABOUT_TEST)
    testing.add_argument("--no-open", action="store_true", help="only connect and read")
    testing.add_argument("-y", "--yes", action="store_true", help="do not ask")
    bench = commands.add_parser("bench", help="measure the time from a decision to the first byte, on a virtual board")
    bench.add_argument("--count", type=int, default=50, metavar="N", help="how many openings (50)")
    bench.add_argument("--log", type=Path, metavar="DIR", help="where the log is written (a temporary folder)")
    bench.set_defaults(run=run_bench)


def _command(commands: Any, name: str, handler: Any, about: str, description: str = "") -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=description or about)
    add_config(parser)
    parser.add_argument("--barrier", default="", metavar="NAME", help="which, where the site has several")
    parser.set_defaults(run=handler)
    return parser


def run_list(args: argparse.Namespace) -> int:
    """Ports and drivers."""
    from edge_lpr.barrier import BARRIERS, DRIVERS
    from edge_lpr.barrier.ports import serial_ports

    ports = serial_ports()
    for port in ports:
        usb = f"usb {port.usb_id} serial number {port.serial_number or 'none'}" if port.usb_id else "not usb"
        print(f"{port.device:<14} {usb}  {port.description}".rstrip())
        for name in port.steady:
            print(f"{'':<14} port = \"{name}\"")
        if port.serial_number:
            print(f"{'':<14} port = \"usb:{port.serial_number}\"")
    if not ports:
        print("no serial port here")
    print(f"drivers: {', '.join((*BARRIERS, *DRIVERS))}")
    return 0


def run_open(args: argparse.Namespace) -> int:
    """Open, after a warning."""
    from edge_lpr.barrier.base import OrderKind

    config, table = _site(args)
    hold_s = hold_seconds(args.hold, config.access.time_zone)
    _confirm(args, "held open" if hold_s else "opened")
    if hold_s:  # who was asked may have taken a while to say yes
        hold_s = hold_seconds(args.hold, config.access.time_zone)
    return _order(config, table, OrderKind.HOLD if hold_s else OrderKind.OPEN, args.reason, hold_s)


def run_release(args: argparse.Namespace) -> int:
    """Release: no warning, since nothing opens."""
    from edge_lpr.barrier.base import OrderKind

    return _order(*_site(args), OrderKind.RELEASE, args.reason)


def run_state(args: argparse.Namespace) -> int:
    """What is known now; 1 when something is wrong."""
    config, table = _site(args)
    health = _health(config, table)
    if args.json:
        print(json.dumps(vars(health), indent=1))
    else:
        print(f"{table.name} ({table.driver}): {_line(health)}")
        print(f"  last command: {health.last_outcome or 'none'} {health.last_detail}".rstrip())
    return FAILED if health.fault else 0


def run_watch(args: argparse.Namespace) -> int:
    """Print changes until Ctrl-C."""
    from edge_lpr.service.by_hand import look, opened

    config, table = _site(args)
    health = look(config, table)
    if health is not None:
        last = ""
        while health is not None:
            last = _print_change(_line(health), last)
            time.sleep(WATCH_S)
            health = look(config, table)
        print("the gate has stopped")
        return 0
    with _ended_by_signals(), opened(config, table) as opener:
        last = ""
        while True:
            last = _print_change(_line(opener.health()), last)
            time.sleep(min(opener.next_turn_s, WATCH_S))
            opener.turn()


def run_test(args: argparse.Namespace) -> int:
    """Try it all, step by step."""
    from edge_lpr.barrier.base import OrderKind
    from edge_lpr.errors import BarrierError
    from edge_lpr.service.by_hand import look, opened

    config, table = _site(args)
    if look(config, table) is not None:
        raise BarrierError("the gate runs and holds the port: stop it first, or use `edge-lpr barrier open`")
    with _ended_by_signals(), opened(config, table) as opener:
        print(f"{table.name} ({table.driver}): connected and released")
        opener.turn()
        print(f"  {_line(opener.health())}")
    if args.no_open:
        return 0
    _confirm(args, "opened")
    return _order(config, table, OrderKind.OPEN, "test")


def run_bench(args: argparse.Namespace) -> int:
    """Measure, and print the figures."""
    from edge_lpr.service.barrier_bench import measure

    figures = measure(args.count, args.log)
    for name, values in figures.items():
        print(f"{name:<34} median {values.median_ms:6.2f} ms   95% {values.most_ms:6.2f} ms   longest"
              f" {values.longest_ms:6.2f} ms")
    return 0


def hold_time(text: str) -> float | clock_time:
    """A time to hold: seconds of 90s, 15m, 2h; or until 17:30."""
    try:
        if text[-1:] in _UNITS and 0 < float(text[:-1]) < math.inf:
            return float(text[:-1]) * _UNITS[text[-1]]
        return datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to hold; allowed: {HOLD_HELP}") from None


def hold_seconds(hold: float | clock_time, time_zone: str, now: datetime | None = None) -> float:
    """The seconds of a time to hold; a time of day is today's in the gate's zone, whatever the machine's is.

    Raises ConfigError where it is over.
    """
    from edge_lpr.errors import ConfigError

    if not isinstance(hold, clock_time):
        return hold
    local = (now or datetime.now(timezone.utc)).astimezone(ZoneInfo(time_zone))
    end = datetime.combine(local.date(), hold, local.tzinfo)
    left_s = end.timestamp() - local.timestamp()
    if left_s <= 0:
        raise ConfigError(f"--hold: {hold:%H:%M} is over today: it is {local:%H:%M} by the site's time zone"
                          f" {time_zone}")
    return left_s


def _site(args: argparse.Namespace) -> tuple[Any, Any]:
    """The site and the barrier that is meant."""
    from edge_lpr.service.by_hand import barrier_table
    from edge_lpr.service.site import load_site

    config = load_site(args.config)
    return config, barrier_table(config, args.barrier)


def _health(config: Any, table: Any) -> BarrierHealth:
    from edge_lpr.service.by_hand import look, opened

    health = look(config, table)
    if health is not None:
        return health
    with opened(config, table) as opener:
        opener.turn()
        return opener.health()


def _order(config: Any, table: Any, kind: Any, reason: str, hold_s: float = 0.0) -> int:
    from edge_lpr.service.by_hand import order

    with _ended_by_signals():
        answer = order(config, table, kind, reason, hold_s)
    return _print_answer(answer)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Where no gate runs this process has the relay: a terminal that is closed ends it as Ctrl-C does, released."""

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP) if threading.current_thread() is threading.main_thread() else ()
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=False):
            signal.signal(number, handler)


def _print_answer(answer: Answer) -> int:
    from edge_lpr.records import Outcome

    print(f"{answer.outcome.value}: {answer.detail}")
    return 0 if answer.outcome in (Outcome.DONE, Outcome.SENT, Outcome.DRY_RUN) else FAILED


def _confirm(args: argparse.Namespace, what: str) -> None:
    """Warn, and go on only when a person says yes."""
    from edge_lpr.errors import BarrierError

    _, table = _site(args)
    print(WARNING.format(name=table.name), file=sys.stderr)
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise BarrierError("nobody is there to say yes; --yes goes on without asking")
    print(f"Shall it be {what}? Type yes: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "yes":
        raise BarrierError("not confirmed: nothing was sent")


def _line(health: BarrierHealth) -> str:
    """A barrier in a line for people."""
    parts = [health.fault or "well", "connected" if health.connected else "not connected", f"relay {health.relay}"]
    inputs = {"loop": health.loop, "open switch": health.opened, "closed switch": health.closed}
    parts += [f"{name} {'on' if value else 'off'}" for name, value in inputs.items() if value is not None]
    parts += [f"lane {health.lane}{'' if health.armed else ', not armed'}"] if health.lane else []
    parts += [f"held open by {health.held_by}"] if health.held_by else []
    return f"{', '.join(parts)}; openings {health.pulses}"


def _print_change(line: str, last: str) -> str:
    if line != last:
        print(f"{datetime.now():%H:%M:%S} {line}", flush=True)
    return line
