"""What is doubtful about lists that are valid: plates that could be taken for one another, and denied ones. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from edge_lpr.gate.access import AccessList, ListEntry, ListKind, ListSpec
from edge_lpr.gate.plate_text import Confusables, has_marks

Listed = tuple[ListSpec, ListEntry]


@dataclass(frozen=True)
class Doubt:
    """Something to look at: the list, the line and what about it."""

    spec: ListSpec
    entry: ListEntry
    message: str

    def __str__(self) -> str:
        return f"{self.spec.path}:{self.entry.line}:1: {self.message}"


def doubts(lists: Sequence[AccessList], confusables: Confusables | None = None) -> tuple[Doubt, ...]:
    """All that is doubtful, in the order of lists and lines.

    Two allowed plates are named when one misread character, or what their lists' tolerance bridges from both sides,
    lies between them; an allowed plate when a deny list stops it, being the same plate or one that could be it, and
    when it is written with marks (Ä), which are not read: the plate without them is another vehicle's.
    """
    confusables = confusables or Confusables()
    alike: dict[str, list[Listed]] = defaultdict(list)
    for one in lists:
        for entry in one.entries:
            alike[confusables.fold(entry.plate)].append((one.spec, entry))
    found = [doubt for group in alike.values() for doubt in _doubts_of(group, confusables)]
    order = {one.spec.name: at for at, one in enumerate(lists)}
    return tuple(sorted(found, key=lambda doubt: (order[doubt.spec.name], doubt.entry.line)))


def _doubts_of(group: Sequence[Listed], confusables: Confusables) -> Iterator[Doubt]:
    """The doubts among plates that fold to the same text."""
    allowed = [listed for listed in group if listed[0].kind is ListKind.ALLOW]
    for first, second in combinations(_one_of_each_plate(allowed), 2):
        if _could_be_taken(first, second, confusables):
            yield Doubt(*second, f"{second[1].plate} and {_place(first)} could be taken for one another")
    for spec, entry in allowed:
        if has_marks(entry.written):
            message = f"{entry.written} is read as {entry.plate}, and a vehicle with that plate enters, too"
            yield Doubt(spec, entry, message)
    for spec, entry in group:
        if spec.kind is ListKind.DENY:
            for stopped in allowed:
                cause = "is also" if stopped[1].plate == entry.plate else "could be taken for the denied"
                yield Doubt(*stopped, f"{stopped[1].plate} {cause} {_place((spec, entry))}: it stays outside")


def _one_of_each_plate(group: Sequence[Listed]) -> list[Listed]:
    return list({entry.plate: (spec, entry) for spec, entry in reversed(group)}.values())[::-1]


def _could_be_taken(first: Listed, second: Listed, confusables: Confusables) -> bool:
    """Whether a text lies within both lists' tolerances, or one character read wrongly turns one into the other."""
    apart = sum(one != other for one, other in zip(first[1].plate, second[1].plate, strict=True))
    swaps = confusables.distance(first[1].plate, second[1].plate)
    return apart <= first[0].tolerance + second[0].tolerance or swaps == 1


def _place(listed: Listed) -> str:
    spec, entry = listed
    return f"{entry.plate} of {spec.kind.value} list {spec.name}, line {entry.line}"
