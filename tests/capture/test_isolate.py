"""The capture process: every fault that a camera can have, through the real process and ring."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from edge_lpr.capture import link as link_module
from edge_lpr.capture import reconnect
from edge_lpr.capture.child import Feeder
from edge_lpr.capture.isolate import CameraHealth, CameraProcess, CameraState
from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.capture.ring import CaptureStatus, FrameHead, Order, RingWriter
from edge_lpr.capture.source import CameraSpec
from edge_lpr.errors import CameraError
from edge_lpr.records import Frame

PATIENCE_S = 60.0
"""A loaded machine may take its time; what is tested is that it comes at all."""
Spec = Callable[..., CameraSpec]
Starter = Callable[..., CameraProcess]


class SetClock:
    """A clock that says what it is told, and runs on."""

    def __init__(self, wall: datetime) -> None:
        self.offset = wall - datetime.now(timezone.utc)

    def monotonic_s(self) -> float:
        return time.monotonic() + 1000.0

    def wall_time(self) -> datetime:
        return datetime.now(timezone.utc) + self.offset

    def synced(self) -> bool:
        return True


def take(camera: CameraProcess, count: int) -> list[Frame]:
    """The next `count` frames."""
    got: list[Frame] = []
    until_s = time.monotonic() + PATIENCE_S
    while len(got) < count:
        assert time.monotonic() < until_s and camera.health().state is not CameraState.ENDED, camera.health()
        frame = camera.latest(0.5)
        if frame is not None:
            got.append(frame)
    return got


def take_all(camera: CameraProcess) -> list[Frame]:
    """Every frame up to the end."""
    got: list[Frame] = []
    until_s = time.monotonic() + PATIENCE_S
    while camera.health().state is not CameraState.ENDED:
        assert time.monotonic() < until_s, camera.health()
        frame = camera.latest(0.5)
        if frame is not None:
            got.append(frame)
    return got


def run_until(camera: CameraProcess, wanted: Callable[[CameraHealth], bool]) -> CameraHealth:
    """Take frames until the health is as wanted."""
    until_s = time.monotonic() + PATIENCE_S
    while not wanted(health := camera.health()):
        assert time.monotonic() < until_s, health
        camera.latest(0.05)
    return health


def wait_for(condition: Callable[[], bool]) -> None:
    """Until `condition` is true."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_gone(pid: int) -> None:
    wait_for(lambda: is_gone(pid))


def test_fast_files_give_every_frame_with_the_files_time(fake_spec: Spec, camera: Starter) -> None:
    start = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    process = camera(fake_spec("ends", live=False, frames=50, fps=10), clock=SetClock(start))
    frames = take_all(process)
    assert [frame.index for frame in frames] == list(range(50))
    assert all((frame.pixels == frame.index).all() and frame.camera == "gate" for frame in frames)
    for before, after in pairwise(frames):
        assert after.captured_at_s - before.captured_at_s == pytest.approx(0.1, abs=1e-9)
        assert after.wall_time - before.wall_time == timedelta(seconds=0.1)
    assert abs(frames[0].wall_time - start) < timedelta(seconds=60) and frames[0].clock_synced
    health = process.health()
    assert (health.frames, health.dropped, health.replaced, health.last_error) == (50, 0, 0, "")
    assert process.latest(30.0) is None, "and at once"


