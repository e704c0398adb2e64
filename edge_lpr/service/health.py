"""How the gate does, as a small JSON file that `edge-lpr status` and others read; written as a whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from edge_lpr.errors import ConfigError, EdgeLprError

HEALTH_FILE = "health.json"
VERSION = 1
MISSED_TURNS = 5
SLACK_S = 5.0


class GateState(str, Enum):
    """`degraded`: it works, but not with all that it should; `reasons` says why."""

    OK = "ok"
    DEGRADED = "degraded"
    STOPPED = "stopped"


@dataclass(frozen=True)
class GateHealth:
    """The whole gate. Each of `cameras` and `barriers` by name; times UTC in ISO 8601; `written_s` monotonic, and
    `every_s` how often it is written, so that a reader can tell an old one whatever the clock did."""

    state: GateState
    reasons: tuple[str, ...]
    name: str
    pid: int
    started_utc: str
    written_utc: str
    written_s: float
    every_s: float
    clock_synced: bool
    cameras: dict[str, Any] = field(default_factory=dict)
    barriers: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What wants a look, although all works: a lens that gets dirty."""
    version: int = VERSION


def write_health(folder: Path, health: GateHealth) -> None:
    """Replace the file in `folder`. Raises OSError."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = folder / f".{HEALTH_FILE}.{os.getpid()}"
    try:
        unfinished.write_text(json.dumps(asdict(health), indent=1) + "\n", encoding="utf-8")
        unfinished.replace(folder / HEALTH_FILE)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def read_health(folder: Path) -> GateHealth:
    """The last one written. Raises EdgeLprError when there is none, ConfigError when it is another version's."""
    path = folder / HEALTH_FILE
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EdgeLprError(f"{path}: there is none: no gate runs here, or its runtime_folder is another") from error
    except (OSError, ValueError) as error:
        raise EdgeLprError(f"{path}: cannot be read: {error}") from error
    if not isinstance(table, dict) or table.get("version") != VERSION:
        raise ConfigError(f"{path}: not a health file of this version")
    try:
        return GateHealth(**{**table, "state": GateState(table["state"]), "reasons": tuple(table["reasons"]),
                             "notes": tuple(table.get("notes", ()))})
    except (TypeError, KeyError, ValueError) as error:
        raise ConfigError(f"{path}: not a health file of this version: {error}") from error


def is_old(health: GateHealth, now_s: float) -> bool:
    """Whether the writer has missed its turn several times; `now_s` monotonic. One of another boot is old, too."""
    return not 0.0 <= now_s - health.written_s <= MISSED_TURNS * health.every_s + SLACK_S


def is_running(health: GateHealth) -> bool:
    """Whether the process that wrote it is still there."""
    try:
        os.kill(health.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:  # killed, but nobody has asked for its exit status yet: in a container perhaps nobody ever does
        return not Path(f"/proc/{health.pid}/stat").read_text().rpartition(")")[2].lstrip().startswith("Z")
    except OSError:
        return True


def is_gone(health: GateHealth, now_s: float) -> bool:
    """Whether the gate that wrote it has ended or hangs; `now_s` monotonic."""
    return not is_running(health) or is_old(health, now_s)
