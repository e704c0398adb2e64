"""A file system in memory that can be filled, really: the fixture `small_disk`."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    target = tmp_path / "disk"
    target.mkdir()
    if LIBC.mount(b"tmpfs", str(target).encode(), b"tmpfs", 0, b"size=2m") != 0:
        pytest.skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
    yield target
    LIBC.umount2(str(target).encode(), MNT_DETACH)


def take_all_space(ballast: Path) -> None:
    """Leave not one free block."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            return
