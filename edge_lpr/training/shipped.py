"""The files that ship in `training/configs`, and how they are named."""

from __future__ import annotations

from pathlib import Path

CONFIGS = Path(__file__).resolve().parent / "configs"


def find_shipped(name: str, suffix: str) -> Path:
    """The file of that name, or the shipped one of that name without `suffix` ('.toml')."""
    path, shipped = Path(name), CONFIGS / f"{name}{suffix}"
    return shipped if not path.is_file() and shipped.exists() else path
