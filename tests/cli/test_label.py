"""`edge-lpr label`, from pictures to a file that is corrected, and back."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_lpr.cli import main
from edge_lpr.platelog.pictures import PictureFolder, PictureOptions, Pictures
from edge_lpr.platelog.store import PlateLog
from edge_lpr.training.own_pictures import load_own
from tests.platelog.conftest import HandClock, make


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.full((480, 640, 3), 90, np.uint8)
    Image.fromarray(pixels).save(folder / "empty.png")
    pixels[240:248, 320:328] = (255, 0, 0)
    for number in range(6):
        Image.fromarray(pixels).save(folder / f"plate{number}.png")
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_read_correct_and_read_again(photos: Path, red_engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["label", str(photos), "--engines", str(red_engines), "--region", "CZ"]
    assert main(arguments) == 0
    assert "7 rows, 0 checked, of which 0 corrected; 7 to look at" in capsys.readouterr().out
    rows = rows_of(photos)
    assert rows[0]["image"] == "empty.png" and rows[0]["w"] == "", "what was not found is looked at first"
    assert {(row["text"], row["region"], row["use"]) for row in rows[1:]} == {("5A23456", "CZ", "unchecked")}
    assert (photos / "labels-01.png").exists()

    text = (photos / "labels.csv").read_text()
    for number in range(6):
        image = f"plate{number}.png,284.0,224.0,80.0,40.0"
        text = text.replace(f"{image},5A23456", f"{image},5A2345{number}")
    (photos / "labels.csv").write_text(text)
    Image.fromarray(np.full((40, 90, 3), 90, np.uint8)).save(photos / "crop_new.png")
    assert main(arguments) == 0
    assert "8 rows, 6 checked, of which 6 corrected; 2 to look at" in capsys.readouterr().out
    rows = rows_of(photos)
    assert {row["text"] for row in rows if row["use"] == "train"} == {f"5A2345{n}" for n in range(6)}
    assert any(row["image"] == "crop_new.png" and row["use"] == "unchecked" for row in rows)
    own = load_own(photos / "labels.csv", None, need_text=True)
    assert len(own.train) + len(own.held_out) == 6 and own.unchecked == 1


def test_a_log_gives_its_crops_with_the_gates_own_reading(
    tmp_path: Path, red_engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, folder = tmp_path / "log", tmp_path / "photos"
    with PlateLog.open(log, clock=HandClock()) as store:
        number = store.append(make("7X98765"))
    crop = np.full((30, 120, 3), 200, np.uint8)
    PictureFolder(log, PictureOptions(reserve_bytes=0)).save(number, Pictures(crop))
    assert main(["label", str(folder), "--log", str(log), "--engines", str(red_engines), "--no-sheets"]) == 0
    (row,) = rows_of(folder)
    assert (row["text"], row["region"], row["w"], row["h"]) == ("7X98765", "CZ", "120.0", "30.0")
    assert "the log no longer looks after" in capsys.readouterr().err


def test_an_empty_folder_is_an_error(tmp_path: Path, red_engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", str(tmp_path), "--engines", str(red_engines)]) == 1
    assert "no pictures" in capsys.readouterr().err


def test_what_was_checked_outlasts_a_picture_that_is_away(
    photos: Path, red_engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["label", str(photos), "--engines", str(red_engines)]
    assert main(arguments) == 0
    text = (photos / "labels.csv").read_text()
    second = "plate0.png,1.0,2.0,30.0,10.0,CD456,,,,unchecked,CD456,0.5000,\n"
    text = text.replace("plate0.png,284.0,224.0,80.0,40.0,5A", "plate0.png,2,2,8,4,7A")
    (photos / "labels.csv").write_text(text + second)
    (photos / "plate0.png").rename(photos / "plate0.away")
    (photos / "plate1.png").unlink()
    assert main(arguments) == 0
    assert "checked and kept, but 1 pictures are not there now: plate0.png;" in capsys.readouterr().err
    rows = rows_of(photos)
    assert {row["text"] for row in rows if row["image"] == "plate0.png"} == {"7A23456", "CD456"}
    assert "plate1.png" not in {row["image"] for row in rows}, "nobody had looked at it"


def test_a_file_whose_name_is_not_text_is_passed_over(
    photos: Path, red_engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "plate0.png").rename(photos / os.fsdecode(b"\xff\xfe.png"))
    assert main(["label", str(photos), "--engines", str(red_engines)]) == 0
    assert r"'\udcff\udcfe.png': passed over, as the name is not UTF-8" in capsys.readouterr().err
    assert len(rows_of(photos)) == 6 and not (photos / "labels.csv.draft").exists()


@pytest.mark.parametrize(("code", "region"), [("uk", "GB"), ("us-ca", "US-CA"), ("xq", "XQ")])
def test_the_region_that_is_written(photos: Path, red_engines: Path, code: str, region: str) -> None:
    assert main(["label", str(photos), "--engines", str(red_engines), "--region", code, "--no-sheets"]) == 0
    assert {row["region"] for row in rows_of(photos) if row["text"]} == {region}


def test_a_region_that_is_none(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["label", str(photos), "--region", "ZZ9"])
    assert stop.value.code == 2 and "'ZZ9': two letters are allowed" in capsys.readouterr().err
