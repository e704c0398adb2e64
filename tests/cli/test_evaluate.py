"""`edge-lpr evaluate`, `synth` and `demo` from the command line to their files, with networks made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed (extra `cpu`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra `cpu`)")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra `cpu`)")

from edge_lpr.cli import main  # noqa: E402

HEADER = "image,x,y,w,h,text,region,source,license,use\n"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A scene with one pure red plate, a crop, and a picture with nothing in it."""
    scene = np.full((480, 640, 3), 90, np.uint8)
    scene[196:204, 296:304] = (255, 0, 0)
    Image.fromarray(scene).save(tmp_path / "scene_x_1.png")
    Image.fromarray(np.full((48, 144, 3), 200, np.uint8)).save(tmp_path / "crop_x_1.png")
    Image.fromarray(np.full((480, 640, 3), 90, np.uint8)).save(tmp_path / "neg_x_1.png")
    rows = (
        "scene_x_1.png,260,180,80,40,5A23456,CZ,s,MIT,eval\n"
        "crop_x_1.png,0,0,144,48,5A2345G,CZ,s,MIT,train\n"
        "neg_x_1.png,,,,,,,s,MIT,eval\n"
    )
    (tmp_path / "labels.csv").write_text(HEADER + rows)
    return tmp_path / "labels.csv"


def test_evaluate_writes_table_json_and_sheets(
    labels: Path, red_engines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    files = ("--json", str(out / "a.json"), "--failures", str(out / "f.png"), "--reliability", str(out / "r.png"))
    assert main(["evaluate", "--labels", str(labels), "--engines", str(red_engines), "--sweep", *files]) == 0
    printed = capsys.readouterr().out
    assert "end-to-end" in printed and "crop_x" in printed and "1 failures" in printed
    tasks = json.loads((out / "a.json").read_text())["tasks"]
    assert tasks["detect"]["all"]["recall"] == 1.0 and tasks["detect"]["all"]["false_per_negative"] == 0.0
    assert tasks["end-to-end"]["by_region"]["CZ"]["exact"] == 1.0
    assert tasks["read"]["all"]["exact"] == 0.0
    assert tasks["read"]["all"]["character_accuracy"] == pytest.approx(6 / 7, abs=1e-4)
    assert Image.open(out / "f.png").size[0] > 100 and Image.open(out / "r.png").size[0] > 100


def test_use_and_group_choose_pictures(
    labels: Path, red_engines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["evaluate", "--labels", str(labels), "--engines", str(red_engines)]
    assert main([*call, "--use", "eval", "--task", "read"]) == 0
    assert "no pictures for this task" in capsys.readouterr().out
    assert main([*call, "--group", "neg_x", "--task", "detect"]) == 0
    assert "scene_x" not in capsys.readouterr().out
    assert main([*call, "--group", "scene_y"]) == 1
    assert "no set scene_y" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["plates", "scenes"])
def test_synth_writes_pictures_that_evaluate_takes(
    what: str, tmp_path: Path, red_engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / what
    assert main(["synth", what, "--count", "3", "--out", str(out), "--seed", "3", "--countries", "cz,sk"]) == 0
    assert "pictures a second on one core" in capsys.readouterr().out
    assert len(list((out / "images").iterdir())) == 3 and (out / "sheet.png").is_file()
    with (out / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["region"] for row in rows if row["x"]} <= {"CZ", "SK"} and all(row["text"] for row in rows if row["x"])
    assert main(["evaluate", "--labels", str(out / "labels.csv"), "--engines", str(red_engines)]) == 0
    assert "_synth" in capsys.readouterr().out


def test_synth_hangs_plates_in_photographs(tmp_path: Path) -> None:
    photograph = np.full((360, 500, 3), (10, 200, 90), np.uint8)
    Image.fromarray(photograph).save(tmp_path / "scene_x_1.png")
    (tmp_path / "labels.csv").write_text(HEADER + "scene_x_1.png,150,150,160,40,,ZZ,s,MIT,train\n")
    call = ["synth", "scenes", "--count", "1", "--out", str(tmp_path / "out"), "--strength", "0"]
    assert main([*call, "--photographs", str(tmp_path / "labels.csv")]) == 0
    (picture,) = (tmp_path / "out" / "images").iterdir()
    pixels = np.asarray(Image.open(picture)).astype(int)
    assert pixels.shape == photograph.shape
    changed = np.abs(pixels - photograph).max(axis=2) > 60
    assert changed[150:190, 170:290].mean() > 0.5 and changed[300:].mean() < 0.05


def test_same_seed_draws_the_same(tmp_path: Path) -> None:
    def drawn(seed: str, folder: str) -> list[bytes]:
        main(["synth", "plates", "--count", "2", "--out", str(tmp_path / folder), "--seed", seed])
        return [path.read_bytes() for path in sorted((tmp_path / folder / "images").iterdir())]

    first = drawn("5", "a")
    assert first == drawn("5", "b") and first != drawn("6", "c")


def test_demo_tells_truth_and_reading(
    red_engines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "--pictures", "--count", "2", "--out", str(out), "--engines", str(red_engines)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["gate-1.jpg", "gate-2.jpg"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["picture", "plate", "read", "confidence"]
    assert "plates read" in lines[-1] and str(out) in lines[-1] and len(lines) >= 4
