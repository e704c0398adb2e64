"""`edge-lpr synth plates|scenes`: drawn training pictures with labels, for people to look at."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.cli._arguments import count

if TYPE_CHECKING:
    from edge_lpr.training.plates import PlateMix
    from edge_lpr.training.sample_folder import Sample

DESCRIPTION = """\
Draws what the networks are trained on: OUT/images, OUT/labels.csv (the columns that `edge-lpr evaluate` reads) and
OUT/sheet.png. The same seed gives the same pictures.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("synth", help="draw plates or whole scenes, with labels", description=DESCRIPTION)
    parser.add_argument("what", choices=("plates", "scenes"), help="the reader's crops, or the detector's pictures")
    parser.add_argument("--count", type=count, default=100, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--countries", default="", metavar="CODES", help="only plates of these: cz,sk,...")
    parser.add_argument("--strength", type=float, default=0.6, help="camera faults (0.6); 0: clean plates")
    parser.add_argument("--photographs", type=Path, metavar="CSV",
                        help="scenes: hang the plates in the use=train photographs of this label file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw, write, and say how fast the drawing was."""
    from tqdm import tqdm

    from edge_lpr.outputs import check_folder
    from edge_lpr.recognition.plate_format import formats_of
    from edge_lpr.training.evaluate import opencv_threads
    from edge_lpr.training.plates import PlateMix
    from edge_lpr.training.sample_folder import write_samples

    check_folder(args.out / "images")
    codes = [code for code in args.countries.split(",") if code]
    mix = PlateMix(tuple(dict.fromkeys(one.country for one in formats_of(codes))))
    clock = _Stopwatch()
    with opencv_threads(1):
        samples = clock.timed(_samples(args, mix))
        plates = sum(len(one.plates) for one in tqdm(write_samples(samples, args.out), total=args.count, disable=None))
    print(f"{args.count} pictures with {plates} plates in {args.out}, contact sheet {args.out / 'sheet.png'}")
    print(f"drawn at {args.count / clock.spent_s:.0f} pictures a second on one core, writing not counted")
    return 0


def _samples(args: argparse.Namespace, mix: PlateMix) -> Iterator[Sample]:
    from edge_lpr.capture.images import load_picture
    from edge_lpr.training.sample_folder import plate_sample, sample_rng, scene_sample

    sources = _sources(args.photographs) if args.photographs else []
    for number in range(args.count):
        rng = sample_rng(args.seed, number)
        if args.what == "plates":
            yield plate_sample(rng, mix, args.strength)
        elif sources:
            path, boxes = sources[rng.integers(len(sources))]
            yield scene_sample(rng, mix, args.strength, _source(load_picture(path), boxes))
        else:
            yield scene_sample(rng, mix, args.strength)


def _sources(labels: Path) -> list[tuple[Path, list[tuple[float, float, float, float]]]]:
    """The use=train photographs that show plates, with their boxes x1 y1 x2 y2."""
    from edge_lpr.errors import ConfigError
    from edge_lpr.training.labels import load_labels

    pictures = [one for one in load_labels(labels, use="train") if one.plates and not one.is_crop]
    if not pictures:
        raise ConfigError(f"{labels}: no use=train photographs with plates")
    corners = [[(x, y, x + w, y + h) for x, y, w, h in (plate.box for plate in one.plates)] for one in pictures]
    return [(one.path, boxes) for one, boxes in zip(pictures, corners, strict=True)]


def _source(pixels: Any, boxes: list[tuple[float, float, float, float]]) -> Any:
    import numpy as np

    from edge_lpr.training.scenes import SceneSource

    return SceneSource(pixels, np.array(boxes, np.float32))


class _Stopwatch:
    """Adds up the time that an iterator takes for its items, without what is done with them."""

    def __init__(self) -> None:
        self.spent_s = 1e-9

    def timed(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        while True:
            begun = time.perf_counter()
            sample = next(samples, None)
            self.spent_s += time.perf_counter() - begun
            if sample is None:
                return
            yield sample
