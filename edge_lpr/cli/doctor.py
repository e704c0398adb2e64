"""`edge-lpr doctor`: what is wrong with the gate and its machine, and what to do about it."""

from __future__ import annotations

import argparse
from typing import Any

from edge_lpr.cli.run import add_config

ABOUT = """\
Looks at everything that a gate needs: service, site, lists, cameras, networks, barriers, log, clock, disk and
temperature. Each line is OK, WARN or FAIL, with what to do. A running gate goes on: its cameras and barriers are judged
by what it says of them; of one that does not run, the cameras are opened. Nothing is changed, and no barrier moves. The
exit status is 0, or 1 with a FAIL.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("doctor", help="find what is wrong, and what to do", description=ABOUT)
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="a list of objects: name, level, said, advice")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, print, judge."""
    import json
    from dataclasses import asdict

    from edge_lpr.doctor.examine import examine, worst
    from edge_lpr.doctor.finding import Level

    findings = []
    for finding in examine(args.config):
        findings.append(finding)
        if not args.json:
            print(f"{finding.level.value:<5} {finding.name}: {finding.said}", flush=True)
            if finding.advice:
                print(f"      -> {finding.advice}", flush=True)
    if args.json:
        print(json.dumps([asdict(one) for one in findings], indent=1))
    return int(worst(findings) is Level.FAIL)
