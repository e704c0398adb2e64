"""Weekly schedules, holidays and validity dates in the gate's own time zone. Pure: the moment comes in as an argument.

Windows are read off the local clock on the wall, as a person at the gate reads it: 06:00-20:00 means that at both
changes of the year. An hour that comes twice in autumn is twice inside or twice outside; a minute that spring leaves
out never comes, and a window that begins in it begins with the next minute that does. A window past midnight
(`fri 22:00-06:00`) belongs to the day on which it begins, whatever the next day is.

The TOML that `config.py` turns into these records:

    [access]
    time_zone = "Europe/Prague"                     # IANA name
    holidays = ["2026-11-17", "12-25", "easter+1"]  # one day, a day of every year, days from Easter Sunday

    [[access.schedule]]
    name = "working hours"
    windows = ["mon-fri 06:00-20:00", "sat,sun 08:00-12:00", "holiday 09:00-11:00"]
    on_holidays = "closed"                          # only `holiday` windows count; "as_usual": days like any other
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from edge_lpr.errors import ConfigError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY = len(DAYS)
"""The day number of a `holiday` window, beside 0 for Monday .. 6 for Sunday."""
MINUTES_A_DAY = 24 * 60
ON_HOLIDAYS = ("closed", "as_usual")

_WINDOW = re.compile(r"(\S+)\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_ONE_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_EVERY_YEAR = re.compile(r"(\d{2})-(\d{2})")
EASTER_DAYS = (-80, 250)
"""From Easter Sunday, wherever it falls, so many days at most: further ones may lie in another year."""
_EASTER = re.compile(r"easter([+-]\d{1,3})?")


@dataclass(frozen=True)
class Window:
    """Opening time of some days: minutes of the day, `start` <= t < `end`; `end` <= `start` runs into the next day."""

    days: frozenset[int]
    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Window:
        """`mon-fri 06:00-20:00`, `sat,sun 00:00-24:00`, `daily ...`, `holiday ...`; ConfigError names the text."""
        match = _WINDOW.fullmatch(text.strip().lower())
        if match is None:
            raise ConfigError(f"window {text!r}: expected days and times, such as 'mon-fri 06:00-20:00'")
        start, end = _minute(match[2], match[3], text), _minute(match[4], match[5], text)
        if start in (end, MINUTES_A_DAY) or end == 0:
            raise ConfigError(f"window {text!r}: write a whole day as 00:00-24:00, and midnight as 24:00 at the end")
        return cls(_days(match[1], text), start, end)

    def holds(self, day: int, minute: int) -> bool:
        """Whether the part of the window on its own `day` has this minute."""
        return day in self.days and self.start <= minute < (self.end if self.end > self.start else MINUTES_A_DAY)

    def runs_over(self, day_before: int, minute: int) -> bool:
        """Whether the window that began on `day_before` still has this minute of the day after."""
        return day_before in self.days and self.end <= self.start and minute < self.end


@dataclass(frozen=True)
class Schedule:
    """When a group may enter. No window means never."""

    name: str
    windows: tuple[Window, ...]
    on_holidays: str = "closed"

    def __post_init__(self) -> None:
        if self.on_holidays not in ON_HOLIDAYS:
            raise ConfigError(f"schedule {self.name!r}: on_holidays is {self.on_holidays!r}; allowed are {ON_HOLIDAYS}")
        if self.on_holidays == "as_usual" and any(HOLIDAY in window.days for window in self.windows):
            raise ConfigError(f"schedule {self.name!r}: a holiday window never counts with on_holidays = 'as_usual'")

    @classmethod
    def parse(cls, name: str, windows: Sequence[str], on_holidays: str = "closed") -> Schedule:
        """From the texts of the configuration."""
        try:
            return cls(name, tuple(map(Window.parse, windows)), on_holidays)
        except ConfigError as error:
            raise ConfigError(f"schedule {name!r}: {error}") from error


@dataclass(frozen=True)
class Calendar:
    """The gate's time zone and holidays; ConfigError when one of them is not known."""

    time_zone: str = "UTC"
    holidays: tuple[str, ...] = ()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_zone", ZoneInfo(self.time_zone))
        except (OSError, ValueError, LookupError) as error:
            raise ConfigError(
                f"time_zone {self.time_zone!r} is not known: give an IANA name such as 'Europe/Prague' (where none is "
                "known, install the system's tzdata)"
            ) from error
        for text in self.holidays:
            _holiday_in(text, 2024)

    def local(self, moment: datetime) -> datetime:
        """The aware moment on the gate's own clock."""
        return moment.astimezone(self._zone)

    def is_holiday(self, day: date) -> bool:
        """Whether this local day is one of the holidays."""
        return any(_holiday_in(text, day.year) == day for text in self.holidays)

    def allows(self, schedule: Schedule, moment: datetime) -> bool:
        """Whether the schedule is open at this aware moment."""
        local = self.local(moment)
        minute, today = 60 * local.hour + local.minute, local.date()
        day, before = self._kind(schedule, today), self._kind(schedule, today - timedelta(days=1))
        return any(window.holds(day, minute) or window.runs_over(before, minute) for window in schedule.windows)

    def instants(self, local: datetime) -> tuple[datetime, datetime]:
        """The earliest and the latest UTC moment that a naive local time can mean; they differ at a clock change."""
        both = [local.replace(tzinfo=self._zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1)]
        return min(both), max(both)

    def _kind(self, schedule: Schedule, day: date) -> int:
        return HOLIDAY if schedule.on_holidays == "closed" and self.is_holiday(day) else day.weekday()


