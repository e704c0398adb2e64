"""Teaching a reader and a detector from the command line, in miniature."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="transfer needs torch")
pytest.importorskip("onnx", reason="transfer needs onnx")

from edge_lpr.cli import main  # noqa: E402
from edge_lpr.cli import transfer as transfer_command  # noqa: E402
from edge_lpr.networks.card import load_card, write_card  # noqa: E402
from edge_lpr.training import transfer_detector, transfer_reader  # noqa: E402
from edge_lpr.training.detector_net import DetectorNet, DetectorShape  # noqa: E402
from edge_lpr.training.export import export_detector, export_reader  # noqa: E402
from edge_lpr.training.loop import LoopConfig, Trainer  # noqa: E402
from edge_lpr.training.reader_exam import ReadFigures  # noqa: E402
from edge_lpr.training.reader_exam import score as reader_score  # noqa: E402
from edge_lpr.training.reader_net import ReaderNet, ReaderNetConfig  # noqa: E402
from edge_lpr.training.transfer_detector import FindFigures  # noqa: E402
from edge_lpr.training.transfer_detector import score as detector_score  # noqa: E402

LOOP = LoopConfig(samples=1, batch=4, device="cpu")
SMALL_READER = ReaderNetConfig(stem=4, channels=(4, 4, 6), hidden=8, context=(3,))
SMALL_DETECTOR = DetectorShape(channels=(4, 4, 4, 4, 4), blocks=(1, 0, 0), head=4)


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A network of random weights, as if it were shipped."""
    torch.manual_seed(2)
    trainer = Trainer(ReaderNet(SMALL_READER), LOOP, tmp_path / "r", {"net": dataclasses.asdict(SMALL_READER)})
    export_reader(trainer.save(), tmp_path / "lprnet", {"temperature": 1.25}, {})
    return tmp_path / "lprnet"


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """As `reader`."""
    torch.manual_seed(2)
    record = {"shape": dataclasses.asdict(SMALL_DETECTOR)}
    trainer = Trainer(DetectorNet(SMALL_DETECTOR), LOOP, tmp_path / "d", record)
    export_detector(trainer.save(), tmp_path / "lpdnet", {"threshold": 0.45}, {})
    return tmp_path / "lpdnet"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Ten labelled pictures with one plate each."""
    lines = ["image,x,y,w,h,text,region,source,license,use"]
    for n in range(10):
        pixels = np.full((120, 160, 3), 120, np.uint8)
        cv2.rectangle(pixels, (40, 60), (120, 80), (250, 250, 250), -1)
        cv2.putText(pixels, f"PK{n}", (50, 78), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 2)
        cv2.imwrite(str(tmp_path / f"scene_own_{n}.png"), pixels)
        lines.append(f"scene_own_{n}.png,40,60,80,20,PK{n},PK,s,l,train")
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exams and stocks of a few pictures."""
    monkeypatch.setattr(transfer_reader, "DRAWN_EXAM", {"target": 6, "old": 6})
    for name, count in {"EXAM_SCENES": 2, "SCENES": 2, "PLATES": 4, "DISTRACTORS": 3, "NEGATIVES": 2}.items():
        monkeypatch.setattr(transfer_detector, name, count)


def taught(tmp_path: Path, source: Path, task: str, *more: str) -> int:
    return main(["transfer", "--from", str(source), "--task", task, "--out", str(tmp_path / "out"),
                 "--work", str(tmp_path / "work"), "--threads", "1", "--no-int8", *more])  # fmt: skip


