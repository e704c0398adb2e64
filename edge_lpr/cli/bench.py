"""`edge-lpr bench`: how fast the gate is on this machine."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

ABOUT = """\
Runs the whole daemon, with its capture process and its log, over drawn 1080p clips of a gate: as fast as it goes with
1 and with 2 threads while a vehicle drives up, then in real time at 15 frames a second while several come and go. Each
run has a process of its own.
--precision both makes each run with the float and then with the INT8 networks.
"""
DRAWN_SIZE = 1.5
"""Of the demo's gate clip: 1920x1080."""
NEAR_FRAMES, GATE_FRAMES = 60, 450
"""Of a vehicle that drives up, and of the gate by day."""


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
    parser.add_argument("--readable", type=json.loads, default={}, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw the clip, measure each run in a process of its own, print a table."""
    if args.one:
        return _run_one(args)
    with tempfile.TemporaryDirectory(prefix="edge-lpr-bench-") as folder:
        near, gate, readable = (args.clip, args.clip, {}) if args.clip else _draw_clips(Path(folder))
        threads = args.threads or [1, 2]
        precisions = ("float32", "int8") if args.precision == "both" else (args.precision,)
        results = [_measure(args, near, number, "fast", {}, one) for number in threads for one in precisions]
        results += [_measure(args, gate, threads[-1], "real", readable, one) for one in precisions]
    if args.json:
        print(*map(json.dumps, results), sep="\n")
    else:
        _print(results)
    return 0


def _run_one(args: argparse.Namespace) -> int:
    from edge_lpr.service.bench import bench

    frames = GATE_FRAMES if args.readable else args.frames
    result = bench(args.clip, args.threads[0], frames, args.engines, args.one == "real", args.precision, args.readable)
    print(json.dumps(asdict(result)))
    return 0


def _measure(args: argparse.Namespace, clip: Path, threads: int, pace: str, readable: dict[str, int],
             precision: str) -> dict[str, Any]:
    """One run in a fresh process, so that its memory is only its own."""
    from edge_lpr.errors import EdgeLprError

    command = [sys.executable, "-m", "edge_lpr.cli", "bench", "--one", pace, "--clip", str(clip), "--threads",
               str(threads), "--frames", str(args.frames), "--precision", precision]
    command += ["--readable", json.dumps(readable)]
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
        if one["decision_ms"]:
            late = sorted(one["decision_ms"])
            print(f"in real time, {one['precision']}: from an arrival's first readable frame to its decision on disk"
                  f" {statistics.median(late):.0f} ms in the middle, {late[-1]:.0f} ms at most ({len(late)} arrivals)")


def _draw_clips(folder: Path) -> tuple[Path, Path, dict[str, int]]:
    """A vehicle that drives up; the gate by day; and by the latter's plates the frames from which they can be read."""
    from edge_lpr.capture.video_writer import VideoWriter
    from edge_lpr.training.gate_clip import FPS, GateClip
    from edge_lpr.training.gate_view import GateView

    view = GateView()
    clip = GateClip(view=replace(view, **{name: round(DRAWN_SIZE * value) for name, value in asdict(view).items()
                                          if name.endswith("_px")}))
    comes = [one for one in clip.expected() if one.direction != "standing" and one.first_readable_frame < GATE_FRAMES]
    near, gate = folder / "near.mp4", folder / "gate.mp4"
    first = comes[0].first_readable_frame
    with VideoWriter(near, FPS) as one, VideoWriter(gate, FPS) as other:
        for index in range(GATE_FRAMES):
            picture = clip.frame(index)
            other.write(picture)
            if first <= index < first + NEAR_FRAMES:
                one.write(picture)
    return near, gate, {one.text: one.first_readable_frame for one in comes}
