"""`edge-lpr label`: pictures read beforehand, so that a person only corrects, the least sure first."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.cli._arguments import count

if TYPE_CHECKING:
    from edge_lpr.recognition.recognise import PlateRecogniser
    from edge_lpr.training.label_file import LabelRow

DESCRIPTION = """\
Reads every picture of DIR and writes DIR/labels.csv, the least sure reads first, with numbered sheets of the plates to
look at (labels-01.png ...). Correct the column `text` in any spreadsheet, empty it where the plate cannot be read, and
put anything into `checked` where it was right. Then run the same command again: what was checked stays and becomes
use=train, new pictures join, the rest is read anew and sorted. Only checked rows train in `edge-lpr transfer`.
Checked rows stay even while their picture is away; delete the row of a picture that is gone for good.
With --log the plate log's pictures are copied into DIR first: mind that its retention does not reach these copies.
"""
SHEET_ROWS = 60
NAMED = 10
"""So many pictures are named in one line."""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("label", help="read pictures beforehand, to be corrected", description=DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of pictures; crop_* are one plate each")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="where the labels are (DIR/labels.csv)")
    parser.add_argument("--region", type=_region, default="", metavar="CC",
                        help="country of plates whose country is not read")
    parser.add_argument("--regions", default="", metavar="CODES", help="countries to expect: cz,sk,...")
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--log", type=Path, metavar="LOGDIR", help="copy the plate log's pictures into DIR first")
    parser.add_argument("--frames", action="store_true", help="with --log: whole frames, not only the plates")
    parser.add_argument("--limit", type=count, default=1000, metavar="N", help="with --log: the newest N (1000)")
    parser.add_argument("--no-sheets", action="store_true", help="write no sheets of pictures")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, merge with what was checked, write; say how far the checking is."""
    from edge_lpr.capture.images import list_pictures
    from edge_lpr.errors import ConfigError
    from edge_lpr.recognition.recognise import PlateRecogniser
    from edge_lpr.training.label_file import load_rows, merge, tally, write_rows

    labels = args.labels or args.folder / "labels.csv"
    known = load_rows(labels)
    copied = _copy_log(args) if args.log else {}
    if not args.folder.is_dir():
        raise ConfigError(f"{args.folder}: is not a folder")
    recogniser = PlateRecogniser(args.engines, [args.regions])
    settled = {row.image for row in known if row.checked}
    found = [path for path in list_pictures([args.folder]) if not path.name.startswith("labels-")]
    names = {path: path.relative_to(args.folder).as_posix() for path in found}
    paths = [path for path in found if _can_be_written(names[path])]
    _check_place(args.folder, labels)
    fresh = list(_read_all(recogniser, [path for path in paths if names[path] not in settled], names, args.region))
    fresh = [copied.get(row.image, row) for row in fresh]
    rows = merge(known, fresh)
    if not rows:
        raise ConfigError(f"{args.folder}: no pictures")
    _tell_away(sorted({row.image for row in rows if not (args.folder / row.image).is_file()}))
    write_rows(rows, labels)
    counts = tally(rows)
    print(f"{labels}: {counts.rows} rows, {counts.checked} checked, of which {counts.corrected} corrected;"
          f" {counts.rows - counts.checked} to look at, the least sure first")
    if not args.no_sheets:
        _write_sheets(rows, args.folder)
    return 0


def _check_place(folder: Path, labels: Path) -> None:
    """The column `image` is relative to the folder of the pictures."""
    if labels.parent.resolve() != folder.resolve():
        print(f"edge-lpr: the pictures are not beside {labels}: give --images {folder} to edge-lpr transfer",
              file=sys.stderr)


def _tell_away(images: Sequence[str]) -> None:
    if images:
        names = ", ".join(images[:NAMED]) + (", ..." if len(images) > NAMED else "")
        print(f"edge-lpr: checked and kept, but {len(images)} pictures are not there now: {names};"
              " delete the rows of those that are gone for good", file=sys.stderr)


