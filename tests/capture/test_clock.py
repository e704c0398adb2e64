"""Whether the system clock can be trusted."""

from __future__ import annotations

import ctypes
from datetime import timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_lpr.capture import clock
from edge_lpr.capture.clock import StreamAge, SystemClock, clock_synced


def kernel(monkeypatch: pytest.MonkeyPatch, state: int, status: int) -> None:
    """A C library whose adjtimex gives `state` and `status`."""

    def adjtimex(timex: ctypes.c_void_p) -> int:
        timex._obj.status = status
        return state

    monkeypatch.setattr(clock.ctypes, "CDLL", lambda *_, **__: SimpleNamespace(adjtimex=adjtimex))


@pytest.mark.parametrize(
    ("state", "status", "synced"),
    [(0, 0x2001, True), (0, 0, True), (5, 0x40, False), (0, 0x40, False), (5, 0, False), (-1, 0, False)],
)
def test_the_kernel_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: int, status: int, synced: bool
) -> None:
    kernel(monkeypatch, state, status)
    assert clock_synced(tmp_path / "absent") is synced


def test_timesyncd_leaves_a_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel(monkeypatch, 5, 0x40)
    mark = tmp_path / "synchronized"
    assert not clock_synced(mark)
    mark.touch()
    assert clock_synced(mark)


def test_a_system_without_adjtimex_is_unsure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clock.ctypes, "CDLL", lambda *_, **__: SimpleNamespace())
    assert not clock_synced(tmp_path / "absent")
    assert not clock_synced(Path("\0"))


def test_the_real_kernel_answers_without_error() -> None:
    assert clock_synced() in (True, False)


def test_system_clock_is_utc_and_asks_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(clock, "clock_synced", lambda: not asked.append(1))
    system = SystemClock()
    assert system.wall_time().tzinfo is timezone.utc and system.wall_time().utcoffset() == timedelta(0)
    assert [system.synced() for _ in range(5)] == [True] * 5 and len(asked) == 1
    assert system.monotonic_s() <= system.monotonic_s()


def ages(frames: list[tuple[float, float, bool]]) -> list[float]:
    age = StreamAge()
    return [round(age.age_s(pts_s, now_s, waited), 6) for pts_s, now_s, waited in frames]


def test_frames_that_were_waited_for_are_new_whatever_their_stamps_say() -> None:
    slow = [(0.1 * index, 50 + 0.3 * index, True) for index in range(100)]
    fast = [(0.3 * index, 50 + 0.1 * index, True) for index in range(100)]
    assert set(ages(slow)) == set(ages(fast)) == {0.0}


def test_queued_frames_age_by_their_stamps() -> None:
    paused = [(0.0, 50.0, True), (0.1, 50.1, True), (0.2, 52.2, False), (0.3, 52.2, False), (2.1, 52.3, False)]
    assert ages([*paused, (2.2, 52.3, True)]) == [0.0, 0.0, 2.0, 1.9, 0.2, 0.0]


def test_a_burst_at_the_start_is_never_older_than_its_newest() -> None:
    assert ages([(0.0, 50.0, False), (1.0, 50.0, False), (2.0, 50.0, False), (2.1, 50.2, False)]) == [0, 0, 0, 0.1]