def test_a_killed_reader_of_a_file_goes_on_where_it_was(
    fake_spec: Spec, camera: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    process = camera(fake_spec("ends", live=False, frames=40))
    got = take(process, 11)
    os.kill(process.pid, signal.SIGKILL)
    got += take_all(process)
    assert [frame.index for frame in got] == list(range(40))
    assert process.health().replaced == 1 and "signal 9" in caplog.text
    assert process.health().last_error == "", "the file was read to its end"


class _Seen:
    """A ring that keeps the heads of the frames, and says stop after so many."""

    def __init__(self, count: int, stop: threading.Event) -> None:
        self.dropped, self.heads, self.reds = 0, list[FrameHead](), list[int]()
        self._count, self._stop = count, stop

    def publish(self, head: FrameHead, pixels: np.ndarray, waiting: Callable[[], bool]) -> bool:
        self.heads.append(head)
        self.reds.append(int(pixels[0, 0, 0]))
        if len(self.heads) == self._count:
            self._stop.set()
        return waiting()

    def tell(self, status: CaptureStatus) -> None:
        pass


def test_a_film_shown_again_and_again_goes_on_without_decoding_all_that_was_shown(tmp_path: Path) -> None:
    for index in range(3):
        Image.new("RGB", (8, 6), (index, 0, 0)).save(tmp_path / f"{index}.png")
    spec, stop = CameraSpec("gate", str(tmp_path), fps=10, loop=True, pace="fast"), threading.Event()
    ring = _Seen(5, stop)
    assert Feeder(Order(spec, 3_000_001, 0), cast(RingWriter, ring), stop).run() == 0
    assert [head.index for head in ring.heads] == list(range(3_000_001, 3_000_006))
    assert ring.reds == [1, 2, 0, 1, 2]
    assert [head.pts_s for head in ring.heads] == pytest.approx([head.index / 10 for head in ring.heads])


def test_a_file_that_cannot_be_read_ends_with_the_reason(tmp_path: Path, camera: Starter) -> None:
    process = camera(CameraSpec("gate", f"{tmp_path}/absent/", pace="fast"))
    assert take_all(process) == []
    assert "no such folder" in process.health().last_error


def test_a_folder_in_real_pace_loops_and_keeps_to_the_clock(tmp_path: Path, camera: Starter) -> None:
    for index in range(3):
        Image.new("RGB", (8, 6), (index, 0, 0)).save(tmp_path / f"{index}.png")
    process = camera(CameraSpec("gate", str(tmp_path), fps=20, loop=True))
    frames = take(process, 8)
    assert all(frame.pixels[0, 0, 0] == frame.index % 3 for frame in frames)
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices)) and indices[-1] >= 7
    elapsed_s = frames[-1].captured_at_s - frames[0].captured_at_s
    assert elapsed_s >= 0.9 * (indices[-1] - indices[0]) / 20, "never faster than the clock"


def test_newest_wins_drops_are_counted_and_times_are_those_of_the_clock(fake_spec: Spec, camera: Starter) -> None:
    clock = SetClock(datetime(2031, 1, 1, tzinfo=timezone.utc))
    process = camera(fake_spec("steady"), clock=clock)
    take(process, 1)
    run_until(process, lambda health: health.frames >= 3)
    untaken = process.health()
    wait_for(lambda: process.health().dropped >= untaken.dropped + 3)
    frame = take(process, 1)[0]
    assert frame.index >= untaken.frames + 3 and (frame.pixels == frame.index % 256).all()
    newest, health = frame.index, process.health()
    assert health.dropped > 0 and health.frames + health.dropped >= newest + 1
    assert 0 <= clock.monotonic_s() - frame.captured_at_s < PATIENCE_S
    clock.offset += timedelta(days=1)
    jumped = take(process, 1)[0]
    assert jumped.wall_time - frame.wall_time > timedelta(hours=23), "UTC jumps with the system's clock"
    assert jumped.captured_at_s - frame.captured_at_s < 60, "and the monotonic time does not"


