"""The serial line of a barrier: there, to be opened, and nobody else's."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from edge_lpr.doctor.finding import Finding, fail, ok, warn

BRAILLE = ("usr/bin/brltty", "lib/brltty", "usr/sbin/brltty")
"""Takes every CH340 adapter for a braille display (Ubuntu 22.04)."""
CH340 = "1a86"
BY_NUMBER = ("/dev/ttyUSB", "/dev/ttyACM")


def serial_findings(barrier: str, port: str, user: str, root: Path = Path("/")) -> Iterator[Finding]:
    """What can be told of a port without opening it: the gate holds it. `user` the gate runs as."""
    name = f"barrier {barrier}"
    if "://" in port or port.startswith("usb:"):
        yield ok(name, f"{port}: see its state in `edge-lpr status`")
        return
    device = root / port.lstrip("/")
    if not device.exists():
        yield fail(name, f"{port}: there is no such device", "plug it in; `ls /dev/serial/by-id` shows what is there")
        yield from _braille(root)
        return
    status = device.stat()
    if not stat.S_ISCHR(status.st_mode):
        yield fail(name, f"{port}: is no device", "name the serial port in [[barrier]]")
        return
    if not may_open(status, user):
        group = _group(status.st_gid)
        yield fail(name, f"{port}: user {user} may not open it (group {group}, mode {status.st_mode & 0o777:o})",
                   f"`edge-lpr install` has udev rules for it; else: usermod -aG {group} {user}")
    elif others := holders(status.st_rdev, user, root):
        yield fail(name, f"{port}: is also opened by {', '.join(others)}",
                   "end it: what it writes to the line may move the barrier (ModemManager: systemctl disable --now it)")
    elif port.startswith(BY_NUMBER):
        yield warn(name, f"{port}: may be another device after the next start", "name it by /dev/serial/by-id/...")
    else:
        yield ok(name, port)


def may_open(status: os.stat_result, user: str) -> bool:
    """Whether a user may read and write a file of this owner, group and mode."""
    if user == "root":
        return True
    try:
        entry = pwd.getpwnam(user)
        groups = os.getgrouplist(user, entry.pw_gid)
    except KeyError:
        return False
    need = 0o600 if status.st_uid == entry.pw_uid else 0o060 if status.st_gid in groups else 0o006
    return status.st_mode & need == need


def holders(rdev: int, user: str, root: Path = Path("/")) -> list[str]:
    """Names of processes that have the device open, but for those of the gate's user; as far as one may look."""
    found = set()
    for link in (root / "proc").glob("[0-9]*/fd/*"):
        try:
            if not stat.S_ISCHR(link.stat().st_mode) or link.stat().st_rdev != rdev:
                continue
            process = link.parents[1]
            if pwd.getpwuid(process.stat().st_uid).pw_name != user:
                found.add((process / "comm").read_text(encoding="utf-8").strip())
        except (OSError, KeyError):
            continue
    return sorted(found)


def _braille(root: Path) -> Iterator[Finding]:
    """The usual reason why an adapter is plugged in and not there."""
    if not any((root / path).exists() for path in BRAILLE):
        return
    for vendor in (root / "sys/bus/usb/devices").glob("*/idVendor"):
        try:
            if vendor.read_text(encoding="ascii").strip() == CH340:
                yield fail("brltty", "a CH340 adapter is plugged in, and brltty takes it for a braille display",
                           "apt remove brltty, and plug it in again")
                return
        except OSError:
            continue


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
