"""Engines on disk: `NAME-KEY.plan` with `NAME-KEY.json` beside it, whole and of this machine, or not used at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_lpr.errors import NetworkError
from edge_lpr.networks.engine_key import EngineKey, Profile

VERSION = 1


@dataclass(frozen=True)
class Sidecar:
    """What is told of an engine: its key, the SHA-256 and size of its plan, when and in how long it was built, its
    deviation from ONNX Runtime by output, and what was said about its precision."""

    key: EngineKey
    plan_sha256: str
    plan_bytes: int
    built_utc: str
    build_s: float
    deviation: dict[str, float] = field(default_factory=dict)
    notes: str = ""
    version: int = VERSION


@dataclass(frozen=True)
class EngineFile:
    """One engine in a folder; `fault` says why it cannot be used, '' when nothing speaks against it."""

    path: Path
    sidecar: Sidecar | None
    fault: str


def plan_path(folder: Path, network_file: str, key: EngineKey) -> Path:
    """Where the engine of this key lies."""
    return folder / f"{Path(network_file).stem}-{key.digest}.plan"


def load_engine(path: Path, key: EngineKey) -> bytes:
    """The plan, checked: its sidecar has this very key, and its bytes are those that were accepted.

    Raises NetworkError saying what is wrong.
    """
    sidecar = read_sidecar(path)
    if sidecar.key != key:
        raise NetworkError(f"{path}: stale: {differences(sidecar.key, key)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path}: cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != sidecar.plan_sha256:
        raise NetworkError(f"{path}: damaged: it is not the file that was accepted when it was built")
    return content


def read_sidecar(path: Path) -> Sidecar:
    """What is told of the engine at `path`. Raises NetworkError when it is missing or not of this version."""
    beside = path.with_suffix(".json")
    try:
        raw = json.loads(beside.read_text(encoding="utf-8"))
        if raw.get("version") != VERSION:
            raise ValueError(f"version {raw.get('version')}, not {VERSION}")
        key = dict(raw["key"])
        key["profile"] = Profile(*(tuple(key["profile"][name]) for name in ("least", "usual", "most")))
        key["capability"] = tuple(key["capability"])
        return Sidecar(**{**raw, "key": EngineKey(**key)})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NetworkError(f"{beside}: not the sidecar of an engine: {error}") from error


def accept_engine(built: Path, path: Path, sidecar: Sidecar) -> None:
    """Make a built and tried plan the engine at `path`: first the plan, then the sidecar that vouches for it."""
    _synced(built)
    beside = path.with_suffix(".json")
    beside.unlink(missing_ok=True)
    built.replace(path)
    unfinished = beside.with_suffix(".json.new")
    unfinished.write_text(json.dumps(asdict(sidecar), indent=1) + "\n", encoding="utf-8")
    _synced(unfinished)
    unfinished.replace(beside)
    _synced(path.parent)


def list_engines(folder: Path) -> tuple[EngineFile, ...]:
    """All engines in a folder, by name; each plan is read through, which is quick beside loading it."""
    found = []
    for path in sorted(folder.glob("*.plan")):
        try:
            sidecar = read_sidecar(path)
            load_engine(path, sidecar.key)
            found.append(EngineFile(path, sidecar, ""))
        except NetworkError as error:
            found.append(EngineFile(path, None, str(error).removeprefix(f"{path}: ")))
    return tuple(found)


def remove_engine(path: Path) -> None:
    """The plan and its sidecar."""
    for one in (path, path.with_suffix(".json")):
        with suppress(FileNotFoundError):
            one.unlink()


def differences(old: EngineKey, new: EngineKey) -> str:
    """In which parts two keys differ, in words."""
    before, after = asdict(old), asdict(new)
    changed = [name for name in after if before.get(name) != after[name]]
    return ", ".join(f"{name} was {_short(before.get(name))}, is {_short(after[name])}" for name in changed) or "same"


@contextmanager
def building_lock(path: Path) -> Iterator[None]:
    """One build of an engine at a time, over all processes; waits for its turn. Freed by the kernel if we die.

    Raises NetworkError when the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise NetworkError(f"engines cannot be kept in {path.parent}: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _short(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return repr(text if len(text) <= 90 else text[:12] + "...")


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
