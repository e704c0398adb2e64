"""`edge-lpr train detector|reader` and `edge-lpr export detector|reader`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import logging
from pathlib import Path
from typing import Any

from edge_lpr.errors import BackendUnavailable, ConfigError

CONFIGS = Path(__file__).resolve().parent.parent / "training" / "configs"
TASKS = {
    "detector": ("edge_lpr.training.train_detector", "DetectorTraining", "train_detector", "export_detector"),
    "reader": ("edge_lpr.training.train_reader", "ReaderTraining", "train_reader", "export_reader"),
}
"""Task: the module that trains it, its config record, its training function, and its export in `training.export`."""


def register(subparsers: Any) -> None:
    """Add the commands `train` and `export`."""
    train = subparsers.add_parser("train", help="train the detector or the reader",
                                  description="Trains a network. Ctrl-C or SIGTERM saves; --resume goes on from there.")
    train.add_argument("task", choices=sorted(TASKS))
    train.add_argument("--config", type=Path, help="TOML file; the shipped one when not given")
    train.add_argument("--out", type=Path, required=True, help="folder of checkpoints and metrics")
    train.add_argument("--resume", action="store_true", help="go on from OUT/last.pt when it is there")
    train.add_argument("--minutes", type=float, help="budget of training time over all resumed runs")
    train.add_argument("--labels", type=Path, help="labels.csv whose use=train rows are trained on too")
    train.set_defaults(run=_train)
    export = subparsers.add_parser("export", help="write ONNX and model card from a checkpoint")
    export.add_argument("task", choices=sorted(TASKS))
    export.add_argument("--checkpoint", type=Path, required=True, help="such as runs/reader/last.pt")
    export.add_argument("--out", type=Path, required=True, help="folder such as engines/lprnet")
    export.set_defaults(run=_export)


def _train(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    module = _torch_module(TASKS[args.task][0])
    from edge_lpr.training.settings import load_settings

    config = load_settings(getattr(module, TASKS[args.task][1]), args.config or CONFIGS / f"{args.task}.toml")
    if args.minutes is not None:
        if not args.minutes > 0:
            raise ConfigError(f"--minutes is {args.minutes}; it must be above 0")
        config = dataclasses.replace(config, loop=dataclasses.replace(config.loop, minutes=args.minutes))
    if args.labels is not None:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, real_labels=str(args.labels)))
    if not args.resume and (args.out / "last.pt").exists():
        raise ConfigError(f"{args.out} holds a training already; go on with --resume, or give another --out")
    trainer = getattr(module, TASKS[args.task][2])(config, args.out, args.resume)
    state = trainer.state
    print(f"{'done' if state.done else 'stopped'}: {state.samples} samples in {state.elapsed_s / 60:.1f} min, "
          f"{args.out / 'last.pt'}")
    return 0 if state.done else 130


def _export(args: argparse.Namespace) -> int:
    module = _torch_module("edge_lpr.training.export")
    path = getattr(module, TASKS[args.task][3])(args.checkpoint, args.out)
    print(f"{path} and {args.out / 'card.json'}")
    return 0


def _torch_module(name: str) -> Any:
    """A module that needs the `train` extra."""
    for needed in ("torch", "onnx"):
        if importlib.util.find_spec(needed) is None:
            raise BackendUnavailable(f"training needs {needed}: pip install 'edge_lpr[train]'")
    return importlib.import_module(name)
