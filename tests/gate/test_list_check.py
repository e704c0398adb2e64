"""Doubts about lists that are valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lpr.gate.access import AccessList, ListEntry, ListKind, ListSpec
from edge_lpr.gate.list_check import doubts
from edge_lpr.gate.lists_file import read_list


def loaded(name: str, kind: ListKind, plates: list[str], tolerance: int = 0) -> AccessList:
    spec = ListSpec(name, Path(f"{name}.csv"), kind, tolerance)
    return AccessList(spec, tuple(ListEntry(plate, line=at) for at, plate in enumerate(plates, 2)))


@pytest.mark.parametrize(("plates", "tolerance", "expected"), [
    (["1AB2345", "2AB2345"], 2, 0),
    (["1AB2345", "1AB2345"], 2, 0),  # a duplicate is no second plate
    (["1AB2345", "IAB2345"], 0, 1),
    (["AO1", "AD1"], 0, 0),
    (["AO1", "AD1"], 1, 1),  # A01 could be either
    (["1AB2345", "IA82345"], 0, 0),
    (["1AB2345", "IA82345"], 1, 1),
    (["AO1", "AD1", "A01"], 1, 3),
])
def test_allowed_plates_that_look_alike(plates: list[str], tolerance: int, expected: int) -> None:
    assert len(doubts([loaded("a", ListKind.ALLOW, plates, tolerance)])) == expected


def test_lists_are_compared_with_each_other() -> None:
    (doubt,) = doubts([loaded("a", ListKind.ALLOW, ["XX1", "AB1"]), loaded("b", ListKind.ALLOW, ["A81"])])
    assert str(doubt) == "b.csv:2:1: A81 and AB1 of allow list a, line 3 could be taken for one another"


@pytest.mark.parametrize(("denied", "message"), [
    ("AB12", "AB12 is also AB12 of deny list d, line 2: it stays outside"),
    ("A8IZ", "AB12 could be taken for the denied A8IZ of deny list d, line 2: it stays outside"),
    ("AB13", None),
])
def test_allowed_plates_that_a_deny_list_stops(denied: str, message: str | None) -> None:
    found = doubts([loaded("a", ListKind.ALLOW, ["AB12"]), loaded("d", ListKind.DENY, [denied])])
    assert [doubt.message for doubt in found] == ([message] if message else [])


@pytest.mark.parametrize(("kind", "written", "message"), [
    (ListKind.ALLOW, "B-ÄZ 77", "B-ÄZ 77 is read as BAZ77, and a vehicle with that plate enters, too"),
    (ListKind.ALLOW, "B-AZ 77", None),
    (ListKind.ALLOW, "В-АХ 77", None),  # Cyrillic letters look the same: that plate is the same
    (ListKind.DENY, "B-ÄZ 77", None),
])
def test_marks_are_not_read(tmp_path: Path, kind: ListKind, written: str, message: str | None) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"plate\n{written}\n", encoding="utf-8")
    entries = read_list(path).entries
    assert entries[0].written == written
    found = doubts([AccessList(ListSpec("a", path, kind), entries)])
    assert [doubt.message for doubt in found] == ([message] if message else [])
