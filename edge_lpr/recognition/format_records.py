"""The records of a national plate format: its look, its rows' patterns, and the marks that a row is made of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Look:
    """How a series of plates looks. Colours are '#rrggbb'; lists are drawn from at random."""

    grounds: tuple[str, ...] = ("#f4f4f0",)
    """Ground colours, or a pictured ground 'gradient', 'landscape', 'sunset', 'stripes' (US states)."""
    inks: tuple[str, ...] = ("#101010",)
    faces: tuple[str, ...] = ("din1451",)
    """Face families of `training/faces.py`, best first: fe, din1451, mandatory, cz, fr, es, it, pl, nl, us,
    us-narrow, latin (old Brazil/Argentina), any (a random one)."""
    border: str = "thin"
    """none | thin | thick"""
    border_colour: str = ""
    """'' for the ink's colour."""
    band_left: str = ""
    """'' | eu | plain (blue without stars) | flag (country's own band: GB, UA, TR, NO, CH ...) | white"""
    band_right: str = ""
    """'' | eu-blue (IT, FR department) | shield | plain"""
    band_code: str = ""
    """Letters in the band: D, F, GB ..."""
    band_colour: str = "#0b3f9e"
    band_right_colour: str = ""
    """'' for the left band's colour."""
    header: tuple[str, ...] = ()
    """Words above the characters (US states, BRASIL, REPUBLICA ARGENTINA); one is drawn at random."""
    footer: tuple[str, ...] = ()
    emblem: str = "seal"
    """What '@' in a row draws: seal | seals (two, one above the other) | shield | dot | flag | sticker | letter (small)
    | picture."""
    header_band: str = ""
    """Colour of a strip across the top (Mercosur '#1440a0'), '' for none."""
    panel: str = ""
    """Colour of an inner rectangle behind the characters (old Argentine plates: a black window in a white sheet)."""
    char_height: float = 0.68
    """Height of a character as a share of the plate's height (of a row's height for two rows)."""
    char_width: float = 0.0
    """Width of a character cell as a share of its height, 0 for the face's own."""


@dataclass(frozen=True)
class PlateFormat:
    """One series of one country.

    `rows` holds one pattern a row. In a pattern: `L` a letter of `letters`, `D` a digit, `A` a letter or digit,
    another capital a class of `classes`; `'CD'` literal text; `[AB12]` one of these; `x{m,n}` or `x{n}` repetition;
    `(a|b)` alternatives; and marks that are drawn but not read: space, `-`, `.`, `@` the emblem of the look, `^(LL)`
    small stacked letters that are not part of the text.
    """

    id: str
    country: str
    name: str
    rows: tuple[str, ...]
    size_mm: tuple[float, float]
    weight: float = 1.0
    vehicle: str = "car"
    letters: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    digits: str = "0123456789"
    classes: dict[str, str] = field(default_factory=dict)
    look: Look = field(default_factory=Look)
    period: str = ""
    country_name: str = ""
    read: bool = True
    """False for a series that only synthesis draws (free texts, vanity plates): it does not constrain reading."""


@dataclass(frozen=True)
class Mark:
    """One drawn element of a row: `kind` 'char' (read), 'small' (drawn small, not read), 'gap', 'dash', 'dot',
    'emblem'; `value` the character(s) for 'char' and 'small'."""

    kind: str
    value: str = ""
