"""What an installation does, step by step: each step knows whether it is due, so that a second run does nothing."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_lpr.config import example_text
from edge_lpr.errors import EdgeLprError
from edge_lpr.install import actions
from edge_lpr.install.actions import Commands, InstallError
from edge_lpr.install.places import ARGUS_PATH, HIDDEN, SERVICE, USER, Places
from edge_lpr.install.release import copy_release, current_release, release_name, switch
from edge_lpr.service.site import load_site

LIST_HEAD = "plate;holder;group;valid_from;valid_until;note\n"
_EXAMPLE_URI = re.compile(r'^uri = "/dev/video0" *', re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One step: `what` is done, as one would ask a person for it; whether it `is_due`; and how."""

    what: str
    is_due: Callable[[], bool]
    do: Callable[[], object]


@dataclass(frozen=True)
class Wishes:
    """What whoever installs wants: `camera` its address for a new site ('' the example's); `start` it now; the `python`
    that runs it; go on `in_spite` of a site that this version cannot read."""

    camera: str = ""
    start: bool = True
    python: str = sys.executable
    in_spite: bool = False


def check_here(places: Places, wishes: Wishes) -> None:
    """Raise InstallError, before anything is touched, where the service could not run or would not be what it was."""
    is_here = places.root == Path("/")
    hidden = next((folder for folder in HIDDEN if Path(wishes.python).is_relative_to(folder)), None)
    if is_here and hidden is not None:
        raise InstallError(f"{wishes.python} lies in {hidden}, which the service does not see: make the virtual"
                           " environment elsewhere, such as python3 -m venv /opt/edge-lpr")
    if is_here and os.geteuid():
        raise InstallError("only root may install a service: sudo edge-lpr install")
    fault = site_fault(places)
    if fault and not wishes.in_spite:
        raise InstallError(f"{fault}; nothing was changed. Mend it, or let the service go by the last good one with"
                           " --in-spite")


def site_fault(places: Places) -> str:
    """What this version finds wrong with the site that is there; '' for nothing."""
    if not places.site.exists():
        return ""
    try:
        load_site(places.site)
    except EdgeLprError as error:
        return str(error)
    return ""


def new_site(camera: str) -> str:
    """The example, with the address of the camera."""
    if not camera:
        return example_text()
    if ":" not in camera and Path(camera).exists():
        camera = str(Path(camera).absolute())
    return _EXAMPLE_URI.sub(lambda _: f"uri = {json.dumps(camera)}  ", example_text(), count=1)


def install_steps(places: Places, wishes: Wishes, run: Commands) -> list[Step]:
    """All steps of an installation or upgrade, in order."""
    wanted = release_name()
    release = places.releases / wanted
    command, link = Path(wishes.python).with_name("edge-lpr"), places.command
    first_list = places.lists / "residents.csv"
    steps = [
        Step(f"copy this release to {release}", lambda: not release.is_dir(), lambda: copy_release(places.releases)),
        Step(f"let {places.current} lead to it", lambda: current_release(places.current) != wanted,
             lambda: switch(places.current, release)),
        *(_write(path, content) for path, content in places.files(wishes.python).items()),
        Step(f"let {link} lead to {command}",
             lambda: not actions.points_to(link, command) and (link.is_symlink() or not link.exists()),
             lambda: actions.make_link(link, command)),
        Step(f"make the user {USER}", lambda: run.is_here and not places.user_known,
             lambda: run.do("systemd-sysusers", "edge-lpr.conf")),
        Step(f"write {places.site}, a site to begin with", lambda: not places.site.exists(),
             lambda: actions.write_new(places.site, new_site(wishes.camera))),
        Step(f"write {first_list}, an empty list", lambda: not any(places.lists.glob("*")),
             lambda: actions.write_new(first_list, LIST_HEAD)),
        Step("let only root and the service read the site's files, and its group give orders",
             lambda: run.is_here and not (places.site.exists() and actions.is_closed(places.site)
                                          and places.orders.is_dir()),
             lambda: run.do("systemd-tmpfiles", "--create", "edge-lpr.conf")),
    ]
    return steps + _unit_steps(places, run, wishes.start) if run.has_systemd else steps


def uninstall_steps(places: Places, run: Commands, purge: bool = False) -> list[Step]:
    """All steps of taking the gate off again. The site, the log and their user stay, unless `purge`."""
    files = list(places.files(""))
    units, unit_file = _units(places), files[3]
    steps = []
    if run.has_systemd:
        steps.append(Step(f"stop {SERVICE}, and start it no more", unit_file.exists,
                          lambda: run.do("systemctl", "disable", "--now", *units)))
    steps += [_remove(path) for path in (*reversed(files), places.releases, places.runtime, places.cache)]
    steps.append(Step(f"remove {places.command}", places.command.is_symlink, lambda: actions.remove(places.command)))
    if run.has_systemd:
        steps.append(Step("have systemd read its units", lambda: run.is_changed,
                          lambda: run.do("systemctl", "daemon-reload")))
    if purge:
        steps += [_remove(folder) for folder in (places.site.parent, places.state)]
        steps.append(Step(f"remove the user {USER}", lambda: run.is_here and places.user_known,
                          lambda: run.do("userdel", USER)))
    return steps


def carry_out(steps: Iterable[Step], run: Commands, rehearse: bool, say: Callable[[str], object] = print) -> int:
    """Do what is due, or only say it; how many steps were due."""
    count = 0
    for step in steps:
        if not step.is_due():
            continue
        count += 1
        say(f"{'would ' if rehearse else ''}{step.what}")
        run.is_changed = True
        if not rehearse:
            step.do()
    return count


def _unit_steps(places: Places, run: Commands, start: bool) -> list[Step]:
    """What udev and systemd are asked to do. A service that runs what has changed is started again."""
    units = _units(places)
    steps = [
        Step("have udev read its rules", lambda: run.is_changed and Path("/run/udev/control").exists(),
             lambda: run.try_each(("udevadm", "control", "--reload"),
                                  ("udevadm", "trigger", "--subsystem-match=tty"))),
        Step("have systemd read its units",
             lambda: run.is_changed or run.said("systemctl", "show", "-P", "NeedDaemonReload", SERVICE) == "yes",
             lambda: run.do("systemctl", "daemon-reload")),
        Step(f"have {SERVICE} started whenever the machine is",
             lambda: not all(run.says_yes("systemctl", "is-enabled", unit) for unit in units),
             lambda: run.do("systemctl", "enable", *units)),
    ]
    if start:
        steps.append(Step(f"start {SERVICE}",
                          lambda: run.is_changed or not run.says_yes("systemctl", "is-active", SERVICE),
                          lambda: run.do("systemctl", "restart", *units)))
    return steps


def _units(places: Places) -> list[str]:
    return [SERVICE, *([ARGUS_PATH] if places.is_jetson else [])]


def _write(path: Path, content: str) -> Step:
    return Step(f"write {path}", lambda: not actions.has_content(path, content),
                lambda: actions.write_file(path, content))


def _remove(path: Path) -> Step:
    return Step(f"remove {path}", path.exists, lambda: actions.remove(path))
