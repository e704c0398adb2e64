"""`edge-lpr calibrate detector|reader|report|check`: INT8 networks whose loss is known."""

from __future__ import annotations

import argparse
import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.cli._arguments import count
from edge_lpr.errors import BackendUnavailable, ConfigError

if TYPE_CHECKING:
    from edge_lpr.quantise.frames import FrameRequest
    from edge_lpr.quantise.job import Outcome

ABOUT = """\
Makes the INT8 variant of a network: looks at calibration frames, quantises, measures float and INT8 on the same proof
pictures, and installs the variant beside the float network (card.int8.json) when it loses no more than the bound and
is no worse than the one that is there. Without a source of frames a seeded set is drawn: no picture is needed.
"""
REPORT_ABOUT = """\
Float against INT8 on labelled pictures, by set and country, with the calibration's own figures, as report.md, JSON and
plots.
"""
CHECK_ABOUT = """\
Checks any ONNX file against the rules by which TensorRT takes Q/DQ graphs, and names the nodes that break them. Of an
INT8 network of edge_lpr its spelling for TensorRT is checked, as the engine builder gets it; --as-is checks the file.
"""


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("calibrate", help="make and prove the INT8 networks")
    commands = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    for task in ("detector", "reader"):
        one = commands.add_parser(task, help=f"make the INT8 variant of the {task}", description=ABOUT)
        _register_source(one, task)
        _register_options(one)
        one.set_defaults(run=run, task=task)
    _register_report(commands)
    check = commands.add_parser("check", help="does TensorRT take this Q/DQ graph?", description=CHECK_ABOUT)
    check.add_argument("file", type=Path, metavar="ONNX")
    check.add_argument("--tensorrt", choices=("8.6", "10"), default="8.6", help="whose rules (8.6, the strictest)")
    check.add_argument("--as-is", action="store_true", help="the file itself, not its spelling for TensorRT")
    check.add_argument("--write", type=Path, metavar="OUT", help="write the spelling for TensorRT here")
    check.set_defaults(run=run_check)


def _register_source(parser: argparse.ArgumentParser, task: str) -> None:
    source = parser.add_argument_group("calibration frames (default: drawn)").add_mutually_exclusive_group()
    source.add_argument("--pictures", metavar="DIR", help="a folder of pictures")
    source.add_argument("--video", metavar="FILE", help="a video")
    source.add_argument("--log", metavar="DIR", help="the pictures that a plate log keeps")
    source.add_argument("--from-camera", type=count, metavar="N", help="so many frames of a live camera (--camera)")
    more = parser.add_argument_group("about the frames")
    more.add_argument("--camera", metavar="URI", help="/dev/video0, rtsp://...; for --from-camera")
    more.add_argument("--hours", type=_hours, default=0.0, metavar="H",
                      help="collect a camera's frames over so many hours, spread over light (0: at once)")
    more.add_argument("--count", type=count, default=500, metavar="N", help="frames at most (500)")
    more.add_argument("--seed", type=int, default=20, help="of the drawn frames (20)")
    more.add_argument("--cache", type=Path, metavar="DIR", help="keep drawn scenes here: the next run is quicker")
    if task == "reader":
        more.add_argument("--crops", action="store_true", help="the folder's pictures are plates, not scenes")


def _register_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--photographs", type=Path, metavar="CSV",
                        help="labels.csv: its held-out use=train rows join the proof, and fit confidence and verifier")
    parser.add_argument("--method", default="", metavar="NAME", help="minmax, percentile or entropy (the best of all)")
    parser.add_argument("--bound", type=float, default=0.5, metavar="POINTS", help="of loss that is allowed (0.5)")
    parser.add_argument("--keep-float", action="append", default=[], metavar="LAYER", help="leave this layer in float")
    parser.add_argument("--proof", type=count, default=0, metavar="N", help="drawn pictures to measure on")
    parser.add_argument("--scales-from", type=Path, metavar="CACHE", help="take ranges from NVIDIA's calibration cache")
    parser.add_argument("--write-scales", type=Path, metavar="CACHE", help="write the scales as such a cache")
    parser.add_argument("--study", action="store_true",
                        help="also every method at 50, 100, 200... frames, up to --count, for the report")
    parser.add_argument("--force", action="store_true", help="install above the bound; the card says so")
    parser.add_argument("--replace", action="store_true", help="install even over a better INT8 network")


def _register_report(commands: Any) -> None:
    report = commands.add_parser("report", help="float against INT8 on labelled pictures", description=REPORT_ABOUT)
    report.add_argument("--labels", type=Path, required=True, metavar="CSV", help="image,x,y,w,h,text,region,...,use")
    report.add_argument("--images", type=Path, metavar="DIR", help="where the pictures are (the folder of the labels)")
    report.add_argument("--use", choices=("train", "eval", "all"), default="eval", help="only rows of this use (eval)")
    report.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    report.add_argument("--out", type=Path, default=Path("calibration"), metavar="DIR", help="(calibration)")
    report.set_defaults(run=run_report)


