"""`edge-lpr bench`: how fast the gate is on this machine."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ABOUT = """\
Runs the whole daemon, with its capture process and its log, over a 1080p clip with one plate in view: as fast as it
goes with 1 and with 2 threads, then in real time at 15 frames a second. Each run has a process of its own.
--precision both makes each run with the float and then with the INT8 networks.
"""
CLIP_FPS, CLIP_FRAMES = 15, 60


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("bench", help="measure the gate's speed here", description=ABOUT)
    parser.add_argument("--clip", type=Path, metavar="FILE", help="a video in place of the drawn one")
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--precision", choices=("auto", "float32", "int8", "both"), default="auto",
                        help="which networks run (auto: INT8 where it is as good and faster)")
    parser.add_argument("--threads", type=int, action="append", metavar="N", help="only with so many threads (1 and 2)")
    parser.add_argument("--frames", type=int, default=200, metavar="N", help="frames a run (200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a run")
    parser.add_argument("--one", choices=("fast", "real"), help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw the clip, measure each run in a process of its own, print a table."""
    if args.one:
        return _run_one(args)
    with tempfile.TemporaryDirectory(prefix="edge-lpr-bench-") as folder:
        clip = args.clip or Path(folder) / "clip.mp4"
        if args.clip is None:
            _draw_clip(clip)
        threads = args.threads or [1, 2]
        precisions = ("float32", "int8") if args.precision == "both" else (args.precision,)
        runs = [(number, "fast") for number in threads] + [(threads[-1], "real")]
        results = [_measure(args, clip, number, pace, one) for number, pace in runs for one in precisions]
    if args.json:
        print(*map(json.dumps, results), sep="\n")
    else:
        _print(results)
    return 0


def _run_one(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from edge_lpr.service.bench import bench

    result = bench(args.clip, args.threads[0], args.frames, args.engines, args.one == "real", args.precision)
    print(json.dumps(asdict(result)))
    return 0


def _measure(args: argparse.Namespace, clip: Path, threads: int, pace: str, precision: str) -> dict[str, Any]:
    """One run in a fresh process, so that its memory is only its own."""
    from edge_lpr.errors import EdgeLprError

    command = [sys.executable, "-m", "edge_lpr.cli", "bench", "--one", pace, "--clip", str(clip), "--threads",
               str(threads), "--frames", str(args.frames), "--precision", precision]
    command += ["--engines", str(args.engines)] if args.engines else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EdgeLprError(f"the run with {threads} threads failed: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _print(results: list[dict[str, Any]]) -> None:
    from edge_lpr.service.stages import NETWORKS, WORK

    stages = (*WORK, NETWORKS)
    print(f"{'run':<22}{'fps':>7}{'dropped':>9}" + "".join(f"{name:>10}" for name in stages)
          + f"{'outside':>9}{'cores':>7}{'memory':>9}")
    for one in results:
        name = f"{one['pace']}, {one['threads']} thr., {one['precision']}"
        print(f"{name:<22}{one['fps']:>7}{one['dropped']:>9}"
              + "".join(f"{one['ms'][stage]:>7.2f} ms" for stage in stages)
              + f"{one['outside_share']:>9.1%}{one['cpu_cores']:>7}{one['memory_mb']:>6.0f} MB")
    for one in results:
        if one["decision_ms"] >= 0:
            print(f"in real time, {one['precision']}: {one['decision_ms']:.0f} ms from a vehicle's first frame to its"
                  " decision on disk")


def _draw_clip(path: Path) -> None:
    """A vehicle's plate that comes nearer before a textured ground, 1920x1080."""
    import cv2
    import numpy as np

    from edge_lpr.capture.video_writer import VideoWriter
    from edge_lpr.recognition.plate_format import load_formats
    from edge_lpr.training.plates import draw_plate

    rng = np.random.default_rng(5)
    formats = [one for one in load_formats() if one.country == "CZ"] or list(load_formats())
    plate = draw_plate(formats[0], rng, 120).pixels
    rough = cv2.resize(rng.integers(60, 130, (68, 120, 3), dtype=np.uint8), (1920, 1080), interpolation=cv2.INTER_CUBIC)
    with VideoWriter(path, CLIP_FPS) as video:
        for at in range(CLIP_FRAMES):
            width = 150 + 2 * at
            height = round(width * plate.shape[0] / plate.shape[1])
            picture = rough.copy()
            x, y = 960 - width // 2, 500 + 4 * at
            cv2.rectangle(picture, (x - width, y - 3 * width // 2), (x + 2 * width, y + width // 2), (70, 75, 90), -1)
            picture[y : y + height, x : x + width] = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA)
            video.write(np.ascontiguousarray(picture, np.uint8))
