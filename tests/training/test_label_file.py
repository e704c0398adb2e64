"""The file that a person corrects."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lpr.errors import ConfigError
from edge_lpr.training.label_file import LabelRow, Tally, load_rows, merge, tally, write_rows
from edge_lpr.training.labels import load_labels

BOX = (1.0, 2.0, 30.0, 10.0)
ROWS = (
    LabelRow("sure.jpg", BOX, "AB123", "DE", "AB123", 0.99),
    LabelRow("unsure.jpg", BOX, "CD456", "", "CD456", 0.31),
    LabelRow("none.jpg", None, ""),
    LabelRow("done.jpg", BOX, "EF789", "FR", "EF78", 0.2, checked=True),
)


def test_what_is_written_is_read_back_and_the_least_sure_come_first(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_rows(ROWS, path)
    assert [row.image for row in load_rows(path)] == ["none.jpg", "unsure.jpg", "sure.jpg", "done.jpg"]
    assert set(load_rows(path)) == set(ROWS)
    assert load_rows(tmp_path / "absent.csv") == ()


def test_only_what_was_looked_at_trains(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_rows(ROWS, path)
    for row in ROWS:
        (tmp_path / row.image).touch()
    assert {one.path.name: one.use for one in load_labels(path)} == {
        "none.jpg": "unchecked", "unsure.jpg": "unchecked", "sure.jpg": "unchecked", "done.jpg": "train",
    }  # fmt: skip


def test_a_corrected_text_counts_as_checked_and_so_does_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_rows(ROWS, path)
    text = path.read_text().replace("CD456,,,,unchecked,CD456", "cd-457,,,,unchecked,CD456")
    path.write_text(text.replace("AB123,0.9900,", "AB123,0.9900,x"))
    rows = {row.image: row for row in load_rows(path)}
    assert rows["unsure.jpg"].checked and rows["unsure.jpg"].text == "CD457" and rows["unsure.jpg"].is_corrected
    assert rows["sure.jpg"].checked and not rows["sure.jpg"].is_corrected
    assert not rows["none.jpg"].checked
    assert tally(tuple(rows.values())) == Tally(4, 3, 2)


def test_an_emptied_box_says_that_there_is_no_plate(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_rows(ROWS[1:2], path)
    path.write_text(path.read_text().replace("1.0,2.0,30.0,10.0", ",,,"))
    (row,) = load_rows(path)
    assert row.checked and row.box is None and row.text == ""


def test_what_was_checked_outlasts_a_new_reading() -> None:
    fresh = [LabelRow("done.jpg", BOX, "WRONG", read="WRONG"), LabelRow("unsure.jpg", BOX, "CD999", read="CD999"),
             LabelRow("new.jpg", None, "")]  # fmt: skip
    merged = {row.image: row.text for row in merge(ROWS, fresh)}
    assert merged == {"done.jpg": "EF789", "unsure.jpg": "CD999", "new.jpg": ""}


def test_what_a_person_said_of_a_picture_outlasts_a_new_reading(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_rows(ROWS, path)
    text = path.read_text().replace("EF789,FR,,,train", "EF789,FR,me,CC0,eval")
    path.write_text(text.replace("CD456,,,,unchecked", "CD456,,you,CC BY,unchecked"))
    fresh = [LabelRow("done.jpg", None, ""), LabelRow("unsure.jpg", BOX, "CD999", read="CD999")]
    write_rows(merge(load_rows(path), fresh), path)
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    assert [(row[0], *row[5:10]) for row in rows] == [
        ("unsure.jpg", "CD999", "", "you", "CC BY", "unchecked"), ("done.jpg", "EF789", "FR", "me", "CC0", "eval"),
    ]  # fmt: skip


def test_a_spreadsheet_may_save_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_rows(ROWS, path)
    path.write_text(path.read_text().replace(",", ";").replace(".0;", ",0;").replace("0.", "0,"), encoding="utf-8-sig")
    assert "1,0;2,0;30,0;10,0;CD456;;;;unchecked;CD456;0,3100;" in path.read_text()
    assert set(load_rows(path)) == set(ROWS)


def test_what_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.mkdir()
    with pytest.raises(ConfigError, match="labels.csv: cannot be written"):
        write_rows(ROWS, path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("found", "put", "message"),
    [
        ("CD456,,", f"{17 * 'A'},,", "line 3: text 'A{17}' has 17 characters; a plate has at most 16"),
        ("CD456,,", "CD?56,,", "line 3: text 'CD\\?56'; allowed are A-Z and 0-9"),
        ("30.0", "wide", "line 3: the box"),
        ("10.0", "-3", "both must be above 0"),
        ("confidence", "sureness", "columns confidence are missing"),
    ],
)
def test_a_slip_is_named_with_its_line(tmp_path: Path, found: str, put: str, message: str) -> None:
    path = tmp_path / "labels.csv"
    write_rows(ROWS[1:3], path)
    path.write_text(path.read_text().replace(found, put))
    with pytest.raises(ConfigError, match=message):
        load_rows(path)
