"""`edge-lpr replay`: a clip through the gate's pipeline, without barrier and log."""

from __future__ import annotations

import argparse
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lpr.cli.run import add_config

if TYPE_CHECKING:
    from edge_lpr.records import Frame
    from edge_lpr.service.pipeline import Decided, Step

ABOUT = """\
Runs a video or a folder of pictures through the pipeline of a site: the same networks, zones, lists and decisions. No
barrier is told and nothing is logged; what happens is printed, and drawn into a video.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("replay", help="see what the gate would make of a clip", description=ABOUT)
    parser.add_argument("clip", type=_clip, metavar="CLIP", help="a video file or a folder of pictures")
    add_config(parser)
    parser.add_argument("--camera", default="", metavar="NAME", help="the camera that saw it (the first one)")
    parser.add_argument("--video", type=Path, metavar="FILE", help="the annotated video (CLIP-replay.mp4, here)")
    parser.add_argument("--no-video", action="store_true", help="draw none")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replay, print, draw; 1 when the clip could not be read to its end."""
    import time

    from edge_lpr.cli.run import print_decided
    from edge_lpr.service.daemon import Listeners
    from edge_lpr.service.replay import ReplayFilm, replay, summary
    from edge_lpr.service.site import load_site

    config = load_site(args.config)
    path = args.video or Path(f"{Path(os.path.abspath(args.clip)).stem}-replay.mp4")
    film = None if args.no_video else ReplayFilm(path, args.clip)
    decided: list[Decided] = []
    first: list[Frame] = []
    stop = threading.Event()

    def on_decided(one: Decided) -> None:
        decided.append(one)
        print_decided(one)

    def on_step(step: Step) -> None:
        first[:] = first or [step.frame]
        if film is not None:
            film.on_step(step)
            if film.fault is not None:
                stop.set()

    began_s = time.monotonic()
    try:
        result = replay(config, args.clip, args.camera, Listeners(on_decided, on_step), stop)
    finally:
        if film is not None:
            film.close()
    print(*summary(result, decided, first[0] if first else None), sep="\n")
    print(f"took {time.monotonic() - began_s:.1f} s" + (f"; the annotated video is {path}" if film and first else ""))
    return 1 if result.fault else 0


def _clip(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of a file or folder is needed")
    return Path(text)
