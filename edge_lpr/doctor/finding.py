"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """`FAIL`: the gate does not do its work. `WARN`: it may soon not, or not all of it."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was seen, and, where it is not OK, what to do."""

    name: str
    level: Level
    said: str
    advice: str = ""


def ok(name: str, said: str) -> Finding:
    """All is well."""
    return Finding(name, Level.OK, said)


def warn(name: str, said: str, advice: str) -> Finding:
    """It wants a look."""
    return Finding(name, Level.WARN, said, advice)


def fail(name: str, said: str, advice: str) -> Finding:
    """It wants mending."""
    return Finding(name, Level.FAIL, said, advice)
