"""What the steps of an installation do: files as a whole or not at all, and the system's own commands."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edge_lpr.errors import EdgeLprError

COMMAND_LIMIT_S = 120.0


class InstallError(EdgeLprError):
    """The gate cannot be installed here; the text says what to do."""


@dataclass
class Commands:
    """The system's commands. Below another root than / nothing is run: whoever builds that image starts it later."""

    root: Path
    is_changed: bool = False
    """Whether a step before has changed something (or would, in a rehearsal)."""

    @property
    def is_here(self) -> bool:
        """Whether this machine is installed to, rather than an image of one."""
        return self.root == Path("/")

    @property
    def has_systemd(self) -> bool:
        """Whether systemd runs here."""
        return self.is_here and Path("/run/systemd/system").is_dir()

    def do(self, *command: str) -> None:
        """Run a command. Raises InstallError when it fails."""
        if not self.is_here:
            return
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InstallError(f"{' '.join(command)}: {error}") from error
        if done.returncode:
            raise InstallError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")

    def try_each(self, *commands: tuple[str, ...]) -> None:
        """Run commands that may fail: a container has no udev."""
        for command in commands:
            try:
                self.do(*command)
            except InstallError as error:
                print(f"  (not done: {error})")

    def says_yes(self, *command: str) -> bool:
        """Whether a command ends well."""
        try:
            return subprocess.run(command, capture_output=True, timeout=COMMAND_LIMIT_S).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def said(self, *command: str) -> str:
        """What a command prints; '' when it fails."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip() if not done.returncode else ""


def has_content(path: Path, content: str) -> bool:
    """Whether a file is there with this content."""
    try:
        return path.read_text(encoding="utf-8") == content
    except (OSError, ValueError):
        return False


def write_file(path: Path, content: str) -> None:
    """Replace a file as a whole; one that others read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coming = path.with_name(f".{path.name}.coming")
    coming.write_text(content, encoding="utf-8")
    coming.chmod(0o644)
    coming.replace(path)


def write_new(path: Path, content: str) -> None:
    """Write a file of the site's; one that is there stays as it is. Whole, or not there."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    coming = path.with_name(f".{path.name}.coming")
    coming.write_text(content, encoding="utf-8")
    coming.chmod(0o640)
    try:
        os.link(coming, path)
    except FileExistsError:
        pass
    finally:
        coming.unlink()


def is_closed(path: Path) -> bool:
    """Whether a file is kept from other users, and its group is not root's, so that the service reads it."""
    status = path.stat()
    return not status.st_mode & stat.S_IRWXO and status.st_gid != 0


def points_to(link: Path, target: Path) -> bool:
    """Whether a link leads there."""
    return link.is_symlink() and os.readlink(link) == str(target)


def make_link(link: Path, target: Path) -> None:
    """Let a link lead there; a link that was there is replaced, anything else stays."""
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    parent = path.parent
    if parent.name.endswith(".service.d") and parent.is_dir() and not any(parent.iterdir()):
        parent.rmdir()
