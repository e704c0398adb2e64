"""The decision: deny wins, an opening needs everything, and each refusal has its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.gate.access import (
    AccessBook,
    AccessList,
    AccessOptions,
    CameraRule,
    GroupRule,
    ListEntry,
    ListKind,
    ListSpec,
)
from edge_lpr.gate.decide import GateTime, Policy
from edge_lpr.gate.schedule import Schedule
from edge_lpr.records import Action, Direction, PlateRead, Reason

MONDAY_NOON = datetime(2026, 10, 5, 10, 0, tzinfo=timezone.utc)  # 12:00 in Prague
NOW = GateTime(MONDAY_NOON, 100.0, True)
READ = PlateRead("a1", "gate", "1AB2345", 0.97, (), 6, "CZ", Direction.APPROACHING, 97.0, 99.8, MONDAY_NOON, True)
RESIDENTS = ListSpec("residents", Path("r.csv"))
BANNED = ListSpec("banned", Path("b.csv"), ListKind.DENY)
OPTIONS = AccessOptions(
    lists=(RESIDENTS, BANNED),
    groups=(GroupRule("staff", "day"), GroupRule("night", "night"), GroupRule("free")),
    schedules=(Schedule.parse("day", ["mon-fri 06:00-20:00"]), Schedule.parse("night", ["daily 22:00-06:00"])),
    cameras=(CameraRule("exit", (Direction.LEAVING,)),),
    time_zone="Europe/Prague",
)


def policy(*allow: ListEntry, deny: tuple[ListEntry, ...] = (), tolerance: int = 0, **changes: object) -> Policy:
    lists = [AccessList(replace(RESIDENTS, tolerance=tolerance), allow), AccessList(BANNED, deny)]
    return Policy(replace(OPTIONS, **changes), AccessBook(lists))


LISTED = ListEntry("1AB2345", "J. Novak", line=2)


def test_a_listed_plate_opens() -> None:
    decision = policy(LISTED).decide(READ, NOW)
    assert (decision.action, decision.reason) == (Action.OPEN, Reason.ALLOWED)
    assert decision.rule == "allow list residents: 1AB2345"
    assert decision.expires_at_s == pytest.approx(99.8 + 2.5) and decision.decided_at_s == 100.0
    assert decision.plate_read is READ


@pytest.mark.parametrize(("change", "reason"), [
    ({"text": "9ZZ9999"}, Reason.NOT_LISTED),
    ({"text": "IAB2345"}, Reason.NOT_LISTED),
    ({"text": ""}, Reason.NOT_LISTED),
    ({"confidence": 0.79}, Reason.LOW_CONFIDENCE),
    ({"confidence": float("nan")}, Reason.LOW_CONFIDENCE),
    ({"text": "9ZZ9999", "confidence": 0.1}, Reason.LOW_CONFIDENCE),
    ({"direction": Direction.LEAVING}, Reason.WRONG_DIRECTION),
    ({"direction": Direction.STANDING}, Reason.ALLOWED),
    ({"direction": Direction.UNKNOWN}, Reason.ALLOWED),
    ({"camera": "exit"}, Reason.WRONG_DIRECTION),
    ({"camera": "exit", "direction": Direction.LEAVING}, Reason.ALLOWED),
    ({"in_zone": False}, Reason.OUTSIDE_ZONE),
    ({"at_s": 97.9}, Reason.STALE),
    ({"at_s": 98.1}, Reason.ALLOWED),
    ({"at_s": 100.05}, Reason.ALLOWED),
    ({"at_s": 100.2}, Reason.STALE),
    ({"at_s": float("nan")}, Reason.STALE),
    ({"alternatives": (("9ZZ9999", 0.5),)}, Reason.ALLOWED),
])
def test_conditions_of_an_opening(change: dict, reason: Reason) -> None:
    decision = policy(LISTED).decide(replace(READ, **change), NOW)
    assert decision.reason is reason
    assert (decision.action is Action.OPEN) is (reason is Reason.ALLOWED)


@pytest.mark.parametrize(("entry", "local", "reason"), [
    ({"group": "staff"}, datetime(2026, 10, 5, 12), Reason.ALLOWED),
    ({"group": "staff"}, datetime(2026, 10, 4, 12), Reason.OUTSIDE_SCHEDULE),
    ({"group": "night"}, datetime(2026, 10, 5, 12), Reason.OUTSIDE_SCHEDULE),
    ({"group": "night"}, datetime(2026, 10, 5, 23), Reason.ALLOWED),
    ({"group": "free"}, datetime(2026, 10, 4, 3), Reason.ALLOWED),
    ({"group": "typo"}, datetime(2026, 10, 5, 12), Reason.OUTSIDE_SCHEDULE),
    ({"valid_from": datetime(2026, 10, 5, 12)}, datetime(2026, 10, 5, 12), Reason.ALLOWED),
    ({"valid_from": datetime(2026, 10, 5, 12, 1)}, datetime(2026, 10, 5, 12), Reason.NOT_VALID_YET),
    ({"valid_until": datetime(2026, 10, 5, 12, 1)}, datetime(2026, 10, 5, 12), Reason.ALLOWED),
    ({"valid_until": datetime(2026, 10, 5, 12)}, datetime(2026, 10, 5, 12), Reason.EXPIRED),
])
def test_groups_and_dates(entry: dict, local: datetime, reason: Reason) -> None:
    now = replace(NOW, wall_time=local.replace(tzinfo=timezone(timedelta(hours=2))))
    assert policy(replace(LISTED, **entry)).decide(READ, now).reason is reason


def test_a_time_that_comes_twice_shortens_what_is_allowed() -> None:
    """02:30 comes at 00:30 and 01:30 UTC: an entry ends with the first and begins with the second."""
    now = replace(NOW, wall_time=datetime(2026, 10, 25, 0, 45, tzinfo=timezone.utc))
    twice = datetime(2026, 10, 25, 2, 30)
    assert policy(replace(LISTED, valid_until=twice)).decide(READ, now).reason is Reason.EXPIRED
    assert policy(replace(LISTED, valid_from=twice)).decide(READ, now).reason is Reason.NOT_VALID_YET
    deny = (replace(LISTED, valid_until=twice),)
    assert policy(LISTED, deny=deny).decide(READ, now).reason is Reason.DENIED


@pytest.mark.parametrize(("entry", "trusted", "reason"), [
    ({}, False, Reason.ALLOWED),
    ({"group": "free"}, False, Reason.ALLOWED),
    ({"group": "staff"}, False, Reason.CLOCK_UNSURE),
    ({"group": "staff"}, True, Reason.ALLOWED),
    ({"group": "night"}, True, Reason.OUTSIDE_SCHEDULE),
    ({"valid_until": datetime(2030, 1, 1)}, False, Reason.CLOCK_UNSURE),
    ({"valid_from": datetime(2020, 1, 1)}, False, Reason.CLOCK_UNSURE),
    ({"valid_from": datetime(2020, 1, 1)}, True, Reason.ALLOWED),
])
def test_unsynchronised_clock(entry: dict, trusted: bool, reason: Reason) -> None:
    rules = policy(replace(LISTED, **entry), trust_unsynced_clock=trusted)
    assert rules.decide(READ, replace(NOW, clock_synced=False)).reason is reason


@pytest.mark.parametrize(("denied", "reason"), [
    ({"valid_until": datetime(2026, 10, 5)}, Reason.ALLOWED),
    ({"valid_from": datetime(2026, 10, 6)}, Reason.ALLOWED),
    ({"valid_until": datetime(2026, 10, 6)}, Reason.DENIED),
])
def test_a_ban_ends_by_a_clock_that_is_trusted(denied: dict, reason: Reason) -> None:
    rules = policy(LISTED, deny=(replace(LISTED, **denied),), trust_unsynced_clock=True)
    assert rules.decide(READ, replace(NOW, clock_synced=False)).reason is reason


def test_one_entry_of_several_suffices_and_the_most_helpful_reason_is_told() -> None:
    old, staff = replace(LISTED, valid_until=datetime(2020, 1, 1)), replace(LISTED, group="night", line=3)
    assert policy(old, LISTED).decide(READ, NOW).reason is Reason.ALLOWED
    decision = policy(old, staff).decide(READ, NOW)
    assert decision.reason is Reason.OUTSIDE_SCHEDULE and "night" in decision.rule


@pytest.mark.parametrize(("denied", "change", "now", "reason"), [
    ({}, {}, NOW, Reason.DENIED),
    ({"plate": "IA8Z34S"}, {}, NOW, Reason.DENIED),
    ({}, {"confidence": 0.01, "in_zone": False, "direction": Direction.LEAVING, "at_s": 3.0}, NOW, Reason.DENIED),
    ({"plate": "9ZZ9999"}, {"alternatives": (("9ZZ9999", 0.05),)}, NOW, Reason.DENIED),
    ({"plate": "9ZZ9999"}, {"alternatives": (("92Z9999", 0.3),)}, NOW, Reason.DENIED),
    ({"plate": "9ZZ9999"}, {"alternatives": (("9ZZ9999", 0.04),)}, NOW, Reason.ALLOWED),
    ({"plate": "9ZZ9999"}, {"alternatives": (("9ZZ9999", float("nan")),)}, NOW, Reason.DENIED),
    ({"group": "night"}, {}, NOW, Reason.DENIED),
    ({"valid_until": datetime(2026, 10, 5)}, {}, NOW, Reason.ALLOWED),
    ({"valid_from": datetime(2026, 10, 6)}, {}, NOW, Reason.ALLOWED),
    ({"valid_until": datetime(2026, 10, 5)}, {}, replace(NOW, clock_synced=False), Reason.DENIED),
])
def test_deny_lists(denied: dict, change: dict, now: GateTime, reason: Reason) -> None:
    decision = policy(LISTED, deny=(replace(LISTED, **denied),)).decide(replace(READ, **change), now)
    assert decision.reason is reason


def test_tolerance() -> None:
    misread = replace(READ, text="IAB2345")
    decision = policy(LISTED, tolerance=1).decide(misread, NOW)
    assert decision.reason is Reason.ALLOWED and "1 confusable swapped" in decision.rule
    twins = policy(ListEntry("AD1234"), ListEntry("AO1234"), tolerance=1)
    decision = twins.decide(replace(READ, text="A01234"), NOW)
    assert decision.reason is Reason.AMBIGUOUS and "AD1234" in decision.rule and "AO1234" in decision.rule


@pytest.mark.parametrize(("loaded", "missing", "reason"), [
    (("residents", "banned"), (), Reason.ALLOWED),
    (("residents",), ("banned",), Reason.NO_LISTS),  # who is denied is not known
    (("banned",), ("residents",), Reason.NO_LISTS),
    ((), ("residents", "banned"), Reason.NO_LISTS),
    ((), (), Reason.NO_LISTS),
])
def test_lists_that_are_missing(loaded: tuple[str, ...], missing: tuple[str, ...], reason: Reason) -> None:
    entries = {"residents": (LISTED,), "banned": ()}
    lists = [AccessList(spec, entries[spec.name]) for spec in OPTIONS.lists if spec.name in loaded]
    assert Policy(OPTIONS, AccessBook(lists, missing)).decide(READ, NOW).reason is reason


def test_a_known_denied_plate_is_told_even_when_another_list_is_missing() -> None:
    rules = Policy(OPTIONS, AccessBook([AccessList(BANNED, (LISTED,))], ["residents"]))
    assert rules.decide(READ, NOW).reason is Reason.DENIED


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        GateTime(datetime(2026, 10, 5), 0.0, True)


TEXTS = st.text("1IAB80OQ", min_size=2, max_size=4)
ENTRIES = st.builds(
    ListEntry, TEXTS, group=st.sampled_from(["", "staff", "night", "free", "typo"]),
    valid_until=st.sampled_from([None, datetime(2026, 1, 1), datetime(2027, 1, 1)]),
)
READS = st.builds(
    replace, st.just(READ), text=TEXTS, confidence=st.floats(0, 1), at_s=st.floats(90, 101), in_zone=st.booleans(),
    direction=st.sampled_from(Direction),
    alternatives=st.lists(st.tuples(TEXTS, st.floats(0, 0.5)), max_size=2).map(tuple),
)
MOMENTS = st.builds(
    GateTime, st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 1), timezones=st.just(timezone.utc)),
    st.floats(95, 105), st.booleans(),
)
ALLOWED_LISTS = st.lists(ENTRIES, max_size=5).map(tuple)


@settings(max_examples=80, deadline=None)
@given(ALLOWED_LISTS, READS, MOMENTS, st.integers(0, 2), st.booleans())
def test_deny_always_wins(allow: tuple, read: PlateRead, now: GateTime, tolerance: int, trusted: bool) -> None:
    denied = ListEntry(read.text)
    rules = policy(*allow, deny=(denied,), tolerance=tolerance, trust_unsynced_clock=trusted)
    assert rules.decide(read, now).reason is Reason.DENIED


@settings(max_examples=80, deadline=None)
@given(ALLOWED_LISTS, ALLOWED_LISTS, READS, MOMENTS, st.integers(0, 2))
def test_a_longer_deny_list_never_opens(
    allow: tuple, deny: tuple, read: PlateRead, now: GateTime, tolerance: int
) -> None:
    without = policy(*allow, tolerance=tolerance).decide(read, now).action
    with_deny = policy(*allow, deny=deny, tolerance=tolerance).decide(read, now).action
    assert with_deny is Action.STAY_CLOSED or without is Action.OPEN


@settings(max_examples=80, deadline=None)
@given(ALLOWED_LISTS, READS, MOMENTS, st.floats(0, 1))
def test_more_confidence_never_closes(allow: tuple, read: PlateRead, now: GateTime, confidence: float) -> None:
    rules = policy(*allow, ListEntry(read.text), tolerance=1)
    surer = replace(read, confidence=max(read.confidence, confidence))
    before, after = rules.decide(read, now), rules.decide(surer, now)
    assert before.action is Action.STAY_CLOSED or after.action is Action.OPEN


@settings(max_examples=80, deadline=None)
@given(ALLOWED_LISTS, READS, MOMENTS)
def test_an_opening_has_all_it_needs(allow: tuple, read: PlateRead, now: GateTime) -> None:
    decision = policy(*allow, ListEntry(read.text)).decide(read, now)
    if decision.action is Action.OPEN:
        assert read.confidence >= 0.8 and read.in_zone and read.direction is not Direction.LEAVING
        assert now.monotonic_s < decision.expires_at_s <= now.monotonic_s + 2.5
        assert read.text in {entry.plate for entry in (*allow, ListEntry(read.text))}
    assert (decision.action is Action.OPEN) is (decision.reason is Reason.ALLOWED)


@settings(max_examples=80, deadline=None)
@given(ALLOWED_LISTS, READS, MOMENTS)
def test_an_unsure_clock_never_opens_what_a_sure_one_would_not(allow: tuple, read: PlateRead, now: GateTime) -> None:
    rules = policy(*allow)
    unsure = rules.decide(read, replace(now, clock_synced=False)).action
    assert unsure is Action.STAY_CLOSED or rules.decide(read, replace(now, clock_synced=True)).action is Action.OPEN
