"""Commands whose result cannot be written, or whose files are not what they need, say so in one line before they work.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed (extra `cpu`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra `cpu`)")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra `cpu`)")

from edge_lpr.cli import main  # noqa: E402
from edge_lpr.cli._arguments import count  # noqa: E402

HEADER = "image,x,y,w,h,text,region,source,license,use\n"
SHIPPED = Path(__file__).resolve().parents[2] / "engines"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a plate, its labels, and a file `file`."""
    Image.fromarray(np.full((48, 144, 3), 200, np.uint8)).save(tmp_path / "crop_x_1.png")
    (tmp_path / "labels.csv").write_text(HEADER + "crop_x_1.png,0,0,144,48,5A23456,CZ,s,MIT,eval\n")
    (tmp_path / "rowless.csv").write_text(HEADER)
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(call: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command says, that it left nothing, and that it did not begin."""
    before = sorted(Path().rglob("*"))
    assert main(call.split()) == 1
    told = capsys.readouterr()
    assert told.out == "" and sorted(Path().rglob("*")) == before
    (line,) = told.err.splitlines()
    assert line.startswith("edge-lpr: ")
    return line


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("evaluate --labels labels.csv --json /proc/x.json", "/proc/x.json: cannot be written"),
        ("evaluate --labels labels.csv --failures f.xyz", "f.xyz: not the name of a picture"),
        ("evaluate --labels labels.csv --reliability file/x.png", "file/x.png: cannot be written: Not a directory"),
        ("evaluate --labels labels.csv --precision both --failures /proc/x.png", "/proc/x.png: cannot be written"),
        ("evaluate --labels labels.csv --use train", "labels.csv: no picture with use=train"),
        ("evaluate --labels rowless.csv", "rowless.csv: has no rows"),
        ("evaluate --labels labels.csv --images nosuch", "nosuch: no such folder of pictures"),
        ("formats preview cz --count 1 --out file/x.png", "file/x.png: cannot be written"),
        ("formats preview cz --count 1 --out x.foo2", "x.foo2: not the name of a picture"),
        ("synth plates --count 1 --out /proc/x", "/proc/x/images: cannot be written"),
        ("synth scenes --count 1 --out file", "file/images: cannot be written: Not a directory"),
        ("demo --pictures --out file", "file: cannot be written: Not a directory"),
        ("demo --out /proc/x", "/proc/x: cannot be written"),
        ("commission clip.mp4 --out file/x.jpg", "file/x.jpg: cannot be written: Not a directory"),
        ("commission clip.mp4 --out seen", "seen: not the name of a picture"),
        ("calibrate report --labels labels.csv --use train --out new", "no picture with use=train"),
        (f"calibrate check {SHIPPED / 'lprnet' / 'lprnet.onnx'} --write /proc/x.onnx", "/proc/x.onnx: cannot be"),
        ("calibrate reader --write-scales /proc/x", "/proc/x: cannot be written"),
        ("calibrate reader --cache file", "file: cannot be written: Not a directory"),
    ],
)
def test_it_is_told_before_the_work(call: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(call, capsys)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("train reader --out /proc/x", "/proc/x: cannot be written"),
        ("train detector --out new --photographs nosuch.csv", "nosuch.csv: no such file"),
        ("export reader --checkpoint labels.csv --out new", "labels.csv: not a checkpoint of edge-lpr train"),
        ("export detector --checkpoint nosuch.pt --out new", "nosuch.pt: cannot be read: No such file"),
        ("transfer --from nosuch --out file", "file: cannot be written: Not a directory"),
        ("transfer --from nosuch --out new --detector nosuch", "nosuch: not a model card"),
        ("learning-curve --out file", "file: cannot be written: Not a directory"),
        ("learning-curve --out new --photographs nosuch.csv", "nosuch.csv: cannot be read: No such file"),
        (f"learning-curve --out new --photographs labels.csv --detector {SHIPPED / 'lprnet'}", "a detector is needed"),
    ],
)
def test_trainings_tell_it_before_they_begin(
    call: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    assert said in refused(call, capsys)


@pytest.mark.parametrize("call", ["calibrate reader --hours -1", "calibrate reader --hours nan",
                                  "calibrate reader --hours x"])  # fmt: skip
def test_hours_are_a_number_from_0(call: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(call.split())
    assert "a number of hours, 0 or more, is allowed" in capsys.readouterr().err


def test_a_count_is_a_whole_number() -> None:
    assert count("3") == 3
    for text in ("abc", "0", "-1", "1.5", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="a whole number, 1 or more"):
            count(text)
