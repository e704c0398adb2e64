"""`edge-lpr log`: look into the plate log, export it, erase a plate, check it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.platelog.query import LogFilter, PlateLogReader
    from edge_lpr.platelog.rows import LoggedDecision

DEFAULT_FOLDER = "/var/lib/edge-lpr/log"
_POLL_S = 0.5
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
TIME_HELP = "2025-01-31, 2025-01-31T08:00 (UTC unless it says +01:00), or so long ago: 90m, 12h, 3d"


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("log", help="the plate log: list, export, erase, verify", description=__doc__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = _command(commands, "list", run_list, "decisions, newest first", filtered=True)
    listing.add_argument("-n", "--limit", type=_count, default=50, metavar="N", help="at most so many (50)")
    listing.add_argument("--before", type=_count, metavar="ID", help="the page before this decision")
    tail = _command(commands, "tail", run_tail, "the last decisions", filtered=True)
    tail.add_argument("-n", "--limit", type=_count, default=10, metavar="N", help="begin with the last N (10)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on with those to come")
    show = _command(commands, "show", run_show, "all of one decision")
    show.add_argument("id", type=_count, help="the decision's number")
    exporting = _command(commands, "export", run_export, "decisions as CSV or JSON lines, oldest first", filtered=True)
    exporting.add_argument("--format", choices=("csv", "jsonl"), default="csv")
    exporting.add_argument("-o", "--out", type=Path, metavar="FILE", help="write here (the standard output)")
    _command(commands, "stats", run_stats, "counts and sizes", filtered=True)
    events = _command(commands, "events", run_events, "health, purges, erasures, manual actions")
    events.add_argument("--kind", default="", help="only this kind")
    erase = _command(commands, "erase", run_erase, "erase all about a plate: rows and pictures")
    erase.add_argument("plate")
    erase.add_argument("--with-damaged", action="store_true",
                       help="also delete databases set aside as damaged, and pictures whose decisions are lost")
    _command(commands, "verify", run_verify, "check the database and the pictures; 1 where something is wrong")


def _command(commands: Any, name: str, handler: Any, about: str, filtered: bool = False) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    folder = os.environ.get("EDGE_LPR_LOG", DEFAULT_FOLDER)
    parser.add_argument("--log", type=Path, default=Path(folder), metavar="DIR", help=f"the log's folder ({folder})")
    if filtered:
        parser.add_argument("--since", type=_time, metavar="TIME", help=TIME_HELP)
        parser.add_argument("--until", type=_time, metavar="TIME", help="before this time")
        parser.add_argument("--plate", default="", metavar="PATTERN", help="* any characters, ? one character")
        parser.add_argument("--decision", default="", metavar="WHAT", help="open, stay_closed, or a reason: denied...")
        parser.add_argument("--camera", default="", metavar="NAME")
    parser.set_defaults(run=handler)
    return parser


def run_list(args: argparse.Namespace) -> int:
    """A page, newest first."""
    with _reader(args) as reader:
        rows = reader.newest(_filter(args), args.limit, args.before)
    for row in rows:
        print(_line(row))
    if rows and len(rows) == args.limit:
        print(f"more: --before {rows[-1].id}", file=sys.stderr)
    return 0


def run_tail(args: argparse.Namespace) -> int:
    """The last ones, and with -f those to come until interrupted."""
    chosen = _filter(args)
    with _reader(args) as reader:
        last_id = reader.last_id()
        for row in reversed(reader.newest(chosen, args.limit, last_id + 1)):
            print(_line(row), flush=True)
        while args.follow:
            reached = reader.last_id()
            while rows := reader.after(last_id, chosen):
                for row in rows:
                    print(_line(row), flush=True)
                last_id = rows[-1].id
            last_id = max(last_id, reached)
            time.sleep(_POLL_S)
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Every field of a decision and the files of its pictures."""
    from edge_lpr.errors import LogError
    from edge_lpr.platelog.export import record_of

    with _reader(args) as reader:
        row = reader.get(args.id)
        if row is None:
            raise LogError(f"{args.log}: no decision {args.id}")
        fields = record_of(row) | {"because": row.decision.reason.value}
        fields |= {kind: str(path) for kind, path in reader.pictures_of(args.id).items()}
    for name, value in fields.items():
        if name == "alternatives" and isinstance(value, list):
            value = ", ".join(f"{text} {share:.2%}" for text, share in value)
        print(f"{name:17} {value}")
    return 0


def run_export(args: argparse.Namespace) -> int:
    """All that the filter chooses, as a stream."""
    from edge_lpr.errors import LogError
    from edge_lpr.platelog.export import export

    with _reader(args) as reader:
        rows = reader.all(_filter(args))
        if args.out is None:
            export(rows, sys.stdout, args.format)
            return 0
        try:
            with args.out.open("w", encoding="utf-8", newline="") as file:
                count = export(rows, file, args.format)
        except OSError as error:
            raise LogError(f"{args.out}: cannot be written: {error.strerror}") from error
    print(f"{count} decisions in {args.out}", file=sys.stderr)
    return 0


