"""Plate texts as lists and the reader write them, and which characters can be taken for one another. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from edge_lpr.errors import ConfigError

LETTERS_AND_DIGITS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
CONFUSABLE_PAIRS = ("0O", "1I", "8B", "5S", "2Z", "0D", "0Q", "6G")
"""What readers and people mix up most; the same shapes on the plates of most countries."""
HAN = frozenset(map(chr, range(0x4E00, 0xA000)))
"""CJK Unified Ideographs: provinces and kinds of vehicles, for a reader whose alphabet has them."""
LENGTHS = range(2, 13)
"""Characters of a plate that a list may hold: from a two-character plate on request to a dealer's."""

_SEPARATORS = frozenset("·•.:")
_LETTERS = {
    **dict(zip("ØŁĐÐĦŦÆŒı", ("O", "L", "D", "D", "H", "T", "AE", "OE", "I"), strict=True)),
    **dict(zip("АВСЕНІКМОРТХУ", "ABCEHIKMOPTXY", strict=True)),  # Cyrillic
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),  # Greek
}
"""Letters without a Unicode decomposition that stand on plates -> as the reader, whose alphabet is A-Z, gives them."""


class PlateTextError(ValueError):
    """A plate text cannot be one that the reader gives; `at` is the index of the character at fault, 0-based."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


def normalise_plate(text: str) -> str:
    """The plate as the reader gives it: A-Z, 0-9, and Han characters as plates of China have them (京); PlateTextError
    when it cannot be.

    Spaces, dashes and dots go, letters become upper case and lose their marks (Ä is read as A, Š as S: not AE), and
    Cyrillic and Greek letters that look Latin become the Latin ones.
    """
    plate = "".join(_plain(char, at) for at, char in enumerate(text))
    if len(plate) not in LENGTHS:
        raise PlateTextError(f"a plate has {LENGTHS.start} to {LENGTHS.stop - 1} letters and digits, not {len(plate)}")
    return plate


def normalise_pattern(pattern: str) -> str:
    """A pattern of plates, with * for any characters and ? for one, as `normalise_plate` would have it, of any length;
    PlateTextError."""
    return "".join(char if char in "*?" else _plain(char, at) for at, char in enumerate(pattern))


def has_marks(text: str) -> bool:
    """Whether a plate has letters with marks, such as Ä, which the reader gives without them."""
    return any(unicodedata.combining(part) for part in unicodedata.normalize("NFKD", text))


def _plain(char: str, at: int) -> str:
    if char.isspace() or char in _SEPARATORS or unicodedata.category(char) == "Pd":
        return ""
    if char in HAN:
        return char
    upper = _LETTERS.get(char) or char.upper()
    marks_apart = unicodedata.normalize("NFKD", _LETTERS.get(upper, upper))
    plain = "".join(part for part in marks_apart if not unicodedata.combining(part))
    if char == "ß" or not plain and not unicodedata.combining(char) or not set(plain) <= LETTERS_AND_DIGITS:
        raise PlateTextError(f"{char!r} is no letter or digit that stands on a plate (A-Z, 0-9)", at)
    return plain


class Confusables:
    """Which characters can be taken for one another: as pairs, for a tolerance, and folded, for a deny list.

    Folding joins whatever any chain of pairs joins, so two texts that are apart only by pairs always fold to the same.
    """

    def __init__(self, pairs: Sequence[str] = CONFUSABLE_PAIRS) -> None:
        """`pairs` such as '0O'; the standard ones are folded in any case. ConfigError names a wrong one."""
        for pair in pairs:
            if len(pair) != 2 or pair[0] == pair[1] or not set(pair) <= LETTERS_AND_DIGITS:
                raise ConfigError(f"confusable pair {pair!r}: expected are two different ones of A-Z, 0-9, as in '0O'")
        self.pairs = frozenset(map(frozenset, pairs))
        self._fold = str.maketrans(_representatives((*CONFUSABLE_PAIRS, *pairs)))

    def fold(self, plate: str) -> str:
        """The same text for all plates that could be taken for this one."""
        return plate.translate(self._fold)

    def distance(self, plate: str, other: str) -> int | None:
        """How many characters are swapped by a pair; None when the plates differ by anything else."""
        if len(plate) != len(other):
            return None
        swapped = [frozenset(both) for both in zip(plate, other, strict=True) if both[0] != both[1]]
        return len(swapped) if self.pairs.issuperset(swapped) else None

    def neighbours(self, plate: str) -> Iterator[str]:
        """Every text that is one swapped pair away."""
        for at, char in enumerate(plate):
            for pair in self.pairs:
                if char in pair:
                    (other,) = pair - {char}
                    yield plate[:at] + other + plate[at + 1 :]


def _representatives(pairs: Sequence[str]) -> dict[str, str]:
    """Character -> one character for all that pairs join with it, the smallest."""
    groups: dict[str, set[str]] = {char: {char} for pair in pairs for char in pair}
    for pair in pairs:
        joined = groups[pair[0]] | groups[pair[1]]
        for char in joined:
            groups[char] = joined
    return {char: min(group) for char, group in groups.items()}
