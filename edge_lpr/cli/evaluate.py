"""`edge-lpr evaluate`: how well plates are found and read, measured on labelled pictures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.outputs import check_file, check_picture, writing

if TYPE_CHECKING:
    from edge_lpr.training.evaluate import Evaluation, Recogniser
    from edge_lpr.training.labels import LabelledPicture

TASK_CHOICES = ("detect", "read", "end-to-end", "all")
DESCRIPTION = """\
Measures detection (recall at IoU 0.5, false positives per picture without plates), reading (pictures crop_*: one
plate that fills the picture) and both together (a plate counts as read when a detection with IoU of at least 0.5
carries its text). ECE is the expected calibration error of the confidence over 15 bins, for exact reads and with O=0
and I=1. Times are median / 95th percentile of a picture without decoding its file; peak memory is that of this process.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("evaluate", help="measure on labelled pictures", description=DESCRIPTION)
    parser.add_argument("--labels", type=Path, required=True, metavar="CSV", help="image,x,y,w,h,text,region,...,use")
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the pictures are (the folder of the labels)")
    parser.add_argument("--task", choices=TASK_CHOICES, default="all")
    parser.add_argument("--use", choices=("train", "eval", "all"), default="all", help="only rows of this use (all)")
    parser.add_argument("--regions", default="", metavar="CODES", help="countries to expect: cz,sk,...")
    parser.add_argument("--group", action="append", metavar="NAME", help="only this set (scene_oa-eu); repeatable")
    parser.add_argument("--threshold", type=float, metavar="S", help="lowest detection score (the model card's)")
    parser.add_argument("--sweep", action="store_true", help="also recall and false positives by threshold")
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--precision", choices=("auto", "float32", "int8", "both"), default="auto",
                        help="which networks run (auto: INT8 where it is as good and faster); both: in turn")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures here")
    parser.add_argument("--failures", type=Path, metavar="PNG", help="write a sheet of the failures here")
    parser.add_argument("--reliability", type=Path, metavar="PNG", help="draw confidence against share right here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print the table and write what was asked for."""
    from edge_lpr.errors import ConfigError
    from edge_lpr.training.labels import load_labels

    _check_outputs(args)
    pictures = load_labels(args.labels, args.images, args.use)
    if not pictures:
        raise ConfigError(f"{args.labels}: no picture with use={args.use}")
    if args.group:
        unknown = sorted(set(args.group) - {picture.group for picture in pictures})
        if unknown:
            raise ConfigError(f"{args.labels}: no set {', '.join(unknown)}")
        pictures = tuple(picture for picture in pictures if picture.group in args.group)
    if args.precision != "both":
        _evaluate(args, pictures)
        return 0
    for precision in ("float32", "int8"):
        print(f"--- {precision}")
        _evaluate(_of_precision(args, precision), pictures)
    return 0


def _check_outputs(args: argparse.Namespace) -> None:
    if args.json:
        check_file(args.json)
    for path in filter(None, (args.failures, args.reliability)):
        check_picture(path)


def _evaluate(args: argparse.Namespace, pictures: Sequence[LabelledPicture]) -> None:
    from edge_lpr.recognition.recognise import PlateRecogniser
    from edge_lpr.training.evaluate import TASKS, evaluate
    from edge_lpr.training.report import table

    def make(threads: int, threshold: float | None) -> Recogniser:
        chosen = args.threshold if threshold is None else threshold
        return PlateRecogniser(args.engines, [args.regions], threads, chosen, precision=args.precision)

    tasks = TASKS if args.task == "all" else (args.task,)
    evaluation = evaluate(pictures, tasks, make, _progress, args.sweep)
    print(table(evaluation))
    _write(evaluation, args)


def _of_precision(args: argparse.Namespace, precision: str) -> argparse.Namespace:
    """The same for one of two: each writes files of its own, figures.json becomes figures.int8.json."""
    both = {"precision": precision}
    for name in ("json", "failures", "reliability"):
        path = getattr(args, name)
        both[name] = path and path.with_name(f"{path.stem}.{precision}{path.suffix}")
    return argparse.Namespace(**{**vars(args), **both})


def _progress(pictures: Sequence[LabelledPicture], title: str) -> Iterable[LabelledPicture]:
    from tqdm import tqdm

    bar: Iterable[LabelledPicture] = tqdm(pictures, desc=title, unit="picture", leave=False, disable=None)
    return bar


def _write(evaluation: Evaluation, args: argparse.Namespace) -> None:
    from edge_lpr.training.contact_sheet import contact_sheet
    from edge_lpr.training.failures import failure_tiles
    from edge_lpr.training.outcomes import reliability
    from edge_lpr.training.report import as_json, reliability_picture

    if args.json:
        about = {"labels": str(args.labels), "use": args.use, "regions": args.regions, "threshold": args.threshold,
                 "precision": args.precision}
        with writing(args.json):
            args.json.write_text(json.dumps(as_json(evaluation, about), indent=1) + "\n")
    if args.failures:
        tiles, left_out = failure_tiles(evaluation.tasks)
        _save(contact_sheet(tiles), args.failures)
        print(f"{len(tiles)} failures in {args.failures}" + (f", {left_out} more left out" if left_out else ""))
    if args.reliability:
        read = [outcome for task, outcomes in evaluation.tasks.items() if task != "detect" for outcome in outcomes]
        _save(reliability_picture(reliability(read), "readings, O=0 and I=1"), args.reliability)


def _save(pixels: Any, path: Path) -> None:
    from PIL import Image

    with writing(path):
        Image.fromarray(pixels).save(path)