def test_a_camera_that_never_opens_degrades_and_is_replaced(
    fake_spec: Spec, camera: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    process = camera(fake_spec("never"))
    health = run_until(process, lambda health: health.replaced >= 1)
    assert health.state is CameraState.DEGRADED and health.last_error == "no such camera"
    assert health.frames == 0 and health.reopenings >= 4
    assert sum(record.levelno >= logging.WARNING for record in caplog.records) == 1, "told once, then for debugging"


def test_what_waiting_does_not_mend_is_asked_seldom(fake_spec: Spec, camera: Starter, tmp_path: Path) -> None:
    retry = RetryOptions(first_s=0.01, longest_s=600.0, replace_after=1)
    process = camera(fake_spec("refuses", retry=retry))
    health = run_until(process, lambda health: bool(health.last_error))
    process.latest(0.5)
    assert (tmp_path / "notes").read_text().count("open") == 1 and health.state is CameraState.DEGRADED
    assert "secret" not in health.last_error and "rtsp://***@10.0.0.1/" in health.last_error
    assert process.health().replaced == 0


def test_a_camera_comes_back(fake_spec: Spec, camera: Starter) -> None:
    process = camera(fake_spec("steady", bad=2))
    take(process, 2)  # the outage before may be over before anybody looks
    health = process.health()
    assert health.reopenings == 2 and health.replaced == 0
    assert health.state is CameraState.OK or health.age_s > 0.3


@pytest.mark.parametrize("behaviour", ["dies", "stalls"])
def test_a_failing_source_is_opened_again_in_the_same_process(
    behaviour: str, fake_spec: Spec, camera: Starter, tmp_path: Path
) -> None:
    process = camera(fake_spec(behaviour, retry=RetryOptions(first_s=0.01, stall_s=0.3, replace_after=1000)))
    run_until(process, lambda health: health.reopenings >= 2 and health.frames >= 2)
    notes = (tmp_path / "notes").read_text().splitlines()
    assert len({line.split()[1] for line in notes}) == 1
    assert [line.split()[0] for line in notes[:4]] == ["open", "close", "open", "close"], "never opened twice"
    indices = [frame.index for frame in take(process, 3)]
    assert indices == sorted(set(indices)), "frames count on"


@pytest.mark.parametrize("behaviour", ["hangs", "crashes"])
def test_a_hung_or_dead_process_is_replaced(behaviour: str, fake_spec: Spec, camera: Starter) -> None:
    process = camera(fake_spec(behaviour, retry=RetryOptions(first_s=0.01, stall_s=0.2, open_timeout_s=0.2)))
    first = take(process, 1)[0]
    old = process.pid
    health = run_until(process, lambda health: health.replaced >= 1)
    assert ("hangs" if behaviour == "hangs" else "exit status 3") in health.last_error
    assert take(process, 1)[0].index > first.index
    wait_gone(old)


def test_killed_again_and_again_no_frame_is_torn(fake_spec: Spec, camera: Starter) -> None:
    process = camera(fake_spec("steady", fps=2000, sizes="200x120,90x200"))
    seen = -1
    for round_number in range(4):
        for frame in take(process, 5):
            assert frame.index > seen and len(np.unique(frame.pixels)) == 1
            assert frame.pixels.shape[:2] in ((120, 200), (200, 90))
            seen = frame.index
        if round_number < 3:
            os.kill(process.pid, signal.SIGKILL)
    assert process.health().replaced >= 3


def test_no_call_waits_for_a_process_that_is_stuck(
    fake_spec: Spec, camera: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, it neither gives frames nor ends when it is asked to; only SIGKILL, far off here, would end it."""
    monkeypatch.setattr(link_module, "KILL_AFTER_S", 10 * PATIENCE_S)
    monkeypatch.setattr(link_module, "ABANDON_AFTER_S", 20 * PATIENCE_S)
    process = camera(fake_spec("steady", retry=RetryOptions(stall_s=0.1, open_timeout_s=0.1)))
    take(process, 1)
    os.kill(process.pid, signal.SIGSTOP)
    run_until(process, lambda health: "hangs" in health.last_error)
    cpu_s, start_s = time.thread_time(), time.monotonic()
    assert [process.latest(0.05) for _ in range(20)] == [None] * 20
    assert time.monotonic() - start_s < PATIENCE_S and time.thread_time() - cpu_s < 0.5, "waiting costs no CPU"


def test_a_process_that_must_be_killed_is_told_as_what_it_was(
    fake_spec: Spec, camera: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "KILL_AFTER_S", 0.1)
    process = camera(fake_spec("steady", retry=RetryOptions(first_s=600.0, stall_s=0.1, open_timeout_s=0.1)))
    take(process, 1)
    os.kill(process.pid, signal.SIGSTOP)
    assert "hangs" in run_until(process, lambda health: health.replaced == 1).last_error


def test_a_process_that_starts_too_slowly_is_given_longer(
    fake_spec: Spec, camera: Starter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a starved machine would end each just before it is ready, for ever."""
    slow = tmp_path / "sitecustomize.py"
    slow.write_text("import time\ntime.sleep(3.0)\n")
    monkeypatch.setattr(reconnect, "START_LIMIT_S", 0.5)
    spec = fake_spec("steady")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ["PYTHONPATH"])))
    process = camera(spec)
    take(process, 1)
    assert process.health().replaced >= 2


