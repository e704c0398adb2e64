"""Checks on a Jetson, or on any machine with an NVIDIA GPU, what only it can show, and writes a report to send back.

    make test-gpu                                  # engines, accuracy, speed: any NVIDIA GPU
    python -m tests.hardware --camera csi://0      # on a Jetson: the camera, power and heat as well
    python -m tests.hardware --camera /dev/video0 --unplug

Every check says PASS, FAIL or SKIP with figures. The report (out/hardware/report.md and .json) holds no picture.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.hardware import camera, engines, machine


@dataclass
class Check:
    """One check's outcome: 'PASS', 'FAIL' or 'SKIP', what was seen, and its figures."""

    name: str
    outcome: str
    said: str
    figures: dict[str, Any] = field(default_factory=dict)


def run(name: str, check: Callable[[], tuple[str, dict[str, Any]]]) -> Check:
    """Run one check: it returns what it saw, raises AssertionError where it fails, machine.Skipped where it cannot."""
    began_s = time.monotonic()
    try:
        said, figures = check()
        result = Check(name, "PASS", said, figures)
    except machine.Skipped as reason:
        result = Check(name, "SKIP", str(reason))
    except Exception as error:
        traceback.print_exc()
        result = Check(name, "FAIL", f"{type(error).__name__}: {error}")
    print(f"{result.outcome} {name}: {result.said} ({time.monotonic() - began_s:.0f} s)", flush=True)
    return result


def main() -> int:
    """Run all checks; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.hardware", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/hardware"), metavar="DIR")
    parser.add_argument("--engines", type=Path, metavar="DIR", help="the folder of the networks")
    parser.add_argument("--camera", default="", metavar="URI", help="csi://0, /dev/video0 or rtsp://...")
    parser.add_argument("--unplug", action="store_true", help="you will be asked to unplug the camera and plug it in")
    parser.add_argument("--minutes", type=float, default=3.0, help="of load, for heat and memory (3)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    bench = engines.Bench(args.engines, args.out / "engines")
    checks: list[tuple[str, Callable[[], tuple[str, dict[str, Any]]]]] = [
        ("machine", machine.describe),
        ("driver and CUDA", machine.gpu),
        ("buffers are shared or copied right", machine.buffers),
        ("engines are built, tried and accepted", bench.build),
        ("a second build finds them", bench.build_again),
        ("precision is what the GPU should do", bench.precision),
        ("texts of drawn plates, engine and ONNX Runtime", bench.accuracy),
        ("speed of each network, by batch", bench.speed),
        ("CUDA graphs are used and right", bench.graphs),
        ("speed of the stages", bench.stages),
        ("memory and heat under load", lambda: bench.load(args.minutes * 60)),
        ("the watchdog's and the stop's times under load", bench.stop_time),
    ]
    if args.camera:
        checks += [
            ("camera: frames, rate, age", lambda: camera.frames(args.camera)),
            ("camera: opened again and again, no descriptor leaks", lambda: camera.reopen(args.camera)),
            ("camera: closed on SIGTERM, opened by the next process", lambda: camera.handover(args.camera)),
            ("camera: copies of a frame", lambda: camera.copies(args.camera)),
        ]
        if args.unplug:
            checks.append(("camera: unplugged and plugged in again", lambda: camera.unplug(args.camera)))
    results = [run(name, check) for name, check in checks]
    write(args.out, results)
    return 1 if any(one.outcome == "FAIL" for one in results) else 0


def write(folder: Path, results: list[Check]) -> None:
    """The report, for people and for machines."""
    lines = ["# edge_lpr on this machine", "", "| check | outcome | seen |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.outcome} | {one.said} |" for one in results]
    for one in results:
        if one.figures:
            lines += ["", f"## {one.name}", "", "```json", json.dumps(one.figures, indent=1), "```"]
    (folder / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "report.json").write_text(json.dumps([asdict(one) for one in results], indent=1), encoding="utf-8")
    print(f"\nthe report: {folder / 'report.md'} and report.json; please send both")


if __name__ == "__main__":
    sys.exit(main())
