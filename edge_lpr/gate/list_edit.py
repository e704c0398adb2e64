"""Entries added to and removed from a list file, all other lines left as they are."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from edge_lpr.errors import ConfigError
from edge_lpr.gate.lists_file import COLUMNS, ListTable, parse_list, read_bytes, write_atomically
from edge_lpr.gate.plate_text import PlateTextError, normalise_plate

LOCKED_MOST_S, LOCKED_TURN_S = 10.0, 0.02
"""An edit takes milliseconds."""
NEW_FILE = (";".join(COLUMNS) + "\n").encode()


def add_row(path: Path, values: dict[str, str]) -> ListTable:
    """Append a row (column -> text) and write the file; it is made where there is none. The list as it is now.

    ConfigError when the result is no valid list, the plate is there already, or the file has no such column.
    """
    with _alone(path):
        return _add_row(path, values)


def _add_row(path: Path, values: dict[str, str]) -> ListTable:
    before = read_bytes(path) if path.exists() else NEW_FILE
    table = parse_list(path, before)
    plate = plate_from_user(values["plate"])
    if there := [entry.line for entry in table.entries if entry.plate == plate]:
        raise ConfigError(f"{path}:{there[0]}:1: {plate} is on this list already")
    if lacking := [column for column, value in values.items() if value and column not in table.columns]:
        raise ConfigError(f"{path}:{table.header_line}:1: the header has no column {lacking[0]!r}")
    fields = [values.get(column, "") for column in table.columns]
    row = _row(fields, table.delimiter, csv.QUOTE_MINIMAL)
    if row.startswith("#"):  # a note in the first column: unquoted, the row would say nothing
        row = _row(fields, table.delimiter, csv.QUOTE_ALL)
    if "\n" in row or "\r" in row:
        raise ConfigError("a line break cannot stand in a list")
    return _write(table, before, [*table.lines, row])


def remove_plate(path: Path, text: str) -> tuple[ListTable, int]:
    """Take every row of a plate out and write the file; the list as it is now, and how many rows went."""
    with _alone(path):
        return _remove_plate(path, text)


def _remove_plate(path: Path, text: str) -> tuple[ListTable, int]:
    before = read_bytes(path)
    table = parse_list(path, before)
    plate = plate_from_user(text)
    gone = {entry.line for entry in table.entries if entry.plate == plate}
    if not gone:
        return table, 0
    return _write(table, before, [line for at, line in enumerate(table.lines, 1) if at not in gone]), len(gone)


def plate_from_user(text: str) -> str:
    """The plate normalised; ConfigError when no plate can read so."""
    try:
        return normalise_plate(text)
    except PlateTextError as error:
        raise ConfigError(f"plate {text!r}: {error}") from error


def date_text(moment: datetime | None, is_end: bool = False) -> str:
    """A date as a list file has it; empty for none. Midnight needs no time: as an end it is the day before."""
    if moment is None:
        return ""
    if (moment.hour, moment.minute) != (0, 0):
        return moment.strftime("%Y-%m-%d %H:%M")
    return (moment - timedelta(days=is_end)).strftime("%Y-%m-%d")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While this lasts no other edit of a list in the same folder begins: of two at once, one would be lost.

    Raises ConfigError. Where the folder cannot be locked, what is done inside says why, or does without.
    """
    descriptor = None
    with suppress(OSError):
        descriptor = os.open(Path(os.path.realpath(path)).parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if descriptor is not None and not _locked(descriptor):
            raise ConfigError(f"{path}: is being edited by someone else; nothing was written, try again")
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Whether the folder is this process's now, or cannot be anybody's."""
    until_s = time.monotonic() + LOCKED_MOST_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until_s:
                return False
            time.sleep(LOCKED_TURN_S)
        except OSError:
            return True


def _row(fields: Sequence[str], delimiter: str, quoting: Literal[0, 1]) -> str:
    row = io.StringIO()
    csv.writer(row, delimiter=delimiter, lineterminator="", quoting=quoting).writerow(fields)
    return row.getvalue()


def _write(table: ListTable, before: bytes, lines: Sequence[str]) -> ListTable:
    """Write the lines unless the file is no longer what was read."""
    mark = "\ufeff" if table.byte_order_mark else ""
    content = (mark + "".join(line + table.newline for line in lines)).encode()
    changed = parse_list(table.path, content)
    if table.path.exists() and read_bytes(table.path) != before:
        raise ConfigError(f"{table.path}: changed by someone else at the same time; nothing was written, try again")
    write_atomically(table.path, content)
    return changed
