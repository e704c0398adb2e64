"""A training config: TOML file to nested frozen dataclasses, strictly."""

from __future__ import annotations

import dataclasses
import sys
import typing
from pathlib import Path
from typing import Any, TypeVar

from edge_lpr.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Record = TypeVar("Record")


def load_settings(cls: type[Record], path: Path) -> Record:
    """Read a TOML file into the dataclass `cls`; its fields that are dataclasses are TOML tables.

    Raises ConfigError naming the file and the key for an unreadable file, an unknown key or a wrong type.
    """
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return from_table(cls, table, str(path))


def from_table(cls: type[Record], table: dict[str, Any], where: str) -> Record:
    """Make `cls` from a dict of plain values (a TOML table, or `dataclasses.asdict` of another one)."""
    kinds = typing.get_type_hints(cls)
    fields = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(fields)}")
    values = {key: _convert(kinds[key], value, f"{where}: {key}") for key, value in table.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _convert(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: must be a table")
        return from_table(typing.cast("type[Any]", kind), value, where)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: must be a list")
        inner = typing.get_args(kind)[0]
        return tuple(_convert(inner, item, where) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{where}: must be {kind.__name__}, not {value!r}")
    return value
