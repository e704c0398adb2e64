"""Hours of statistics put together to days, by light. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import Enum

from edge_lpr.records import FIGURES, OpticHour


class Light(str, Enum):
    """Hours that are surely light or surely dark nearly everywhere; twilight belongs to neither."""

    DAY = "day"
    NIGHT = "night"


HOURS = {Light.DAY: frozenset(range(9, 16)), Light.NIGHT: frozenset((22, 23, 0, 1, 2, 3, 4))}
"""Local hours."""
FEWEST_ARRIVALS = 4
"""A day with fewer vehicles tells nothing."""


@dataclass(frozen=True)
class OpticDay:
    """One camera's arrivals of a day in one light: `mean` and `error` (of the mean) by figure."""

    day: date
    arrivals: int
    mean: dict[str, float]
    error: dict[str, float]


def days_of(hours: Iterable[OpticHour], zone: tzinfo) -> dict[tuple[str, Light], list[OpticDay]]:
    """By camera and light: its days in order. A night belongs to the day on which it began."""
    gathered: dict[tuple[str, Light], dict[date, list[OpticHour]]] = {}
    for hour in hours:
        local = datetime.fromtimestamp(hour.hour_s, zone)
        light = next((one for one, own in HOURS.items() if local.hour in own), None)
        if light is None:
            continue
        day = local.date()
        if light is Light.NIGHT and local.hour < 12:
            day = date.fromordinal(day.toordinal() - 1)
        gathered.setdefault((hour.camera, light), {}).setdefault(day, []).append(hour)
    found = {}
    for key, by_day in gathered.items():
        days = [_day(day, own) for day, own in sorted(by_day.items())]
        found[key] = [one for one in days if one.arrivals >= FEWEST_ARRIVALS]
    return found


def _day(day: date, hours: list[OpticHour]) -> OpticDay:
    count = sum(hour.arrivals for hour in hours)
    mean, error = {}, {}
    for name in FIGURES:
        total = sum(hour.sums[name] for hour in hours)
        square = sum(hour.squares[name] for hour in hours)
        mean[name] = total / count
        variance = max(square / count - mean[name] ** 2, 0.0) * count / max(count - 1, 1)
        error[name] = math.sqrt(variance / count)
    return OpticDay(day, count, mean, error)
