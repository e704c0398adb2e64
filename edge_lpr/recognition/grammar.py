"""A grammar of plate texts: which characters may follow which, for the countries that a site enables.

All patterns become one position automaton (Glushkov: V. M. Glushkov, "The abstract theory of automata", 1961; one
state a character position, no empty moves). Sets of positions are Python integers used as bit sets; the sets that
reading meets are numbered as they appear, so that a step is one dictionary look-up after the first time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.format_files import load_formats
from edge_lpr.recognition.format_records import PlateFormat
from edge_lpr.recognition.pattern import Chain, Choice, Node, OneOf, Repeat, parse_pattern

MOST_POSITIONS = 50_000
"""Bound on the automaton: the built-in formats together need a tenth."""

IMPOSSIBLE = 0
START = 1


@dataclass(frozen=True)
class _Piece:
    """A part of a pattern: may it be empty, which positions can be its first and last (bit sets)."""

    empty: bool
    first: int
    last: int


_NOTHING = _Piece(True, 0, 0)


class Grammar:
    """Accepts the texts of a set of plate series, character by character.

    A state is an integer: `start()` is 1, 0 means that no plate begins so. States may be kept, compared and used as
    keys; they belong to this grammar only. Steps are safe from several threads.
    """

    def __init__(self, formats: Sequence[PlateFormat]) -> None:
        builder = _Builder()
        self._series: list[tuple[int, PlateFormat]] = [(builder.add(fmt), fmt) for fmt in formats]
        self._masks = builder.masks
        self._follow = builder.follow
        self._first = builder.first
        self._lock = threading.Lock()
        self._sets: list[int] = [0, 0]
        self._numbers: dict[int, int] = {0: IMPOSSIBLE}
        self._steps: dict[tuple[int, str], int] = {}

    def start(self) -> int:
        """The state before the first character."""
        return START

    def step(self, state: int, char: str) -> int:
        """The state after `char` (A-Z, 0-9), 0 when no plate goes on like that."""
        known = self._steps.get((state, char))
        return known if known is not None else self._new_step(state, char)

    def accepts(self, state: int) -> bool:
        """Whether a plate may end here."""
        return any(True for _ in self._ended(state))

    def walk(self, text: str) -> int:
        """The state after `text`."""
        state = START
        for char in text:
            state = self.step(state, char)
            if not state:
                return IMPOSSIBLE
        return state

    def countries(self, state: int | str) -> tuple[str, ...]:
        """The countries that have a plate which ends here (a state) or reads so (a text), sorted."""
        return tuple(sorted({fmt.country for fmt in self.series(state)}))

    def series(self, state: int | str) -> tuple[PlateFormat, ...]:
        """The series that have such a plate, in the order of the formats."""
        return tuple(self._ended(self.walk(state) if isinstance(state, str) else state))

    def _ended(self, state: int) -> Iterator[PlateFormat]:
        positions = self._sets[state]
        return (fmt for last, fmt in self._series if positions & last)

    def _new_step(self, state: int, char: str) -> int:
        if state == START:
            reach = self._first
        else:
            reach = 0
            for position in _bits(self._sets[state]):
                reach |= self._follow[position]
        positions = reach & self._masks.get(char, 0)
        with self._lock:
            number = self._numbers.get(positions)
            if number is None:
                number = len(self._sets)
                self._sets.append(positions)
                self._numbers[positions] = number
            self._steps[(state, char)] = number
        return number


def compile_grammar(countries: Sequence[str]) -> Grammar:
    """The grammar of these countries' series that are read (any case, UK means GB), of all countries when none is
    given. Made once for each set. ConfigError names a country that is not known."""
    return _compile(tuple(sorted({_code(name) for name in countries})))


@lru_cache(maxsize=16)
def _compile(codes: tuple[str, ...]) -> Grammar:
    formats = tuple(fmt for fmt in load_formats() if fmt.read)
    known = {fmt.country for fmt in formats}
    missing = [code for code in codes if code not in known]
    if missing:
        raise ConfigError(f"no plate format for {', '.join(missing)}; known are {', '.join(sorted(known))}")
    return Grammar([fmt for fmt in formats if not codes or fmt.country in codes])


def _code(name: str) -> str:
    code = name.strip().upper()
    return "GB" if code == "UK" else code


def _bits(value: int) -> Iterator[int]:
    while value:
        lowest = value & -value
        yield lowest.bit_length() - 1
        value ^= lowest


class _Builder:
    """Positions, what follows each, and which characters stand at them, of all series."""

    def __init__(self) -> None:
        self.follow: list[int] = []
        self.masks: dict[str, int] = {}
        self.first = 0
        self._known: dict[Chain, int] = {}

    def add(self, fmt: PlateFormat) -> int:
        """Add one series; return the set of positions at which its texts may end."""
        nodes = Chain(tuple(parse_pattern(row, fmt.letters, fmt.digits, fmt.classes) for row in fmt.rows))
        if nodes in self._known:
            return self._known[nodes]
        piece = self._piece(nodes)
        if len(self.follow) > MOST_POSITIONS:
            raise ConfigError(f"plate formats: {fmt.id}: patterns too long, over {MOST_POSITIONS} positions in all")
        self.first |= piece.first
        self._known[nodes] = piece.last
        return piece.last

    def _piece(self, node: Node) -> _Piece:
        if isinstance(node, OneOf):
            return self._position(node.characters)
        if isinstance(node, Chain):
            piece = _NOTHING
            for item in node.items:
                piece = self._joined(piece, self._piece(item))
            return piece
        if isinstance(node, Choice):
            pieces = [self._piece(option) for option in node.options]
            return _Piece(any(p.empty for p in pieces), _union(p.first for p in pieces), _union(p.last for p in pieces))
        if isinstance(node, Repeat):
            return self._repeated(node)
        return _NOTHING

    def _position(self, characters: str) -> _Piece:
        bit = 1 << len(self.follow)
        self.follow.append(0)
        for char in set(characters):
            self.masks[char] = self.masks.get(char, 0) | bit
        return _Piece(False, bit, bit)

    def _joined(self, left: _Piece, right: _Piece) -> _Piece:
        for position in _bits(left.last):
            self.follow[position] |= right.first
        return _Piece(
            left.empty and right.empty,
            left.first | (right.first if left.empty else 0),
            right.last | (left.last if right.empty else 0),
        )

    def _repeated(self, node: Repeat) -> _Piece:
        piece = _NOTHING
        for count in range(node.most):
            copy = self._piece(node.item)
            if count >= node.least:
                copy = _Piece(True, copy.first, copy.last)
            piece = self._joined(piece, copy)
        return piece


def _union(sets: Iterable[int]) -> int:
    result = 0
    for item in sets:
        result |= item
    return result
