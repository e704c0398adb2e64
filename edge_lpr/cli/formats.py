"""`edge-lpr formats`: which national plate formats are known, and what they allow."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

    from edge_lpr.recognition.plate_format import PlateFormat

LIST_DESCRIPTION = "One line a country: its code, how many series (in two rows, of all), its weight in synthesis."
SHOW_DESCRIPTION = """\
The series of countries: pattern, size, period and sample plates. In a sample, - and . are drawn and not read, @ is
an emblem or seal, ^XY are small stacked letters that are not read, / parts the rows of a two-row plate.
"""
DRAWN = {"gap": " ", "dash": "-", "dot": ".", "emblem": "@"}


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("formats", help="list and show national plate formats")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="the countries", description=LIST_DESCRIPTION)
    listing.add_argument("countries", nargs="*", metavar="CC", help="only these countries")
    listing.set_defaults(run=run_list)
    show = commands.add_parser("show", help="the series of countries, with samples", description=SHOW_DESCRIPTION)
    show.add_argument("countries", nargs="+", metavar="CC", help="two-letter codes: de gb us ...")
    show.add_argument("--samples", type=_count, default=3, metavar="N", help="sample plates a series (3)")
    show.add_argument("--seed", type=int, default=0, help="seed of the samples (0)")
    show.set_defaults(run=run_show)
    for command in (listing, show):
        command.add_argument("--file", type=Path, action="append", default=[], metavar="TOML",
                             help="formats of your own: a file or a folder of them; may be given again")


def run_list(args: argparse.Namespace) -> int:
    """Print one line a country."""
    from edge_lpr.recognition.plate_format import formats_of, load_formats

    formats = formats_of(args.countries, args.file) if args.countries else load_formats(args.file)
    total = sum(fmt.weight for fmt in load_formats(args.file)) or 1.0
    print("code  country                    series  two-row  share")
    for code in sorted({fmt.country for fmt in formats}):
        series = [fmt for fmt in formats if fmt.country == code]
        two_row = sum(len(fmt.rows) == 2 for fmt in series)
        share = 100 * sum(fmt.weight for fmt in series) / total
        print(f"{code:<6}{series[0].country_name:<27}{len(series):>6}{two_row:>9}{share:>6.1f}%")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print the series of the countries."""
    import numpy as np

    from edge_lpr.recognition.plate_format import formats_of

    rng = np.random.default_rng(args.seed)
    last = ""
    for fmt in formats_of(args.countries, args.file):
        if fmt.country != last:
            print(f"{fmt.country} {fmt.country_name}")
            last = fmt.country
        print(describe(fmt))
        print("      " + "   ".join(sample_text(fmt, rng) for _ in range(args.samples)))
    return 0


def describe(fmt: PlateFormat) -> str:
    """Id, name, patterns and size of a series, in two lines."""
    width, height = fmt.size_mm
    notes = [f"{width:g} x {height:g} mm", fmt.vehicle, fmt.period, "" if fmt.read else "only drawn"]
    rows = "  /  ".join(row if len(row) <= 100 else row[:97] + "..." for row in fmt.rows)
    return f"  {fmt.id}: {fmt.name} ({', '.join(note for note in notes if note)})\n      {rows}"


def sample_text(fmt: PlateFormat, rng: Generator) -> str:
    """A sample plate as text, with its marks."""
    from edge_lpr.recognition.plate_format import sample_rows

    shown = []
    for row in sample_rows(fmt, rng):
        marks = (f"^{mark.value}" if mark.kind == "small" else mark.value or DRAWN[mark.kind] for mark in row)
        shown.append("".join(marks).strip())
    return " / ".join(shown)


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= 1000:
        raise argparse.ArgumentTypeError("a number of samples from 0 to 1000")
    return count
