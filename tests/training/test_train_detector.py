"""The detector's training end to end, in miniature."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the detector's training needs torch")

from edge_lpr.settings_file import load_settings  # noqa: E402
from edge_lpr.training.detector_crops import SampleConfig  # noqa: E402
from edge_lpr.training.detector_net import DetectorShape  # noqa: E402
from edge_lpr.training.loop import LoopConfig  # noqa: E402
from edge_lpr.training.train_detector import DetectorTraining, gather, train_detector  # noqa: E402

CONFIGS = Path(__file__).resolve().parents[2] / "edge_lpr" / "training" / "configs"
MINIATURE = DetectorTraining(
    photographs="", plates=3, distractors=3, drawn_scenes=2,
    shape=DetectorShape(channels=(4, 4, 8, 8, 8), blocks=(1, 0, 0), head=8),
    samples=SampleConfig(width=64, height=64),
    loop=LoopConfig(samples=8, batch=4, precision="fp32", device="cpu"),
)  # fmt: skip


@pytest.mark.parametrize("name", ["detector", "detector_fine", "detector_last", "detector_tight"])
def test_the_shipped_configs_are_valid(name: str) -> None:
    config = load_settings(DetectorTraining, CONFIGS / f"{name}.toml")
    assert config.loop.minutes > 0
    assert bool(config.start_from) == (name != "detector")


def test_drawn_scenes_alone_train_and_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    assert train_detector(MINIATURE, tmp_path / "one").state.samples == 8
    longer = dataclasses.replace(MINIATURE, loop=dataclasses.replace(MINIATURE.loop, samples=12))
    assert train_detector(longer, tmp_path / "one", resume=True).state.samples == 12
    finer = dataclasses.replace(MINIATURE, start_from=str(tmp_path / "one" / "last.pt"))
    assert train_detector(finer, tmp_path / "two").state.samples == 8


def test_held_out_photographs_are_examined_and_not_trained_on(tmp_path: Path) -> None:
    lines = ["image,x,y,w,h,text,region,source,license,use"]
    for n in range(30):
        cv2.imwrite(str(tmp_path / f"scene_{n}.png"), np.full((48, 64, 3), n, np.uint8))
        lines.append(f"scene_{n}.png,10,10,20,8,T{n},DE,s,l,train")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    stock, exams = gather(dataclasses.replace(MINIATURE, photographs=str(tmp_path / "labels.csv")))
    trained = {int(photo.levels[0][0, 0, 0]) for photo in stock.scenes}
    examined = {int(exam.pixels[0, 0, 0]) for exam in exams}
    assert trained
    assert examined
    assert trained | examined == set(range(30))
    assert not trained & examined
