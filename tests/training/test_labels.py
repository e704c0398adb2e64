"""Label files: what their rows mean, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lpr.errors import ConfigError
from edge_lpr.training.labels import load_labels, with_texts
from edge_lpr.training.shipped import find_shipped
from tests.clips import LABELS

HEADER = "image,x,y,w,h,text,region,source,license,use\n"
ROWS = """images/scene_oa-eu_a.jpg,1,2,30,10,AB123,CZ,repo/one,MIT,eval
images/scene_oa-eu_a.jpg,50,2,30,10,,ZZ,repo/one,MIT,eval
images/crop_ar_1.jpg,0,0,60,20,OI01,AR,repo/two,MIT,eval
images/neg_x_1.jpg,,,,,,,repo/three,MIT,train
images/plain.jpg,1,1,5,5,X1,DE,repo/four,MIT,train
"""


def write(folder: Path, rows: str = ROWS, header: str = HEADER) -> Path:
    (folder / "images").mkdir(exist_ok=True)
    for line in ROWS.splitlines():
        (folder / line.split(",")[0]).touch()
    path = folder / "labels.csv"
    path.write_text(header + rows)
    return path


def test_rows_become_pictures(tmp_path: Path) -> None:
    scene, crop, negative, plain = load_labels(write(tmp_path))
    assert [plate.text for plate in scene.plates] == ["AB123", ""]
    assert scene.plates[0].box == (1, 2, 30, 10) and scene.plates[0].region == "CZ"
    assert (scene.group, crop.group, negative.group, plain.group) == ("scene_oa-eu", "crop_ar", "neg_x", "repo/four")
    assert crop.is_crop and not scene.is_crop
    assert negative.is_negative and not plain.is_negative


def test_use_chooses_rows(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert [picture.path.name for picture in load_labels(path, use="train")] == ["neg_x_1.jpg", "plain.jpg"]
    assert {picture.use for picture in load_labels(path, use="eval")} == {"eval"}


def test_pictures_elsewhere(tmp_path: Path) -> None:
    path = write(tmp_path)
    for images in (tmp_path, tmp_path / "images"):
        moved = tmp_path / "other.csv"
        assert len(load_labels(path.replace(moved), images)) == 4
        moved.replace(path)
    apart = tmp_path / "apart"
    apart.mkdir()
    assert len(load_labels(path.replace(apart / "labels.csv"), tmp_path / "images")) == 4


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("images/plain.jpg,1,1,5,x,X1,DE,s,MIT,train", "line 2: the box"),
        ("images/plain.jpg,1,1,0,5,X1,DE,s,MIT,train", "above 0"),
        ("images/plain.jpg,1,1,5,-5,X1,DE,s,MIT,train", "5 x -5 pixels; both must be above 0"),
        ("images/plain.jpg,nan,1,5,5,X1,DE,s,MIT,train", "line 2: the box .* is not four numbers"),
        ("images/plain.jpg,1,1,5,inf,X1,DE,s,MIT,train", "line 2: the box .* is not four numbers"),
        ("images/plain.jpg,-9,1,5,5,X1,DE,s,MIT,train", "line 2: the box .* is outside of the picture"),
        ("", "has no rows"),
        ("images/plain.jpg,1,1,5,5,AB_1,DE,s,MIT,train", "A-Z and 0-9"),
        ("images/absent.jpg,1,1,5,5,X1,DE,s,MIT,train", "no picture images/absent.jpg"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_labels(write(tmp_path, row + "\n"))


def test_a_box_may_reach_over_the_border(tmp_path: Path) -> None:
    (picture,) = load_labels(write(tmp_path, "images/plain.jpg,-1,-2,5,5,X1,DE,s,MIT,unchecked\n"))
    assert picture.plates[0].box == (-1, -2, 5, 5)


def test_a_use_of_ones_own_is_told_and_counts_with_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = write(tmp_path, "images/plain.jpg,1,1,5,5,X1,DE,s,MIT,foo\n")
    assert len(load_labels(labels)) == 1 and load_labels(labels, use="train") == ()
    assert "use foo: neither train, eval, unchecked nor nothing" in caplog.text


def test_the_folder_of_pictures_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nosuch: no such folder of pictures"):
        load_labels(write(tmp_path), tmp_path / "nosuch")


def test_absent_file_and_column(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_labels(tmp_path / "none.csv")
    with pytest.raises(ConfigError, match="columns h, text are missing"):
        load_labels(write(tmp_path, "", "image,x,y,w,region\n"))


def test_the_columns_that_only_tell_where_from_may_be_absent(tmp_path: Path) -> None:
    (picture,) = load_labels(write(tmp_path, "images/crop_ar_1.jpg,0,0,60,20,ab 12-c\n", "image,x,y,w,h,text\n"))
    assert picture.plates[0].text == "AB12C" and (picture.use, picture.plates[0].region) == ("", "")


def test_texts_that_the_labels_lack(tmp_path: Path) -> None:
    """Known by picture and box; what has a text keeps it, and rows of other pictures are left."""
    texts = tmp_path / "texts.csv"
    texts.write_text("image,x,y,w,h,text,region\n"
                     "images/scene_oa-eu_a.jpg,50,2,30,10,yb 12,SK\n"
                     "images/scene_oa-eu_a.jpg,1,2,30,10,OTHER,DE\n"
                     "images/scene_oa-eu_a.jpg,51,2,30,10,SHIFTED,DE\n"
                     "images/absent.jpg,1,2,30,10,ABSENT,DE\n")
    scene, *others = with_texts(load_labels(write(tmp_path)), texts)
    assert [(plate.text, plate.region) for plate in scene.plates] == [("AB123", "CZ"), ("YB12", "SK")]
    assert tuple(others) == load_labels(write(tmp_path))[1:]
    texts.write_text("image,x,y,w,h,text,region\nimages/a.jpg,50,2,30,10,Ä1,SK\n")
    with pytest.raises(ConfigError, match=r"texts.csv, line 2: text 'Ä1'; allowed are A-Z and 0-9"):
        with_texts(load_labels(write(tmp_path)), texts)


@pytest.mark.skipif(not LABELS.exists(), reason="the photographs of ../shared/data are not here")
def test_shipped_texts_are_of_training_photographs() -> None:
    texts = find_shipped("more_texts", ".csv")
    before = [plate for picture in load_labels(LABELS, use="train") for plate in picture.plates]
    pictures = with_texts(load_labels(LABELS, use="train"), texts)
    after = [plate for picture in pictures for plate in picture.plates]
    assert sum(bool(plate.text) for plate in after) - sum(bool(plate.text) for plate in before) == 241
    assert with_texts(load_labels(LABELS, use="eval"), texts) == load_labels(LABELS, use="eval")
