"""Plates as lists and readers write them, and how they are looked up."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.errors import ConfigError
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
from edge_lpr.gate.plate_text import Confusables, PlateTextError, normalise_plate

PLATES = st.text("ABDGIOQSZ01256X", min_size=3, max_size=7)
"""Mostly characters that can be taken for another."""


def book(
    allow: list[str], tolerance: int = 0, deny: list[str] | None = None, exact: list[str] | None = None
) -> AccessBook:
    def loaded(name: str, kind: ListKind, plates: list[str], tolerance: int = 0) -> AccessList:
        spec = ListSpec(name, Path(f"{name}.csv"), kind, tolerance)
        return AccessList(spec, tuple(ListEntry(plate, line=at) for at, plate in enumerate(plates, 2)))

    return AccessBook([
        loaded("allow", ListKind.ALLOW, allow, tolerance),
        loaded("exact", ListKind.ALLOW, exact or []),
        loaded("deny", ListKind.DENY, deny or []),
    ])


def found(lists: AccessBook, text: str) -> set[str]:
    return {match.entry.plate for match in lists.allowed(text, "gate")}


@pytest.mark.parametrize(("text", "plate"), [
    ("1ab 2345", "1AB2345"), (" B-ÄZ 77 ", "BAZ77"), ("M ÖÜ 1", "MOU1"), ("ŠKODA–1", "SKODA1"), ("Łódź 5", "LODZ5"),
    ("AA·01·bb", "AA01BB"), ("А123ВС", "A123BC"), ("ΙΚΥ1234", "IKY1234"), ("ab\u00a0 12", "AB12"),
    ("ÆØ12", "AEO12"), ("ＡＢ１２", "AB12"), ("a\u0308b1", "AB1"),
])
def test_plates_are_normalised(text: str, plate: str) -> None:
    assert normalise_plate(text) == plate
    assert normalise_plate(plate) == plate


@pytest.mark.parametrize(("text", "at"), [("1A?5", 2), ("한A1234", 0), ("STRAßE", 4), ("AB;12", 2), ("Ж12", 0)])
def test_a_character_that_stands_on_no_plate_is_pointed_at(text: str, at: int) -> None:
    with pytest.raises(PlateTextError) as caught:
        normalise_plate(text)
    assert caught.value.at == at


@pytest.mark.parametrize("text", ["", " - ", "A", "ABCDEFGHIJKLM"])
def test_length_is_bounded(text: str) -> None:
    with pytest.raises(PlateTextError, match="letters and digits"):
        normalise_plate(text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_plate_or_an_error(text: str) -> None:
    try:
        plate = normalise_plate(text)
    except PlateTextError:
        return
    assert set(plate) <= set(string.ascii_uppercase + string.digits) and normalise_plate(plate) == plate


@pytest.mark.parametrize(("listed", "read", "tolerance", "expected"), [
    (["1AB2345"], "1AB2345", 0, {"1AB2345"}),
    (["1AB2345"], "IAB2345", 0, set()),
    (["1AB2345"], "IAB2345", 1, {"1AB2345"}),
    (["1AB2345"], "IA82345", 1, set()),
    (["1AB2345"], "IA82345", 2, {"1AB2345"}),
    (["1AB2345"], "7AB2345", 2, set()),  # 1/7 is no confusable pair
    (["1AB2345"], "1AB234", 2, set()),
    (["AO1"], "AD1", 2, set()),  # O and D are one apart from 0 each, not a pair
    (["A01", "AO1"], "AD1", 1, {"A01"}),
    (["A01", "AO1"], "A01", 1, {"A01"}),  # equal wins
    (["AD1", "AO1"], "A01", 1, {"AD1", "AO1"}),  # two plates could be it
    (["A0B", "AO8"], "AO8", 2, {"AO8"}),
    (["A0B", "A08"], "AO8", 2, {"A0B", "A08"}),
])
def test_allow_lists(listed: list[str], read: str, tolerance: int, expected: set[str]) -> None:
    assert found(book(listed, tolerance), read) == expected


def test_a_plate_of_an_exact_list_makes_a_tolerant_match_ambiguous() -> None:
    assert found(book(["AD1"], 1, exact=["AO1"]), "A01") == {"AD1", "AO1"}
    assert found(book([], 1, exact=["AO1"]), "A01") == set(), "it never makes one by itself"


@pytest.mark.parametrize(("denied", "read", "expected"), [
    ("1AB2345", "1AB2345", True), ("1AB2345", "IA8Z34S", True), ("OOO", "DQ0", True), ("G6", "66", True),
    ("1AB2345", "7AB2345", False), ("1AB2345", "1AB234", False),
])
def test_deny_lists_fold(denied: str, read: str, expected: bool) -> None:
    assert bool(book([], deny=[denied]).denied([read], "gate")) is expected


def test_lists_hold_for_their_cameras() -> None:
    spec = ListSpec("a", Path("a.csv"), cameras=("entry",))
    lists = AccessBook([AccessList(spec, (ListEntry("AB12"),))])
    assert lists.allowed("AB12", "entry") and not lists.allowed("AB12", "exit")


@settings(max_examples=80, deadline=None)
@given(st.lists(PLATES, max_size=6), PLATES)
def test_without_tolerance_only_the_equal_plate_matches(listed: list[str], read: str) -> None:
    assert found(book(listed), read) == ({read} if read in listed else set())


@settings(max_examples=80, deadline=None)
@given(st.lists(PLATES, max_size=6), PLATES, st.integers(0, 2))
def test_whatever_an_allow_list_matches_a_deny_list_would(listed: list[str], read: str, tolerance: int) -> None:
    matched = found(book(listed, tolerance), read)
    denied = {match.entry.plate for match in book([], deny=listed).denied([read], "gate")}
    assert matched <= denied


@settings(max_examples=60, deadline=None)
@given(PLATES, st.data())
def test_swapped_pairs_fold_alike_and_are_counted(plate: str, data: st.DataObject) -> None:
    confusables = Confusables(("0O", "1I", "8B", "5S", "2Z", "0D", "0Q", "6G", "MN"))
    neighbours = list(confusables.neighbours(plate))
    if neighbours:
        other = data.draw(st.sampled_from(neighbours))
        assert confusables.fold(other) == confusables.fold(plate) and confusables.distance(plate, other) == 1


def test_extra_pairs_never_narrow_what_is_denied() -> None:
    assert Confusables(("MN",)).fold("0N") == Confusables(("MN",)).fold("OM")
    assert Confusables(()).fold("0") == Confusables(()).fold("Q")


def test_chance_that_an_unlisted_plate_opens() -> None:
    """The known figure, 0.006% for 500 plates AB12CDE and any one character wrong, bounds what a tolerance opens.

    Confusable pairs join digits with letters, so within that format a tolerance of one opens to no other plate at
    all; of plates that mix all 36 characters, 7 long, one in ten million would open the gate.
    """
    draw = random.Random(5)
    letters, digits = string.ascii_uppercase, string.digits
    classes = (letters, letters, digits, digits, letters, letters, letters)
    listed = sorted({"".join(map(draw.choice, classes)) for _ in range(500)})
    near = {
        plate[:at] + char + plate[at + 1 :] for plate in listed for at, chars in enumerate(classes) for char in chars
    }.difference(listed)
    plates_of_the_format = 26**5 * 10**2
    assert len(near) / plates_of_the_format == pytest.approx(0.006 / 100, rel=0.03)
    lists = book(listed, tolerance=1)
    assert [plate for plate in near if found(lists, plate)] == []
    mixed = ["".join(draw.choices(letters + digits, k=7)) for _ in range(500)]
    lists = book(mixed, tolerance=1)
    opening = {near for plate in mixed for near in Confusables().neighbours(plate) if found(lists, near)}
    assert 0 < len(opening) / 36**7 < 1e-7 / 3


@pytest.mark.parametrize(("options", "message"), [
    ({"groups": (GroupRule("staff", "nights"),)}, "no schedule 'nights'"),
    ({"groups": (GroupRule("staff"), GroupRule("staff"))}, "group 'staff' is there twice"),
    ({"cameras": (CameraRule("a", ()), CameraRule("a", ()))}, "camera 'a' is there twice"),
    ({"min_confidence": 0.0}, "min_confidence"),
    ({"min_confidence": float("nan")}, "min_confidence"),
    ({"deny_alternative_from": 1.5}, "deny_alternative_from"),
    ({"evidence_max_age_s": 3.0}, "evidence_max_age_s"),
    ({"expires_after_s": 60.0}, "expires_after_s"),
    ({"time_zone": "Mars"}, "time_zone"),
    ({"confusable_pairs": ("00",)}, "confusable pair"),
    ({"confusable_pairs": ("0o",)}, "confusable pair"),
])
def test_options_that_do_not_fit(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AccessOptions(**options)


@pytest.mark.parametrize(("kind", "tolerance"), [(ListKind.ALLOW, 3), (ListKind.ALLOW, -1), (ListKind.DENY, 1)])
def test_tolerance_is_bounded(kind: ListKind, tolerance: int) -> None:
    with pytest.raises(ConfigError, match="tolerance"):
        ListSpec("a", Path("a.csv"), kind, tolerance)
