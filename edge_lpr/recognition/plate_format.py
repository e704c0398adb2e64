"""National plate formats: what may stand on a plate and how it looks. Data in `formats/*.toml`, one file a country.

The same table draws synthetic plates (`training/`) and constrains reading (`grammar.py`). Pure but for loading the
data files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from numpy.random import Generator

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.format_files import load_formats
from edge_lpr.recognition.format_records import Look, Mark, PlateFormat
from edge_lpr.recognition.grammar import Grammar, compile_grammar, country_code
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


def formats_of(wanted: Sequence[str], extra: Sequence[Path] = ()) -> tuple[PlateFormat, ...]:
    """All series of these countries (any case; UK means GB), with those of `extra` files; ConfigError names a country
    that is not known."""
    codes = {country_code(name) for name in wanted}
    formats = load_formats(extra)
    known = {fmt.country for fmt in formats}
    if codes - known:
        missing = ", ".join(sorted(codes - known))
        raise ConfigError(f"no plate format for {missing}; known are {', '.join(sorted(known))}")
    return tuple(fmt for fmt in formats if fmt.country in codes)


def sample_rows(fmt: PlateFormat, rng: Generator) -> tuple[tuple[Mark, ...], ...]:
    """Draw a plate's marks, one tuple a row, top row first."""
    return tuple(tuple(sample(parse_pattern(row, fmt.letters, fmt.digits, fmt.classes), rng)) for row in fmt.rows)


def text_of(rows: Sequence[Sequence[Mark]]) -> str:
    """The text that a reader shall read: the 'char' marks of all rows."""
    return "".join(mark.value for row in rows for mark in row if mark.kind == "char")

