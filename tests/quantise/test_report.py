"""The report over hand-made networks: what was measured stands in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime runs them (extra `calibrate`)")

from edge_lpr.cli import main
from edge_lpr.networks import open_network
from edge_lpr.networks.card import load_card, write_card
from edge_lpr.networks.variants import INT8_CARD
from edge_lpr.quantise.compare import compare
from edge_lpr.quantise.speed import speed_ratio
from edge_lpr.training.labels import load_labels
from tests.conftest import RED_PLATE, save_fixed_reader

TEXT = "5A23456"


def with_int8(engines: Path) -> Path:
    """The 'INT8' detector is the float one; the 'INT8' reader reads another text."""
    for name in ("lpdnet", "lprnet"):
        folder = engines / name
        card = load_card(folder)
        int8 = card
        if name == "lprnet":
            other = save_fixed_reader(folder / "other", "WR0NG")
            (folder / "lprnet.int8.onnx").write_bytes((folder / "other" / other.file).read_bytes())
            int8 = replace(card, file="lprnet.int8.onnx", sha256=other.sha256)
        about = {
            "float_sha256": card.sha256, "method": "entropy", "repair": "none", "frames": 500, "source": "drawn",
            "kept_float": ["stem"], "integer_share": 0.97, "loss_points": 0.1, "bound_points": 0.5,
            "tensorrt_against_int8_points": 0.0, "notes": ["fitted on nothing"], "within_bound": True,
            "proof": {"float32": {"plates": 9, "exact": 0.9}, "int8": {"plates": 9, "exact": 0.8}},
        }  # fmt: skip
        write_card(replace(int8, precision="int8", quantisation=about), folder / INT8_CARD)
        row = {"method": "entropy", "frames": 50, "repair": "none", "kept_float": 0, "loss_points": 0.25,
               "noise": 0.0123, "plates": 9}
        report = {"quantisation": about, "speed_ms": {"first_ms": 4.0, "second_ms": 2.0}, "tries": [row],
                  "study": [row, {**row, "frames": 100}], "study_float_sha256": "another",
                  "layers": [{"layer": "stem", "op": "Conv", "multiply_adds": 7_000_000, "noise": 0.5}]}
        (folder / "calibration.json").write_text(json.dumps(report))
    return engines


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """One scene with a plate (a red spot), one without, one crop."""
    scene = np.full((480, 640, 3), 90, np.uint8)
    scene[200:208, 304:312] = (255, 0, 0)
    x, y = 308 - RED_PLATE["left"], 204 - RED_PLATE["top"]
    Image.fromarray(scene).save(tmp_path / "scene_set_1.png")
    Image.fromarray(np.full((480, 640, 3), 90, np.uint8)).save(tmp_path / "neg_set_1.png")
    Image.fromarray(np.full((48, 144, 3), 90, np.uint8)).save(tmp_path / "crop_set_1.png")
    path = tmp_path / "labels.csv"
    path.write_text(
        "image,x,y,w,h,text,region,source,license,use\n"
        f"scene_set_1.png,{x},{y},80,40,{TEXT},CZ,,,eval\nneg_set_1.png,,,,,,,,,eval\n"
        f"crop_set_1.png,0,0,144,48,{TEXT},CZ,,,eval\n"
    )
    return path


def test_comparison_tells_what_changed(red_engines: Path, labels: Path) -> None:
    found = compare(with_int8(red_engines), load_labels(labels))
    assert found.figures("end-to-end", "float32").exact == 1.0 and found.figures("end-to-end", "int8").exact == 0.0
    assert found.figures("detect", "float32").recall == found.figures("detect", "int8").recall == 1.0
    assert found.figures("detect", "int8").negatives == 1
    assert found.figures("read", "float32").exact == 1.0
    assert found.changed("read") == (0, 1) and found.changed("end-to-end") == (0, 1)
    assert found.shift.pairs == 1 and found.shift.overlap_median == pytest.approx(1.0)
    assert found.shift.corner_median == 0.0


def test_report_is_written_with_plots(red_engines: Path, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["calibrate", "report", "--labels", str(labels), "--engines", str(with_int8(red_engines)), "--out",
                 str(out)]) == 0
    text = (out / "report.md").read_text()
    for wanted in ("| end to end, exact | 100.00% | 0.00% | -100.00 points | -0.5 / 0 |",
                   "| detection, recall | 100.00% | 100.00% |", "2.00 times as fast", "97.0% / 97.0%", "`stem`",
                   "Made on earlier weights", "| 50 | +0.25 / 1.23% |",
                   "INT8 reads 1 plates wrong", "Fitted on nothing."):
        assert wanted in text, wanted
    linked = {part.split(")")[0] for part in text.split("](")[1:]}
    assert linked and all((out / name).is_file() for name in linked)
    figures = json.loads((out / "report.json").read_text())
    assert figures["figures"]["read"]["int8"]["exact"] == 0.0


def test_report_needs_both_networks(red_engines: Path, labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "report", "--labels", str(labels), "--engines", str(red_engines)]) == 1
    assert "run `edge-lpr calibrate` first" in capsys.readouterr().err


def test_speed_is_a_ratio(red_engines: Path) -> None:
    network = open_network(red_engines / "lpdnet", threads=1)
    found = speed_ratio(network, network, [np.zeros((1, 3, 480, 640), np.float32)], rounds=5)
    assert 0.2 < found.ratio < 5.0 and found.first_ms > 0
