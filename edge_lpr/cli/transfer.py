"""`edge-lpr transfer`: teach a trained network a new country from few labelled pictures."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.cli._arguments import count

if TYPE_CHECKING:
    from edge_lpr.training.transfer import TransferOptions

EXIT_STOPPED = 130
INT8_FRAMES = 300
"""Drawn pictures that set the ranges of the INT8 variant."""
INT8_PROOF = {"reader": 800, "detector": 80}
"""Drawn pictures on which the INT8 variant is compared with the float network."""
DESCRIPTION = """\
Trains a network further with the site's own labelled pictures, rehearsed with drawn plates of the new countries and of
the old ones, exports it with the figures before and after, and makes its INT8 variant. A fifth of the plates is held
out; no plate is on both sides. Rows of the labels with use=eval or use=unchecked are left out. Ctrl-C saves; --resume
goes on.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("transfer", help="teach a network a new country", description=DESCRIPTION)
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="DIR",
                        help="the network to start from, such as engines/lprnet")
    parser.add_argument("--task", choices=("reader", "detector"), default="reader")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="image,x,y,w,h,text,...; without it --countries")
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the pictures are (the folder of the labels)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="such as engines/lprnet-mycountry")
    parser.add_argument("--countries", default="", metavar="CODES", help="the new countries (those of the labels)")
    parser.add_argument("--formats", type=Path, action="append", default=[], metavar="TOML",
                        help="formats of your own: a file or a folder of them; may be given again")
    parser.add_argument("--method", choices=("all", "last", "staged"), default="all",
                        help="what learns: all layers (default); the last one alone, drawn anew; from the last to all")
    parser.add_argument("--detector", type=Path, metavar="DIR",
                        help="reader: detector that sets the plates upright, as at the gate (engines/lpdnet)")
    parser.add_argument("--samples", type=count, default=0, metavar="N", help="training samples at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=count, default=0, metavar="N", help="CPU threads (one a core)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="checkpoints and metrics (runs/transfer-NAME)")
    parser.add_argument("--no-int8", action="store_true", help="do not make the INT8 variant at the end")
    parser.add_argument("--resume", action="store_true", help="go on with the training in the work folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Teach, export and print before and after; 130 when it was stopped."""
    from edge_lpr.errors import BackendUnavailable

    for needed in ("torch", "onnx"):
        if importlib.util.find_spec(needed) is None:
            raise BackendUnavailable(f"training needs {needed}: pip install 'edge_lpr[train]'")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from edge_lpr.outputs import check_folder
    from edge_lpr.training.reader_sources import check_detector
    from edge_lpr.training.transfer import finish_card, write_report

    options = _options(args)
    check_folder(options.out)
    check_folder(options.work)
    check_detector(options.detector)
    if args.task == "reader":
        from edge_lpr.training.transfer_reader import transfer_reader as teach
    else:
        from edge_lpr.training.transfer_detector import transfer_detector as teach
    result = teach(options)
    if not result.done:
        print(f"stopped; go on with the same command and --resume (checkpoints in {options.work})")
        return EXIT_STOPPED
    command = ["edge-lpr", *sys.argv[1:]]
    finish_card(options.out, options.source, result.lines, command)
    write_report(result, options.out, command)
    print(result.table())
    for note in result.notes:
        print(note)
    if not args.no_int8:
        print(calibrated(options.out, args.task))
    print(f"{result.file}, card.json and report.md are in {options.out}")
    return 0


def calibrated(folder: Path, task: str) -> str:
    """Make the INT8 variant of the network in `folder`, beside it, on drawn pictures; what came of it, in words.

    The other network, which proves it, is the one that is in use. One that loses too much is not installed: the gate
    then runs the float network.
    """
    import tempfile

    from edge_lpr.engine_folder import engine_folder
    from edge_lpr.errors import EdgeLprError
    from edge_lpr.networks.variants import INT8_CARD
    from edge_lpr.quantise.frames import FrameRequest
    from edge_lpr.quantise.job import FOLDERS, Job, Runner

    (folder / INT8_CARD).unlink(missing_ok=True)  # of other weights
    with tempfile.TemporaryDirectory(prefix="edge-lpr-transfer-") as scratch:
        engines = Path(scratch)
        for name, place in FOLDERS.items():
            (engines / place).symlink_to((folder if name == task else engine_folder() / place).resolve())
        job = Job(task, engines, FrameRequest(count=INT8_FRAMES), proof_count=INT8_PROOF[task])
        try:
            outcome = Runner(job, logging.info).run()
        except EdgeLprError as error:
            return f"INT8: no variant: {error}"
    lost = outcome.card.quantisation["loss_points"]
    return f"INT8: {lost:+.2f} points lost against float on drawn pictures; {folder / INT8_CARD}"


def _options(args: argparse.Namespace) -> TransferOptions:
    import os

    from edge_lpr.training.transfer import TransferOptions

    return TransferOptions(
        source=args.source,
        out=args.out,
        work=args.work or Path("runs") / f"transfer-{args.out.name}",
        labels=args.labels,
        images=args.images,
        countries=tuple(code for code in args.countries.split(",") if code.strip()),
        formats=tuple(args.formats),
        method=args.method,
        detector=args.detector,
        samples=args.samples,
        seed=args.seed,
        threads=args.threads or os.cpu_count() or 1,
        resume=args.resume,
    )
