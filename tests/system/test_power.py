"""Power cuts of a whole machine while decisions are written: the service comes back by itself, and has them all.

The log lies on a disk that loses what was not synced (tests/platelog/volatile_disk.py). What the gate acknowledged is
in the machine's journal, which lies on a disk that loses nothing: each line was sent after its decision was on disk.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.verify import verify
from edge_lpr.records import Outcome
from tests.conftest import save_fixed_reader, save_red_detector
from tests.service.gate_cases import PLATE, picture
from tests.system.machine import Machine, base_root, wait_for

CUTS = int(os.environ.get("EDGE_LPR_CUTS", "20"))
DISK = Path(__file__).parents[1] / "platelog" / "volatile_disk.py"
MNT_DETACH = 2
PATIENCE_S = 150.0
SITE = """\
[[camera]]
name = "entry"
uri = "/seen/film/clip.mp4"
pace = "fast"
loop = true
[recognition]
engines = "/seen/red"
threads = 1
[access]
evidence_max_age_s = 30.0
expires_after_s = 30.0
[[access.list]]
name = "residents"
path = "lists/residents.csv"
[log]
keep_frames = false
"""
"""A film of a red spot, a network that finds it and one that reads it: many decisions a second."""


class Disk:
    """The disk of the log, mounted at `mount_point`."""

    def __init__(self, folder: Path) -> None:
        self.store, self.mount_point = folder / "store", folder / "mnt"
        self.mount_point.mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        self._process = subprocess.Popen([sys.executable, str(DISK), str(self.store), str(self.mount_point),
                                          "--others"], stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.ismount(self.mount_point), 30.0, "the disk")

    def cut(self) -> None:
        """All that was not synced is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        ctypes.CDLL(None, use_errno=True).umount2(str(self.mount_point).encode(), MNT_DETACH)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> dict[str, Path]:
    """What the machine is given."""
    from edge_lpr.capture.video_writer import VideoWriter

    folder = tmp_path_factory.mktemp("given")
    (folder / "film").mkdir()
    with VideoWriter(folder / "film/clip.mp4", 1.0) as video:
        for x in (None, 160, 164, 168, None, None, None, None, None):
            video.write(picture(x))
    save_red_detector(folder / "red/lpdnet")
    save_fixed_reader(folder / "red/lprnet", PLATE)
    return {"wheels": packages, "film": folder / "film", "red": folder / "red"}


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    pytest.importorskip("mfusepy", reason="mfusepy (extra `dev`) makes the disk")
    if not os.path.exists("/dev/fuse"):
        pytest.skip("mounting needs /dev/fuse")
    disk = Disk(tmp_path_factory.mktemp("disk"))
    yield disk
    disk.cut()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, seen: dict[str, Path], disk: Disk) -> Iterator[Machine]:
    """A machine with the service, switched off; its log is on the disk from the next boot on."""
    root = tmp_path_factory.mktemp("power") / "root"
    plain = Machine.copy_of(base_root(), root, seen)
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
    (root / "etc/systemd/journald.conf.d").mkdir(parents=True, exist_ok=True)
    (root / "etc/systemd/journald.conf.d/all.conf").write_text("[Journal]\nRateLimitBurst=0\nSyncIntervalSec=1s\n")
    machine = Machine(root, seen, (f"--bind={disk.mount_point}:/var/lib/edge-lpr",))
    try:
        plain.boot()
        plain.sh("python3 -m venv /opt/edge-lpr && /opt/edge-lpr/bin/pip install -q --no-index --find-links"
                 " /seen/wheels 'edge_lpr[cpu]' && /opt/edge-lpr/bin/edge-lpr install --no-start"
                 f" && echo '{PLATE};A resident;;;;' >> /etc/edge-lpr/lists/residents.csv", 900)
        (root / "etc/edge-lpr/site.toml").write_text(SITE)
        plain.off()
        yield machine
    finally:
        machine.cut()
        plain.cut()


def acknowledged(machine: Machine) -> tuple[set[int], set[int]]:
    """(decisions, openings whose outcome was told) by the machine's journal, read from outside."""
    said = subprocess.run(["journalctl", "-D", str(machine.root / "var/log/journal"), "-q", "-o", "json",
                           "SYSLOG_IDENTIFIER=edge-lpr"], capture_output=True, text=True, timeout=120).stdout
    entries = [json.loads(line) for line in said.splitlines()]
    decided = {int(one["DECISION_ID"]) for one in entries if "DECISION" in one}
    ended = {int(one["DECISION_ID"]) for one in entries if "OUTCOME" in one}
    return {one for one in decided if one > 0}, {one for one in ended if one > 0}


def test_nothing_acknowledged_is_lost_and_the_service_comes_back(installed: Machine, disk: Disk,
                                                                tmp_path: Path) -> None:
    rng, known, back_s = random.Random(5), set(), []
    for cut in range(CUTS):
        disk.mount()
        began_s = time.monotonic()
        installed.boot()
        wait_for(lambda known=known: acknowledged(installed)[0] - known, PATIENCE_S,
                 f"a decision after cut {cut}: {installed.sh('systemctl status edge-lpr', check=False)}")
        back_s.append(time.monotonic() - began_s)
        time.sleep(rng.uniform(0.0, 2.5))
        installed.cut()
        disk.cut()
        known, _ = acknowledged(installed)
    disk.mount()
    copy = tmp_path / "log"
    installed.boot()
    wait_for(lambda: acknowledged(installed)[0] - known, PATIENCE_S, "a decision after the last cut")
    installed.sh("systemctl stop edge-lpr")
    decided, ended = acknowledged(installed)
    shutil.copytree(disk.mount_point / "log", copy)
    with PlateLogReader(copy) as reader:
        rows = {row.id: row for row in reader.all()}
    lost = sorted(decided - rows.keys())
    unknown_again = [one for one in ended if rows[one].command is None or rows[one].command.outcome is Outcome.UNKNOWN]
    print(f"{CUTS} power cuts, {len(decided)} decisions acknowledged, {len(lost)} lost; back with a new decision"
          f" {max(back_s):.1f} s after power at most")
    assert lost == [] and unknown_again == []
    assert len({row.decision.plate_read.arrival_id for row in rows.values()}) == len(rows), "nothing is there twice"
    assert [one for one in verify(copy).problems if "picture" not in one and "jpg" not in one] == []
