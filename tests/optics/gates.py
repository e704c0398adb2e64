"""Simulated gates: weeks of arrivals with weather, weekends, night, and a fault that comes over them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from edge_lpr.records import FIGURES, OpticHour

START = datetime(2026, 5, 1, tzinfo=timezone.utc)
USUAL = {"reads": 6.0, "confidence": 0.97, "width_px": 120.0, "brightness": 125.0, "contrast": 110.0,
         "sharpness": 0.27}
SPREAD = {"reads": 0.35, "confidence": 0.03, "width_px": 0.12, "brightness": 0.2, "contrast": 0.2, "sharpness": 0.2}
"""Of one vehicle, as a share."""
WEATHER = {"reads": 0.04, "confidence": 0.004, "width_px": 0.004, "brightness": 0.05, "contrast": 0.04,
           "sharpness": 0.04}
"""Of a whole day."""
HOURS = (8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 22, 23, 1)
Fault = Callable[[str, int, bool], float]
"""(figure, day, is night) -> factor."""


def gate(seed: int, fault: Fault = lambda *_: 1.0, days: int = 40, a_day: int = 40) -> list[OpticHour]:
    """The hours of a camera, from START on."""
    rng = random.Random(seed)
    hours: dict[int, tuple[dict[str, float], dict[str, float], list[int]]] = {}
    for day in range(days):
        mood = {name: rng.gauss(1.0, WEATHER[name]) for name in FIGURES}
        count = max(0, round(rng.gauss(a_day, a_day / 4))) if day % 7 < 5 else a_day // 4
        for _ in range(count):
            hour = rng.choice(HOURS)
            at = START + timedelta(days=day, hours=hour)
            sums, squares, arrivals = hours.setdefault(
                int(at.timestamp()), (dict.fromkeys(FIGURES, 0.0), dict.fromkeys(FIGURES, 0.0), [0]))
            arrivals[0] += 1
            for name in FIGURES:
                factor = mood[name] * fault(name, day, hour in (22, 23, 1)) * max(0.05, rng.gauss(1.0, SPREAD[name]))
                value = USUAL[name] * factor
                value = max(1.0, round(value)) if name == "reads" else value
                value = min(1.0, value) if name == "confidence" else value
                sums[name] += value
                squares[name] += value * value
    return [OpticHour("entry", hour_s, one[2][0], one[0], one[1]) for hour_s, one in sorted(hours.items())]
