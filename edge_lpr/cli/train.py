"""`edge-lpr train detector|reader` and `edge-lpr export detector|reader`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import json
import logging
from pathlib import Path
from typing import Any

from edge_lpr.errors import BackendUnavailable, ConfigError

TASKS = {
    "detector": ("edge_lpr.training.train_detector", "DetectorTraining", "export_detector"),
    "reader": ("edge_lpr.training.train_reader", "ReaderTraining", "export_reader"),
}
"""Task: the module whose `train` trains it, its config record, and its export in `training.export`."""
EXIT_STOPPED = 130


def register(subparsers: Any) -> None:
    """Add the commands `train`, `export`, `fit-confidence` and `fit-verification`."""
    train = subparsers.add_parser(
        "train",
        help="train the detector or the reader",
        description="Trains a network. Ctrl-C or SIGTERM saves and ends; --resume goes on from there.",
    )
    train.add_argument("task", choices=sorted(TASKS))
    train.add_argument("--config", help="a TOML file, or the name of a shipped one (detector, detector_fine, reader)")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of checkpoints and metrics")
    train.add_argument("--resume", action="store_true", help="go on from DIR/last.pt when it is there")
    train.add_argument("--minutes", type=float, help="budget of training time over all resumed runs")
    train.add_argument("--photographs", metavar="LABELS", help="labels.csv whose use=train rows are used; '': none")
    train.add_argument("--detector", metavar="DIR", help="detector that sets the photographs' plates upright (reader)")
    train.add_argument("--start-from", metavar="CHECKPOINT", help="weights of another training to start from")
    train.set_defaults(run=_train)
    export = subparsers.add_parser("export", help="write ONNX and model card from a checkpoint")
    export.add_argument("task", choices=sorted(TASKS))
    export.add_argument("--checkpoint", type=Path, required=True, help="such as runs/reader/last.pt")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="such as engines/lprnet")
    export.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="of the card, such as threshold=0.4 or temperature=1.3; may be given several times",
    )
    export.add_argument("--blend", metavar="ONNX=SHARE",
                        help="average the weights with those of a network of the same architecture, such as"
                             " engines/lpdnet/lpdnet.onnx=0.5")
    export.add_argument("--metrics", type=Path, metavar="JSON", help="figures that the card shall carry")
    export.set_defaults(run=_export)
    _register_fits(subparsers)


def _register_fits(subparsers: Any) -> None:
    fit = subparsers.add_parser(
        "fit-confidence",
        help="fit the reader's confidence on held-out plates",
        description="Fits temperature and line of the confidence on the held-out use=train plates; writes the card.",
    )
    fit.add_argument("folder", type=Path, metavar="DIR",
                     help="the reader's folder, such as engines/lprnet, or one of the cards in it")
    fit.add_argument("--photographs", type=Path, required=True, metavar="LABELS", help="labels.csv")
    fit.add_argument("--detector", type=Path, metavar="DIR", help="detector that sets the plates upright")
    fit.set_defaults(run=_fit_confidence)
    verify = subparsers.add_parser(
        "fit-verification",
        help="fit how score and reading decide whether a detection is a plate",
        description="Fits the verifier on the held-out use=train photographs; writes the detector's card.",
    )
    verify.add_argument("engines", type=Path, metavar="DIR", help="the folder that holds lpdnet/ and lprnet/")
    verify.add_argument("--photographs", type=Path, required=True, metavar="LABELS", help="labels.csv")
    verify.add_argument("--precision", choices=("float32", "int8"), default="float32",
                        help="of both networks, and of the card that is written")
    verify.set_defaults(run=_fit_verification)


def _train(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    module_name, record, _ = TASKS[args.task]
    module = _needing_torch(module_name)
    from edge_lpr.outputs import check_folder
    from edge_lpr.settings_file import load_settings
    from edge_lpr.training.fonts import fonts_told
    from edge_lpr.training.loop import read_state

    check_folder(args.out)
    if not args.resume and (args.out / "last.pt").exists():
        raise ConfigError(f"{args.out} holds a training already: go on with --resume, or give another --out")
    config = load_settings(getattr(module, record), find_config(args.config or args.task))
    logging.getLogger(__name__).info("%s", fonts_told())
    checkpoint = module.train(_with_options(config, args), args.out, args.resume)
    state = read_state(args.out / "last.pt")
    word = "done" if state.done else "stopped"
    print(f"{word}: {state.samples} samples in {state.elapsed_s / 60:.1f} min; export {checkpoint}")
    return 0 if state.done else EXIT_STOPPED


def find_config(name: str) -> Path:
    """The file of that name, or the shipped config of that name."""
    from edge_lpr.training.shipped import find_shipped

    return find_shipped(name, ".toml")


def _with_options(config: Any, args: argparse.Namespace) -> Any:
    """The config with what the command line says otherwise."""
    if args.minutes is not None:
        if not args.minutes > 0:
            raise ConfigError(f"--minutes is {args.minutes}; it must be above 0")
        config = dataclasses.replace(config, loop=dataclasses.replace(config.loop, minutes=args.minutes))
    if args.photographs is not None:
        if args.photographs and not Path(args.photographs).is_file():
            raise ConfigError(f"--photographs: {args.photographs}: no such file; '' trains without")
        config = dataclasses.replace(config, photographs=args.photographs)
    if args.detector is not None:
        if args.task != "reader":
            raise ConfigError("--detector: only the reader's training takes one")
        config = dataclasses.replace(config, detector=args.detector)
    if args.start_from is not None:
        config = dataclasses.replace(config, start_from=args.start_from)
    return config


def _export(args: argparse.Namespace) -> int:
    from edge_lpr.outputs import check_folder

    module = _needing_torch("edge_lpr.training.export")
    check_folder(args.out)
    metrics = _figures(args.metrics) if args.metrics else {}
    parameters = dict(_parameter(text) for text in args.parameter)
    blended = _blended(args.blend) if args.blend else None
    path = getattr(module, TASKS[args.task][2])(args.checkpoint, args.out, parameters, metrics, blended)
    print(f"{path} and {args.out / 'card.json'}")
    return 0


def _parameter(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise ConfigError(f"--parameter {text!r}: must be NAME=NUMBER") from error


def _blended(text: str) -> tuple[Path, float]:
    name, _, share = text.rpartition("=")
    try:
        return Path(name), float(share)
    except ValueError as error:
        raise ConfigError(f"--blend {text!r}: must be ONNX=SHARE") from error


def _figures(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a JSON object: {error}") from error


def _needing_torch(name: str) -> Any:
    """A module that needs the `train` extra."""
    for needed in ("torch", "onnx"):
        if importlib.util.find_spec(needed) is None:
            raise BackendUnavailable(f"training needs {needed}: pip install 'edge_lpr[train]'")
    return importlib.import_module(name)


def _fit_confidence(args: argparse.Namespace) -> int:
    from edge_lpr.training.confidence import fit_confidence

    fit = fit_confidence(args.folder, args.photographs, args.detector)
    print(
        f"{args.folder}: temperature {fit.temperature:.3f}, slope {fit.slope:.3f}, shift {fit.shift:.3f}; of a"
        f" second look {fit.close_slope:.3f}, {fit.close_shift:.3f}; from"
        f" {fit.crops} crops of held-out plates, {fit.exact:.1%} exact; calibration error {fit.error_before:.3f}"
        f" before, {fit.error_after:.3f} after"
    )
    return 0


def _fit_verification(args: argparse.Namespace) -> int:
    fit = _needing_torch("edge_lpr.training.verification").fit_verification(args.engines, args.photographs,
                                                                                args.precision)
    print(
        f"{args.engines}: weights {fit.score_weight:.3f} (score), {fit.text_weight:.3f} (text),"
        f" {fit.form_weight:.3f} (form), {fit.small_weight:.3f} (small), {fit.bias:.3f};"
        f" threshold {fit.threshold:.2f}, at which {fit.kept:.1%} of {fit.plates} detected held-out plates pass;"
        f" fitted against {fit.others} other detections in {fit.negatives} negatives"
    )
    return 0