def test_a_reader_is_taught_and_says_before_and_after(
    tmp_path: Path, reader: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert taught(tmp_path, reader, "reader", "--labels", str(labels), "--samples", "128") == 0
    out = capsys.readouterr().out
    assert "your plates that were held out (2), exact" in out and "drawn plates of the old countries (6)" in out
    card = load_card(tmp_path / "out")
    assert card.parameters["temperature"] == 1.25, "two held-out plates are too few to fit it anew"
    assert card.training["taught_from"] == {"folder": "lprnet", "sha256": load_card(reader).sha256}
    assert card.training["config"]["net"]["hidden"] == 8, "the taught network can be taught again"
    assert "before" in card.metrics["transfer"]["drawn plates of the new countries (6), characters"]
    assert "held out (2)" in (tmp_path / "out" / "report.md").read_text()

    again = ("--labels", str(labels), "--samples", "64")
    assert taught(tmp_path, reader, "reader", *again) == 1, "the work folder is in use"
    assert "--resume" in capsys.readouterr().err
    assert taught(tmp_path, reader, "reader", *again, "--resume") == 0


def test_the_int8_variant_is_of_the_new_weights_or_its_lack_is_told(
    reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_command, "INT8_FRAMES", 20)
    monkeypatch.setattr(transfer_command, "INT8_PROOF", {"reader": 12})
    (reader / "card.int8.json").write_text("{}")
    told = transfer_command.calibrated(reader, "reader")
    if (reader / "card.int8.json").exists():
        made = load_card(reader / "card.int8.json")
        assert made.quantisation["float_sha256"] == load_card(reader).sha256 and "points lost" in told
    else:
        assert told.startswith("INT8: no variant: ")


def test_drawn_plates_alone_teach_a_country(tmp_path: Path, reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert taught(tmp_path, reader, "reader", "--countries", "pk", "--samples", "64", "--method", "last") == 0
    assert "your plates" not in capsys.readouterr().out
    mix = load_card(tmp_path / "out").training["config"]["data"]["synthetic"]["mix"]
    assert mix["favoured"] == ["PK"]


def test_a_detector_is_taught(tmp_path: Path, detector: Path, labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert taught(tmp_path, detector, "detector", "--labels", str(labels), "--samples", "24") == 0
    assert "your pictures that were held out (2 plates), found" in capsys.readouterr().out
    card = load_card(tmp_path / "out")
    assert card.task == "detect" and card.parameters["threshold"] == 0.45
    assert card.training["config"]["shape"]["head"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reader"], "name the countries to learn"),
        (["detector", "--countries", "pk"], "is a network to 'read'"),
        (["reader", "--countries", "qq"], "no plate format for QQ"),
        (["reader", "--labels", "absent.csv"], "absent.csv"),
    ],
)
def test_what_cannot_be_taught_is_one_clear_error(
    tmp_path: Path, reader: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert taught(tmp_path, reader, *arguments) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_card_without_its_config_cannot_be_taught(
    tmp_path: Path, reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_card(dataclasses.replace(load_card(reader), training={}), reader / "card.json")
    assert taught(tmp_path, reader, "reader", "--countries", "pk") == 1
    assert "training.config.net is missing" in capsys.readouterr().err
    assert json.loads((reader / "card.json").read_text())["task"] == "read"


def read(exact: float) -> ReadFigures:
    return ReadFigures(100, exact, exact, exact)


def test_what_is_forgotten_costs_more_than_what_is_learnt() -> None:
    before = {"photographs": read(0.5), "target": read(0.5), "old": read(0.9)}
    learnt = {"photographs": read(0.6), "target": read(0.6), "old": read(0.896)}
    forgot = {"photographs": read(0.6), "target": read(0.6), "old": read(0.8)}
    assert reader_score(learnt, before) == pytest.approx(reader_score(before, before) + 0.1)
    assert reader_score(forgot, before) < reader_score(before, before)


def test_false_detections_cost() -> None:
    before = {"target": FindFigures(10, 0.5, 0, 0.0), "old": FindFigures(10, 0.9, 5, 0.0)}
    noisy = {"target": FindFigures(10, 0.6, 0, 0.0), "old": FindFigures(10, 0.9, 5, 1.0)}
    assert detector_score(noisy, before) < detector_score(before, before)
