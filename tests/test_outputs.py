"""Places that can be written, and those that cannot, which is told before any work."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_lpr.errors import ConfigError
from edge_lpr.outputs import check_file, check_folder, check_picture, writing


def test_what_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    old = tmp_path / "old.png"
    old.write_text("kept")
    for check, name in ((check_folder, "a/b"), (check_file, "a/b.json"), (check_picture, "a/b.JPG"), (check_file, old)):
        check(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.png"] and old.read_text() == "kept"
    check_file(Path(os.devnull))


@pytest.mark.parametrize(
    ("check", "name", "told"),
    [
        (check_folder, "file", "file: cannot be written: Not a directory"),
        (check_folder, "file/deeper", "file/deeper: cannot be written: Not a directory"),
        (check_file, "file/x.json", "file/x.json: cannot be written: Not a directory"),
        (check_file, ".", "it is a folder"),
        (check_picture, "x.foo", "must end in .png"),
        (check_picture, "x", "must end in .png"),
        (check_picture, "file/x.png", "file/x.png: cannot be written"),
    ],
)
def test_what_cannot_be_written_is_told(
    check: Callable[[Path], None], name: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=told):
        check(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_takes_nothing(tmp_path: Path) -> None:
    for check in (check_folder, check_file):
        with pytest.raises(ConfigError, match="^/proc/absent/x: cannot be written"):
            check(Path("/proc/absent/x"))


def test_writing_makes_the_folder_and_tells_what_went_wrong(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.txt"
    with writing(path):
        path.write_text("done")
    with pytest.raises(ConfigError, match="new: cannot be written: Is a directory"), writing(path.parent):
        path.parent.write_text("")
