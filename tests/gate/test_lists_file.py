"""List files: what is read, where a fault is pointed at, and that a write leaves the old file or the new one."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.errors import ConfigError
from edge_lpr.gate import lists_file
from edge_lpr.gate.access import ListEntry
from edge_lpr.gate.list_edit import add_row, date_text, remove_plate
from edge_lpr.gate.lists_file import ListFileError, parse_date, parse_list, read_list, write_atomically

PATH = Path("lists/staff.csv")
FULL = "plate;holder;group;valid_from;valid_until;note\n"


def entries(text: str, encoding: str = "utf-8") -> tuple[ListEntry, ...]:
    return parse_list(PATH, text.encode(encoding)).entries


def test_all_columns() -> None:
    (entry,) = entries(FULL + '1ab 2345;"Novák; J.";staff;2026-01-01;31.12.2026;"a ""blue"" van"\n')
    assert entry == ListEntry(
        "1AB2345", "Novák; J.", "staff", datetime(2026, 1, 1), datetime(2027, 1, 1), 'a "blue" van', line=2
    )


@pytest.mark.parametrize("text", [
    "plate\n1AB2345\n",
    "plate\r\n1AB2345\r\n",
    "plate\n1AB2345",
    "plate,note\n1AB2345\n",
    "note,PLATE\n,1AB-2345\n",
    "# residents\n\nplate;note\n# one\n;\n1AB2345;\n ;;\n",
    ' plate ; note \n "1AB2345"; "x"\n',
])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_forms_of_a_file(text: str, encoding: str) -> None:
    assert [entry.plate for entry in entries(text, encoding)] == ["1AB2345"]


def test_a_list_may_have_no_entry() -> None:
    assert entries("plate;note\n") == ()


@pytest.mark.parametrize(("content", "place", "message"), [
    (b"", "1:1", "empty"),
    (b"\n# only this\n", "1:1", "empty"),
    (b"1AB2345;Novak\n", "1:1", "no column is called '1AB2345'"),
    (b"plate;plat;note\n", "1:7", "no column is called 'plat'"),
    (b"plate;note;plate\n", "1:12", "'plate' is there twice"),
    (b"holder;note\n", "1:1", "must name the column 'plate'"),
    (b"plate;note\n1AB2345;a;b\n", "2:11", "3 fields, but the header names 2 columns"),
    (b"plate,note\n1AB;2345,x\n", "2:4", "plate: ';' is no letter"),
    (b"plate;note\n\nOK12;\n1A?2345;x\n", "4:3", "plate: '?'"),
    (b'plate;note\n"1A?2345";x\n', "2:4", "plate: '?'"),
    (b"note;plate\nwho\n", "2:4", "2 to 12"),
    (b"plate;note\n;no plate\n", "2:1", "2 to 12"),
    (b'plate;note\nAB12;"open\n', "2:1", "quotes"),
    (b'plate;note\nAB12;"a"b\n', "2:1", "quotes"),
    (b"plate;valid_from\nAB12;2026-02-30\n", "2:6", "valid_from: '2026-02-30'"),
    (b"plate;valid_from\nAB12;10/05/2026\n", "2:6", "is no date"),
    (b"plate;valid_from;valid_until\nAB12; 2026-05-02;2026-05-01\n", "2:18", "valid_until: ends before"),
    (b"plate;valid_until\nAB12;2026-05-02 25:00\n", "2:6", "is no date"),
    (b"plate;valid_until\nAB12;9999-12-31\n", "2:6", "is no date"),
    (b"plate;note\nAB12;\nAB13;M\xfcller\n", "3:7", "byte 0xfc is not UTF-8"),
    (b"\xef\xbb\xbfplate;note\nAB12;\xc3\xbc\xff\n", "2:7", "byte 0xff is not UTF-8"),
    (b"plate\nAB\x0012\n", "2:3", "zero byte"),
    ("plate\nAB12\n".encode("utf-16"), "1:1", "UTF-16"),
])
def test_a_fault_is_pointed_at(content: bytes, place: str, message: str) -> None:
    with pytest.raises(ListFileError) as caught:
        parse_list(PATH, content)
    (fault,) = caught.value.faults
    assert str(fault).startswith(f"{PATH}:{place}: ") and message in str(fault)


def test_every_fault_is_counted_and_the_first_are_told() -> None:
    with pytest.raises(ListFileError) as caught:
        parse_list(PATH, b"plate\n" + b"?\n" * 1000)
    assert len(caught.value.faults) == 1000
    assert str(caught.value).count("\n") == lists_file.MAX_TOLD and "and 980 more" in str(caught.value)


def test_a_group_must_be_configured() -> None:
    content = b"plate;group\nAB12;staff\nAB13;\nAB14;stuff\n"
    assert len(parse_list(PATH, content).entries) == 3
    with pytest.raises(ListFileError, match=r"staff.csv:4:6: group: 'stuff' is not configured; there are: staff"):
        parse_list(PATH, content, ["staff"])


def test_duplicates_are_reported() -> None:
    table = parse_list(PATH, b"plate\nAB12\nAB13\na-b 12\n")
    assert [str(fault) for fault in table.duplicates] == [f"{PATH}:4:1: AB12 is also on line 2"]
    assert len(table.entries) == 3


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ListFileError, match="No such file"):
        read_list(tmp_path / "none.csv")
    with pytest.raises(ListFileError, match="directory"):
        read_list(tmp_path)
    monkeypatch.setattr(lists_file, "MAX_BYTES", 1 << 20)
    (tmp_path / "large.csv").write_bytes(b"plate\n" * (1 << 18))
    with pytest.raises(ListFileError, match="larger than 1 MiB"):
        read_list(tmp_path / "large.csv")


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60) | st.text('plate;,note"\n\r #AB12?', max_size=60).map(str.encode))
def test_any_bytes_are_a_list_or_an_error_with_a_place(content: bytes) -> None:
    for head in (b"", b"plate;note\n"):
        try:
            table = parse_list(PATH, head + content)
        except ListFileError as error:
            assert all(fault.line >= 1 and fault.column >= 1 for fault in error.faults)
        else:
            assert all(entry.plate.isalnum() and 1 < entry.line <= len(table.lines) for entry in table.entries)


@pytest.mark.parametrize(("text", "is_end", "expected"), [
    ("", True, None),
    ("2026-10-05", False, datetime(2026, 10, 5)),
    ("2026-10-05", True, datetime(2026, 10, 6)),
    ("5.10.2026", True, datetime(2026, 10, 6)),
    ("2026-10-05 14:30", True, datetime(2026, 10, 5, 14, 30)),
    ("2026-10-05T14:30", False, datetime(2026, 10, 5, 14, 30)),
])
def test_dates(text: str, is_end: bool, expected: datetime | None) -> None:
    assert parse_date(text, is_end) == expected
    assert parse_date(date_text(expected, is_end), is_end) == expected


def test_adding_leaves_the_other_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    before = b'\xef\xbb\xbfplate,note\r\n# us\r\n"AB 12", x'
    path.write_bytes(before)
    path.chmod(0o604)
    add_row(path, {"plate": "cd-34", "note": 'a, "b"', "holder": ""})
    assert path.read_bytes() == before + b'\r\ncd-34,"a, ""b"""\r\n'
    assert path.stat().st_mode & 0o777 == 0o604 and os.listdir(tmp_path) == ["a.csv"]
    assert read_list(path).entries[1] == ListEntry("CD34", note='a, "b"', line=4)


