"""Load plate formats from TOML: one file a country, checked strictly, wrong files named in a ConfigError.

A file:

    country = "DE"            # two letters
    name = "Germany"
    weight = 8.0              # share of this country among synthetic plates; divided among its series by their weights
    [defaults]                # any key of a series, for all series of the file
    [look.eu]                 # named looks: the keys of `Look`, and `base` = another look of the file to start from
    [[series]]                # the keys of `PlateFormat` but country and country_name; `look` is a look's name, a list
                              # of names (a series for each, the weight divided among them) or a table like [look.x]

`two_rows` = 0.2 in the head of the file fixes the share of all two-row series together.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.format_records import Look, PlateFormat
from edge_lpr.recognition.pattern import READ_CHARACTERS, has_text, parse_pattern

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_LOOK_STEPS = 20
FOLDER = Path(__file__).parent / "formats"
ENVIRONMENT = "EDGE_LPR_FORMATS"
HEAD_KEYS = ("country", "name", "weight", "two_rows", "defaults", "look", "series")
LOOK_KEYS = tuple(field.name for field in fields(Look))
SERIES_KEYS = tuple(field.name for field in fields(PlateFormat) if field.name not in ("country", "country_name"))
GROUND_WORDS = ("gradient", "landscape", "sunset", "stripes")
FACE_FAMILIES = (
    "fe", "din1451", "mandatory", "cz", "fr", "es", "it", "pl", "nl", "us", "us-narrow", "latin", "ar", "any",
)  # fmt: skip
LOOK_WORDS = {
    "border": ("none", "thin", "thick"),
    "band_left": ("", "eu", "plain", "flag", "white"),
    "band_right": ("", "eu-blue", "shield", "plain"),
    "emblem": ("seal", "seals", "shield", "dot", "flag", "sticker", "letter", "picture"),
}
LOOK_NUMBERS = {"char_height": (0.05, 1.0), "char_width": (0.0, 3.0)}
"""Least and most."""
COLOUR_KEYS = ("band_colour", "band_right_colour", "border_colour", "header_band")
VEHICLES = ("car", "motorcycle", "truck", "trailer", "any")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def load_formats(extra: Sequence[Path] = ()) -> tuple[PlateFormat, ...]:
    """All built-in series, those of the folder or file that EDGE_LPR_FORMATS names, and those of `extra` files (or
    folders of them); a file for a known country adds series, and a series with a known id replaces that series.
    ConfigError names file, key and allowed values."""
    named = os.environ.get(ENVIRONMENT)
    extra = [Path(named), *extra] if named else extra
    if not extra:
        return _built_in()
    formats = {fmt.id: fmt for fmt in _built_in()}
    for path in extra:
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
            formats |= {fmt.id: fmt for fmt in read_file(file)}
    return tuple(formats.values())


def read_file(path: Path) -> tuple[PlateFormat, ...]:
    """The series of one country's file."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    return _File(path, data).formats()


@lru_cache(maxsize=1)
def _built_in() -> tuple[PlateFormat, ...]:
    formats = tuple(fmt for path in sorted(FOLDER.glob("*.toml")) for fmt in read_file(path))
    if not formats:
        raise ConfigError(f"{FOLDER}: no plate formats; install edge_lpr with its data files")
    return formats