def easter_sunday(year: int) -> date:
    """The western (Gregorian) Easter Sunday; the algorithm of Meeus, Jones and Butcher."""
    golden, century, in_century = year % 19, year // 100, year % 100
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - moon + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (in_century // 4) - epact - in_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _holiday_in(text: str, year: int) -> date | None:
    """The day of a holiday in a year, or None where the year has none; ConfigError when the text is no holiday."""
    try:
        if match := _ONE_DAY.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _EVERY_YEAR.fullmatch(text):
            left_out = text == "02-29" and not isleap(year)
            return None if left_out else date(year, int(match[1]), int(match[2]))
        if match := _EASTER.fullmatch(text):
            days = int(match[1] or 0)
            if not EASTER_DAYS[0] <= days <= EASTER_DAYS[1]:
                raise ConfigError(f"holiday {text!r}: allowed are easter{EASTER_DAYS[0]} to easter+{EASTER_DAYS[1]}")
            return easter_sunday(year) + timedelta(days=days)
    except ValueError as error:
        raise ConfigError(f"holiday {text!r}: {error}") from error
    raise ConfigError(f"holiday {text!r}: allowed are YYYY-MM-DD, MM-DD for every year, and easter, easter+1, easter-2")


def _minute(hours: str, minutes: str, text: str) -> int:
    value = 60 * int(hours) + int(minutes)
    if int(minutes) > 59 or value > MINUTES_A_DAY:
        raise ConfigError(f"window {text!r}: {hours}:{minutes} is no time of day")
    return value


def _days(names: str, text: str) -> frozenset[int]:
    """Day numbers of `mon-fri`, `sat,sun`, `daily`, `holiday`; a range may run over Sunday."""
    found: set[int] = set()
    for part in names.split(","):
        first, _, last = part.partition("-")
        if part == "daily":
            found.update(range(len(DAYS)))
        elif part == "holiday":
            found.add(HOLIDAY)
        elif first in DAYS and (not last or last in DAYS) and part.count("-") == bool(last):
            begin, end = DAYS.index(first), DAYS.index(last or first)
            found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
        else:
            raise ConfigError(f"window {text!r}: {part!r} is no day; allowed are {', '.join(DAYS)}, daily, holiday")
    return frozenset(found)
