"""Plate formats: what the files say, what a wrong file is told, and what is drawn from them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.pattern import READ_CHARACTERS, parse_pattern, sample
from edge_lpr.recognition.plate_format import (
    Mark,
    PlateFormat,
    countries,
    formats_of,
    load_formats,
    sample_rows,
    text_of,
)

EUROPE = {
    "DE", "AT", "CH", "FR", "ES", "PT", "IT", "NL", "BE", "LU", "GB", "IE", "PL", "CZ", "SK", "HU", "RO", "BG", "HR",
    "SI", "SE", "NO", "DK", "FI", "EE", "LV", "LT", "UA", "GR",
}
REQUIRED = (*sorted(EUROPE), "US", "BR", "AR", "TR")

FILE = """
country = "XA"
name = "Testland"
weight = 6.0
two_rows = 0.25
[look.white]
grounds = ["#ffffff"]
[look.blue]
base = "white"
inks = ["#000080"]
[defaults]
size_mm = [520, 110]
letters = "ABC"
[[series]]
id = "one"
name = "letters and digits"
rows = ["LL DD"]
weight = 2
look = ["white", "blue"]
[[series]]
id = "two"
name = "two rows"
rows = ["LL", "DD"]
size_mm = [200, 160]
look = "blue"
"""


def marks_of(pattern: str, seed: int = 0, **classes: str) -> list[Mark]:
    return sample(parse_pattern(pattern, "ABC", "0123456789", classes), np.random.default_rng(seed))


def written(folder: Path, text: str) -> Path:
    path = folder / "xa.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_required_country_is_there_and_can_be_read() -> None:
    assert set(REQUIRED) <= set(countries())
    assert len(countries()) >= 50


def test_ids_are_unique_and_files_are_named_after_their_country() -> None:
    formats = load_formats()
    ids = [fmt.id for fmt in formats]
    assert len(ids) == len(set(ids))
    assert all(fmt.id.startswith(fmt.country.lower() + "-") for fmt in formats)


def test_every_required_country_has_two_row_series_of_a_two_row_shape() -> None:
    for code in REQUIRED:
        series = [fmt for fmt in formats_of([code]) if len(fmt.rows) == 2]
        assert series, code
        assert all(fmt.size_mm[0] / fmt.size_mm[1] < 2.1 for fmt in series), code
        assert all(fmt.size_mm[0] / fmt.size_mm[1] > 1.6 for fmt in formats_of([code]) if len(fmt.rows) == 1), code


def test_the_weights_are_the_planned_mix() -> None:
    share = {code: sum(fmt.weight for fmt in load_formats() if fmt.country == code) for code in {*countries(), "ZZ"}}
    total = sum(share.values())
    assert 0.5 < sum(share[code] for code in EUROPE) / total < 0.7
    assert 0.15 < share["US"] / total < 0.25
    two_rows = sum(fmt.weight for fmt in load_formats() if len(fmt.rows) == 2)
    assert 0.12 < two_rows / total < 0.25


def test_thirty_states_have_their_own_look() -> None:
    states = [fmt for fmt in formats_of(["US"]) if re.fullmatch("us-[a-z]{2}", fmt.id)]
    assert len(states) >= 50
    assert len({(fmt.look.grounds, fmt.look.inks, fmt.look.header) for fmt in states}) >= 50


def test_a_sample_has_a_row_a_pattern_and_only_characters_that_can_be_read() -> None:
    rng = np.random.default_rng(1)
    for fmt in load_formats():
        for _ in range(5):
            rows = sample_rows(fmt, rng)
            assert len(rows) == len(fmt.rows)
            text = text_of(rows)
            assert 2 <= len(text) <= 11, (fmt.id, text)
            assert set(text) <= set(READ_CHARACTERS)
            assert all(any(mark.kind == "char" for mark in row) for row in rows), fmt.id


def test_samples_repeat_with_the_seed() -> None:
    fmt = formats_of(["de"])[0]
    first, again, other = (sample_rows(fmt, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert first == again != other


@pytest.mark.parametrize(
    ("code", "text_pattern"),
    [
        ("FR", "[A-HJ-NP-TV-Z]{2}[0-9]{3}[A-HJ-NP-TV-Z]{2}"),
        ("ES", "[0-9]{4}[BCDFGHJ-NPRSTV-Z]{3}"),
        ("BG", "[ABCEHKMOPTXY]{1,2}[0-9]{4}[ABCEHKMOPTXY]{1,2}"),
        ("BR", "[A-Z]{3}[0-9]{4}"),
    ],
)
def test_the_first_series_keeps_the_national_pattern(code: str, text_pattern: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        assert re.fullmatch(text_pattern, text_of(sample_rows(formats_of([code])[0], rng)))


def test_uk_means_gb_and_an_unknown_country_is_named() -> None:
    assert formats_of(["uk"]) == formats_of(["GB"])
    with pytest.raises(ConfigError, match=r"XX; known are .*DE"):
        formats_of(["DE", "xx"])


def test_marks_of_a_pattern() -> None:
    marks = marks_of("'X'-N@. ^('PC')[7]")
    assert [mark.kind for mark in marks] == ["char", "dash", "char", "emblem", "dot", "gap", "small", "char"]
    assert (marks[0].value, marks[6].value, marks[7].value) == ("X", "PC", "7")
    assert marks[2].value in "123456789"


def test_repetition_alternatives_and_classes() -> None:
    lengths = {len(marks_of("L{1,3}", seed)) for seed in range(40)}
    texts = {text_of([marks_of("('AB'|Q{2}|)", seed, Q="Z")]) for seed in range(40)}
    assert lengths == {1, 2, 3}
    assert texts == {"AB", "ZZ", ""}


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("LLx", "column 3: 'x' is no mark"),
        ("L{3,1}", "0 to 12"),
        ("L{99}", "0 to 12"),
        ("L{a}", r"\{n\} or \{m,n\}"),
        ("(L", r"closing \)"),
        ("L)", "not expected"),
        ("'A", "closing '"),
        ("[]", r"closing \]"),
        ("'a'", "A-Z and 0-9"),
        ("^L", r"\^ is followed by"),
        ("Q", "classes are A D L N"),
    ],
)
def test_a_wrong_pattern_is_told_with_its_place(pattern: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_pattern(pattern, "ABC", "01", {})


def test_a_file_of_the_user_adds_a_country_and_replaces_a_series(tmp_path: Path) -> None:
    added = {fmt.id: fmt for fmt in load_formats([written(tmp_path, FILE)])}
    assert set(added) - {fmt.id for fmt in load_formats()} == {"xa-one-white", "xa-one-blue", "xa-two"}
    assert added["xa-one-blue"].look.grounds == ("#ffffff",)
    assert added["xa-one-blue"].look.inks == ("#000080",)
    assert added["xa-two"].size_mm == (200, 160)
    assert added["xa-two"].country_name == "Testland"
    weights = [added[name].weight for name in ("xa-one-white", "xa-one-blue", "xa-two")]
    assert weights == pytest.approx([2.25, 2.25, 1.5])
    other = tmp_path / "de.toml"
    other.write_text(FILE.replace("XA", "DE").replace('"one"', '"short"').replace('["white", "blue"]', '"white"'))
    replaced = {fmt.id: fmt for fmt in load_formats([tmp_path])}
    assert replaced["de-short"].letters == "ABC"
    assert len(replaced) == len(load_formats()) + 3 + 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('country = "XA"', 'country = "Xaland"', "country: must be two capital letters"),
        ("weight = 6.0", "wieght = 6.0", "wieght: is not known; keys are country"),
        ("weight = 6.0", 'weight = "much"', "weight: must be a number"),
        ("two_rows = 0.25", "two_rows = 25", "two_rows: must be from 0 to 1"),
        ('rows = ["LL DD"]', 'rows = ["LL dd"]', r"series 1 \(one\).rows: pattern 'LL dd', column 4"),
        ('rows = ["LL DD"]', 'rows = "LL DD"', "rows: must be a list of texts"),
        ('rows = ["LL", "DD"]', 'rows = ["L", "L", "L"]', "one pattern or two"),
        ('letters = "ABC"', 'letters = "abc"', "letters: must be characters A-Z"),
        ('letters = "ABC"', 'colour = "red"', "colour: is not known; keys are id"),
        ("size_mm = [200, 160]", "size_mm = [200]", "size_mm: must be"),
        ('look = "blue"', 'look = "green"', "no .look.green.; there are white, blue"),
        ('inks = ["#000080"]', 'inks = ["navy"]', "look.blue.inks: a list of '#rrggbb'"),
        ('inks = ["#000080"]', 'faces = ["arial"]', "look.blue.faces: families are fe"),
        ('inks = ["#000080"]', 'border = "wide"', "look.blue.border: must be one of none, thin, thick"),
        ('inks = ["#000080"]', "char_height = 5", "look.blue.char_height: must be a number from 0.05 to 1"),
        ('inks = ["#000080"]', "char_width = nan", "look.blue.char_width: must be a number from 0 to 3"),
        ('base = "white"', 'base = "blue"', "come back"),
        ('id = "two"', 'id = "one-blue"', "id stands twice: xa-one-blue"),
        ("[[series]]", "[series]", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_with_file_key_and_allowed_values(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = written(tmp_path, FILE.replace(old, new))
    with pytest.raises(ConfigError, match=told) as caught:
        load_formats([path])
    assert str(path) in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_formats([tmp_path / "none.toml"])


def test_formats_are_loaded_once() -> None:
    assert load_formats() is load_formats()
    assert isinstance(load_formats()[0], PlateFormat)


def brightness(colour: str) -> float:
    """Luma 0..255 of '#rrggbb'; of a pictured ground, which is pale, 200."""
    if not colour.startswith("#"):
        return 200.0
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_every_ink_can_be_seen_on_every_ground_of_its_look() -> None:
    hidden = {
        (fmt.id, ground, ink)
        for fmt in load_formats()
        for ground in ((fmt.look.panel,) if fmt.look.panel else fmt.look.grounds)
        for ink in fmt.look.inks
        if abs(brightness(ground) - brightness(ink)) < 45
    }
    assert not hidden
