"""`edge-lpr demo`: the whole gate over a drawn clip of a minute, or a few drawn pictures read."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.cli._arguments import count

if TYPE_CHECKING:
    from edge_lpr.training.labels import PlateLabel
    from edge_lpr.training.sample_folder import Sample

STRENGTH = 0.4
NARROWEST_PLATE_PX = 80
"""A gate camera is hung so that a plate is at least so wide."""
ABOUT = """\
Draws a clip of a gate, a minute by day and by night, and runs the gate over it: vehicles come, leave and park, one is
banned, one is unknown, one is dirty. The barrier is a virtual relay board in a process of its own, spoken to over a
pseudo-terminal; each arrival is printed with its decision and the relay's state. Leaves the clip, the site's files, the
plate log and pictures of all arrivals. Exit status 1 when an arrival is not decided as it should be, or the relay was
not pulsed once for each opening.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("demo", help="see the gate at work over a drawn clip", description=ABOUT)
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR", help="for all files (out/demo)")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other plates (1)")
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--pictures", action="store_true", help="only draw a few gate pictures and read them")
    parser.add_argument("--count", type=count, default=8, metavar="N", help="how many pictures (8)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The gate, or only pictures."""
    from edge_lpr.outputs import check_folder

    check_folder(args.out)
    if args.pictures:
        return run_pictures(args)
    from edge_lpr.training.gate_demo import run_gate

    return run_gate(args.out, args.seed, args.engines)


def run_pictures(args: argparse.Namespace) -> int:
    """Draw, read, compare, and write the pictures with what was read."""
    from PIL import Image

    from edge_lpr.recognition.annotate import annotate
    from edge_lpr.recognition.recognise import PlateRecogniser
    from edge_lpr.training.metrics import match

    recogniser = PlateRecogniser(args.engines)
    args.out.mkdir(parents=True, exist_ok=True)
    right = total = 0
    print(f"{'picture':<12}{'plate':<12}{'read':<12}confidence")
    for number, scene in enumerate(_gate_pictures(args.seed, args.count), 1):
        name = f"gate-{number}.jpg"
        plates = recogniser.plates(scene.pixels)
        Image.fromarray(annotate(scene.pixels, plates)).save(args.out / name, quality=92)
        owners = match([label.box for label in scene.plates], [plate.box for plate in plates])
        for label, owner in zip(scene.plates, owners, strict=True):
            text, confidence = ("", 0.0) if owner is None else (plates[owner].text, plates[owner].confidence)
            print(_line(name, label, text, confidence, found=owner is not None))
            right, total = right + (text == label.text), total + 1
    print(f"{right} of {total} plates read; the pictures with what was read are in {args.out}")
    return 0


def _line(name: str, label: PlateLabel, text: str, confidence: float, found: bool) -> str:
    read = text or ("(unread)" if found else "(not found)")
    mark = "" if text == label.text else "  <- differs"
    return f"{name:<12}{label.text:<12}{read:<12}{confidence:7.1%}{mark}"


def _gate_pictures(seed: int, count: int) -> Iterator[Sample]:
    """Drawn scenes whose plates are all as large as a gate camera shows them."""
    from edge_lpr.training.plates import PlateMix
    from edge_lpr.training.sample_folder import sample_rng, scene_sample

    mix, drawn, number = PlateMix(), 0, 0
    while drawn < count:
        scene = scene_sample(sample_rng(seed, number), mix, STRENGTH)
        number += 1
        if scene.plates and min(plate.box[2] for plate in scene.plates) >= NARROWEST_PLATE_PX:
            drawn += 1
            yield scene
