"""`edge-lpr evaluate-fusion` and `edge-lpr fit-fusion`: what the evidence over an arrival's frames is worth."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.training.drives import Drive
    from edge_lpr.training.fusion import FusionFigures

ABOUT = """\
Makes short clips of the labelled photographs with text: a vehicle comes from where its plate is about 29 px wide to
where it is about 50 px wide, through blur, noise, changing exposure and compression. The plates are found and read in
every frame, and the frames' evidence is fused as the gate does it. Compared are the single frames that a system
without the truth could choose, and votes; a text is right with O taken as 0 and I as 1.
"""


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `edge-lpr`."""
    measure = subparsers.add_parser("evaluate-fusion", help="measure what several frames say together",
                                    description=ABOUT)
    measure.add_argument("--labels", type=Path, required=True, metavar="CSV", help="image,x,y,w,h,text,region,...,use")
    measure.add_argument("--use", choices=("train", "eval", "all"), default="eval", help="only rows of this use (eval)")
    measure.add_argument("--clips", type=int, default=2, metavar="N", help="clips of each plate (2)")
    measure.add_argument("--seed", type=int, default=2, help="another seed makes other clips (2)")
    measure.add_argument("--regions", default="", metavar="CODES", help="countries to expect: cz,sk,...")
    measure.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    measure.add_argument("--json", type=Path, metavar="OUT", help="write all figures here")
    measure.set_defaults(run=_evaluate)
    fit = subparsers.add_parser(
        "fit-fusion", help="fit the confidence of fused readings on held-out plates",
        description="Makes clips of the held-out use=train plates and fits what the fused confidence means; writes the"
        " reader's card. Run fit-confidence before.",
    )
    fit.add_argument("engines", type=Path, metavar="DIR", help="the folder that holds lpdnet/ and lprnet/")
    fit.add_argument("--photographs", type=Path, required=True, metavar="LABELS", help="labels.csv")
    fit.add_argument("--clips", type=int, default=3, metavar="N", help="clips of each plate (3)")
    fit.set_defaults(run=_fit)


def _evaluate(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from edge_lpr.errors import ConfigError
    from edge_lpr.gate.evidence import EvidenceOptions, Weigher
    from edge_lpr.recognition.plate_format import compile_grammar
    from edge_lpr.recognition.recognise import PlateRecogniser
    from edge_lpr.recognition.regions import parse_regions
    from edge_lpr.training.drives import drives
    from edge_lpr.training.fusion import clip_outcome, fusion_figures
    from edge_lpr.training.labels import load_labels

    if args.clips < 1:
        raise ConfigError(f"--clips is {args.clips}; at least 1")
    recogniser = PlateRecogniser(args.engines, [args.regions], second_look=False)  # as the gate reads frames
    enabled = parse_regions([args.regions]).enabled
    card = recogniser.reader.network.card
    weigher = Weigher(EvidenceOptions.of_card(card.parameters), compile_grammar(enabled) if enabled else None,
                      card.alphabet)
    pictures = load_labels(args.labels, use=args.use)
    clips = drives(pictures, recogniser, args.clips, args.seed)
    outcomes = [clip_outcome(drive, weigher) for drive in _progress(clips)]
    if not outcomes:
        raise ConfigError(f"{args.labels}: no plate of use {args.use} with a text that is wide enough to be shrunk")
    figures = fusion_figures(outcomes)
    groups = sorted({one.group for one in outcomes})
    by_group = {group: fusion_figures([one for one in outcomes if one.group == group]) for group in groups}
    print(_table({**by_group, "all": figures}))
    print(f"\nfused against the surest frame: {figures.gained} clips gained, {figures.lost} lost; fused confidence"
          f" {figures.mean_confidence:.1%} on average, calibration error {figures.calibration_error:.3f}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        told = {"all": asdict(figures), "groups": {name: asdict(one) for name, one in by_group.items()}}
        args.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0


def _progress(clips: Iterable[Drive]) -> Iterable[Drive]:
    from tqdm import tqdm

    bar: Iterable[Drive] = tqdm(clips, desc="driving", unit="clip", leave=False, disable=None)
    return bar


def _table(figures: dict[str, FusionFigures]) -> str:
    """Methods by row, sets by column."""
    lines = [f"{'':<20}" + "".join(f"{name:>14}" for name in figures)]
    lines.append(f"{'clips (plates)':<20}" + "".join(f"{f'{of.clips} ({of.plates})':>14}" for of in figures.values()))
    for method in next(iter(figures.values())).shares:
        lines.append(f"{method:<20}" + "".join(f"{of.shares[method]:>14.1%}" for of in figures.values()))
    return "\n".join(lines)


def _fit(args: argparse.Namespace) -> int:
    from edge_lpr.training.fusion import fit_fusion

    fit = fit_fusion(args.engines, args.photographs, args.clips, _progress)
    print(
        f"{args.engines}: slope {fit.slope:.3f}, shift {fit.shift:.3f}, from {fit.clips} clips of {fit.plates} held-out"
        f" plates, {fit.right:.1%} right; calibration error {fit.error_before:.3f} before, {fit.error_after:.3f} after"
    )
    return 0
