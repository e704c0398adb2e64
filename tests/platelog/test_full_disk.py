"""A disk that is really full, and one that is really read-only: small file systems in memory."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_lpr.errors import LogError
from edge_lpr.platelog.faults import LogFullError, LogUnwritableError
from edge_lpr.platelog.pictures import PictureOptions, Pictures, all_pictures
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.store import LogOptions, PlateLog
from edge_lpr.platelog.verify import verify
from edge_lpr.records import CommandOutcome, Outcome
from tests.small_disk import LIBC, take_all_space

MS_RDONLY, MS_REMOUNT = 1, 32
OPTIONS = LogOptions(retry_after_s=0.0, pending_limit=10_000, pictures=PictureOptions(reserve_bytes=200_000))


def test_gate_goes_on_and_nothing_acknowledged_is_lost(small_disk: Path, clock, make_decision, make_opening) -> None:
    log = PlateLog.open(small_disk / "log", replace(OPTIONS, retry_after_s=60.0), clock)
    first = log.append(make_opening("FIRST"))
    take_all_space(small_disk / "ballast")
    tickets = [ticket for number in range(1500) if (ticket := log.append(make_decision(f"P{number:04}"))) < 0]
    assert tickets, "so many rows do not fit into the journal's last page"
    with pytest.raises(LogFullError):
        log.append(make_opening("REFUSED"))
    log.finish_command(CommandOutcome(first, Outcome.DONE, "", 1.0))
    health = log.health()
    assert health.state == "degraded" and "full" in health.detail and health.pending >= len(tickets) + 1
    with PlateLogReader(small_disk / "log") as reader:
        assert reader.get(first) is not None, "what is there can be read meanwhile"
    (small_disk / "ballast").unlink()
    assert log.append(make_opening("AFTER")) > 0 and log.health().state == "ok"
    log.close()
    with PlateLogReader(small_disk / "log") as reader:
        plates = [row.decision.plate_read.text for row in reader.all()]
        assert plates == ["FIRST", *(f"P{number:04}" for number in range(1500)), "REFUSED", "AFTER"]
        assert reader.get(first).command.outcome is Outcome.DONE
    assert verify(small_disk / "log").problems == ()


def test_gate_that_starts_on_a_full_disk(small_disk: Path, clock, make_decision, make_opening) -> None:
    take_all_space(small_disk / "ballast")
    with PlateLog.open(small_disk / "log", OPTIONS, clock) as log:
        assert log.health().state == "degraded"
        assert log.append(make_decision("WAITS")) < 0
        with pytest.raises(LogUnwritableError):
            log.append(make_opening("REFUSED"))
        (small_disk / "ballast").unlink()
        assert log.retry() and log.append(make_decision("AFTER")) == 3


def test_pictures_stop_before_the_log_does(small_disk: Path, clock, make_decision) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed (extra `cpu`)")
    noise = Pictures(frame=np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))
    log = PlateLog.open(small_disk / "log", OPTIONS, clock)
    for number in range(80):
        assert log.append(make_decision(f"P{number}"), noise) > 0
    log.close(timeout_s=10)
    status = os.statvfs(small_disk)
    assert status.f_bavail * status.f_frsize > 100_000
    assert 0 < len(list(all_pictures(small_disk / "log"))) < 80 and log.health().pictures_left_out > 0


def test_read_only_disk(small_disk: Path, clock, make_decision, make_opening) -> None:
    folder = small_disk / "log"
    PlateLog.open(folder, OPTIONS, clock).close()
    assert LIBC.mount(b"tmpfs", str(small_disk).encode(), b"tmpfs", MS_REMOUNT | MS_RDONLY, b"size=2m") == 0
    with PlateLogReader(folder) as reader:
        assert reader.last_id() == 0, "a log at rest can be read where nothing can be written"
    with PlateLog.open(folder, OPTIONS, clock) as log:
        assert log.append(make_decision()) < 0
        with pytest.raises(LogUnwritableError) as refused:
            log.append(make_opening())
        assert not isinstance(refused.value, LogFullError)
        with pytest.raises(LogError):
            log.purge()
        assert log.health().state == "degraded"
        assert LIBC.mount(b"tmpfs", str(small_disk).encode(), b"tmpfs", MS_REMOUNT, b"size=2m") == 0
        assert log.retry() and log.health().state == "ok"
