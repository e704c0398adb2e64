"""`edge-lpr config`: check, show and begin a site's configuration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_lpr.cli.run import DEFAULT_CONFIG


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `edge-lpr`."""
    group = subparsers.add_parser("config", help="check, show and begin the configuration of a site")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="find what is wrong in the file, its lists and its networks")
    check.set_defaults(run=run_check)
    show = commands.add_parser("show", help="print every key with the value that holds; passwords are masked")
    show.set_defaults(run=run_show)
    init = commands.add_parser("init", help="write a file to begin with, every key explained")
    init.set_defaults(run=run_init)
    for parser in (check, show, init):
        parser.add_argument("file", nargs="?", type=Path, default=Path(DEFAULT_CONFIG), metavar="FILE",
                            help=DEFAULT_CONFIG)


def run_check(args: argparse.Namespace) -> int:
    """0 when the gate would start with it and load every list; faults are printed."""
    from edge_lpr.gate.list_store import ListStore
    from edge_lpr.service.sight import Networks
    from edge_lpr.service.site import access_options, load_site

    config = load_site(args.file)
    Networks(config.recognition).check()
    store = ListStore(access_options(config))
    store.reload()
    for fault in (*store.faults, *store.duplicates):
        print(fault)
    cameras = ", ".join(camera.name for camera in config.camera)
    print(f"{args.file}: {'lists are broken' if store.faults else 'good'}; cameras: {cameras}")
    return 1 if store.faults else 0


def run_show(args: argparse.Namespace) -> int:
    """Print the effective configuration as TOML."""
    from edge_lpr.capture.source import without_secrets
    from edge_lpr.service.site import load_site
    from edge_lpr.settings_file import to_toml

    print(without_secrets(to_toml(load_site(args.file))), end="")
    return 0


def run_init(args: argparse.Namespace) -> int:
    """Write the example; a file that is there stays."""
    from edge_lpr.config import example_text
    from edge_lpr.errors import ConfigError

    try:
        with args.file.open("x", encoding="utf-8") as file:
            file.write(example_text())
    except FileExistsError as error:
        raise ConfigError(f"{args.file} is there already") from error
    except OSError as error:
        raise ConfigError(f"{args.file}: cannot be written: {error}") from error
    print(f"{args.file}: edit it, then `edge-lpr config check {args.file}`")
    return 0
