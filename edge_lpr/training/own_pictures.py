"""The pictures that a user labelled at his own site: which may train, and which plates are held out. No torch here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edge_lpr.errors import ConfigError
from edge_lpr.training.labels import LabelledPicture, load_labels
from edge_lpr.training.metrics import fold

HELD_OUT_SHARE = 0.2
LEAST_PLATES = 5
"""So many different plates are the fewest with which a training and a check on other plates make sense."""
UNCHECKED = "unchecked"
"""`use` of a row that `edge-lpr label` wrote and nobody has looked at."""
NO_COUNTRY = frozenset({"", "EU", "ZZ"})


@dataclass(frozen=True)
class OwnPictures:
    """`train` and `held_out` share no plate text (O taken as 0, I as 1); `unchecked` rows were left out."""

    train: tuple[LabelledPicture, ...]
    held_out: tuple[LabelledPicture, ...]
    unchecked: int

    @property
    def countries(self) -> tuple[str, ...]:
        """The codes of the countries that the labels name, the commonest first."""
        counts: dict[str, int] = {}
        for picture in (*self.train, *self.held_out):
            for plate in picture.plates:
                code = plate.region[:2].upper()
                if code not in NO_COUNTRY:
                    counts[code] = counts.get(code, 0) + 1
        return tuple(sorted(counts, key=lambda code: (-counts[code], code)))


def load_own(labels: Path, images: Path | None, need_text: bool) -> OwnPictures:
    """The pictures of a label file whose rows may train (`use` is 'train' or empty), split by plate.

    With `need_text` only plates with a text are kept; without, whole pictures with all their plates, and those without
    plates, which are held out by their name where no text says more. ConfigError where there are too few.
    """
    every = load_labels(labels, images)
    unchecked = sum(len(one.plates) for one in every if one.use == UNCHECKED)
    usable = [one for one in every if one.use in ("train", "")]
    if need_text:
        with_text = (replace(one, plates=tuple(plate for plate in one.plates if plate.text)) for one in usable)
        usable = [one for one in with_text if one.plates]
    else:
        usable = [one for one in usable if not one.is_crop]
    groups = sorted(_linked(usable), key=_mark)
    if len(groups) < LEAST_PLATES:
        left_out = f"; {unchecked} rows are not checked yet" if unchecked else ""
        raise ConfigError(f"{labels}: {len(groups)} different plates to train on; {LEAST_PLATES} are needed{left_out}")
    share = math.ceil(HELD_OUT_SHARE * len(groups))
    held_out, train = (tuple(one for group in part for one in group) for part in (groups[:share], groups[share:]))
    return OwnPictures(train, held_out, unchecked)


def texts_of(pictures: Iterable[LabelledPicture]) -> frozenset[str]:
    """The plate texts of pictures, folded."""
    return frozenset(fold(plate.text) for one in pictures for plate in one.plates if plate.text)


def _names(picture: LabelledPicture) -> list[str]:
    """What a picture shares with others of the same vehicle: its plates' texts; its own path without any."""
    return sorted({fold(plate.text) for plate in picture.plates if plate.text}) or [str(picture.path)]


def _linked(pictures: list[LabelledPicture]) -> list[list[LabelledPicture]]:
    """Pictures in groups: two that show one plate are in one group, and so are those that are linked through others."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for one in pictures:
        first, *others = _names(one)
        for other in others:
            parent[root(other)] = root(first)
    groups: dict[str, list[LabelledPicture]] = {}
    for one in pictures:
        groups.setdefault(root(_names(one)[0]), []).append(one)
    return list(groups.values())


def _mark(group: list[LabelledPicture]) -> str:
    """A number that hangs on the group's plates alone, so that more pictures leave the split mostly as it was."""
    name = min(name for one in group for name in _names(one))
    return hashlib.sha256(Path(name).name.encode()).hexdigest()
