"""Whether a place can be written: asked before the work whose result goes there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_lpr.errors import ConfigError


def check_folder(path: Path) -> None:
    """Raise ConfigError when files cannot be written into a folder, which need not be there yet. Nothing is left."""
    _try(path, path)


def check_file(path: Path) -> None:
    """Raise ConfigError when a file cannot be written, or written over; its folder need not be there yet."""
    if path.is_dir():
        raise ConfigError(f"{path}: cannot be written: it is a folder; the name of a file is needed")
    if not path.exists():
        _try(path.parent, path)
    elif not os.access(path, os.W_OK):
        raise ConfigError(f"{path}: cannot be written: permission denied")


def check_picture(path: Path) -> None:
    """As `check_file`, of a picture: its name must say of which kind it is."""
    from edge_lpr.capture.images import PICTURE_SUFFIXES

    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise ConfigError(f"{path}: not the name of a picture; it must end in .png, .jpg or another picture's suffix")
    check_file(path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder of a file that is written in this block; where it cannot be written, ConfigError says so."""
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


def nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _try(folder: Path, path: Path) -> None:
    """Make something where `folder` is, or would be; `path` is what an error names."""
    with _told(path), tempfile.TemporaryDirectory(prefix=".edge-lpr-", dir=nearest(folder)):
        pass
