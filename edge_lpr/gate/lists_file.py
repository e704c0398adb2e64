"""Plate lists as CSV files: read strictly, written so that a power cut leaves the old file or the new one, whole.

A file begins with a header naming its columns, in any order; only `plate` must be there:

    plate;holder;group;valid_from;valid_until;note
    1AB 2345;J. Novak;staff;2026-01-01;2026-12-31;blue van
    B-ÄZ 77;;;;2026-10-05 14:30;
    # a line that begins with # and an empty line say nothing

The delimiter is `;` or `,`, as in the header; the encoding UTF-8, with or without a byte order mark. A field with the
delimiter in it stands in double quotes, on one line. Dates are the gate's local time: `2026-10-05` or `05.10.2026`,
either with a time (`14:30`); a `valid_until` without a time includes that day.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge_lpr.errors import ConfigError
from edge_lpr.gate.access import ListEntry
from edge_lpr.gate.plate_text import PlateTextError, normalise_plate

COLUMNS = ("plate", "holder", "group", "valid_from", "valid_until", "note")
MAX_BYTES = 64 * 2**20
"""More than a million entries: a larger file is no list, and loading it would starve the gate of memory."""
MAX_TOLD = 20
"""Faults told of one file: a wrong file has one on every line."""

_DATE = re.compile(r"(?:(\d{4})-(\d{2})-(\d{2})|(\d{1,2})\.(\d{1,2})\.(\d{4}))(?:[ T](\d{1,2}):(\d{2}))?")


@dataclass(frozen=True)
class Fault:
    """Something wrong or doubtful in a list file; `line` and `column` (characters) count from 1."""

    path: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class ListFileError(ConfigError):
    """A list file is not valid; `faults` says where."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        told = [str(fault) for fault in faults[:MAX_TOLD]]
        if len(faults) > MAX_TOLD:
            told.append(f"and {len(faults) - MAX_TOLD} more")
        super().__init__("\n".join(told))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class ListTable:
    """A list file as read: `lines` as they stand, without line ends."""

    path: Path
    lines: tuple[str, ...]
    header_line: int
    columns: tuple[str, ...]
    delimiter: str
    newline: str
    byte_order_mark: bool
    entries: tuple[ListEntry, ...]
    duplicates: tuple[Fault, ...]


def read_list(path: Path, groups: Sequence[str] | None = None) -> ListTable:
    """Read a list; ListFileError names every fault. With `groups`, an entry's group must be one of them."""
    return parse_list(path, read_bytes(path), groups)


def read_bytes(path: Path) -> bytes:
    """The file's content; ListFileError when it cannot be read or is far too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ListFileError([Fault(path, 1, 1, f"cannot be read: {error.strerror or error}")]) from error
    if len(content) > MAX_BYTES:
        raise ListFileError([Fault(path, 1, 1, f"larger than {MAX_BYTES >> 20} MiB: this is no list")])
    return content


def parse_list(path: Path, content: bytes, groups: Sequence[str] | None = None) -> ListTable:
    """`read_list` of content already read; `path` only names the file."""
    text = _decoded(path, content)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    says_something = [at for at, line in enumerate(lines) if line.strip(" \t;,") and not line.startswith("#")]
    if not says_something:
        raise ListFileError([Fault(path, 1, 1, f"empty: the first line must name the columns ({';'.join(COLUMNS)})")])
    header_at = says_something[0]
    delimiter = ";" if ";" in lines[header_at] else ","
    columns = _columns(path, header_at + 1, lines[header_at], delimiter)
    rows = _Rows(path, columns, delimiter, groups)
    for at in says_something[1:]:
        rows.add(at + 1, lines[at])
    if rows.faults:
        raise ListFileError(rows.faults)
    return ListTable(
        path, tuple(lines), header_at + 1, columns, delimiter, newline, content.startswith(b"\xef\xbb\xbf"),
        tuple(rows.entries), tuple(_duplicates(path, rows.entries)),
    )


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file as one step that survives a power cut; a link is followed, the file's mode kept. ConfigError."""
    target = Path(os.path.realpath(path))
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), target.stat().st_mode & 0o7777 if target.exists() else 0o640)
                _keep_owner(file.fileno(), target)
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


def parse_date(text: str, end_of_day: bool) -> datetime | None:
    """A naive local time, None for an empty text; a day alone begins at midnight or, at its end, ends there."""
    if not text:
        return None
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no date: write 2026-10-05, 05.10.2026 or 2026-10-05 14:30")
    year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[5], match[4])
    try:
        moment = datetime(int(year), int(month), int(day), int(match[7] or 0), int(match[8] or 0))
        return moment + timedelta(days=1) if end_of_day and not match[7] else moment
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no date: {error}") from error


