"""`edge-lpr read` from the command line to its output."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edge_lpr.cli import main


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos" / "deep"
    folder.mkdir(parents=True)
    pixels = np.full((480, 640, 3), 90, np.uint8)
    Image.fromarray(pixels).save(folder.parent / "empty.png")
    pixels[240:248, 320:328] = (255, 0, 0)
    Image.fromarray(pixels).save(folder / "plate.png")
    return folder.parent


def run(capsys, *args):
    status = main(["read", *map(str, args)])
    out, err = capsys.readouterr()
    return status, out, err


def test_json_lines(photos, red_engines, capsys):
    status, out, err = run(capsys, photos, "--json", "--engines", red_engines, "--threads", 1, "--regions", "CZ,sk")
    assert (status, err) == (0, "")
    entries = {entry["image"]: entry for entry in map(json.loads, out.splitlines())}
    assert set(entries) == {str(photos / "empty.png"), str(photos / "deep" / "plate.png")}
    assert entries[str(photos / "empty.png")]["plates"] == []
    entry = entries[str(photos / "deep" / "plate.png")]
    assert set(entry) == {"image", "plates", "ms"} and entry["ms"] > 0
    plate = entry["plates"][0]
    assert set(plate) == {"text", "confidence", "box", "corners", "score", "rows", "region"}
    assert plate["text"] == "5A23456" and plate["region"] == "CZ" and plate["rows"] in (1, 2)
    assert plate["box"] == [284.0, 224.0, 80.0, 40.0]
    assert plate["corners"] == [[284.0, 224.0], [364.0, 224.0], [364.0, 264.0], [284.0, 264.0]]


def test_lines_for_people(photos, red_engines, capsys):
    status, out, _ = run(capsys, photos, "--engines", red_engines)
    assert status == 0
    assert "empty.png: no plate" in out and "plate.png: 5A23456 " in out


def test_a_picture_that_may_be_one_plate_is_told_how_to_be_read(tmp_path, red_engines, capsys):
    for name, size in (("crop.png", (60, 200, 3)), ("photo.png", (360, 640, 3)), ("wide.png", (300, 900, 3))):
        Image.fromarray(np.full(size, 90, np.uint8)).save(tmp_path / name)
    _, out, _ = run(capsys, tmp_path, "--engines", red_engines)
    assert out.count("no plate") == 3
    assert [line for line in out.splitlines() if "--crop" in line] == [
        f"{tmp_path / 'crop.png'}: no plate (of a picture that is one plate: --crop)"]


def test_crops_need_no_detector(photos, red_engines, capsys):
    (red_engines / "lpdnet" / "card.json").unlink()
    status, out, _ = run(capsys, photos / "empty.png", "--crop", "--json", "--engines", red_engines)
    plate = json.loads(out)["plates"][0]
    assert status == 0
    assert (plate["text"], plate["box"], plate["score"]) == ("5A23456", [0.0, 0.0, 640.0, 480.0], 1.0)


def test_a_broken_picture_is_named_and_the_rest_is_read(photos, red_engines, capsys):
    (photos / "broken.jpg").write_bytes(b"no picture")
    (photos / "void.png").write_bytes(b"")
    absent = photos / "absent.png"
    status, out, err = run(capsys, absent, photos, "--json", "--engines", red_engines)
    assert status == 1
    assert len(out.splitlines()) == 2
    assert len(err.splitlines()) == 3
    for name in ("absent.png", "broken.jpg", "void.png"):
        assert sum(name in line for line in err.splitlines()) == 1


def test_annotated_pictures(photos, red_engines, capsys, tmp_path):
    Image.open(photos / "empty.png").save(photos / "deep" / "empty.png")
    status, _, _ = run(capsys, photos, "--annotate", tmp_path / "out", "--engines", red_engines)
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["empty-2.jpg", "empty.jpg", "plate.jpg"]
    drawn = np.asarray(Image.open(tmp_path / "out" / "plate.jpg"))
    assert drawn.shape == (480, 640, 3)
    assert np.abs(drawn[264, 290:350].astype(int) - 90).max() > 60  # the lower edge is drawn


def test_annotate_spares_the_pictures(photos, red_engines, capsys):
    original = photos / "deep" / "plate.jpg"
    Image.open(photos / "deep" / "plate.png").save(original)
    before = original.read_bytes()
    status, out, err = run(capsys, original, "--annotate", photos / "deep" / ".." / "deep", "--engines", red_engines)
    assert (status, out) == (1, "") and "plate.jpg: would be written over" in err
    assert original.read_bytes() == before


def test_a_name_that_cannot_be_printed_is_escaped(photos, red_engines):
    (photos / "deep" / "plate.png").rename(photos / os.fsdecode(b"\xff\xc3\xbc.png"))
    command = [sys.executable, "-m", "edge_lpr.cli", "read", str(photos), "--engines", str(red_engines)]
    for encoding, name in (("utf-8:strict", "\\udcffü.png"), ("ascii:strict", r"\udcff\xfc.png")):
        done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding})
        assert (done.returncode, done.stderr) == (0, b"")
        assert [line.partition(": ")[0] for line in done.stdout.decode().splitlines()] == [
            f"{photos}/empty.png", f"{photos}/{name}"
        ]  # fmt: skip


def test_one_clear_error_for_the_whole(photos, red_engines, tmp_path, capsys):
    status, out, err = run(capsys, photos, "--regions", "xq", "--engines", red_engines)
    assert (status, out) == (1, "") and "'XQ'" in err and "CZ" in err and len(err.splitlines()) == 1
    status, out, err = run(capsys, photos, "--engines", tmp_path / "nothing")
    assert (status, out) == (1, "") and "nothing" in err and len(err.splitlines()) == 1
    (tmp_path / "hollow").mkdir()
    status, _, err = run(capsys, tmp_path / "hollow", "--engines", red_engines)
    assert status == 1 and "no pictures" in err


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--threads", "abc", "0 to 256"),
        ("--threads", "-1", "0 to 256"),
        ("--threads", "257", "0 to 256"),
        ("--threshold", "x", "between 0 and 1"),
        ("--threshold", "1", "between 0 and 1"),
        ("--roi", "a,b,c,d", "each 0 to 1"),
        ("--roi", "0,0,2,1", "each 0 to 1"),
        ("--roi", "0,0,1", "two or more pairs"),
    ],
)
def test_a_wrong_number_says_what_is_allowed(option, value, allowed, capsys):
    with pytest.raises(SystemExit) as left:
        main(["read", "photo.jpg", option, value])
    err = capsys.readouterr().err
    assert left.value.code == 2 and option in err and value in err and allowed in err
