"""Looks now and then whether a camera's plates look different than they did, and tells it once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_lpr.optics.drift import LOOK_BACK_DAYS, Drift, drifts
from edge_lpr.records import OpticHour

log = logging.getLogger(__name__)

DAY_S = 86400.0


class OpticWatch:
    """`told` holds what is found, as lines; `hours_since(seconds since 1970)` gives the statistics."""

    def __init__(self, hours_since: Callable[[float], Iterable[OpticHour]], time_zone: str) -> None:
        self._hours_since = hours_since
        self._zone = zone_of(time_zone)
        self._known: set[tuple[str, str, str]] = set()
        self.told: tuple[str, ...] = ()

    def look(self, now: datetime) -> list[str]:
        """Look again; the lines of what was not known before. Raises LogError."""
        found = drifts(self._hours_since(now.timestamp() - LOOK_BACK_DAYS * DAY_S), self._zone)
        today = now.astimezone(self._zone).date()
        new = [one for one in found if _key(one) not in self._known]
        self._known = {_key(one) for one in found}
        self.told = tuple(one.told(today) for one in found)
        for one in new:
            log.warning("%s", one.told(today))
        return [one.told(today) for one in new]


def zone_of(name: str) -> tzinfo:
    """A time zone by its name; UTC where it is not known here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return timezone.utc


def _key(drift: Drift) -> tuple[str, str, str]:
    """What makes it the same drift on another day: its date and size may still move."""
    return drift.camera, drift.light.value, drift.advice