def test_removing_takes_every_row_of_the_plate(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("plate\nAB12\n# two\nCD34\na b 1 2\n")
    table, rows = remove_plate(path, "ab-12")
    assert (rows, [entry.plate for entry in table.entries]) == (2, ["CD34"])
    assert path.read_text() == "plate\n# two\nCD34\n"
    assert remove_plate(path, "ZZ99")[1] == 0


@pytest.mark.parametrize(("values", "message"), [
    ({"plate": "A?"}, "plate 'A\\?'"),
    ({"plate": "ab 12"}, "a.csv:2:1: AB12 is on this list already"),
    ({"plate": "CD34", "holder": "x"}, "no column 'holder'"),
    ({"plate": "CD34", "note": "a\nb"}, "line break"),
    ({"plate": "CD34", "valid_until": "soon"}, "no date"),
])
def test_a_row_that_cannot_be_added_changes_nothing(tmp_path: Path, values: dict[str, str], message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("plate;note;valid_until\nAB12;;\n")
    with pytest.raises(ConfigError, match=message):
        add_row(path, values)
    assert path.read_text() == "plate;note;valid_until\nAB12;;\n"


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("plate\nAB12\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        write_atomically(path, b"plate\n")
    assert path.read_text() == "plate\nAB12\n" and os.listdir(tmp_path) == ["a.csv"]


def test_a_write_is_synced_before_it_takes_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("sync"), fsync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda old, new: (steps.append("rename"), rename(old, new))[1])
    write_atomically(tmp_path / "a.csv", b"plate\n")
    assert steps == ["sync", "rename", "sync"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("plate\n")
    (tmp_path / "link.csv").symlink_to("real.csv")
    add_row(tmp_path / "link.csv", {"plate": "AB12"})
    assert (tmp_path / "link.csv").is_symlink() and "AB12" in (tmp_path / "real.csv").read_text()
