"""Faces: every character is itself, full height, cached, and there without fonts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_lpr.training import faces, fonts
from edge_lpr.training.faces import CHARACTERS, FontFace, StrokeFace, face_table, pick_face, stroke_face, words
from edge_lpr.training.shape_text import parse_shape
from edge_lpr.training.stroke_shapes import FORMS, turned

FAMILIES = ("fe", "din1451", "mandatory", "cz", "fr", "es", "it", "pl", "nl", "us", "us-narrow", "latin", "any")
ALIKE = {frozenset("0O"), frozenset("1I")}
"""Characters that real plates draw alike; a face may do so too."""


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _base_faces() -> list[StrokeFace]:
    return [face for family, members in face_table().items() if family != "any"
            for face in members if isinstance(face, StrokeFace) and "." not in face.name]


@pytest.fixture
def without_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def clear() -> None:
        face_table.cache_clear()
        faces._groups.cache_clear()
    monkeypatch.setattr(faces, "installed_fonts", lambda: ())
    clear()
    yield
    clear()


def test_every_family_has_own_faces() -> None:
    for family in FAMILIES:
        assert any(isinstance(face, StrokeFace) for face in face_table()[family]), family


@pytest.mark.parametrize("face", _base_faces(), ids=lambda face: face.name)
def test_glyphs_fill_the_cap_height(face: StrokeFace) -> None:
    for char in CHARACTERS:
        glyph = face.glyph(char, 40)
        assert glyph.mask.dtype == np.uint8 and glyph.mask.shape[0] == 40
        assert glyph.mask[:3].max() > 128 and glyph.mask[-3:].max() > 128, char
        assert glyph.mask[:, 0].max() > 0 and glyph.mask[:, -1].max() > 0, char
        assert 0 < glyph.mask.shape[1] < 60 and glyph.advance > glyph.mask.shape[1]


def _pattern(mask: np.ndarray) -> np.ndarray:
    """The glyph centred in a square of one size, slightly blurred, so that thin differences do not count."""
    canvas = np.zeros((40, 64), np.uint8)
    mask = mask[:, :64]
    left = (64 - mask.shape[1]) // 2
    canvas[:, left:left + mask.shape[1]] = mask
    return cv2.blur(canvas, (3, 3)).astype(np.float32) / 255


@pytest.mark.parametrize("make", [lambda: _base_faces()[::4], lambda: [stroke_face(_rng(seed)) for seed in range(12)]],
                         ids=["national", "parametric"])
def test_no_two_characters_look_alike(make) -> None:  # type: ignore[no-untyped-def]
    for face in make():
        patterns = {char: _pattern(face.glyph(char, 40).mask) for char in CHARACTERS}
        for one, other in combinations(CHARACTERS, 2):
            if frozenset((one, other)) not in ALIKE:
                apart = float(np.abs(patterns[one] - patterns[other]).sum())
                ink = min(float(patterns[one].sum()), float(patterns[other].sum()))
                assert apart > 0.05 * ink, (face.name, one, other)


def test_one_never_equals_letter_i_in_a_parametric_face() -> None:
    for seed in range(40):
        face = stroke_face(_rng(seed))
        one, letter = (_pattern(face.glyph(char, 40).mask) for char in "1I")
        assert np.abs(one - letter).sum() > 0.1 * one.sum(), seed


def test_nine_is_a_turned_six() -> None:
    assert turned("b,0 1-t,.25* z") == "~b,~0 ~1-t,~.25* z"
    face = face_table()["din1451"][0]
    six, nine = face.glyph("6", 64).mask, face.glyph("9", 64).mask
    assert six.shape == nine.shape
    assert np.abs(six.astype(int) - nine[::-1, ::-1]).mean() < 12


def test_the_german_zero_is_slit_and_the_letter_o_is_not() -> None:
    face = face_table()["fe"][0]
    holes = {}
    for char in "0O":
        ink = cv2.copyMakeBorder(face.glyph(char, 128).mask, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
        holes[char] = cv2.connectedComponents((ink < 128).astype(np.uint8), connectivity=4)[0] - 2
    assert holes == {"0": 0, "O": 1}


def test_glyphs_are_cached_and_scale() -> None:
    face = face_table()["us"][0]
    assert face.glyph("A", 50) is face.glyph("A", 50)
    assert face.glyph("A", 100).mask.shape[1] == pytest.approx(2 * face.glyph("A", 50).mask.shape[1], abs=3)
    assert face.glyph("A", 300).mask.shape[0] == 300
    assert face.glyph("A", 1).mask.shape[0] == 1


@pytest.mark.parametrize("char", ["a", "", "Ä", "AB", " "])
def test_other_characters_are_refused(char: str) -> None:
    with pytest.raises(KeyError):
        face_table()["cz"][0].glyph(char, 40)


@pytest.mark.parametrize("shape", ["0,a?", "0", "x,0,1", "0,0 1,,1"])
def test_a_wrong_shape_is_refused(shape: str) -> None:
    with pytest.raises(ValueError):
        parse_shape(shape)


def test_every_form_of_every_character_can_be_parsed() -> None:
    assert set(FORMS) | {"9"} == set(CHARACTERS)
    for forms in FORMS.values():
        for shape in forms.values():
            assert all(len(path.vertices) >= 2 for path in parse_shape(shape))


def test_picking_follows_the_seed_and_the_family() -> None:
    names = [[pick_face(("fe", "din1451"), rng).name for _ in range(30)] for rng in (_rng(3), _rng(3), _rng(4))]
    assert names[0] == names[1] != names[2]
    picked = [pick_face(("fe",), rng).family for rng in [_rng(1)] for _ in range(200)]
    assert 0.8 < picked.count("fe") / 200 <= 1.0
    assert pick_face(("stroke",), _rng()).name.startswith("stroke-")
    assert pick_face(("no such family",), _rng()).glyph("A", 30).mask.any()
    assert pick_face((), _rng()).glyph("A", 30).mask.any()


def test_everything_works_without_fonts(without_fonts: None) -> None:
    table = face_table()
    assert not any(isinstance(face, FontFace) for members in table.values() for face in members)
    for family in FAMILIES:
        assert pick_face((family,), _rng()).glyph("W", 32).mask.shape[0] == 32
    line = words("Sample 12", 12, _rng())
    assert line.shape[0] == 12 and line.max() > 128


def test_words_have_the_height_asked_for() -> None:
    short, long = (words(text, 14, _rng(2)) for text in ("BRASIL", "REPUBLICA ARGENTINA"))
    assert short.shape[0] == long.shape[0] == 14 and long.shape[1] > short.shape[1]
    assert words("", 14, _rng()).shape[0] == 14 and not words(" ", 14, _rng()).any()


def test_every_font_has_a_licence_and_the_document_is_up_to_date() -> None:
    assert all(package.licence and package.name.startswith("fonts-") for package in fonts.PACKAGES)
    names = [package.stem + style for package in fonts.PACKAGES for style in package.styles]
    assert len(names) == len(set(names))
    document = Path(__file__).parents[2] / "docs" / "fonts.md"
    assert fonts.catalogue_table() in document.read_text(encoding="utf-8")


@pytest.mark.skipif(not fonts.installed_fonts(), reason="no catalogued font is installed")
def test_font_faces_draw_every_character() -> None:
    members = [face for face in face_table()["any"] if isinstance(face, FontFace)]
    for face in members[::97]:
        for char in CHARACTERS:
            mask = face.glyph(char, 40).mask
            assert mask.shape[0] == 40 and mask.max() > 128 and mask.shape[1] >= 2, (face.name, char)


def test_a_training_tells_which_fonts_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "installed_fonts", lambda: ())
    told = fonts.fonts_told()
    assert told.startswith("fonts: 0 of ") and "apt install fonts-adf-gillius " in told
    every = [fonts.FontFile(f"{package.stem}{style}", Path("x.ttf"), package.name, "")
             for package in fonts.PACKAGES for style in package.styles]
    monkeypatch.setattr(fonts, "installed_fonts", lambda: tuple(every))
    assert fonts.fonts_told() == f"fonts: {len(every)} of {len(every)}"
