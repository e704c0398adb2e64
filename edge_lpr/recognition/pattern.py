"""The pattern language of plate rows: parsed once, then sampled (synthesis) or compiled (`grammar.py`).

    L D A N   a letter of the format, a digit, either, a digit other than zero; other capitals name a class
    'CD'      these characters as they stand
    [AB12]    one of these characters
    x{n} x{m,n}   x that many times
    (a|b)     one of these
    space - . @ ^(LL)   drawn, never read: a gap, a dash, a dot, the look's emblem, small stacked letters
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from numpy.random import Generator

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.format_records import Mark

READ_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_REPEATS = 12
DRAWN_MARKS = {" ": Mark("gap"), "-": Mark("dash"), ".": Mark("dot"), "@": Mark("emblem")}


@dataclass(frozen=True)
class OneOf:
    """One character of `characters`; a character that stands twice is drawn twice as often."""

    characters: str


@dataclass(frozen=True)
class Drawn:
    """A mark that is drawn and not read."""

    mark: Mark


@dataclass(frozen=True)
class Small:
    """Small letters that are drawn and not read."""

    item: Node


@dataclass(frozen=True)
class Chain:
    """Items one after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of the options."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """The item `least` to `most` times."""

    item: Node
    least: int
    most: int


Node = OneOf | Drawn | Small | Chain | Choice | Repeat


def parse_pattern(pattern: str, letters: str, digits: str, classes: Mapping[str, str]) -> Node:
    """Parse one row's pattern; ConfigError says what is wrong at which column."""
    return _parse(pattern, letters, digits, tuple(sorted(classes.items())))


def has_text(node: Node) -> bool:
    """Whether any of its characters is read."""
    if isinstance(node, Chain):
        return any(map(has_text, node.items))
    if isinstance(node, Choice):
        return any(map(has_text, node.options))
    if isinstance(node, Repeat):
        return node.most > 0 and has_text(node.item)
    return isinstance(node, OneOf)


def sample(node: Node, rng: Generator) -> list[Mark]:
    """Draw marks for `node`: one Mark a character."""
    if isinstance(node, OneOf):
        return [Mark("char", node.characters[int(rng.integers(len(node.characters)))])]
    if isinstance(node, Drawn):
        return [node.mark]
    if isinstance(node, Small):
        return [Mark("small", "".join(mark.value for mark in sample(node.item, rng)))]
    if isinstance(node, Choice):
        return sample(node.options[int(rng.integers(len(node.options)))], rng)
    if isinstance(node, Repeat):
        return [mark for _ in range(int(rng.integers(node.least, node.most + 1))) for mark in sample(node.item, rng)]
    return [mark for item in node.items for mark in sample(item, rng)]


@lru_cache(maxsize=8192)
def _parse(pattern: str, letters: str, digits: str, classes: tuple[tuple[str, str], ...]) -> Node:
    named = {"L": letters, "D": digits, "A": letters + digits, "N": digits.replace("0", "")} | dict(classes)
    return _Parser(pattern, named).whole()


class _Parser:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str, classes: dict[str, str]) -> None:
        self._pattern = pattern
        self._classes = classes
        self._at = 0

    def whole(self) -> Node:
        node = self._choice()
        if self._at < len(self._pattern):
            raise self._wrong(f"{self._pattern[self._at]!r} is not expected here")
        return node

    def _wrong(self, what: str) -> ConfigError:
        return ConfigError(f"pattern {self._pattern!r}, column {self._at + 1}: {what}")

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _until(self, end: str) -> str:
        """The text from here to the next `end`, which is skipped."""
        stop = self._pattern.find(end, self._at)
        if stop <= self._at:
            raise self._wrong(f"something and a closing {end} are missing")
        text = self._pattern[self._at : stop]
        self._at = stop + 1
        return text

    def _choice(self) -> Node:
        options = [self._chain()]
        while self._peek() == "|":
            self._at += 1
            options.append(self._chain())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _chain(self) -> Node:
        items: list[Node] = []
        while self._peek() and self._peek() not in "|)":
            items.append(self._repeat(self._item()))
        return items[0] if len(items) == 1 else Chain(tuple(items))

    def _repeat(self, item: Node) -> Node:
        if self._peek() != "{":
            return item
        self._at += 1
        bounds = self._until("}").split(",")
        if len(bounds) > 2 or not all(part.isdecimal() for part in bounds):
            raise self._wrong("a repetition is {n} or {m,n}")
        least, most = int(bounds[0]), int(bounds[-1])
        if not 0 <= least <= most <= MOST_REPEATS:
            raise self._wrong(f"a repetition goes from 0 to {MOST_REPEATS}, the lesser number first")
        return Repeat(item, least, most)

    def _item(self) -> Node:
        char = self._peek()
        self._at += 1
        if char in DRAWN_MARKS:
            return Drawn(DRAWN_MARKS[char])
        if char == "'":
            return Chain(tuple(self._one_of(c) for c in self._until("'")))
        if char == "[":
            return self._one_of(self._until("]"))
        if char == "(":
            return self._group()
        if char == "^":
            if self._peek() != "(":
                raise self._wrong("^ is followed by (")
            self._at += 1
            return Small(self._group())
        if char in self._classes:
            return self._one_of(self._classes[char])
        self._at -= 1
        raise self._wrong(f"{char!r} is no mark and no class; classes are {' '.join(sorted(self._classes))}")

    def _group(self) -> Node:
        node = self._choice()
        if self._peek() != ")":
            raise self._wrong("a closing ) is missing")
        self._at += 1
        return node

    def _one_of(self, characters: str) -> OneOf:
        if not characters or any(c not in READ_CHARACTERS for c in characters):
            raise self._wrong(f"characters are A-Z and 0-9, not {characters!r}")
        return OneOf(characters)
