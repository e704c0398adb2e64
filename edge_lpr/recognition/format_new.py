"""A plate format of the user's own, from a few words: the text of its TOML file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.format_files import read_file
from edge_lpr.recognition.format_records import Look, PlateFormat
from edge_lpr.recognition.plate_format import formats_of

ROW_SEPARATOR = "/"


@dataclass(frozen=True)
class NewFormat:
    """What a user says of his plates. `patterns`: one a series, rows parted by '/'; `like`: the country whose look is
    taken; `grounds` and `inks` ('#rrggbb') replace its colours where given; `letters` those that occur, '' for all."""

    country: str
    name: str
    patterns: tuple[str, ...]
    size_mm: tuple[float, float]
    like: str = ""
    grounds: tuple[str, ...] = ()
    inks: tuple[str, ...] = ()
    letters: str = ""
    weight: float = 1.0


def toml_of(new: NewFormat) -> str:
    """The file; ConfigError for a `like` that is not known. Patterns and colours are checked when it is read."""
    look = look_like(new.like, new.country.upper()) if new.like else Look()
    one_row = sum(ROW_SEPARATOR not in pattern for pattern in new.patterns)
    lines = [
        f"country = {json.dumps(new.country.upper())}",
        f"name = {json.dumps(new.name, ensure_ascii=False)}",
        f"weight = {new.weight:g}",
        "",
        "[look.own]",
        *_look_lines(look, new),
        "",
        "[look.two]",
        'base = "own"',
        "char_height = 0.36",
        "",
        "[defaults]",
        f"size_mm = [{new.size_mm[0]:g}, {new.size_mm[1]:g}]",
    ]
    if new.letters:
        lines.append(f"letters = {json.dumps(new.letters.upper())}")
    for number, pattern in enumerate(new.patterns, 1):
        rows = [row.strip() for row in pattern.split(ROW_SEPARATOR)]
        lines += ["", "[[series]]", f'id = "series-{number}"', f"name = {json.dumps(pattern)}",
                  f"rows = {json.dumps(rows)}", f'look = "{"own" if len(rows) == 1 else "two"}"']  # fmt: skip
        if len(rows) == 2 and one_row:  # beside one-row series the size is theirs
            lines.append("size_mm = [280, 200]")
    return "\n".join(lines) + "\n"


def look_like(like: str, country: str) -> Look:
    """The look of a country's commonest one-row plates, with another country's code in its band and no words."""
    series = [fmt for fmt in formats_of([like]) if len(fmt.rows) == 1] or list(formats_of([like]))
    look = max(series, key=lambda fmt: fmt.weight).look
    return replace(look, band_code=country if look.band_code else "", header=(), footer=())


def _look_lines(look: Look, new: NewFormat) -> list[str]:
    """The keys in which a look differs from the usual one, with the user's colours."""
    values = {field.name: getattr(look, field.name) for field in fields(Look)}
    values |= {"grounds": new.grounds or look.grounds, "inks": new.inks or look.inks}
    usual = Look()
    shown = {key: value for key, value in values.items() if key in ("grounds", "inks") or value != getattr(usual, key)}
    return [f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value)}" for key, value in shown.items()]


def write_format(new: NewFormat, path: Path, over: bool = False) -> Sequence[PlateFormat]:
    """Write the file and read it back: its series. ConfigError, and no file, when something in it is wrong, or when
    there is one already and `over` is False."""
    if path.exists() and not over:
        raise ConfigError(f"{path}: is there already; --replace writes over it")
    text = toml_of(new)
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        try:
            series = read_file(draft)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(draft), str(path))) from error
    return series
