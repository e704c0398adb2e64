"""The split of a user's own pictures: by plate, without what may not train."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edge_lpr.errors import ConfigError
from edge_lpr.training.own_pictures import OwnPictures, load_own, texts_of


def labels_of(folder: Path, rows: list[str]) -> Path:
    for name in {row.split(",")[0] for row in rows}:
        Image.new("RGB", (40, 20)).save(folder / name)
    path = folder / "labels.csv"
    path.write_text("image,x,y,w,h,text,region,source,license,use\n" + "\n".join(rows) + "\n")
    return path


def names(pictures: OwnPictures, part: str) -> set[str]:
    return {one.path.name for one in getattr(pictures, part)}


def test_no_plate_is_on_both_sides(tmp_path: Path) -> None:
    rows = [f"a{n}.png,1,1,20,8,PL{n % 12}8,DE,s,l,train" for n in range(60)]
    rows += ["o1.png,1,1,20,8,O1I,DE,s,l,", "o2.png,1,1,20,8,011,DE,s,l,"]
    found = load_own(labels_of(tmp_path, rows), None, need_text=True)
    assert not texts_of(found.train) & texts_of(found.held_out)
    assert len(found.train) + len(found.held_out) == 62
    assert len(texts_of(found.held_out)) == 3, "a fifth of 13 plates, rounded up"
    assert found.countries == ("DE",)


def test_pictures_linked_by_a_plate_stay_together(tmp_path: Path) -> None:
    rows = [f"a{n}.png,1,1,20,8,P{n},DE,s,l,train" for n in range(8)]
    rows += [f"both.png,1,1,20,8,P{n},DE,s,l,train" for n in (2, 3, 4, 5)]
    found = load_own(labels_of(tmp_path, rows), None, need_text=True)
    linked = {"a2.png", "a3.png", "a4.png", "a5.png", "both.png"}
    assert linked <= names(found, "train") or linked <= names(found, "held_out")


def test_eval_and_unchecked_rows_are_left_out(tmp_path: Path) -> None:
    rows = [f"a{n}.png,1,1,20,8,P{n},PK,s,l,{use}" for n, use in enumerate(["train", ""] * 4 + ["eval", "unchecked"])]
    found = load_own(labels_of(tmp_path, rows), None, need_text=True)
    assert names(found, "train") | names(found, "held_out") == {f"a{n}.png" for n in range(8)}
    assert found.unchecked == 1


def test_more_pictures_leave_most_of_the_split_as_it_was(tmp_path: Path) -> None:
    rows = [f"a{n}.png,1,1,20,8,P{n},DE,s,l,train" for n in range(40)]
    before = texts_of(load_own(labels_of(tmp_path, rows[:30]), None, need_text=True).held_out)
    after = texts_of(load_own(labels_of(tmp_path, rows), None, need_text=True).held_out)
    assert len(before & after) >= 4


def test_a_detector_takes_pictures_without_texts_and_without_plates(tmp_path: Path) -> None:
    rows = [f"a{n}.png,1,1,20,8,,,s,l,train" for n in range(6)]
    rows += ["neg.png,,,,,,,s,l,train", "crop_1.png,0,0,40,20,A1,,s,l,"]
    found = load_own(labels_of(tmp_path, rows), None, need_text=False)
    assert names(found, "train") | names(found, "held_out") == {*(f"a{n}.png" for n in range(6)), "neg.png"}


def test_too_few_plates_are_an_error_that_counts_them(tmp_path: Path) -> None:
    rows = [f"a{n}.png,1,1,20,8,SAME,DE,s,l,train" for n in range(9)] + ["b.png,1,1,20,8,B,DE,s,l,unchecked"]
    with pytest.raises(ConfigError, match=r"1 different plates.*5 are needed; 1 rows are not checked"):
        load_own(labels_of(tmp_path, rows), None, need_text=True)
