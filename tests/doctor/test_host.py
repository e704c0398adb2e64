"""The machine, by files as Linux has them: each state gets its level and its advice."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from edge_lpr.doctor import host
from edge_lpr.doctor.finding import Finding, Level


def levels(findings: Iterable[Finding]) -> list[str]:
    found = list(findings)
    assert all(one.advice for one in found if one.level is not Level.OK), "whatever is wrong, it says what to do"
    return [f"{one.level.value} {one.name}" for one in found]


@pytest.mark.parametrize(("millidegrees", "level"), [("45000", "OK"), ("85000", "WARN"), ("97000", "FAIL")])
def test_temperature(tmp_path: Path, millidegrees: str, level: str) -> None:
    for number, temp in enumerate(("30000", millidegrees, "nonsense", "-256000", "999000")):
        zone = tmp_path / f"sys/class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "temp").write_text(temp)
        (zone / "type").write_text("cpu-thermal\n")
    assert levels(host.heat_findings(tmp_path)) == [f"{level} temperature"]


@pytest.mark.parametrize(("kind", "state", "said"), [
    ("thermal-cpufreq-0", "2", ["WARN throttling"]), ("thermal-cpufreq-0", "0", []), ("pwm-fan", "3", []),
])
def test_throttling(tmp_path: Path, kind: str, state: str, said: list[str]) -> None:
    device = tmp_path / "sys/class/thermal/cooling_device0"
    device.mkdir(parents=True)
    (device / "type").write_text(kind)
    (device / "cur_state").write_text(state)
    assert levels(host.heat_findings(tmp_path)) == said


@pytest.mark.parametrize(("told", "said"), [
    ("0x01 0x02\n", ["OK disk wear"]), ("0x02 0x0a\n", ["WARN disk wear"]), ("0x00 0x00", []), ("what", []),
])
def test_wear(tmp_path: Path, told: str, said: list[str]) -> None:
    device = tmp_path / "sys/block/mmcblk0/device"
    device.mkdir(parents=True)
    (device / "life_time").write_text(told)
    assert levels(host.wear_findings(tmp_path)) == said


@pytest.mark.parametrize(("kilobytes", "level"), [("2000000", "OK"), ("100000", "WARN")])
def test_memory(tmp_path: Path, kilobytes: str, level: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable:   {kilobytes} kB\n")
    assert levels(host.memory_findings(tmp_path)) == [f"{level} memory"]


@pytest.mark.parametrize(("free_mb", "files", "level"), [(5000, 10**6, "OK"), (100, 10**6, "WARN"), (5, 10**6, "FAIL"),
                                                         (5000, 10, "WARN")])
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, files: int, level: str) -> None:
    status = os.statvfs_result((4096, 1, 10**9, 10**9, free_mb * 10**6, 10**6, files, files, 0, 255))
    monkeypatch.setattr(host.os, "statvfs", lambda path: status)
    assert levels(host.disk_findings(tmp_path / "not/yet/there", 64)) == [f"{level} disk"]


@pytest.mark.parametrize(("synced", "trusted", "level"), [(True, False, "OK"), (False, True, "OK"),
                                                          (False, False, "WARN")])
def test_clock(monkeypatch: pytest.MonkeyPatch, synced: bool, trusted: bool, level: str) -> None:
    monkeypatch.setattr(host, "clock_synced", lambda: synced)
    assert levels(host.clock_findings(trusted)) == [f"{level} clock"]
