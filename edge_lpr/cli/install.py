"""`edge-lpr install` and `uninstall`: the gate as a service of this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.install.places import Places

INSTALL = """\
Makes the gate a service that starts with the machine: a copy of this release in /usr/local/lib/edge-lpr, units, rules
for serial adapters, a user, and, where there is none, a site's file and an empty list in /etc/edge-lpr. Run it again
after an upgrade of edge_lpr. What a site has written, and the log, are never touched. Takes root.
"""
LIBRARIES, RUNTIMES = ("numpy", "cv2", "PIL"), ("onnxruntime", "tensorrt")
"""What a gate cannot do without, and what runs its networks: one of these."""
UNINSTALL = """\
Stops the service and removes what `edge-lpr install` made. The site's files in /etc/edge-lpr, the log in
/var/lib/edge-lpr and their user stay, unless --purge. Takes root.
"""


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `edge-lpr`."""
    install = subparsers.add_parser("install", help="make the gate a service of this machine", description=INSTALL)
    install.add_argument("--camera", metavar="URI", help="of a new site: /dev/video0, rtsp://..., a file")
    install.add_argument("--no-start", action="store_true", help="do not start it now")
    install.add_argument("--in-spite", action="store_true", help="although this version cannot read the site's file")
    install.set_defaults(run=run_install)
    uninstall = subparsers.add_parser("uninstall", help="take the service off again", description=UNINSTALL)
    uninstall.add_argument("--purge", action="store_true", help="remove the site's files, the log and the user, too")
    uninstall.set_defaults(run=run_uninstall)
    for parser in (install, uninstall):
        parser.add_argument("--dry-run", action="store_true", help="only print what would be done")
        parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR",
                            help="an image of a machine, below which files are written; nothing is started")


def run_install(args: argparse.Namespace) -> int:
    """Check, do what is due, say what comes next."""
    from edge_lpr.install.actions import Commands

    _check_libraries()
    from edge_lpr.config import CameraTable
    from edge_lpr.install.plan import Wishes, carry_out, check_here, install_steps
    from edge_lpr.settings_file import from_table

    places, run = _places(args), Commands(args.root)
    if args.camera is not None:
        from_table(CameraTable, {"name": "entry", "uri": args.camera}, "--camera")
    wishes = Wishes(args.camera or "", start=not args.no_start, in_spite=args.in_spite)
    check_here(places, wishes)
    is_new = not places.site.exists()
    done = carry_out(install_steps(places, wishes, run), run, args.dry_run)
    if args.camera and not is_new:
        print(f"{places.site} is there already: --camera changed nothing in it")
    if not done:
        print("all of it is installed already")
    elif not args.dry_run:
        _say_next(places, is_new, run.has_systemd and wishes.start)
    return 0


def run_uninstall(args: argparse.Namespace) -> int:
    """Remove what is there."""
    from edge_lpr.install.actions import Commands, InstallError
    from edge_lpr.install.plan import carry_out, uninstall_steps

    places, run = _places(args), Commands(args.root)
    if run.is_here and _is_not_root():
        raise InstallError("only root may remove a service: sudo edge-lpr uninstall")
    done = carry_out(uninstall_steps(places, run, args.purge), run, args.dry_run)
    if not done:
        print("nothing of it is installed")
    elif not args.purge and not args.dry_run:
        print(f"{places.site.parent} and {places.state} stay; --purge removes them")
    return 0


def _check_libraries() -> None:
    """Raise EdgeLprError, before anything is touched, where this Python could not run a gate."""
    import sys
    from importlib.util import find_spec

    from edge_lpr.errors import EdgeLprError

    lacking = [name for name in LIBRARIES if find_spec(name) is None]
    if not any(find_spec(name) for name in RUNTIMES):
        lacking.append(" or ".join(RUNTIMES))
    if lacking:
        pip = Path(sys.executable).with_name("pip")
        raise EdgeLprError(f"{sys.executable} lacks {', '.join(lacking)}: {pip} install 'edge_lpr[cpu]'")


def _say_next(places: Places, is_new: bool, is_started: bool) -> None:
    print()
    if is_new:
        print(f"The site's file:   {places.site}   (then: systemctl reload edge-lpr, or restart for a camera)")
        print(f"Who may enter:     edge-lpr lists add {places.lists}/residents.csv PLATE")
    if is_started:
        print("How it does:       systemctl status edge-lpr;  edge-lpr status;  edge-lpr doctor")
        print("What it reads:     edge-lpr log tail -f;  journalctl -u edge-lpr -f")
    else:
        print("To start it:       systemctl enable --now edge-lpr")


def _places(args: argparse.Namespace) -> Places:
    from edge_lpr.install.places import Places

    return Places(args.root)


def _is_not_root() -> bool:
    import os

    return os.geteuid() != 0
