"""`edge-lpr lists`: the plate lists of a gate, checked, shown and edited."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.gate.access import ListEntry

CHECK = """\
Checks plate lists as the gate reads them. What is wrong is told as FILE:LINE:COLUMN, and the exit status is 1. Told as
warnings are plates that are there twice, allowed plates that could be taken for one another, and allowed plates that
a deny list stops.
"""
COLUMNS = """\
A list is a CSV file in UTF-8, its columns parted by ; or , and named in the first line, in any order:

  plate        must be there; spaces, dashes and small letters do not matter
  holder       whose it is
  group        an [[access.group]] of the site's file, whose schedule holds; empty: at any time
  valid_from   the first day, or the moment: 2026-10-05, 05.10.2026, or either with a time: 2026-10-05 14:30
  valid_until  the last day, or the moment; both by the gate's own time zone; empty: without end
  note         anything

  plate;holder;group;valid_from;valid_until;note
  1AB 2345;J. Novak;staff;2026-01-01;2026-12-31;blue van

An empty line, and one that begins with #, says nothing. A field that holds the separator stands in double quotes.
"""
EDIT = """\
A running gate takes the change within seconds. The file is replaced as a whole; its other lines stay as they are.
"""


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `edge-lpr`."""
    group = subparsers.add_parser("lists", help="check, show and edit the lists of plates that may or may not enter",
                                  description=COLUMNS, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="find faults and doubtful entries", description=CHECK)
    check.add_argument("allow", nargs="*", type=Path, metavar="FILE", help="an allow list")
    check.add_argument("--deny", action="append", default=[], type=Path, metavar="FILE", help="a deny list")
    check.add_argument("--tolerance", type=int, choices=(0, 1, 2), default=0,
                       help="confusable characters that the allow lists tolerate (0)")
    check.add_argument("--group", action="append", metavar="NAME", help="a configured group: others are faults")
    check.add_argument("--strict", action="store_true", help="exit status 1 for warnings, too")
    check.set_defaults(run=run_check)

    show = commands.add_parser("show", help="print the entries of a list, or those of some plates")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("plates", nargs="*", metavar="PLATE")
    show.set_defaults(run=run_show)

    add = commands.add_parser("add", help="add a plate to a list", description=EDIT)
    add.add_argument("file", type=Path, metavar="FILE", help="a list; it is made where there is none")
    add.add_argument("plate", metavar="PLATE")
    for name, meaning in (("holder", "whose it is"), ("group", "group of the configuration"), ("note", "anything")):
        add.add_argument(f"--{name}", default="", help=meaning)
    add.add_argument("--from", dest="valid_from", default="", metavar="DATE", help="2026-10-05 or '2026-10-05 14:30'")
    add.add_argument("--until", dest="valid_until", default="", metavar="DATE", help="the last day, or the moment")
    add.set_defaults(run=run_add)

    remove = commands.add_parser("remove", help="remove plates from a list", description=EDIT)
    remove.add_argument("file", type=Path, metavar="FILE")
    remove.add_argument("plates", nargs="+", metavar="PLATE")
    remove.set_defaults(run=run_remove)


def run_check(args: argparse.Namespace) -> int:
    """Print faults and warnings; 1 when there is a fault (or, with --strict, a warning)."""
    from edge_lpr.gate.access import AccessList, ListKind, ListSpec
    from edge_lpr.gate.list_check import doubts
    from edge_lpr.gate.lists_file import ListFileError, read_list

    specs = [ListSpec(str(path), path, ListKind.ALLOW, args.tolerance) for path in args.allow]
    specs += [ListSpec(str(path), path, ListKind.DENY) for path in args.deny]
    if not specs:
        print("edge-lpr: name a list to check", file=sys.stderr)
        return 2
    lists, faults, warnings = [], 0, 0
    for spec in specs:
        try:
            table = read_list(spec.path, args.group)
        except ListFileError as error:
            faults += len(error.faults)
            print(f"{error}", file=sys.stderr)
            continue
        lists.append(AccessList(spec, table.entries))
        warnings += _warn(table.duplicates)
        print(f"{spec.path}: {spec.kind.value} list, entries: {len(table.entries)}")
    warnings += _warn(doubts(lists))
    print(f"faults: {faults}, warnings: {warnings}")
    return 1 if faults or (args.strict and warnings) else 0


def run_show(args: argparse.Namespace) -> int:
    """Print the entries as a table; 1 when a plate asked for is not there."""
    from edge_lpr.gate.list_edit import plate_from_user
    from edge_lpr.gate.lists_file import read_list

    entries = read_list(args.file).entries
    if not args.plates:
        _print_table(entries)
        return 0
    wanted = {plate_from_user(text) for text in args.plates}
    found = [entry for entry in entries if entry.plate in wanted]
    if found:
        _print_table(found)
    missing = sorted(wanted - {entry.plate for entry in found})
    for plate in missing:
        print(f"edge-lpr: {plate} is not in {args.file}", file=sys.stderr)
    return 1 if missing else 0


def run_add(args: argparse.Namespace) -> int:
    """Add one plate; anything that would make the list invalid is an error and changes nothing."""
    from edge_lpr.gate.list_edit import add_row

    columns = ("plate", "holder", "group", "valid_from", "valid_until", "note")
    table = add_row(args.file, {column: getattr(args, column) for column in columns})
    print(f"{args.file}: {table.entries[-1].plate} added, entries: {len(table.entries)}")
    return 0


def run_remove(args: argparse.Namespace) -> int:
    """Remove plates; 1 when one of them is not there."""
    from edge_lpr.gate.list_edit import remove_plate

    missing = 0
    for plate in args.plates:
        table, rows = remove_plate(args.file, plate)
        if rows:
            print(f"{args.file}: {plate} removed, entries: {len(table.entries)}")
        else:
            missing += 1
            print(f"edge-lpr: {plate} is not in {args.file}", file=sys.stderr)
    return 1 if missing else 0


def _warn(messages: Sequence[object]) -> int:
    for message in messages:
        print(f"{message} (warning)", file=sys.stderr)
    return len(messages)


def _print_table(entries: Sequence[ListEntry]) -> None:
    from edge_lpr.gate.list_edit import date_text

    rows = [("plate", "group", "from", "until", "holder", "note")]
    rows += [(entry.plate, entry.group, date_text(entry.valid_from), date_text(entry.valid_until, is_end=True),
              entry.holder, entry.note) for entry in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