def run(args: argparse.Namespace) -> int:
    """Calibrate one network."""
    _need("onnx", "onnxruntime")
    from edge_lpr.engine_folder import engine_folder
    from edge_lpr.outputs import check_file, check_folder
    from edge_lpr.quantise.calibrate import Options
    from edge_lpr.quantise.job import Job, Runner

    if args.write_scales:
        check_file(args.write_scales)
    if args.cache:
        check_folder(args.cache)
    options = Options(args.method, args.bound, tuple(args.keep_float), study=args.study)
    job = Job(args.task, args.engines or engine_folder(), _frames(args), options, args.photographs, args.proof,
              args.force, args.replace, args.scales_from, args.write_scales)
    runner = Runner(job)
    check_folder(job.folder)
    _tell(runner.run(), job.folder)
    return 0


def _frames(args: argparse.Namespace) -> FrameRequest:
    from edge_lpr.quantise.frames import FrameRequest

    if bool(args.from_camera) != bool(args.camera):
        raise ConfigError("--from-camera N and --camera URI go together")
    crops = getattr(args, "crops", False)
    if crops and not args.pictures:
        raise ConfigError("--crops: only with --pictures DIR")
    for source, place in (("pictures", args.pictures), ("video", args.video), ("log", args.log)):
        if place and not Path(place).exists():
            raise ConfigError(f"--{source}: {place}: no such file or folder")
        if place:
            return FrameRequest(source, place, args.count, crops, seed=args.seed, cache=args.cache)
    if args.camera:
        return FrameRequest("camera", args.camera, args.from_camera, hours=args.hours, cache=args.cache)
    return FrameRequest(count=args.count, seed=args.seed, cache=args.cache)


def _tell(outcome: Outcome, folder: Path) -> None:
    """What was installed, in a few lines."""
    about, result = outcome.card.quantisation, outcome.result
    kept = ", ".join(result.kept_float) or "none but the heads"
    print(f"{folder / outcome.card.file}: {about['bytes'] / 1e6:.2f} MB, {about['integer_share']:.1%} of the"
          f" multiply-adds in INT8; in float: {kept}")
    print(f"{about['method']}, {about['frames']} frames ({about['source']}); loss {about['loss_points']:+.2f} points on"
          f" {outcome.final.plates} plates: exact {result.float_score.exact:.2%} -> {outcome.final.exact:.2%}"
          + (f", recall {result.float_score.recall:.2%} -> {outcome.final.recall:.2%}"
             if outcome.final.recall == outcome.final.recall else ""))
    print(f"{outcome.speed.ratio:.2f} times as fast on one core ({outcome.speed.first_ms:.2f} -> "
          f"{outcome.speed.second_ms:.2f} ms, in turns)")
    for note in outcome.notes:
        print(note)
    if about["forced"]:
        print(f"FORCED: the loss is above the bound of {about['bound_points']} points; 'auto' runs the float network")


def run_report(args: argparse.Namespace) -> int:
    """Measure and write the report."""
    from edge_lpr.engine_folder import engine_folder
    from edge_lpr.outputs import check_folder
    from edge_lpr.quantise.report import write_report
    from edge_lpr.training.labels import load_labels

    check_folder(args.out)
    pictures = load_labels(args.labels, args.images, args.use)
    if not pictures:
        raise ConfigError(f"{args.labels}: no picture with use={args.use}")
    path = write_report(args.engines or engine_folder(), pictures, args.out, f"{args.labels.name}, use={args.use}")
    print(path.read_text())
    return 0


def run_check(args: argparse.Namespace) -> int:
    """1 when a rule is broken."""
    _need("onnx")
    import onnx

    from edge_lpr.errors import NetworkError
    from edge_lpr.networks.tensorrt_spelling import tensorrt_spelling
    from edge_lpr.outputs import check_file, writing
    from edge_lpr.quantise.rules import violations

    if args.write:
        check_file(args.write)
    try:
        content = args.file.read_bytes()
        model = onnx.load_from_string(content)
    except OSError as error:
        raise NetworkError(f"{args.file}: {error}") from error
    except Exception as error:  # protobuf's own class
        raise NetworkError(f"{args.file}: not an ONNX file: {error}") from error
    spelled = content
    if not args.as_is and not violations(model, "10"):
        spelled = tensorrt_spelling(content)  # of what is no INT8 network of edge_lpr the file itself is judged
        model = onnx.load_from_string(spelled)
    broken = violations(model, args.tensorrt)
    for one in broken:
        print(one)
    pairs = sum(node.op_type == "QuantizeLinear" for node in model.graph.node)
    if not broken:
        print(f"{args.file}: TensorRT {args.tensorrt} takes it: {pairs} Q/DQ pairs")
    if args.write and not broken:
        with writing(args.write):
            args.write.write_bytes(spelled)
    return 1 if broken else 0


def _need(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise BackendUnavailable(f"calibration needs {package}: pip install 'edge_lpr[calibrate]'")


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not (math.isfinite(hours) and hours >= 0):
        raise argparse.ArgumentTypeError(f"{text!r}: a number of hours, 0 or more, is allowed")
    return hours
