"""Schedules on the gate's own clock: days, midnight, holidays, and the two changes of the year."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.errors import ConfigError
from edge_lpr.gate.schedule import Calendar, Schedule, Window, easter_sunday

PRAGUE = Calendar("Europe/Prague", ("2026-11-17", "12-25", "easter+1"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def allows(windows: list[str], text: str, on_holidays: str = "closed", calendar: Calendar = PRAGUE) -> bool:
    return calendar.allows(Schedule.parse("s", windows, on_holidays), utc(text))


@pytest.mark.parametrize(("window", "moment", "expected"), [
    ("mon-fri 06:00-20:00", "2026-10-05 04:00", True),  # Monday 06:00 in summer time
    ("mon-fri 06:00-20:00", "2026-10-05 03:59", False),
    ("mon-fri 06:00-20:00", "2026-10-05 17:59", True),
    ("mon-fri 06:00-20:00", "2026-10-05 18:00", False),  # the end is outside
    ("mon-fri 06:00-20:00", "2026-11-02 04:30", False),  # winter: 05:30
    ("mon-fri 06:00-20:00", "2026-11-02 05:00", True),
    ("mon-fri 06:00-20:00", "2026-10-03 10:00", False),  # Saturday
    ("sat,sun 00:00-24:00", "2026-10-03 21:59", True),
    ("sat,sun 00:00-24:00", "2026-10-04 22:00", False),  # Monday 00:00
    ("fri-mon 08:00-09:00", "2026-10-04 06:30", True),  # a range over Sunday
    ("fri-mon 08:00-09:00", "2026-10-06 06:30", False),
    ("fri 22:00-06:00", "2026-10-02 20:00", True),
    ("fri 22:00-06:00", "2026-10-03 03:59", True),  # Saturday 05:59: Friday's window
    ("fri 22:00-06:00", "2026-10-03 04:00", False),
    ("fri 22:00-06:00", "2026-10-03 20:30", False),
    ("sun 22:00-06:00", "2026-10-05 01:00", True),  # over the week's end
    ("daily 00:00-00:01", "2026-10-04 22:00", True),
])
def test_windows(window: str, moment: str, expected: bool) -> None:
    assert allows([window], moment) is expected


@pytest.mark.parametrize(("moment", "expected"), [
    ("2026-03-29 00:59", True),  # 01:59 winter time
    ("2026-03-29 01:00", True),  # 03:00 summer time: 02:30 never came
    ("2026-03-29 01:30", False),  # 03:30
    ("2026-10-25 00:45", True),  # 02:45 for the first time
    ("2026-10-25 01:45", True),  # 02:45 again
    ("2026-10-25 02:29", True),  # 03:29
    ("2026-10-25 02:30", False),
])
def test_clock_changes(moment: str, expected: bool) -> None:
    assert allows(["sun 01:30-03:30"], moment) is expected


def test_window_inside_the_left_out_hour_never_opens() -> None:
    moments = [utc("2026-03-29 00:00") + timedelta(minutes=step) for step in range(180)]
    schedule = Schedule.parse("s", ["sun 02:10-02:50"])
    assert not any(PRAGUE.allows(schedule, moment) for moment in moments)


@pytest.mark.parametrize(("moment", "on_holidays", "expected"), [
    ("2026-11-17 10:00", "closed", False),  # a Tuesday
    ("2026-11-17 10:00", "as_usual", True),
    ("2027-11-17 10:00", "closed", True),  # that holiday was of one year
    ("2026-12-25 10:00", "closed", False),
    ("2030-12-25 10:00", "closed", False),
    ("2026-04-06 10:00", "closed", False),  # Easter Monday
    ("2026-04-07 10:00", "closed", True),
])
def test_holidays(moment: str, on_holidays: str, expected: bool) -> None:
    assert allows(["mon-fri 06:00-20:00"], moment, on_holidays) is expected


def test_holiday_window_counts_on_holidays_only() -> None:
    assert allows(["holiday 09:00-11:00"], "2026-11-17 09:00")
    assert not allows(["holiday 09:00-11:00"], "2026-11-18 09:00")
    assert allows(["holiday 22:00-02:00"], "2026-11-18 00:30"), "the night belongs to the day it begins on"


@pytest.mark.parametrize(("year", "day"), [
    (1961, date(1961, 4, 2)), (2000, date(2000, 4, 23)), (2024, date(2024, 3, 31)), (2025, date(2025, 4, 20)),
    (2026, date(2026, 4, 5)), (2038, date(2038, 4, 25)), (2285, date(2285, 3, 22)),
])
def test_easter(year: int, day: date) -> None:
    assert easter_sunday(year) == day


@pytest.mark.parametrize("text", [
    "", "mon", "mon 6-20", "mon 06:00-06:00", "mon 24:00-06:00", "mon 06:00-00:00", "mon 06:60-07:00",
    "mon 25:00-26:00", "monday 06:00-20:00", "mon-fri-sun 06:00-20:00", "mon- 06:00-20:00", "mon,, 06:00-20:00",
])
def test_wrong_windows_are_named(text: str) -> None:
    with pytest.raises(ConfigError, match="window"):
        Window.parse(text)


@pytest.mark.parametrize("holiday", ["2026-02-30", "13-01", "christmas", "easter+", "easter+400", "easter-81",
                                     "2026/12/25", ""])
def test_wrong_holidays_are_named(holiday: str) -> None:
    with pytest.raises(ConfigError, match="holiday"):
        Calendar("UTC", (holiday,))


def test_leap_day_holiday() -> None:
    calendar = Calendar("UTC", ("02-29",))
    assert calendar.is_holiday(date(2028, 2, 29)) and not calendar.is_holiday(date(2027, 3, 1))


@pytest.mark.parametrize("zone", ["Europe/Praha", "", "../etc/passwd", "/etc/localtime"])
def test_unknown_time_zone(zone: str) -> None:
    with pytest.raises(ConfigError, match="time_zone"):
        Calendar(zone)


def test_wrong_holiday_rule() -> None:
    with pytest.raises(ConfigError, match="on_holidays"):
        Schedule.parse("s", [], "open")
    with pytest.raises(ConfigError, match="never counts"):
        Schedule.parse("s", ["holiday 08:00-09:00"], "as_usual")


def test_instants_of_a_local_time() -> None:
    assert PRAGUE.instants(datetime(2026, 10, 25, 2, 30)) == (utc("2026-10-25 00:30"), utc("2026-10-25 01:30"))
    assert PRAGUE.instants(datetime(2026, 7, 1)) == (utc("2026-06-30 22:00"),) * 2


ZONES = st.sampled_from(["Europe/Prague", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2037, 1, 1), timezones=st.just(timezone.utc))


@settings(max_examples=60, deadline=None)
@given(ZONES, MOMENTS, st.integers(0, 1439), st.integers(0, 1439))
def test_a_daily_window_and_its_rest_share_every_moment(zone: str, moment: datetime, start: int, end: int) -> None:
    if start == end:
        return
    every_day = frozenset(range(7))
    calendar = Calendar(zone)
    inside = calendar.allows(Schedule("in", (Window(every_day, start, end),)), moment)
    outside = calendar.allows(Schedule("out", (Window(every_day, end, start),)), moment)
    assert inside is not outside
