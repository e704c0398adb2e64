"""The machine: clock, disk and its wear, temperature, memory. `root` is that of the files looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge_lpr.capture.clock import clock_synced
from edge_lpr.doctor.finding import Finding, fail, ok, warn

MB = 1_000_000
HOT_C, TOO_HOT_C = 80.0, 95.0
"""A Jetson's clocks fall from about 97 degrees on, and it switches off at 105."""
WORN = 8
"""eMMC wear is told in tenths of the life: 0x08 is 70 to 80%."""
LEAST_MEMORY_MB = 300
FEWEST_INODES = 1000


def clock_findings(trusted: bool) -> Iterator[Finding]:
    """Whether the time can be relied upon; `trusted`: the site does so anyway."""
    if clock_synced():
        yield ok("clock", "synchronised")
    elif trusted:
        yield ok("clock", "not synchronised, but the site trusts it (trust_unsynced_clock)")
    else:
        yield warn("clock", "not synchronised: groups with a schedule are kept out",
                   "let systemd-timesyncd or chrony reach a time server (timedatectl)")


def disk_findings(folder: Path, reserve_mb: int) -> Iterator[Finding]:
    """Room for the log on its disk; `reserve_mb` is kept free of pictures."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    status = os.statvfs(there)
    free_mb = status.f_bavail * status.f_frsize / MB
    said = f"{free_mb:.0f} MB free at {there}"
    if free_mb < 10:
        yield fail("disk", f"{said}: decisions cannot be written, so nothing opens", "free space on it")
    elif free_mb < 2 * reserve_mb:
        yield warn("disk", f"{said}: pictures are no longer kept below {reserve_mb} MB",
                   "free space, or lower picture_quota_mb in [log]")
    elif status.f_files and status.f_favail < FEWEST_INODES:
        yield warn("disk", f"only {status.f_favail} files more fit on it", "remove files, or lower picture_quota_mb")
    elif status.f_flag & os.ST_RDONLY:
        yield fail("disk", f"{there} is mounted read-only", "look at `dmesg`: the disk may be failing; mount it again")
    else:
        yield ok("disk", said)


def wear_findings(root: Path = Path("/")) -> Iterator[Finding]:
    """How worn eMMC and SD are, where they tell (JEDEC eMMC 5.0, EXT_CSD)."""
    for path in sorted((root / "sys/block").glob("mmcblk*/device/life_time")):
        try:
            used = max(int(word, 16) for word in path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            continue
        name = path.parents[1].name
        if used > WORN:
            yield warn("disk wear", f"{name}: {(used - 1) * 10} to {used * 10}% of its life is used",
                       "plan to replace it; the log can be copied with the gate stopped")
        elif used:
            yield ok("disk wear", f"{name}: at most {used * 10}% of its life is used")


def heat_findings(root: Path = Path("/")) -> Iterator[Finding]:
    """Temperature, and whether the processor is slowed down for it."""
    hottest, where = -273.0, ""
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        try:
            degrees = int((zone / "temp").read_text(encoding="ascii")) / 1000
            name = (zone / "type").read_text(encoding="ascii").strip()
        except (OSError, ValueError):  # a zone that is switched off cannot be read
            continue
        if degrees > hottest and degrees < 200:
            hottest, where = degrees, name
    if where:
        said = f"{hottest:.0f} degrees Celsius ({where})"
        if hottest >= TOO_HOT_C:
            yield fail("temperature", said, "cool the device: fan, heat sink, shade; it is slowed down, then it ends")
        elif hottest >= HOT_C:
            yield warn("temperature", said, "cool the device: fan, heat sink, shade")
        else:
            yield ok("temperature", said)
    if slowed := sorted(_slowed(root)):
        yield warn("throttling", f"slowed down now: {', '.join(slowed)}", "cool the device, or give it more power")


def _slowed(root: Path) -> Iterator[str]:
    """Cooling devices that slow a processor down at this moment; a fan that turns is none."""
    for device in (root / "sys/class/thermal").glob("cooling_device*"):
        try:
            kind = (device / "type").read_text(encoding="ascii").strip()
            if int((device / "cur_state").read_text(encoding="ascii")) > 0 and "fan" not in kind.lower():
                yield kind
        except (OSError, ValueError):
            continue


def memory_findings(root: Path = Path("/")) -> Iterator[Finding]:
    """Memory that is left."""
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        left_mb = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 1024
    except (OSError, ValueError, StopIteration):
        return
    said = f"{left_mb:.0f} MB available"
    if left_mb < LEAST_MEMORY_MB:
        yield warn("memory", said, "end what else runs here, or add swap; the gate is killed last")
    else:
        yield ok("memory", said)
