"""The little language that characters are written in.

A shape is text in a unit box (x to the right, y down, 0..1 on the centre lines of the outermost strokes):

    "0,m 0,0 1,0* 1,m* 0,m ; .4,m 1,1"      paths are parted by ';'
    x,y     a vertex with a sharp (mitred) corner; a coordinate is a number or the name of a style parameter,
            in a sum with numbers ('m+.1', '1-t'); '~' before it means one minus the whole
    x,y*    a vertex rounded with the style's radii; `*0.5` scales the radii
    z       closes the path (its first vertex may be rounded too)
    ^       keeps the path's corners mitred in a face with round caps too (D would look like O)
    !       as the last word: the path's ends are cut where they stand, not lengthened to the edge of the box
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

Coordinate = tuple[str, float, float]
"""Name of a parameter or '', factor of its value, constant."""


@dataclass(frozen=True, slots=True)
class Vertex:
    """A corner of a path before the values of the style's parameters are known."""

    x: Coordinate
    y: Coordinate
    rounding: float


@dataclass(frozen=True, slots=True)
class Path:
    vertices: tuple[Vertex, ...]
    closed: bool
    cut: bool
    mitred: bool = False


_TERM = re.compile(r"([+-]?)(?:([a-z])|(\d*\.?\d+))")


def _coordinate(word: str) -> Coordinate:
    """`word` as (name or '', factor of the name's value, constant); a leading '~' means one minus the rest."""
    name, factor, constant = "", 0.0, 0.0
    terms = word.removeprefix("~")
    if not terms or _TERM.sub("", terms):
        raise ValueError(f"not a coordinate of a shape: {word!r}")
    for sign, letter, number in _TERM.findall(terms):
        value = -1.0 if sign == "-" else 1.0
        if letter:
            name, factor = letter, value
        else:
            constant += value * float(number)
    return (name, -factor, 1.0 - constant) if word[0] == "~" else (name, factor, constant)


@lru_cache(maxsize=4096)
def parse_shape(shape: str) -> tuple[Path, ...]:
    """Paths of a shape text. Raises ValueError for a word that is not of the little language above."""
    paths = []
    for part in shape.split(";"):
        vertices: list[Vertex] = []
        closed = cut = mitred = False
        for word in part.split():
            if word == "z":
                closed = True
            elif word == "!":
                cut = True
            elif word == "^":
                mitred = True
            else:
                place, star, factor = word.partition("*")
                x, y = place.split(",")
                rounding = (float(factor) if factor else 1.0) if star else 0.0
                vertices.append(Vertex(_coordinate(x), _coordinate(y), rounding))
        paths.append(Path(tuple(vertices), closed, cut, mitred))
    return tuple(paths)