def run_stats(args: argparse.Namespace) -> int:
    """Counts by action, reason, outcome, camera and day, and sizes."""
    from edge_lpr.platelog.stats import log_stats

    with _reader(args) as reader:
        stats = log_stats(reader, _filter(args))
    print(f"{stats.decisions} decisions of {stats.plates} plates, mean confidence {stats.mean_confidence:.1%}")
    groups = {"action": stats.by_action, "reason": stats.by_reason, "outcome": stats.by_outcome,
              "camera": stats.by_camera, "day": stats.by_day, "event": stats.events}
    for title, counts in groups.items():
        for name, count in counts.items():
            print(f"  {title:8} {name.lower():20} {count:9}")
    print(f"database {stats.database_bytes / 1e6:.1f} MB, {stats.pictures} pictures {stats.picture_bytes / 1e6:.1f} MB")
    return 0


def run_events(args: argparse.Namespace) -> int:
    """Events, oldest first."""
    from edge_lpr.errors import LogError
    from edge_lpr.platelog.rows import EventKind

    kinds = [kind.value for kind in EventKind]
    if args.kind and args.kind not in kinds:
        raise LogError(f"no kind of event {args.kind!r}; there are: {', '.join(kinds)}")
    with _reader(args) as reader:
        last_id = 0
        while events := reader.events(EventKind(args.kind) if args.kind else None, last_id):
            for event in events:
                moment = _clock_text(event.time, event.clock_synced)
                print(f"{moment} {event.kind.value:7} {event.camera} {event.detail}")
            last_id = events[-1].id
    return 0


def run_erase(args: argparse.Namespace) -> int:
    """Erase a plate; the gate may go on meanwhile."""
    from edge_lpr.platelog.erase import erase_plate
    from edge_lpr.platelog.store import unsynced_clock

    erased = erase_plate(args.log, args.plate, unsynced_clock, args.with_damaged)
    print(f"erased {erased.decisions} decisions, {erased.pictures} pictures, mentions in {erased.mentions} decisions")
    if erased.damaged_left:
        print(f"edge-lpr: {erased.damaged_left} damaged databases set aside in {args.log / 'damaged'} may still hold "
              "the plate: --with-damaged deletes them", file=sys.stderr)
    if erased.orphans_left:
        print(f"edge-lpr: pictures of {erased.orphans_left} decisions that are lost remain, and may show the plate: "
              "--with-damaged deletes them", file=sys.stderr)
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Say what is wrong; 1 where something is."""
    from edge_lpr.platelog.verify import verify

    verified = verify(args.log)
    for problem in verified.problems:
        print(f"problem: {problem}")
    for note in verified.notes:
        print(f"note: {note}")
    print(f"{verified.decisions} decisions, {verified.pictures} pictures, {len(verified.problems)} problems")
    return 1 if verified.problems else 0


def _reader(args: argparse.Namespace) -> PlateLogReader:
    from edge_lpr.platelog.query import PlateLogReader

    return PlateLogReader(args.log)


def _filter(args: argparse.Namespace) -> LogFilter:
    """The filter of a command line; LogError for a decision that there is not, or where nothing could be meant."""
    from edge_lpr.errors import LogError
    from edge_lpr.platelog.query import LogFilter, where_of
    from edge_lpr.records import Action, Reason

    what = args.decision.lower().replace("-", "_")
    actions = {action.value: action for action in Action}
    reasons = {reason.name.lower(): reason for reason in Reason}
    if what and what not in actions | reasons:
        raise LogError(f"no decision {args.decision!r}; there are: {', '.join([*actions, *reasons])}")
    if args.since and args.until and args.since >= args.until:
        raise LogError(f"--since {args.since:%Y-%m-%dT%H:%M:%SZ} is not before --until {args.until:%Y-%m-%dT%H:%M:%SZ}")
    chosen = LogFilter(args.since, args.until, args.plate, actions.get(what), reasons.get(what), args.camera)
    where_of(chosen)  # a pattern that no plate can match is told before an export is written over
    return chosen


def _line(row: LoggedDecision) -> str:
    """A decision in a line for people; ~ before a time whose clock was not synchronised."""
    read, command = row.decision.plate_read, row.command
    outcome = "" if command is None else f" [{command.outcome.value if command.outcome else 'no outcome yet'}]"
    return (
        f"{row.id:7} {_clock_text(read.wall_time, read.clock_synced)} {read.camera:8} {read.text or '?':10} "
        f"{read.confidence:6.1%} {row.decision.action.value:11} {row.decision.reason.name.lower()}"
        f"{f' ({row.decision.rule})' if row.decision.rule else ''}{outcome}"
    )


def _clock_text(moment: datetime, is_synced: bool) -> str:
    return f"{' ' if is_synced else '~'}{moment:%Y-%m-%d %H:%M:%S}Z"


def _time(text: str) -> datetime:
    """A time of the command line as aware UTC."""
    try:
        if text[-1:] in _UNITS and text[:-1].replace(".", "", 1).isdigit():
            return datetime.now(timezone.utc) - timedelta(**{_UNITS[text[-1]]: float(text[:-1])})
        moment = datetime.fromisoformat(text.removesuffix("Z"))
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; allowed: {TIME_HELP}") from None


def _count(text: str) -> int:
    if not text.isdigit() or int(text) > 2**62:
        raise argparse.ArgumentTypeError("a number from 0 is allowed")
    return int(text)
