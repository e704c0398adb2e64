"""Drifts of simulated gates: each fault is found, named, dated; weather and weekends are not."""

from __future__ import annotations

from datetime import date, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from edge_lpr.optics.days import Light, days_of
from edge_lpr.optics.drift import advice_for, day_name, drifts
from tests.optics.gates import START, Fault, gate

TODAY = (START + timedelta(days=40)).date()
SEEDS = range(8)


def slowly(start: int, end: int, day: int) -> float:
    """0 until a day, then rising, 1 from another on."""
    return min(1.0, max(0.0, (day - start) / (end - start)))


def dirt(name: str, day: int, night: bool) -> float:
    grown = slowly(20, 30, day)
    return {"sharpness": 1 - 0.3 * grown, "reads": 1 - 0.2 * grown, "contrast": 1 - 0.2 * grown}.get(name, 1.0)


def knock(name: str, day: int, night: bool) -> float:
    return 0.75 if name == "width_px" and day >= 35 else 1.0


def lamp(name: str, day: int, night: bool) -> float:
    return 0.6 if night and day >= 32 and name in ("brightness", "contrast") else 1.0


def glare(name: str, day: int, night: bool) -> float:
    return {"sharpness": 0.75, "contrast": 0.7, "brightness": 1.4}.get(name, 1.0) if day >= 30 and not night else 1.0


def slow_frames(name: str, day: int, night: bool) -> float:
    return 0.6 if name == "reads" and day >= 34 else 1.0


@pytest.mark.parametrize(("fault", "advice", "lights", "day"), [
    (dirt, "clean the lens", {Light.DAY, Light.NIGHT}, 25),
    (knock, "moved", {Light.DAY, Light.NIGHT}, 35),
    (lamp, "infrared", {Light.NIGHT}, 32),
    (glare, "hazy", {Light.DAY}, 30),
    (slow_frames, "frame rate", {Light.DAY, Light.NIGHT}, 34),
])
def test_a_fault_is_found_named_and_dated(fault: Fault, advice: str, lights: set[Light], day: int) -> None:
    found = 0
    for seed in SEEDS:
        drifted = drifts(gate(seed, fault), timezone.utc)
        assert {one.light for one in drifted} <= lights
        for one in drifted:
            assert advice in one.advice, one.told(TODAY)
            assert abs((one.since - (START + timedelta(days=day)).date()).days) <= 6, one.told(TODAY)
        found += bool(drifted)
    assert found == len(SEEDS)


def test_weather_and_weekends_are_no_fault() -> None:
    told = [one.told(TODAY) for seed in range(40) for one in drifts(gate(seed), timezone.utc)]
    assert told == []


def test_a_busy_gate_is_not_more_nervous() -> None:
    assert [one.told(TODAY) for seed in range(4) for one in drifts(gate(seed, a_day=400), timezone.utc)] == []


def test_what_has_passed_is_no_longer_told() -> None:
    def fog(name: str, day: int, night: bool) -> float:
        return 0.6 if name in ("sharpness", "contrast") and 25 <= day < 33 else 1.0

    assert all(drifts(gate(seed, fog), timezone.utc) == [] for seed in SEEDS)


def test_a_new_gate_and_an_empty_one_tell_nothing() -> None:
    assert drifts([], timezone.utc) == [] and drifts(gate(1, dirt, days=5), timezone.utc) == []


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    days = days_of(gate(3, days=3), ZoneInfo("Europe/Prague"))
    assert [one.day for one in days[("entry", Light.DAY)]][0] == date(2026, 5, 1)
    assert all(one.arrivals >= 4 for one in days[("entry", Light.NIGHT)])


def test_the_line_for_people() -> None:
    (drift, *_) = drifts(gate(2, knock), timezone.utc)
    line = drift.told(TODAY)
    assert line.startswith("camera entry by day: plate width fell by 2") and "check its aim" in line


@pytest.mark.parametrize(("day", "name"), [(date(2026, 6, 2), "Tuesday"), (date(2026, 5, 1), "2026-05-01")])
def test_days_by_name_within_a_week(day: date, name: str) -> None:
    assert day_name(day, date(2026, 6, 6)) == name


@pytest.mark.parametrize(("ratios", "light", "word"), [
    ({}, Light.DAY, ""),
    ({"sharpness": 1.3}, Light.DAY, ""),
    ({"reads": 1.3, "contrast": 1.4}, Light.DAY, ""),
    ({"contrast": 0.7}, Light.DAY, "contrast"),
    ({"contrast": 0.7}, Light.NIGHT, "infrared"),
    ({"brightness": 1.4}, Light.DAY, "exposure"),
    ({"confidence": 0.9}, Light.DAY, "less surely"),
])
def test_advice(ratios: dict[str, float], light: Light, word: str) -> None:
    assert (word in advice_for(ratios, light)) if word else advice_for(ratios, light) == ""
