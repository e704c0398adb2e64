"""A grammar of plate texts: which characters may follow which, for the countries that a site enables.

Each country's patterns become one position automaton (V. M. Glushkov, "The abstract theory of automata", 1961: one
state a character position, no empty moves), which is made deterministic as reading meets its states. A state of the
grammar names the state of every country that is still possible; steps are remembered, so that a repeated step is one
dictionary look-up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.format_files import load_formats
from edge_lpr.recognition.format_records import PlateFormat
from edge_lpr.recognition.pattern import Chain, Choice, Node, OneOf, Repeat, parse_pattern

MOST_POSITIONS = 20_000
"""Bound on one country's automaton; the largest built-in one needs a twentieth."""

MOST_STEPS_KEPT = 100_000
"""Remembered steps; when full, all are forgotten and made again as needed (about 20 MB)."""

State = tuple[int, ...]
"""A state: one number for each country that is still possible; empty when no plate begins so."""

IMPOSSIBLE: State = ()
DEAD = 0
FIRST = 1


class Grammar:
    """Accepts the texts of a set of plate series, character by character.

    States are plain tuples: they may be kept, compared and used as keys, and an empty (false) one means that no plate
    begins so. They belong to this grammar only. Steps are safe from several threads.
    """

    def __init__(self, formats: Sequence[PlateFormat]) -> None:
        self._countries = tuple(sorted({fmt.country for fmt in formats}))
        self._automata = tuple(_Automaton([f for f in formats if f.country == code]) for code in self._countries)
        self._start = tuple(FIRST * len(self._countries) + index for index in range(len(self._countries)))
        self._steps: dict[tuple[State, str], State] = {}

    def start(self) -> State:
        """The state before the first character."""
        return self._start

    def step(self, state: State, char: str) -> State:
        """The state after `char` (A-Z, 0-9), () when no plate goes on like that."""
        known = self._steps.get((state, char))
        return known if known is not None else self._new_step(state, char)

    def accepts(self, state: State) -> bool:
        """Whether a plate may end here."""
        return next(self._ended(state), None) is not None

    def walk(self, text: str) -> State:
        """The state after `text`."""
        state = self._start
        for char in text:
            state = self.step(state, char)
            if not state:
                return IMPOSSIBLE
        return state

    def countries(self, state: State | str) -> tuple[str, ...]:
        """The countries, sorted, that have a plate which ends here (a state) or reads so (a text)."""
        return tuple(self._ended(self.walk(state) if isinstance(state, str) else state))

    def _ended(self, state: State) -> Iterator[str]:
        count = len(self._countries)
        return (self._countries[code % count] for code in state if self._automata[code % count].accepts(code // count))

    def _new_step(self, state: State, char: str) -> State:
        count = len(self._countries)
        reached = []
        for code in state:
            number, index = divmod(code, count)
            number = self._automata[index].step(number, char)
            if number != DEAD:
                reached.append(number * count + index)
        if len(self._steps) >= MOST_STEPS_KEPT:
            self._steps.clear()
        after = tuple(reached)
        self._steps[(state, char)] = after
        return after


def compile_grammar(countries: Sequence[str], extra: Sequence[Path] = ()) -> Grammar:
    """The grammar of these countries' series that are read (any case, UK means GB), of all countries when none is
    given; `extra` as in `load_formats`. Made once for each set. ConfigError names a country that is not known."""
    return _compile(tuple(sorted({country_code(name) for name in countries})), tuple(extra))


def country_code(name: str) -> str:
    """A country's code as the formats have it: capitals, GB for UK."""
    code = name.strip().upper()
    return "GB" if code == "UK" else code


@lru_cache(maxsize=16)
def _compile(codes: tuple[str, ...], extra: tuple[Path, ...]) -> Grammar:
    formats = tuple(fmt for fmt in load_formats(extra) if fmt.read)
    known = {fmt.country for fmt in formats}
    missing = [code for code in codes if code not in known]
    if missing:
        raise ConfigError(f"no plate format for {', '.join(missing)}; known are {', '.join(sorted(known))}")
    return Grammar([fmt for fmt in formats if not codes or fmt.country in codes])


class _Automaton:
    """One country's automaton. A state is a number for a bit set of positions that may be read next, and for whether
    a plate may end there; 0 is the dead state, 1 the first."""

    def __init__(self, formats: Sequence[PlateFormat]) -> None:
        positions = _Positions()
        for fmt in formats:
            positions.add(fmt)
        self._positions = positions
        self._keys: list[tuple[int, bool]] = [(0, False), (positions.first, False)]
        self._numbers = {key: number for number, key in enumerate(self._keys)}
        self._steps: list[dict[str, int]] = [{}, {}]
        self._lock = threading.Lock()

    def step(self, state: int, char: str) -> int:
        """The state after `char`."""
        known = self._steps[state].get(char)
        return known if known is not None else self._new_step(state, char)

    def accepts(self, state: int) -> bool:
        """Whether a plate may end in this state."""
        return self._keys[state][1]

    def _new_step(self, state: int, char: str) -> int:
        hit = self._keys[state][0] & self._positions.masks.get(char, 0)
        key = (_union(self._positions.follow[bit] for bit in _bits(hit)), bool(hit & self._positions.last))
        with self._lock:
            if key not in self._numbers:
                self._keys.append(key)
                self._steps.append({})
                self._numbers[key] = len(self._keys) - 1
            number = self._numbers[key]
            self._steps[state][char] = number
        return number


def _bits(value: int) -> Iterator[int]:
    while value:
        lowest = value & -value
        yield lowest.bit_length() - 1
        value ^= lowest


class _Piece(NamedTuple):
    """A part of a pattern: may it be empty, which positions can be its first and last (bit sets)."""

    empty: bool
    first: int
    last: int


_NOTHING = _Piece(True, 0, 0)


class _Positions:
    """The character positions of all patterns: which may come first and last, what may follow each, and which
    characters stand at them. Sets are integers used as bit sets."""

    def __init__(self) -> None:
        self.follow: list[int] = []
        self.masks: dict[str, int] = {}
        self.first = 0
        self.last = 0
        self._known: set[Chain] = set()

    def add(self, fmt: PlateFormat) -> None:
        """Add one series, unless one with the same texts is there."""
        node = Chain(tuple(parse_pattern(row, fmt.letters, fmt.digits, fmt.classes) for row in fmt.rows))
        if node in self._known:
            return
        self._known.add(node)
        piece = self._piece(node)
        if piece.empty:
            raise ConfigError(f"plate format {fmt.id}: a plate may not be empty")
        if len(self.follow) > MOST_POSITIONS:
            raise ConfigError(f"plate format {fmt.id}: patterns of {fmt.country} have over {MOST_POSITIONS} positions")
        self.first |= piece.first
        self.last |= piece.last

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
