"""The command line `edge-lpr`: one module per command group.

Every module of this package that has `register(subparsers)` adds its commands there and names their handler with
`parser.set_defaults(run=handler)`; `handler(args) -> int` gives the exit status. A command's module imports only the
standard library at its top: what is heavy is imported inside the handler, so that `edge-lpr --help` stays quick.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import metadata

from edge_lpr.errors import EdgeLprError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells do it."""


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command of this package."""
    parser = argparse.ArgumentParser(prog="edge-lpr", description="Finds and reads licence plates.")
    parser.add_argument("--version", action="version", version=f"edge-lpr {_version()}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        if module.name.startswith("_"):
            continue
        register = getattr(importlib.import_module(f"{__name__}.{module.name}"), "register", None)
        if register is not None:
            register(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 for success, 1 for an error that is told, 2 for a wrong command line."""
    args = build_parser().parse_args(argv)
    _escape_what_cannot_be_printed()
    try:
        status = _run(args)
        sys.stdout.flush()
        return status
    except OSError as error:
        if isinstance(error, PermissionError) and error.filename:
            print(f"edge-lpr: {error.filename}: permission denied; root may, or who is in the group that"
                  " owns it", file=sys.stderr)
            return EXIT_FAILED
        if not isinstance(error, BrokenPipeError):
            if not _is_output_lost():
                raise
            print(f"edge-lpr: cannot write the output: {error.strerror}", file=sys.stderr)
        # The reader of a pipe (`| head`) has gone, or the disk is full: nothing more can be said, nor need be at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _run(args: argparse.Namespace) -> int:
    """The exit status of a command; its errors are told."""
    try:
        return int(args.run(args))
    except EdgeLprError as error:
        print(f"edge-lpr: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("edge-lpr: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _escape_what_cannot_be_printed() -> None:
    """A file's name or a vehicle's owner may hold what the terminal has no characters for: no reason to stop."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_output_lost() -> bool:
    """Whether the standard output takes nothing, not even a line's end: then an OSError was its own, else a defect."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _version() -> str:
    try:
        return metadata.version("edge_lpr")
    except metadata.PackageNotFoundError:
        return "(not installed)"
