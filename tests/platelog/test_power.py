"""kill -9 and power cuts: what was acknowledged is there, once, and nothing is open for ever.

A killed process leaves the system's cache to the next one, so kill -9 cannot tell a synced write from another; the
volatile disk can, and the test with a weaker SQLite setting shows that it does.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_lpr.errors import LogError
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.store import PlateLog
from edge_lpr.platelog.verify import verify
from edge_lpr.records import Action, CommandOutcome, Outcome

IS_LONG = bool(os.environ.get("EDGE_LPR_LONG"))
DISK = Path(__file__).with_name("volatile_disk.py")
MNT_DETACH = 2


def append_for_ever(folder: Path, pipe: int, cycle: int, make_decision, make_opening, weak: bool) -> None:
    """Decide and finish commands until killed; say each on the pipe once the log has acknowledged it."""
    log = PlateLog.open(folder)
    if weak:
        log._database._connection.execute("PRAGMA synchronous = NORMAL")
    for number in range(10**9):
        make = make_opening if number % 3 == 0 else make_decision
        plate = f"C{cycle}N{number}"
        row_id = log.append(make(plate, arrival_id=plate))
        os.write(pipe, f"decided {row_id} {plate}\n".encode())
        if number % 3 == 0:
            log.finish_command(CommandOutcome(row_id, Outcome.DONE, "", 1.0))
            os.write(pipe, f"done {row_id} {plate}\n".encode())


def run_until_killed(folder: Path, seconds: float, cycle: int, makers, weak: bool = False) -> list[list[str]]:
    """A gate in a process of its own, killed after so long; what it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            append_for_ever(folder, writing, cycle, *makers, weak)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        first = pipe.readline()  # so that the time counts from the first acknowledgement, whatever the start took
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = [line.split() for line in (first + pipe.read()).splitlines(keepends=False)]
    assert first, "the gate could not even begin"
    return [words for words in said if len(words) == 3]


def missing(folder: Path, acknowledged: list[list[str]]) -> int:
    """How many acknowledged entries the log does not have."""
    with PlateLogReader(folder) as reader:
        rows = {row.id: row for row in reader.all()}
    lost = 0
    for what, row_id, plate in acknowledged:
        row = rows.get(int(row_id))
        is_there = row is not None and row.decision.plate_read.text == plate
        lost += not is_there or (what == "done" and row.command.outcome is not Outcome.DONE)
    return lost


def check_sound(folder: Path, cycles: int) -> None:
    """No arrival twice, every opening with an outcome, at most one unacknowledged decision a cut."""
    with PlateLogReader(folder) as reader:
        rows = list(reader.all())
    plates = [row.decision.plate_read.text for row in rows]
    assert len(set(plates)) == len(plates)
    assert all(row.command is not None for row in rows if row.decision.action is Action.OPEN)
    assert all(row.command.outcome in (Outcome.DONE, Outcome.UNKNOWN) for row in rows if row.command)
    assert sum(row.command.outcome is Outcome.UNKNOWN for row in rows if row.command) <= cycles
    assert verify(folder).problems == ()


def test_kill_loses_nothing(tmp_path: Path, make_decision, make_opening) -> None:
    kills, acknowledged, rng = 200 if IS_LONG else 20, [], random.Random(1)
    for cycle in range(kills):
        said = run_until_killed(tmp_path, rng.uniform(0.0, 0.06), cycle, (make_decision, make_opening))
        acknowledged += said
    PlateLog.open(tmp_path).close()
    print(f"{kills} kills, {len(acknowledged)} acknowledged")
    assert missing(tmp_path, acknowledged) == 0
    check_sound(tmp_path, kills)


@contextmanager
def volatile_disk(store: Path, mount_point: Path) -> Iterator[None]:
    """A mounted disk whose cache is lost at the end."""
    disk = subprocess.Popen([sys.executable, str(DISK), str(store), str(mount_point)], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while not os.path.ismount(mount_point):
            if disk.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"FUSE cannot mount here: {disk.stderr.read().decode()[-200:] if disk.poll() else 'late'}")
            time.sleep(0.01)
        yield
    finally:
        disk.kill()
        disk.wait()
        disk.stderr.close()
        ctypes.CDLL(None, use_errno=True).umount2(str(mount_point).encode(), MNT_DETACH)


def cut_power(tmp_path: Path, cuts: int, makers, weak: bool) -> tuple[int, int]:
    """Cut the power so often; how many entries were acknowledged, and how many of them are lost."""
    store, mount_point, rng = tmp_path / "store", tmp_path / "mnt", random.Random(2)
    mount_point.mkdir()
    acknowledged: list[list[str]] = []
    lost = 0
    for cycle in range(cuts):
        with volatile_disk(store, mount_point):
            said = run_until_killed(mount_point / "log", rng.uniform(0.0, 0.3), cycle, makers, weak)
        acknowledged += said
        with volatile_disk(store, mount_point):
            try:
                PlateLog.open(mount_point / "log").close()
                lost += missing(mount_point / "log", said)
            except LogError:
                lost += len(said)
            if not weak:
                assert missing(mount_point / "log", acknowledged) == 0
                check_sound(mount_point / "log", cycle + 1)
    return len(acknowledged), lost


def needs_fuse() -> None:
    """Skip where there is no FUSE."""
    if not os.path.exists("/dev/fuse") or os.geteuid() != 0:
        pytest.skip("mounting needs /dev/fuse and root")
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"mfusepy (extra `dev`) with libfuse is not here: {error}")


def test_power_cut_loses_nothing(tmp_path: Path, make_decision, make_opening) -> None:
    needs_fuse()
    cuts = 20 if IS_LONG else 3
    acknowledged, lost = cut_power(tmp_path, cuts, (make_decision, make_opening), weak=False)
    print(f"{cuts} power cuts, {acknowledged} acknowledged, {lost} lost")
    assert acknowledged >= cuts and lost == 0


def test_volatile_disk_would_tell(tmp_path: Path, make_decision, make_opening) -> None:
    """With SQLite's usual setting for a write-ahead log the same cuts lose what was acknowledged."""
    needs_fuse()
    acknowledged, lost = cut_power(tmp_path, 2, (make_decision, make_opening), weak=True)
    print(f"2 power cuts without fsync, {acknowledged} acknowledged, {lost} lost")
    assert lost > 0
