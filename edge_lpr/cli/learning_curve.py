"""`edge-lpr learning-curve`: how many pictures a reader needs, measured on a grid of sizes, methods and seeds."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from edge_lpr.cli._arguments import count

DESCRIPTION = """\
Runs a study: draws its pictures once, trains the readers that others start from, then every cell of its grids, in
processes of one thread. What is done is kept in OUT, and the same command goes on with the rest. OUT gets results.csv,
report.md and a plot (PNG and SVG) for each grid and test, with 95% intervals (Wilson) and, where the grid is the
published one, the published curve beside them.
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser of `edge-lpr`."""
    parser = subparsers.add_parser("learning-curve", help="measure how many pictures are needed",
                                   description=DESCRIPTION)
    parser.add_argument("--config", default="study", metavar="TOML",
                        help="a study file, or the name of a shipped one: study (the default), study_recipe,"
                             " study_mixed, study_mini")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="such as runs/study")
    parser.add_argument("--photographs", type=Path, metavar="LABELS",
                        help="labels.csv whose use=train plates are trained and use=eval plates are tested on")
    parser.add_argument("--detector", type=Path, metavar="DIR",
                        help="detector that sets the photographs' plates upright, such as engines/lpdnet")
    parser.add_argument("--workers", type=count, default=0, metavar="N", help="processes (one a core)")
    parser.add_argument("--report-only", action="store_true", help="tables and plots of what there is")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run what is left of the study, then write its report."""
    import importlib.util
    import os

    from edge_lpr.cli.train import find_config
    from edge_lpr.errors import BackendUnavailable
    from edge_lpr.outputs import check_folder
    from edge_lpr.settings_file import load_settings

    if importlib.util.find_spec("torch") is None:
        raise BackendUnavailable("training needs torch: pip install 'edge_lpr[train]'")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from edge_lpr.training.study import StudyConfig
    from edge_lpr.training.study_report import write_report
    from edge_lpr.training.study_run import RESULTS, Photographs, rows_of, run_study

    config = load_settings(StudyConfig, find_config(args.config))
    check_folder(args.out)
    if not args.report_only:
        _check_photographs(args)
        photographs = Photographs(args.photographs, args.detector)
        run_study(config, args.out, photographs, args.workers or os.cpu_count() or 1)
    rows = [row for _, row in rows_of(args.out / RESULTS)]
    files = write_report(config, rows, args.out)
    print(f"{len(rows)} results in {args.out / RESULTS}, tables in {files[0]}, {len(files) - 1} plots beside them")
    return 0


def _check_photographs(args: argparse.Namespace) -> None:
    """Read the labels and the detector's card now: the photographs are needed only when all pictures are drawn."""
    from edge_lpr.training.labels import load_labels
    from edge_lpr.training.reader_sources import check_detector

    if args.photographs:
        load_labels(args.photographs)
    check_detector(args.detector)