class _Rows:
    """Collects the entries and the faults of a list's rows."""

    def __init__(self, path: Path, columns: tuple[str, ...], delimiter: str, groups: Sequence[str] | None) -> None:
        self.path, self.columns, self.delimiter, self.groups = path, columns, delimiter, groups
        self.entries: list[ListEntry] = []
        self.faults: list[Fault] = []

    def add(self, line_number: int, line: str) -> None:
        try:
            fields, starts = _split(line, self.delimiter)
        except csv.Error as error:
            self.faults.append(Fault(self.path, line_number, 1, f"quotes do not match ({error})"))
            return
        if len(fields) > len(self.columns):
            self.faults.append(Fault(self.path, line_number, starts[len(self.columns)] + 1,
                                     f"{len(fields)} fields, but the header names {len(self.columns)} columns"))
            return
        left_out = len(self.columns) - len(fields)
        values = dict(zip(self.columns, [*fields, *[""] * left_out], strict=True))
        begins = dict(zip(self.columns, [*starts, *[len(line)] * left_out], strict=True))
        column = "plate"
        try:
            plate = normalise_plate(values["plate"])
            column = "group"
            group = self._known_group(values.get("group", ""))
            column = "valid_from"
            valid_from = parse_date(values.get("valid_from", ""), end_of_day=False)
            column = "valid_until"
            valid_until = parse_date(values.get("valid_until", ""), end_of_day=True)
            if valid_from and valid_until and valid_from >= valid_until:
                raise ValueError("ends before it begins")
        except ValueError as error:
            at = error.at if isinstance(error, PlateTextError) else 0
            self.faults.append(Fault(self.path, line_number, begins[column] + at + 1, f"{column}: {error}"))
            return
        self.entries.append(ListEntry(plate, values.get("holder", ""), group, valid_from, valid_until,
                                      values.get("note", ""), line_number, values["plate"]))

    def _known_group(self, group: str) -> str:
        if group and self.groups is not None and group not in self.groups:
            known = ", ".join(sorted(self.groups)) or "none"
            raise ValueError(f"{group!r} is not configured; there are: {known}")
        return group


def _decoded(path: Path, content: bytes) -> str:
    """The text without a byte order mark; ListFileError names the first byte that is not UTF-8."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ListFileError([Fault(path, 1, 1, "UTF-16: save it as CSV UTF-8")])
    try:
        text = content.decode("utf-8-sig")
        fault_at, message = text.find("\0"), "a zero byte: the file is damaged"
    except UnicodeDecodeError as error:
        skipped = 3 if content.startswith(b"\xef\xbb\xbf") else 0
        text = content[skipped : error.start + skipped].decode("utf-8", "replace")
        fault_at, message = len(text), f"byte 0x{error.object[error.start]:02x} is not UTF-8: save it as CSV UTF-8"
    if fault_at >= 0:
        before = text[:fault_at]
        line_start = before.rfind("\n") + 1
        raise ListFileError([Fault(path, before.count("\n") + 1, fault_at - line_start + 1, message)])
    return text


def _columns(path: Path, line_number: int, line: str, delimiter: str) -> tuple[str, ...]:
    """The column names of the header, lower case."""
    try:
        fields, starts = _split(line, delimiter)
    except csv.Error as error:
        raise ListFileError([Fault(path, line_number, 1, f"quotes do not match ({error})")]) from error
    names = [field.lower() for field in fields]
    for at, name in enumerate(names):
        if name not in COLUMNS or name in names[:at]:
            problem = f"column {name!r} is there twice" if name in COLUMNS else f"no column is called {fields[at]!r}"
            message = f"{problem}; the header may name {', '.join(COLUMNS)}"
            raise ListFileError([Fault(path, line_number, starts[at] + 1, message)])
    if "plate" not in names:
        raise ListFileError([Fault(path, line_number, 1, "the header must name the column 'plate'")])
    return tuple(names)


def _split(line: str, delimiter: str) -> tuple[list[str], list[int]]:
    """A line's fields, stripped, and where each one's text begins (0-based); csv.Error when quotes do not match."""
    fields = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])
    starts, begin, quoted = [], 0, False
    for at, char in enumerate(line + delimiter):
        quoted ^= char == '"'
        if char == delimiter and not quoted:
            field = line[begin:at]
            starts.append(begin + len(field) - len(field.lstrip(' "')))
            begin = at + 1
    return [field.strip() for field in fields], [*starts, *[len(line)] * (len(fields) - len(starts))]


def _duplicates(path: Path, entries: Sequence[ListEntry]) -> list[Fault]:
    first: dict[str, int] = {}
    found = []
    for entry in entries:
        if first.setdefault(entry.plate, entry.line) != entry.line:
            found.append(Fault(path, entry.line, 1, f"{entry.plate} is also on line {first[entry.plate]}"))
    return found


def _keep_owner(handle: int, target: Path) -> None:
    """Give the new file the old one's owner where that is permitted (root edits a list of the service's user)."""
    with suppress(PermissionError, FileNotFoundError):
        status = target.stat()
        os.fchown(handle, status.st_uid, status.st_gid)
