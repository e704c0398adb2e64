"""National plate formats: what may stand on a plate and how it looks. Data in `formats/*.toml`, one file a country.

The same table draws synthetic plates (`training/`) and constrains reading (`grammar.py`). Pure but for loading the
data files.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.format_files import load_formats
from edge_lpr.recognition.format_records import Look, Mark, PlateFormat
from edge_lpr.recognition.grammar import Grammar, compile_grammar
from edge_lpr.recognition.pattern import parse_pattern, sample

__all__ = [
    "Grammar",
    "Look",
    "Mark",
    "PlateFormat",
    "compile_grammar",
    "countries",
    "formats_of",
    "load_formats",
    "sample_rows",
    "text_of",
]


def countries() -> tuple[str, ...]:
    """The two-letter codes of all countries with a series that can be read, sorted."""
    return tuple(sorted({fmt.country for fmt in load_formats() if fmt.read}))


def formats_of(wanted: Sequence[str]) -> tuple[PlateFormat, ...]:
    """All series of these countries (any case; UK means GB); ConfigError names a country that is not known."""
    codes = {_code(name) for name in wanted}
    formats = tuple(fmt for fmt in load_formats() if fmt.country in codes)
    missing = codes - {fmt.country for fmt in formats}
    if missing:
        raise ConfigError(f"no plate format for {', '.join(sorted(missing))}; known are {', '.join(countries())}")
    return formats


def sample_rows(fmt: PlateFormat, rng: Generator) -> tuple[tuple[Mark, ...], ...]:
    """Draw a plate's marks, one tuple a row, top row first."""
    return tuple(tuple(sample(parse_pattern(row, fmt.letters, fmt.digits, fmt.classes), rng)) for row in fmt.rows)


def text_of(rows: Sequence[Sequence[Mark]]) -> str:
    """The text that a reader shall read: the 'char' marks of all rows."""
    return "".join(mark.value for row in rows for mark in row if mark.kind == "char")


def _code(name: str) -> str:
    code = name.strip().upper()
    return "GB" if code == "UK" else code
