"""`edge-lpr engines`: TensorRT engines of the networks on this machine, and NVIDIA's own networks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.networks.engine_key import EngineOptions
    from edge_lpr.records import Pixels

ABOUT = """\
A TensorRT engine is a network compiled for one GPU and one TensorRT. It is built from the network's ONNX file, which
takes minutes, tried against ONNX Runtime, and kept with a key of all that it was made from. The daemon with
backend = "auto" builds what is missing by itself.
"""
PRECISIONS = ("auto", "int8", "fp16", "float")
CARD_NAMES = ("lpdnet-usa", "lpdnet-ccpd", "lprnet-us", "lprnet-ch")
CROPS = 40


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `edge-lpr`."""
    group = subparsers.add_parser("engines", help="TensorRT engines, and NVIDIA's own networks", description=ABOUT)
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    build = commands.add_parser("build", help="build the engines that are missing, stale or damaged")
    build.add_argument("--again", action="store_true", help="build also what is there and good")
    build.set_defaults(run=run_build)
    listing = commands.add_parser("list", help="the engines that are there, and whether they can be used here")
    listing.set_defaults(run=run_list)
    verify = commands.add_parser("verify", help="compare engines and ONNX Runtime on pictures of plates")
    verify.add_argument("--crops", type=Path, metavar="DIR", help="a folder of plate pictures (drawn ones)")
    verify.set_defaults(run=run_verify)
    clean = commands.add_parser("clean", help="remove the engines that cannot be used here")
    clean.add_argument("--all", action="store_true", help="remove also those that can")
    clean.set_defaults(run=run_clean)
    for command in (build, listing, verify, clean):
        _add_where(command)
    for command in (build, verify):
        _add_options(command)
    bring = commands.add_parser("import", help="take over one of NVIDIA's networks (docs/jetson.md: where to get them)")
    bring.add_argument("onnx", type=Path, metavar="FILE.onnx")
    bring.add_argument("--card", required=True, choices=CARD_NAMES, help="which network it is")
    bring.add_argument("--into", required=True, type=Path, metavar="DIR", help="a folder of networks, made if need be")
    bring.add_argument("--dictionary", type=Path, metavar="FILE", help="its characters, one a line")
    bring.set_defaults(run=run_import)


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--keep-in", type=Path, metavar="DIR", help="where engines are kept (beside the networks)")
    parser.add_argument("--network", action="append", metavar="NAME", help="only this folder, such as lprnet")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="auto: the quickest that can be had")
    parser.add_argument("--size", type=_size, metavar="WxH", help="the detector's input (736x416, for 16:9 cameras)")
    parser.add_argument("--workspace", type=int, default=512, metavar="MB", help="memory for the build (512)")
    parser.add_argument("--timeout", type=float, default=3600.0, metavar="S", help="longest build in seconds (3600)")
    parser.add_argument("--dla", type=int, default=-1, metavar="N", help="use this deep-learning accelerator")


def run_build(args: argparse.Namespace) -> int:
    """Build what must be built; 1 when any fails, after trying all."""
    from edge_lpr.errors import NetworkError
    from edge_lpr.networks.engine_build import ensure_engine

    failed = 0
    for folder in _networks(args):
        show = Progress(folder.name)
        try:
            path, sidecar = ensure_engine(folder, _options(args, folder.name), show, args.again)
        except NetworkError as error:
            show.end()
            print(f"edge-lpr: {folder.name}: {error}", file=sys.stderr)
            failed += 1
            continue
        show.end()
        if sidecar is None:
            print(f"{folder.name}: {path.name} is there and good")
        else:
            worst = max(sidecar.deviation.values(), default=0.0)
            print(f"{folder.name}: {path.name}: {sidecar.key.precision}, {sidecar.plan_bytes / 1e6:.1f} MB, built in"
                  f" {sidecar.build_s:.0f} s; off ONNX Runtime by {worst:.4f} of the outputs' spread"
                  + (f" ({sidecar.notes})" if sidecar.notes else ""))
    return 1 if failed else 0


