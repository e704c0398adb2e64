"""A labels.csv to correct: what was read in each picture, the least sure first, and what a person said of it.

Besides the columns of every label file there are `read` and `confidence`, as the networks gave them, and `checked`: a
row with anything in it has been looked at, and so has one whose text was changed or whose box was emptied. Only such
rows have `use` 'train'; the others are 'unchecked'. `source`, `license` and any other `use` are a person's, and are
kept. No torch here.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edge_lpr.errors import ConfigError
from edge_lpr.training.labels import COLUMNS, READABLE
from edge_lpr.training.own_pictures import UNCHECKED
from edge_lpr.training.reader_data import MAX_CHARACTERS

EXTRA_COLUMNS = ("read", "confidence", "checked")
TRAIN = "train"
_BOX = ("x", "y", "w", "h")


@dataclass(frozen=True)
class LabelRow:
    """One plate of a picture, or a picture without any (`box` None). `read` and `confidence` are the networks'.

    `use` is '' where `checked` decides it.
    """

    image: str
    box: tuple[float, float, float, float] | None
    text: str
    region: str = ""
    read: str = ""
    confidence: float = 0.0
    checked: bool = False
    source: str = ""
    license: str = ""
    use: str = ""

    @property
    def is_corrected(self) -> bool:
        """Somebody looked at it and changed what was read."""
        return self.checked and self.text != self.read


def load_rows(path: Path) -> tuple[LabelRow, ...]:
    """The rows of a file that `write_rows` wrote and a person may have changed; none where there is no file.

    Spreadsheets of countries with a decimal comma part the columns by semicolons: that is read as well. Raises
    ConfigError, naming file and line, for a missing column, a box that is none, a text of other characters than A-Z 0-9
    or of more than MAX_CHARACTERS.
    """
    if not path.exists():
        return ()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(",;", key=head.count))
            missing = [name for name in (*COLUMNS[:6], *EXTRA_COLUMNS) if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"{path}: columns {', '.join(missing)} are missing: not a file of edge-lpr label")
            return tuple(_row(row, f"{path}, line {reader.line_num}") for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _row(row: dict[str, str], where: str) -> LabelRow:
    values = {name: (row.get(name) or "").strip() for name in (*COLUMNS, *EXTRA_COLUMNS)}
    text = "".join(char for char in values["text"].upper() if char not in " -")
    if not READABLE.issuperset(text):
        raise ConfigError(f"{where}: text {values['text']!r}; allowed are A-Z and 0-9")
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{where}: text {text!r} has {len(text)} characters; a plate has at most {MAX_CHARACTERS}")
    numbers = [values[name].replace(",", ".") for name in _BOX]
    try:
        box = (float(numbers[0]), float(numbers[1]), float(numbers[2]), float(numbers[3])) if any(numbers) else None
        confidence = float(values["confidence"].replace(",", ".") or 0.0)
    except ValueError as error:
        raise ConfigError(f"{where}: the box {numbers} or the confidence is no number") from error
    if box is not None and not (box[2] > 0 and box[3] > 0):
        raise ConfigError(f"{where}: the box is {box[2]} x {box[3]} pixels; both must be above 0")
    text = text if box else ""
    checked = bool(values["checked"]) or text != values["read"]
    use = "" if values["use"] in (TRAIN, UNCHECKED) else values["use"]
    return LabelRow(values["image"], box, text, values["region"], values["read"], confidence, checked,
                    values["source"], values["license"], use)


def write_rows(rows: Iterable[LabelRow], path: Path) -> None:
    """Write the rows, those that nobody has looked at first and of them the least sure first; whole or not at all."""
    draft = path.with_name(path.name + ".draft")
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((*COLUMNS, *EXTRA_COLUMNS))
            writer.writerows(_cells(row) for row in sorted(rows, key=order))
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def order(row: LabelRow) -> tuple[bool, float, str]:
    """Sort key: what is to be looked at next comes first."""
    return row.checked, row.confidence, row.image


def _cells(row: LabelRow) -> tuple[str, ...]:
    box = tuple(f"{value:.1f}" for value in row.box) if row.box else ("", "", "", "")
    use = row.use or (TRAIN if row.checked else UNCHECKED)
    checked = "yes" if row.checked else ""
    about = (row.text, row.region, row.source, row.license, use)
    return (row.image, *box, *about, row.read, f"{row.confidence:.4f}", checked)


def merge(known: Sequence[LabelRow], fresh: Iterable[LabelRow]) -> tuple[LabelRow, ...]:
    """Pictures with a checked row stay as a person left them, there or not; all others are as they are read now.

    These have the `source`, `license` and `use` that a person gave them, too.
    """
    settled = {row.image for row in known if row.checked}
    about = {row.image: (row.source, row.license, row.use) for row in known if row.source or row.license or row.use}
    anew = []
    for row in fresh:
        if row.image not in settled:
            source, license, use = about.get(row.image, ("", "", ""))
            anew.append(replace(row, source=source, license=license, use=use))
    return (*(row for row in known if row.image in settled), *anew)


@dataclass(frozen=True)
class Tally:
    """How far the checking is: rows in all, checked, of these changed."""

    rows: int
    checked: int
    corrected: int


def tally(rows: Sequence[LabelRow]) -> Tally:
    """Count rows."""
    return Tally(len(rows), sum(row.checked for row in rows), sum(row.is_corrected for row in rows))
