"""`edge-lpr read`: plates of pictures and folders of pictures."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.recognition.recognise import Plate, PlateRecogniser
    from edge_lpr.records import Pixels

CROP_PX, CROP_ASPECTS = 640, (1.9, 7.0)
"""A picture no wider, and so many times as wide as high, may be one plate; photographs are 16 to 9 at most."""
DESCRIPTION = """\
Finds the plates of pictures and reads them. A folder is searched through for pictures. A picture that cannot be read
is named on the error output, the others are still read, and the exit status is 1.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("read", help="find and read the plates of pictures", description=DESCRIPTION)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a picture, or a folder of pictures")
    parser.add_argument("--crop", action="store_true", help="each picture is one plate: read it, detect nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object a picture")
    parser.add_argument("--annotate", type=Path, metavar="DIR", help="write the pictures with their plates drawn in")
    parser.add_argument("--regions", default="", metavar="CODES", help="countries to expect: cz,sk,uk,eu,us...")
    parser.add_argument("--threads", type=_threads, default=0, metavar="N", help="CPU threads (0: one a core)")
    parser.add_argument("--threshold", type=_share, metavar="S", help="lowest detection score (the model card's)")
    parser.add_argument("--tiles", choices=("off", "auto", "on"), default="off",
                        help="look again in overlapping tiles: for small plates in large pictures (off)")
    parser.add_argument("--roi", type=_region, default=(), metavar="X1,Y1,X2,Y2[,...]",
                        help="look only here: two opposite corners or a polygon, as shares 0..1 of the picture")
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--precision", choices=("auto", "float32", "int8"), default="auto",
                        help="which networks run (auto: INT8 where it is as good and faster)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read all pictures; 1 when any failed."""
    import cv2

    from edge_lpr.capture.images import list_pictures, load_picture
    from edge_lpr.errors import ImageError
    from edge_lpr.recognition.detect import DetectorOptions
    from edge_lpr.recognition.recognise import PlateRecogniser

    if args.threads:
        cv2.setNumThreads(args.threads)
    options = DetectorOptions(threshold=args.threshold, roi=args.roi, tiles=args.tiles)
    recogniser = PlateRecogniser(args.engines, [args.regions], args.threads, options=options,
                                 precision=args.precision)
    pictures = list_pictures(args.paths)
    if not pictures:
        print(f"edge-lpr: no pictures in {', '.join(map(str, args.paths))}", file=sys.stderr)
        return 1
    targets = _annotated_paths(pictures, args.annotate) if args.annotate else {}
    failed = 0
    for path in pictures:
        try:
            pixels = load_picture(path)
            started_s = time.perf_counter()
            plates = _read_one(recogniser, pixels, args.crop)
            elapsed_ms = 1000 * (time.perf_counter() - started_s)
            print(_json(path, plates, elapsed_ms) if args.json else _line(path, plates, pixels.shape), flush=True)
            if path in targets:
                _write_annotated(targets[path], pixels, plates)
        except ImageError as error:
            print(f"edge-lpr: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def _read_one(recogniser: PlateRecogniser, pixels: Pixels, is_crop: bool) -> tuple[Plate, ...]:
    """The plates of a picture; of a crop the one that fills it, its score 1."""
    import numpy as np

    from edge_lpr.recognition.recognise import Plate

    if not is_crop:
        return recogniser.plates(pixels)
    reading = recogniser.read_crop(pixels)
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    box = (0.0, 0.0, float(width), float(height))
    return (Plate(reading.text, reading.confidence, box, corners, 1.0, reading.rows, reading.region),)


def _json(path: Path, plates: Sequence[Plate], elapsed_ms: float) -> str:
    entries = [
        {
            "text": plate.text,
            "confidence": round(plate.confidence, 4),
            "box": [round(value, 1) for value in plate.box],
            "corners": [[round(float(x), 1), round(float(y), 1)] for x, y in plate.corners],
            "score": round(plate.score, 4),
            "rows": plate.rows,
            "region": plate.region,
        }
        for plate in plates
    ]
    return json.dumps({"image": str(path), "plates": entries, "ms": round(elapsed_ms, 2)})


def _line(path: Path, plates: Sequence[Plate], shape: tuple[int, ...]) -> str:
    """A line for people: the path, then each plate's text with confidence (and country). Where there is none in a small
    picture (H, W, 3) with a plate's proportions, it may be one plate."""
    none = "no plate"
    if shape[1] <= CROP_PX and CROP_ASPECTS[0] <= shape[1] / shape[0] <= CROP_ASPECTS[1]:
        none += " (of a picture that is one plate: --crop)"
    texts = [
        f"{plate.text or '?'} {plate.confidence:.1%}" + (f" {plate.region}" if plate.region else "")
        for plate in plates
    ]
    return f"{path}: " + (", ".join(texts) or none)


def _annotated_paths(pictures: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Picture -> file to write: its name as .jpg, numbered where two pictures have the same name.

    Raises ConfigError for a file that is one of the pictures.
    """
    from edge_lpr.errors import ConfigError

    originals = {path.resolve() for path in pictures}
    taken: set[str] = set()
    targets: dict[Path, Path] = {}
    for path in dict.fromkeys(pictures):
        name, number = path.stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name.lower())
        targets[path] = folder / f"{name}.jpg"
        if targets[path].resolve() in originals:
            raise ConfigError(f"{targets[path]}: would be written over, and is one of the pictures to read;"
                              " --annotate needs another folder")
    return targets


def _write_annotated(target: Path, pixels: Pixels, plates: Sequence[Plate]) -> None:
    from PIL import Image

    from edge_lpr.errors import ImageError
    from edge_lpr.recognition.annotate import annotate

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(annotate(pixels, plates)).save(target, quality=92)
    except OSError as error:
        raise ImageError(f"{target}: cannot be written: {error}") from error


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) > 256:
        raise argparse.ArgumentTypeError(f"{text!r}: 0 to 256 threads are allowed")
    return int(text)


def _share(text: str) -> float:
    value = _number(text)
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"{text!r}: between 0 and 1 is allowed")
    return value


def _number(text: str) -> float:
    """Not a number where it is none, so that no range holds it."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _region(text: str) -> tuple[tuple[float, float], ...]:
    values = [_number(part) for part in text.split(",")]
    if len(values) < 4 or len(values) % 2 or not all(0.0 <= value <= 1.0 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r}: two or more pairs x,y are allowed, each 0 to 1")
    return tuple(zip(values[::2], values[1::2], strict=True))