def _can_be_written(name: str) -> bool:
    """Whether a file's name is text, as it must be in the labels; told when it is not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        print(f"edge-lpr: {name!r}: passed over, as the name is not UTF-8: rename the file", file=sys.stderr)
        return False
    return True


def _read_all(
    recogniser: PlateRecogniser, paths: Sequence[Path], names: dict[Path, str], region: str
) -> Iterator[LabelRow]:
    from tqdm import tqdm

    from edge_lpr.capture.images import load_picture
    from edge_lpr.errors import ImageError
    from edge_lpr.training.label_file import LabelRow
    from edge_lpr.training.labels import CROP_PREFIX

    for path in tqdm(paths, unit="picture", disable=None):
        try:
            pixels = load_picture(path)
        except ImageError as error:
            print(f"edge-lpr: {error}", file=sys.stderr)
            continue
        name = names[path]
        if path.name.startswith(CROP_PREFIX):
            one = recogniser.read_crop(pixels)
            box = (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
            yield LabelRow(name, box, one.text, one.region or region, one.text, one.confidence)
            continue
        plates = recogniser.plates(pixels)
        for plate in plates:
            yield LabelRow(name, plate.box, plate.text, plate.region or region, plate.text, plate.confidence)
        if not plates:
            yield LabelRow(name, None, "")


def _copy_log(args: argparse.Namespace) -> dict[str, LabelRow]:
    """Copy the newest pictures of a plate log; crops come with the gate's own reading, which saw several frames."""
    import shutil

    from PIL import Image

    from edge_lpr.platelog.pictures import is_whole
    from edge_lpr.platelog.query import PlateLogReader
    from edge_lpr.training.label_file import LabelRow

    args.folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, LabelRow] = {}
    kind = "frame" if args.frames else "crop"
    with PlateLogReader(args.log) as reader:
        for decision in reader.newest(limit=args.limit):
            path = reader.pictures_of(decision.id).get(kind)
            if path is None or not is_whole(path):  # the last ones before a power cut may be half written
                continue
            name = f"crop_log_{decision.id}.jpg" if kind == "crop" else f"log_{decision.id}.jpg"
            shutil.copyfile(path, args.folder / name)
            if kind == "crop":
                read = decision.decision.plate_read
                with Image.open(path) as picture:
                    box = (0.0, 0.0, float(picture.width), float(picture.height))
                rows[name] = LabelRow(name, box, read.text, read.region or args.region, read.text, read.confidence)
    print(f"{args.log}: pictures of plates copied into {args.folder}: personal data that the log no longer looks after",
          file=sys.stderr)
    return rows


def _write_sheets(rows: Sequence[LabelRow], folder: Path) -> None:
    """The plates in the order of the rows, with their line in the file."""
    import numpy as np
    from PIL import Image

    from edge_lpr.capture.images import load_picture
    from edge_lpr.training.contact_sheet import Tile, contact_sheet
    from edge_lpr.training.label_file import order

    for old in folder.glob("labels-*.png"):
        old.unlink()
    unchecked = [row for row in sorted(rows, key=order) if not row.checked]
    pages = [unchecked[at : at + SHEET_ROWS] for at in range(0, len(unchecked), SHEET_ROWS)]
    for number, page in enumerate(pages, 1):
        tiles = []
        for line, row in enumerate(page, 2 + (number - 1) * SHEET_ROWS):
            if not (folder / row.image).is_file():
                continue
            pixels = load_picture(folder / row.image)
            if row.box is not None:
                x, y, w, h = (int(value) for value in row.box)
                part = pixels[max(0, y - h // 4) : y + h + h // 4, max(0, x - w // 8) : x + w + w // 8]
                pixels = part if part.size else pixels
            lines = (f"line {line}: {row.text or '-'}  {row.confidence:.0%}", Path(row.image).name)
            tiles.append(Tile(np.ascontiguousarray(pixels), lines))
        Image.fromarray(contact_sheet(tiles, columns=6)).save(folder / f"labels-{number:02d}.png")
    if pages:
        print(f"sheets to look at: {folder}/labels-01.png" + (f" to -{len(pages):02d}.png" if len(pages) > 1 else ""))


def _region(text: str) -> str:
    """A country's code, of one without a format too: it may be the new one."""
    from edge_lpr.recognition.grammar import country_code

    if text and not re.fullmatch(r"[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{text!r}: two letters are allowed, or with a part of the country, as US-CA")
    return country_code(text)