def run_list(args: argparse.Namespace) -> int:
    """List all engines; works without a GPU, too."""
    from edge_lpr.networks.engine_files import list_engines
    from edge_lpr.networks.engine_key import engine_facts

    count = 0
    for folder in _networks(args):
        for one in list_engines(_place(args, folder.name) or folder):
            count += 1
            if one.sidecar is None:
                print(f"{folder.name}: {one.path.name}: {one.fault}")
                continue
            facts = engine_facts(one.sidecar.key)
            print(f"{folder.name}: {one.path.name}: {_use(args, folder, one.path)}; {facts['precision']},"
                  f" {facts['input']}, TensorRT {facts['tensorrt']}, {facts['gpu']}, {one.sidecar.built_utc}")
    if not count:
        print("no engines; build them: edge-lpr engines build")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Outputs and texts of both, side by side; 1 when a text differs or an engine deviates too far."""
    from edge_lpr.networks.card import load_card
    from edge_lpr.recognition.engine_check import check_detector, check_reader

    differ = 0
    crops = list(_crops(args.crops))
    for folder in _networks(args):
        check = check_detector if load_card(folder).task == "detect" else check_reader
        lines, wrong = check(folder, _options(args, folder.name), crops)
        print(*(f"{folder.name}: {line}" for line in lines), sep="\n")
        differ += wrong
    return 1 if differ else 0


def run_clean(args: argparse.Namespace) -> int:
    """Remove what cannot be used on this machine."""
    from edge_lpr.networks.engine_files import list_engines, remove_engine

    for folder in _networks(args):
        for one in list_engines(_place(args, folder.name) or folder):
            use = one.fault or _use(args, folder, one.path)
            if args.all or use != "used here":
                remove_engine(one.path)
                print(f"{folder.name}: removed {one.path.name} ({use})")
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Check the file against its card, and put both into the folder."""
    from edge_lpr.networks.nvidia import ROLES, import_network

    target = import_network(args.onnx, args.card, args.into, args.dictionary)
    print(f"{target}: {args.card} is taken over")
    for name in ROLES.values():
        if not (args.into / name / "card.json").exists():
            print(f"{args.into}: {name} is missing: import NVIDIA's, or copy ours from the folder `engines`")
    print(f"use it: [recognition] engines = \"{args.into}\", or --engines {args.into}")
    return 0


def _use(args: argparse.Namespace, folder: Path, path: Path) -> str:
    """Whether an engine is the one that is used here."""
    from edge_lpr.errors import BackendUnavailable, NetworkError
    from edge_lpr.networks.engine_build import needed_engine

    try:
        needed = needed_engine(folder, _options(args, folder.name)).path
    except BackendUnavailable:
        return "no GPU here"
    except NetworkError as error:
        return str(error)
    return "used here" if needed == path else "stale: of another network, GPU, TensorRT or setting"


def _networks(args: argparse.Namespace) -> list[Path]:
    """The networks' folders that the command is for."""
    from edge_lpr.engine_folder import engine_folder
    from edge_lpr.errors import NetworkError

    place = args.engines or engine_folder()
    folders = sorted(card.parent for card in place.glob("*/card.json"))
    names = [folder.name for folder in folders]
    wanted = args.network or names
    if unknown := [name for name in wanted if name not in names]:
        raise NetworkError(f"{place}: no network {unknown[0]!r}; there are: {', '.join(names) or 'none'}")
    if not wanted:
        raise NetworkError(f"{place}: no networks here")
    return [folder for folder in folders if folder.name in wanted]


def _place(args: argparse.Namespace, name: str) -> Path | None:
    return args.keep_in / name if args.keep_in else None


def _options(args: argparse.Namespace, name: str) -> EngineOptions:
    from edge_lpr.networks.engine_key import EngineOptions

    place = _place(args, name)
    if not hasattr(args, "precision"):
        return EngineOptions(folder=place)
    return EngineOptions(args.precision, place, args.size, args.workspace, args.timeout, dla=args.dla)


def _crops(folder: Path | None) -> Iterator[Pixels]:
    """Pictures of plates: those of a folder, or drawn ones."""
    from edge_lpr.capture.images import list_pictures, load_picture

    if folder is not None:
        yield from (load_picture(path) for path in list_pictures([folder]))
        return
    import numpy as np

    from edge_lpr.recognition.plate_format import load_formats
    from edge_lpr.training.plates import draw_plate

    rng, formats = np.random.default_rng(3), load_formats()
    for at in range(CROPS):
        yield draw_plate(formats[at % len(formats)], rng, 48).pixels


class Progress:
    """What a build does: one line that is overwritten on a terminal, elsewhere a line for each news."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = ""

    def __call__(self, text: str, spent_s: float) -> None:
        line = f"{self._name}: {spent_s:4.0f} s  {text}"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}"[:200], end="", file=sys.stderr, flush=True)
        elif text != self._last:
            print(line, file=sys.stderr, flush=True)
        self._last = text

    def end(self) -> None:
        """Nothing more comes."""
        if sys.stderr.isatty() and self._last:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _size(text: str) -> tuple[int, int]:
    sides = [int(side) for side in text.split("x") if side.isdecimal()]
    if len(sides) != 2 or text.count("x") != 1 or any(side <= 0 or side % 32 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r}: WIDTHxHEIGHT, both multiples of 32, such as 736x416, is allowed")
    return sides[0], sides[1]
