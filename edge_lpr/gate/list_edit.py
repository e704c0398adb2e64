"""Entries added to and removed from a list file, all other lines left as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from edge_lpr.errors import ConfigError
from edge_lpr.gate.lists_file import COLUMNS, ListTable, parse_list, read_bytes, write_atomically
from edge_lpr.gate.plate_text import PlateTextError, normalise_plate

NEW_FILE = (";".join(COLUMNS) + "\n").encode()


def add_row(path: Path, values: dict[str, str]) -> ListTable:
    """Append a row (column -> text) and write the file; it is made where there is none. The list as it is now.

    ConfigError when the result is no valid list, the plate is there already, or the file has no such column.
    """
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
