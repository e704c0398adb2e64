"""`edge-lpr commission`: does this camera hang well?"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.cli.run import add_config

if TYPE_CHECKING:
    from edge_lpr.commission.passage import Watcher

ABOUT = """\
Watches one car drive through, by a camera of the site or by a clip, and judges what its plate looked like: width in
pixels, angle, blur, exposure, reads a second, the time to the decision. Suggests a zone, says what to change, and draws
a picture of it all. No barrier is told and nothing is logged. The exit status is 0 when the camera hangs well, else 1.
"""
LIMIT_S = 180.0


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("commission", help="judge how a camera hangs by one car", description=ABOUT)
    parser.add_argument("source", nargs="?", default="", metavar="CLIP|URI",
                        help="a video, a folder of pictures, or a camera's address (the site's camera)")
    add_config(parser)
    parser.add_argument("--camera", default="", metavar="NAME", help="which of the site's (the first one)")
    parser.add_argument("--limit", type=_seconds, default=LIMIT_S, metavar="S",
                        help=f"give up when no car has passed for so long ({LIMIT_S:.0f})")
    parser.add_argument("--out", type=Path, default=Path("commission.jpg"), metavar="FILE",
                        help="the picture (commission.jpg)")
    parser.add_argument("--json", action="store_true", help="the judgement as JSON")
    parser.set_defaults(run=run)


def _seconds(text: str) -> float:
    try:
        if 0.0 < float(text) < math.inf:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no time; a number of seconds above 0 is allowed")


def run(args: argparse.Namespace) -> int:
    """Watch, judge, draw, say."""
    from PIL import Image

    from edge_lpr.commission.picture import draw_report
    from edge_lpr.commission.verdict import judge
    from edge_lpr.errors import EdgeLprError
    from edge_lpr.outputs import check_picture, writing

    check_picture(args.out)  # before somebody drives a car through
    watcher = _watch(args)
    assert watcher.last is not None
    passage = watcher.chosen
    frame = passage.best[1] if passage is not None and passage.best else watcher.last
    report = judge(passage, watcher.fps, (frame.pixels.shape[1], frame.pixels.shape[0]))
    try:
        with writing(args.out):
            Image.fromarray(draw_report(frame.pixels, passage, report)).save(args.out, quality=90)
    except ValueError as error:
        raise EdgeLprError(f"{args.out}: cannot be written: {error}") from error
    if args.json:
        print(report.to_json())
        return int(not report.passed)
    for finding in report.findings:
        print(f"{finding.level.value:<5} {finding.name}: {finding.said}")
        if finding.advice:
            print(f"      -> {finding.advice}")
    if report.zone:
        print(f"\nA zone that holds the places where it was read, for the site's file:\n{report.zone_toml}")
    print(f"\n{'passed' if report.passed else 'failed'}; the picture is {args.out}")
    return int(not report.passed)


def _watch(args: argparse.Namespace) -> Watcher:
    """By a clip, an address, or the site's camera."""
    import sys
    from dataclasses import replace

    from edge_lpr.commission.watch import bare_site, watch_camera, watch_clip
    from edge_lpr.config import SiteConfig
    from edge_lpr.doctor.service import running_health
    from edge_lpr.errors import CameraError
    from edge_lpr.service.replay import camera_of
    from edge_lpr.service.site import load_site

    has_site = args.config.exists() or not args.source
    config: SiteConfig = load_site(args.config) if has_site else bare_site(args.source)
    table = camera_of(config, args.camera)
    if args.source and Path(args.source).exists() and not args.source.startswith("/dev/"):
        return watch_clip(config, Path(args.source), args.camera)
    if args.source:
        table = replace(table, uri=args.source)
        config = replace(config, camera=tuple(table if one.name == table.name else one for one in config.camera))
    if table.uri.startswith("/dev/") and running_health(config.service.runtime_folder) is not None:
        raise CameraError(f"{table.uri} is the running gate's: systemctl stop edge-lpr, and start it afterwards")
    print("let a car drive through now", file=sys.stderr)
    return watch_camera(config, table.name, args.limit)
