"""`edge-lpr formats`: which national plate formats are known, what they allow, how they look; one of your own."""

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
ADD_DESCRIPTION = """\
Writes a format file of a few lines, for a country that is not known or for more series of one that is. In a pattern
L is a letter, D a digit, A either, other characters stand in quotes ('CD'); space, - and . are drawn and not read, @ is
an emblem; (a|b) alternatives, D{3,4} repetition, / parts two rows. The file is plain text: `edge-lpr formats preview`
shows what it draws, and docs/transfer.md explains its keys. Name its folder in EDGE_LPR_FORMATS and every command knows
the country.
"""
PREVIEW_DESCRIPTION = "A sheet of drawn plates: as they are made, and as a camera would show them to the reader."
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
    preview = commands.add_parser("preview", help="draw plates of countries", description=PREVIEW_DESCRIPTION)
    preview.add_argument("countries", nargs="+", metavar="CC")
    preview.add_argument("--out", type=Path, required=True, metavar="PNG")
    preview.add_argument("--count", type=_count, default=40, metavar="N", help="plates a country (40)")
    preview.add_argument("--seed", type=int, default=0)
    preview.set_defaults(run=run_preview)
    _register_add(commands)
    for command in (listing, show, preview):
        command.add_argument("--file", type=Path, action="append", default=[], metavar="TOML",
                             help="formats of your own: a file or a folder of them; may be given again")


def _register_add(commands: Any) -> None:
    add = commands.add_parser("add", help="write a format of your own", description=ADD_DESCRIPTION,
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    add.add_argument("country", metavar="CC", help="two letters")
    add.add_argument("--name", required=True, help="the country's name")
    add.add_argument("--pattern", action="append", required=True, metavar="PATTERN",
                     help="such as 'LLL DDD' or 'LL@ / DDDD'; may be given again, once a series")
    add.add_argument("--size", type=_size, default=(520.0, 110.0), metavar="WxH", help="in mm (520x110)")
    add.add_argument("--like", default="", metavar="CC", help="the country whose look it takes")
    add.add_argument("--ground", action="append", default=[], metavar="#RRGGBB", help="colour of the plate")
    add.add_argument("--ink", action="append", default=[], metavar="#RRGGBB", help="colour of the characters")
    add.add_argument("--letters", default="", help="the letters that occur (all)")
    add.add_argument("--out", type=Path, metavar="TOML", help="the file (CC.toml in the folder EDGE_LPR_FORMATS)")
    add.add_argument("--replace", action="store_true", help="write over a file that is there")
    add.set_defaults(run=run_add)


def run_add(args: argparse.Namespace) -> int:
    """Write the file and print what it allows."""
    import os

    import numpy as np

    from edge_lpr.errors import ConfigError
    from edge_lpr.recognition.format_files import ENVIRONMENT
    from edge_lpr.recognition.format_new import NewFormat, write_format

    folder = os.environ.get(ENVIRONMENT)
    if args.out is None and not folder:
        raise ConfigError(f"where to? give --out FILE, or name the folder of your formats in {ENVIRONMENT}")
    path = args.out or Path(str(folder)) / f"{args.country.lower()}.toml"
    new = NewFormat(args.country, args.name, tuple(args.pattern), args.size, args.like, tuple(args.ground),
                    tuple(args.ink), args.letters)
    rng = np.random.default_rng(0)
    for fmt in write_format(new, path, args.replace):
        print(describe(fmt))
        print("      " + "   ".join(sample_text(fmt, rng) for _ in range(3)))
    print(f"written: {path}; look at it: edge-lpr formats preview {args.country} --file {path} --out preview.png")
    return 0


def run_preview(args: argparse.Namespace) -> int:
    """Draw the sheet."""
    from PIL import Image

    from edge_lpr.outputs import check_picture, writing
    from edge_lpr.recognition.plate_format import formats_of
    from edge_lpr.training.contact_sheet import contact_sheet
    from edge_lpr.training.sample_folder import preview_tiles

    check_picture(args.out)
    tiles = [
        tile
        for country in args.countries
        for tile in preview_tiles(formats_of([country], args.file), args.count, args.seed)
    ]
    with writing(args.out):
        Image.fromarray(contact_sheet(tiles, columns=8, size=(180, 66))).save(args.out)
    print(f"{len(tiles)} pictures in {args.out}")
    return 0


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
    if not text.isdecimal() or int(text) > 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 0 to 1000 is allowed")
    return int(text)


def _size(text: str) -> tuple[float, float]:
    width, _, height = text.lower().partition("x")
    try:
        size = float(width), float(height)
    except ValueError:
        raise argparse.ArgumentTypeError("WIDTHxHEIGHT in millimetres, such as 520x110") from None
    if not (size[0] > 0 and size[1] > 0):
        raise argparse.ArgumentTypeError("both sides above 0")
    return size