class _File:
    """One file while it is checked; `_wrong` gives every error its file and key."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self._path = path
        self._data = data

    def formats(self) -> tuple[PlateFormat, ...]:
        """All series, with the country's weight divided among them."""
        self._only("", self._data, HEAD_KEYS)
        country = self._typed("", self._data, "country", str)
        if not re.fullmatch(r"[A-Z]{2}", country):
            raise self._wrong("country", "must be two capital letters")
        self._typed("", self._data, "name", str)
        table = self._typed("", self._data, "series", list)
        if not table:
            raise self._wrong("series", "at least one [[series]] is needed")
        series = [fmt for number, item in enumerate(table, 1) for fmt in self._looks(country, f"series {number}", item)]
        ids = [fmt.id for fmt in series]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise self._wrong("series", f"id stands twice: {', '.join(twice)}")
        return self._weighted(series)

    def _weighted(self, series: list[PlateFormat]) -> tuple[PlateFormat, ...]:
        weight = self._number("", self._data, "weight", 1.0)
        double = self._number("", self._data, "two_rows", -1.0, least=-1.0)
        if double > 1:
            raise self._wrong("two_rows", "must be from 0 to 1")
        sums = [sum(fmt.weight for fmt in series if (len(fmt.rows) > 1) == two) for two in (False, True)]
        if double < 0 or not all(sums):
            shares = [weight / max(sum(sums), 1e-9)] * 2
        else:
            shares = [weight * (1 - double) / sums[0], weight * double / sums[1]]
        return tuple(replace(fmt, weight=fmt.weight * shares[len(fmt.rows) > 1]) for fmt in series)

    def _looks(self, country: str, where: str, item: object) -> list[PlateFormat]:
        """The series of one [[series]] table: one for each of its looks."""
        if not isinstance(item, dict):
            raise self._wrong(where, "must be a [[series]] table")
        where = f"{where} ({item['id']})" if isinstance(item.get("id"), str) else where
        values = {**self._typed("", self._data, "defaults", dict, {}), **item}
        self._only(where, values, SERIES_KEYS)
        fmt = self._series(country, where, values)
        looks = values.get("look", {})
        if not isinstance(looks, list):
            return [replace(fmt, look=self._look(f"{where}.look", looks))]
        names = self._texts(where, values, "look")
        return [
            replace(fmt, id=f"{fmt.id}-{name}", look=self._look(f"{where}.look", name), weight=fmt.weight / len(names))
            for name in names
        ]

    def _series(self, country: str, where: str, values: dict[str, Any]) -> PlateFormat:
        rows = self._texts(where, values, "rows")
        size = self._typed(where, values, "size_mm", list)
        if len(size) != 2 or not all(_is_number(side) and side > 0 for side in size):
            raise self._wrong(f"{where}.size_mm", "must be [width, height] in millimetres")
        if not 1 <= len(rows) <= 2:
            raise self._wrong(f"{where}.rows", "one pattern or two, a row each")
        default = PlateFormat(id="", country="", name="", rows=(), size_mm=(1, 1))
        fmt = PlateFormat(
            id=f"{country.lower()}-{self._typed(where, values, 'id', str)}",
            country=country,
            name=self._typed(where, values, "name", str),
            rows=rows,
            size_mm=(float(size[0]), float(size[1])),
            weight=self._number(where, values, "weight", 1.0),
            vehicle=self._word(where, values, "vehicle", default.vehicle, VEHICLES),
            letters=self._typed(where, values, "letters", str, default.letters),
            digits=self._typed(where, values, "digits", str, default.digits),
            classes=self._classes(where, values),
            country_name=str(self._data["name"]),
            period=self._typed(where, values, "period", str, ""),
            read=self._typed(where, values, "read", bool, True),
        )
        self._parse_rows(where, fmt)
        return fmt

    def _parse_rows(self, where: str, fmt: PlateFormat) -> None:
        for key, characters in (("letters", fmt.letters), ("digits", fmt.digits)):
            if not characters or set(characters) - set(READ_CHARACTERS):
                raise self._wrong(f"{where}.{key}", "must be characters A-Z or 0-9")
        for row in fmt.rows:
            try:
                node = parse_pattern(row, fmt.letters, fmt.digits, fmt.classes)
            except ConfigError as error:
                raise self._wrong(f"{where}.rows", str(error)) from error
            if not has_text(node):
                raise self._wrong(f"{where}.rows", f"pattern {row!r} has no character that is read")

    def _classes(self, where: str, values: Mapping[str, Any]) -> dict[str, str]:
        classes = self._typed(where, values, "classes", dict, {})
        for name, characters in classes.items():
            if not re.fullmatch("[A-Z]", name) or not isinstance(characters, str) or not characters:
                raise self._wrong(f"{where}.classes.{name}", "a class is one capital letter = characters")
        return dict(classes)

    def _look(self, where: str, value: object, depth: int = 0) -> Look:
        named = self._data.get("look", {})
        if not isinstance(named, dict) or depth > MOST_LOOK_STEPS:
            raise self._wrong(where, "looks are tables [look.NAME] whose base does not come back to them")
        if isinstance(value, str):
            if value not in named:
                raise self._wrong(where, f"no [look.{value}]; there are {', '.join(named) or 'none'}")
            return self._look(f"look.{value}", named[value], depth + 1)
        if not isinstance(value, dict):
            raise self._wrong(where, "must be a look's name or a table")
        self._only(where, value, (*LOOK_KEYS, "base"))
        base = self._look(f"{where}.base", value["base"], depth + 1) if "base" in value else Look()
        value = {key: item for key, item in value.items() if key != "base"}
        changes: dict[str, Any] = {key: self._look_value(where, value, key, getattr(base, key)) for key in value}
        return replace(base, **changes)

    def _look_value(self, where: str, values: Mapping[str, Any], key: str, default: object) -> object:
        if key in LOOK_WORDS:
            return self._word(where, values, key, "", LOOK_WORDS[key])
        if isinstance(default, float):
            return self._number(where, values, key, 0.0, *LOOK_NUMBERS[key])
        if isinstance(default, tuple):
            texts = self._texts(where, values, key)
            if key == "faces" and set(texts) - set(FACE_FAMILIES):
                raise self._wrong(f"{where}.faces", f"families are {', '.join(FACE_FAMILIES)}")
            if key in ("grounds", "inks") and not (texts and all(_is_colour(text, key) for text in texts)):
                words = f" or {', '.join(GROUND_WORDS)}" if key == "grounds" else ""
                raise self._wrong(f"{where}.{key}", f"a list of '#rrggbb'{words}")
            return texts
        text = self._typed(where, values, key, str)
        if key in COLOUR_KEYS and text and not COLOUR.fullmatch(text):
            raise self._wrong(f"{where}.{key}", "must be '#rrggbb'")
        return text

    def _only(self, where: str, values: Mapping[str, Any], allowed: Sequence[str]) -> None:
        for key in values:
            if key not in allowed:
                raise self._wrong(f"{where}.{key}".lstrip("."), f"is not known; keys are {', '.join(allowed)}")

    def _typed(self, where: str, values: Mapping[str, Any], key: str, kind: type, default: Any = None) -> Any:
        value = values.get(key, default)
        if not isinstance(value, kind):
            words = {str: "a text", list: "a list", dict: "a table", bool: "true or false"}[kind]
            missing = " (missing)" if value is None else ""
            raise self._wrong(f"{where}.{key}".lstrip("."), f"must be {words}{missing}")
        return value

    def _word(self, where: str, values: Mapping[str, Any], key: str, default: str, allowed: Sequence[str]) -> str:
        word = values.get(key, default)
        if word not in allowed:
            shown = ", ".join(name or "''" for name in allowed)
            raise self._wrong(f"{where}.{key}", f"must be one of {shown}, not {word!r}")
        return str(word)

    def _texts(self, where: str, values: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = values.get(key)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self._wrong(f"{where}.{key}", "must be a list of texts")
        return tuple(value)

    def _number(self, where: str, values: Mapping[str, Any], key: str, default: float, least: float = 0.0,
                most: float = math.inf) -> float:
        value = values.get(key, default)
        if not _is_number(value) or not least <= value <= most:
            range_ = f"from {least:g} up" if most == math.inf else f"from {least:g} to {most:g}"
            raise self._wrong(f"{where}.{key}".lstrip("."), f"must be a number {range_}")
        return float(value)

    def _wrong(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self._path}: {key}: {what}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_colour(text: str, key: str) -> bool:
    return bool(COLOUR.fullmatch(text)) or (key == "grounds" and text in GROUND_WORDS)
