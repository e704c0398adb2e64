"""`edge-lpr lists` from the command line."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge_lpr.cli import main
from edge_lpr.gate.lists_file import COLUMNS


def run(*args: object) -> int:
    return main(["lists", *map(str, args)])


def test_the_columns_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    said = capsys.readouterr().out
    assert all(f"\n  {column} " in said for column in COLUMNS) and f"\n  {';'.join(COLUMNS)}\n" in said


def test_a_list_is_made_shown_and_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "staff.csv"
    assert run("add", path, "1ab 2345", "--holder", "J. Novák", "--until", "2026-12-31") == 0
    assert run("add", path, "CD-34", "--group", "staff", "--from", "2026-01-01 08:00") == 0
    capsys.readouterr()
    assert run("show", path) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["plate", "group", "from", "until", "holder", "note"],
        ["1AB2345", "2026-12-31", "J.", "Novák"],
        ["CD34", "staff", "2026-01-01", "08:00"],
    ]
    assert run("show", path, "cd34", "ZZ99") == 1
    told = capsys.readouterr()
    assert "CD34" in told.out and "1AB2345" not in told.out and "ZZ99 is not in" in told.err
    assert run("remove", path, "1AB2345", "1AB2345") == 1
    assert run("show", path, "1AB2345") == 1


def test_a_row_that_begins_with_a_hash_is_no_comment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("note;plate\n")
    assert run("add", path, "AB 12", "--note", "#2") == 0 and run("show", path, "AB12") == 0
    assert path.read_text() == 'note;plate\n"#2";"AB 12"\n' and "entries: 1" in capsys.readouterr().out


def test_edits_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """A script that adds many plates must not be told of success for those that another call has written over."""
    path = tmp_path / "a.csv"
    path.write_text("plate\n")
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda number: run("add", path, f"AB{number:03}"), range(40)))
        assert not any(pool.map(lambda number: run("remove", path, f"AB{number:03}"), range(0, 40, 2)))
    assert sorted(path.read_text().split()[1:]) == [f"AB{number:03}" for number in range(1, 40, 2)]


def test_a_list_that_somebody_edits_is_waited_for_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("edge_lpr.gate.list_edit.LOCKED_MOST_S", 0.1)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert run("add", tmp_path / "a.csv", "AB12") == 1
    finally:
        os.close(folder)
    assert "a.csv: is being edited by someone else" in capsys.readouterr().err and not (tmp_path / "a.csv").exists()


def test_a_folder_of_somebody_else_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"

    def denied(self: Path, **_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", denied)
    monkeypatch.setattr(Path, "exists", lambda self: bool(self.stat()))  # as before Python 3.14
    assert run("add", path, "AB12") == 1
    assert capsys.readouterr().err.startswith(f"edge-lpr: {path}: permission denied; root may")


def test_check_tells_faults_by_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("plate;group\nAB1?;\nCD34;stuff\n")
    assert run("check", path, "--group", "staff") == 1
    told = capsys.readouterr()
    assert f"{path}:2:4: plate" in told.err and f"{path}:3:6: group" in told.err and "faults: 2" in told.out


def test_check_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allow, deny = tmp_path / "a.csv", tmp_path / "d.csv"
    allow.write_text("plate\nAB12\nA812\nXX11\nXX 11\n")
    deny.write_text("plate\nXXII\n")
    assert run("check", allow, "--deny", deny) == 0
    told = capsys.readouterr()
    assert "could be taken for one another" in told.err and "is also on line 4" in told.err
    assert "could be taken for the denied XXII" in told.err and "faults: 0, warnings: 4" in told.out
    assert run("check", allow, "--deny", deny, "--strict") == 1
    assert run("check") == 2


def test_errors_are_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", tmp_path / "a.csv", "?") == 1
    assert run("show", tmp_path / "none.csv") == 1
    assert run("add", tmp_path / "no" / "a.csv", "AB12") == 1
    told = capsys.readouterr().err
    assert told.count("edge-lpr: ") == 3 and "Traceback" not in told and not (tmp_path / "a.csv").exists()
