"""A TOML file to nested frozen dataclasses, strictly: a typing mistake is an error, never a setting silently left out.

The dataclasses are the schema: a field is a key, a field that is a dataclass a table, a tuple of dataclasses an array
of tables (`[[camera]]`). `key` gives a field its range, choices or pattern.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
import sys
import types
import typing
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar

from edge_lpr.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Record = TypeVar("Record")
REQUIRED = dataclasses.MISSING
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}"
"""What a camera, barrier or list may be called: it stands in the log and in names of files."""
NAME_MEANING = "letters, digits, '-', '_' and '.', 40 at most"


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a value may be: numbers `low` to `high`, both included (of a list: each of them), texts that match `pattern`
    (`meaning` says it in words), lists of at least `least` items."""

    low: float = -math.inf
    high: float = math.inf
    pattern: str = ""
    meaning: str = ""
    least: int = 0


def key(
    default: Any = REQUIRED,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    pattern: str = "",
    meaning: str = "",
    least: int = 0,
) -> Any:
    """A dataclass field with the limits of its value; without a default the key must be there."""
    limits = Limits(low, high, pattern, meaning, least)
    return dataclasses.field(default=default, metadata={"limits": limits})


def load_settings(cls: type[Record], path: Path, folder: Path | None = None) -> Record:
    """Read a TOML file into the dataclass `cls`; its paths are taken from `folder`, the file's own where not given.

    UTF-8, with or without a byte order mark. Raises ConfigError naming the file, the key and what is allowed: for a
    file that cannot be read, an unknown or missing key, a wrong type, a value out of range.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return from_table(cls, table, str(path), folder or path.parent)


def from_table(cls: type[Record], table: dict[str, Any], where: str, folder: Path | None = None) -> Record:
    """Make `cls` from a dict of plain values (a TOML table, or `dataclasses.asdict` of another one).

    `where` begins the text of an error; relative paths are taken from `folder`.
    """
    kinds = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(fields)):
        near = difflib.get_close_matches(unknown[0], fields, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}{hint}; known: {', '.join(fields)}")
    for name, field in fields.items():
        required = field.default is REQUIRED and field.default_factory is REQUIRED
        if required and name not in table:
            raise ConfigError(f"{where}: the key {name!r} is missing")
    values = {}
    for name, value in table.items():
        at = f"{where}: {name}"
        values[name] = _convert(kinds[name], value, at, folder)
        _check(values[name], fields[name].metadata.get("limits", Limits()), at)
    try:
        return cls(**values)
    except (TypeError, ConfigError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _convert(kind: Any, value: Any, where: str, folder: Path | None) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _convert_union(typing.get_args(kind), value, where, folder)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: must be a table")
        return from_table(typing.cast("type[Any]", kind), value, where, folder)
    if typing.get_origin(kind) is tuple:
        return _convert_tuple(typing.get_args(kind), value, where, folder)
    if typing.get_origin(kind) is Literal:
        return _one_of(value, {choice: choice for choice in typing.get_args(kind)}, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of(value, {choice.value: choice for choice in kind}, where)
    return _convert_plain(kind, value, where, folder)


def _convert_plain(kind: Any, value: Any, where: str, folder: Path | None) -> Any:
    if kind is Path and isinstance(value, str) and value:
        return (folder / value) if folder is not None else Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{where}: must be {_kind_name(kind)}, not {value!r}")
    if kind is float and not math.isfinite(value):
        raise ConfigError(f"{where}: must be a finite number, not {value!r}")
    if kind is datetime and value.utcoffset() is None:
        raise ConfigError(f"{where}: needs a time zone, such as 2026-01-31T20:00:00Z")
    return value


def _convert_union(kinds: Sequence[Any], value: Any, where: str, folder: Path | None) -> Any:
    """`X | None`: None only comes from `dataclasses.asdict`, as TOML has no such value."""
    if value is None and type(None) in kinds:
        return None
    (kind,) = (one for one in kinds if one is not type(None))
    return _convert(kind, value, where, folder)


def _convert_tuple(kinds: Sequence[Any], value: Any, where: str, folder: Path | None) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where}: must be a list, not {value!r}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        many = len(value) > 1 or dataclasses.is_dataclass(kinds[0])
        places = [f"{where} {at}" if many else where for at in range(1, len(value) + 1)]
        return tuple(_convert(kinds[0], item, at, folder) for item, at in zip(value, places, strict=True))
    if len(value) != len(kinds):
        raise ConfigError(f"{where}: must be a list of {len(kinds)}, not {value!r}")
    return tuple(_convert(kind, item, where, folder) for kind, item in zip(kinds, value, strict=True))


def _one_of(value: Any, choices: dict[Any, Any], where: str) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, (str, int)) or value not in choices:
        raise ConfigError(f"{where}: is {value!r}; allowed: {', '.join(map(str, choices))}")
    return choices[value]


def _check(value: Any, limits: Limits, where: str) -> None:
    """Raise ConfigError when a converted value is not within its limits."""
    if isinstance(value, tuple):
        if len(value) < limits.least:
            raise ConfigError(f"{where}: needs {limits.least} or more")
        for item in value:
            _check(item, dataclasses.replace(limits, least=0), where)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not limits.low <= value <= limits.high:
            raise ConfigError(f"{where}: is {value:g}; allowed: {_range(limits)}")
    elif isinstance(value, str) and limits.pattern and not re.fullmatch(limits.pattern, value):
        raise ConfigError(f"{where}: is {value!r}; allowed: {limits.meaning or limits.pattern}")


def _range(limits: Limits) -> str:
    if limits.high == math.inf:
        return f"{limits.low:g} or more"
    if limits.low == -math.inf:
        return f"{limits.high:g} or less"
    return f"{limits.low:g} to {limits.high:g}"


def _kind_name(kind: Any) -> str:
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path (text)",
             datetime: "a date with time"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def to_toml(record: Any) -> str:
    """A settings record as TOML that `load_settings` reads back, every key with its value; None is left out."""
    return "\n".join(_table_lines(record, "")).lstrip("\n") + "\n"


def _table_lines(record: Any, prefix: str) -> list[str]:
    """The plain keys of a table, then its tables, so that each key stands in its own table."""
    lines, tables = [], []
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        name = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            tables += ["", f"[{name}]", *_table_lines(value, f"{name}.")]
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            for item in value:
                tables += ["", f"[[{name}]]", *_table_lines(item, f"{name}.")]
        elif value is not None:
            lines.append(f"{field.name} = {_toml_value(value)}")
    return lines + tables


def _toml_value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, Enum):
        return _toml_value(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (str, Path)):
        return json.dumps(str(value), ensure_ascii=False)
    return repr(value)