def test_stop_closes_the_source(fake_spec: Spec, tmp_path: Path) -> None:
    process = CameraProcess(fake_spec("steady"))
    process.start()
    take(process, 1)
    pid = process.pid
    process.stop(timeout_s=PATIENCE_S)
    assert is_gone(pid) and (tmp_path / "notes").read_text().split()[::2] == ["open", "close"]
    process.stop()
    assert process.latest(30.0) is None and process.health().state is CameraState.ENDED
    with pytest.raises(CameraError, match="already"):
        process.start()


def test_a_source_that_does_not_close_is_stopped_by_force(fake_spec: Spec) -> None:
    process = CameraProcess(fake_spec("hangs"))
    process.start()
    take(process, 1)
    pid, start_s = process.pid, time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    process.stop(timeout_s=0.2)
    assert time.monotonic() - start_s < PATIENCE_S
    wait_gone(pid)


@pytest.mark.parametrize("behaviour", ["steady", "hangs"])
def test_the_process_ends_with_its_parent(behaviour: str, fake_spec: Spec) -> None:
    """Even when the parent is killed, and the child is deep in a call that never returns."""
    code = f"""
import sys, time
from edge_lpr.capture.isolate import CameraProcess
from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.capture.ring import CaptureStatus, FrameHead, Order, RingWriter
from edge_lpr.capture.source import CameraSpec
process = CameraProcess({fake_spec(behaviour)!r})
process.start()
while process.latest(1.0) is None: pass
print(process.pid, flush=True)
time.sleep(1000)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    child = int(parent.stdout.readline())
    assert not is_gone(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_gone(child)


def held() -> tuple[int, int]:
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def held_by(pid: int) -> tuple[int, int, int]:
    """Descriptors, threads and resident kB of a process."""
    rss = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task")), rss


def test_a_hundred_reopenings_cost_nothing(fake_spec: Spec, camera: Starter) -> None:
    retry = RetryOptions(first_s=0.0, longest_s=0.0, replace_after=10**6)
    process = camera(fake_spec("dies", frames=1, retry=retry))
    run_until(process, lambda health: health.reopenings >= 20)
    ours, theirs = held(), held_by(process.pid)
    start = process.health().reopenings
    run_until(process, lambda health: health.reopenings >= start + 100)
    assert held() == ours
    after = held_by(process.pid)
    # Either look may meet a camera that is just being opened, with a descriptor more; a leak would show a hundred.
    assert abs(after[0] - theirs[0]) < 10 and after[1] == theirs[1] and after[2] - theirs[2] < 1000
    assert process.health().replaced == 0


def test_replacements_cost_nothing_and_leave_nothing(fake_spec: Spec) -> None:
    shared, before = set(os.listdir("/dev/shm")), held()
    process = CameraProcess(fake_spec("crashes", retry=RetryOptions(first_s=0.0, longest_s=0.0)))
    process.start()
    running = held()
    run_until(process, lambda health: health.replaced >= 3)
    take(process, 1)
    assert held() == running
    process.stop()
    assert held() == before and set(os.listdir("/dev/shm")) <= shared


def test_no_process_can_be_started(fake_spec: Spec, camera: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    before = held()
    monkeypatch.setattr(link_module.subprocess, "Popen", refuse)
    process = camera(fake_spec("steady"))
    assert process.latest(0.1) is None
    assert process.health().state is CameraState.DEGRADED and "Too many" in process.health().last_error
    assert held() == before
    monkeypatch.undo()


def test_the_address_is_not_on_the_command_line(fake_spec: Spec, camera: Starter) -> None:
    process = camera(fake_spec("steady"))
    take(process, 1)
    assert b"fake://" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_the_child_imports_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys, edge_lpr.capture.child, edge_lpr.capture.isolate\n"
        "print(sorted({'cv2', 'onnxruntime', 'PIL', 'av', 'torch', 'multiprocessing'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
    )
    assert done.stdout.strip() == "[]"


def test_video_through_the_process(tmp_path: Path, make_video: Callable[..., Path], camera: Starter) -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    path = make_video(tmp_path / "clip.mp4", 12, fps=10)
    frames = take_all(camera(CameraSpec("gate", str(path), pace="fast", starts_at=start)))
    assert [frame.wall_time for frame in frames] == [start + timedelta(seconds=index / 10) for index in range(12)]
    assert all(frame.clock_synced for frame in frames)
