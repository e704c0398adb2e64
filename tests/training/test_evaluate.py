"""The evaluation, driven by a recogniser whose answers are written down, and its table, JSON and sheets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed (extra `cpu`)")
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra `cpu`)")

from edge_lpr.training.contact_sheet import CAPTION_PX, Tile, contact_sheet, fitted  # noqa: E402
from edge_lpr.training.evaluate import Evaluation, evaluate, pictures_of  # noqa: E402
from edge_lpr.training.failures import failure_tiles  # noqa: E402
from edge_lpr.training.labels import LabelledPicture, load_labels  # noqa: E402
from edge_lpr.training.outcomes import by_region, figures, reliability  # noqa: E402
from edge_lpr.training.report import as_json, reliability_picture, table  # noqa: E402

ROWS = """image,x,y,w,h,text,region,source,license,use
scene_a_1.png,10,10,40,10,AB12,CZ,s,MIT,eval
scene_a_1.png,10,40,40,10,,ZZ,s,MIT,eval
scene_a_2.png,10,10,40,10,O1,US-CA,s,MIT,train
scene_a_3.png,10,10,40,10,XY9,SK,s,MIT,eval
crop_b_1.png,0,0,60,20,ABCD,AR,s,MIT,eval
crop_b_2.png,0,0,60,20,I0,AR,s,MIT,eval
neg_c_1.png,,,,,,,s,MIT,eval
neg_c_2.png,,,,,,,s,MIT,eval
"""


@dataclass(frozen=True)
class Answer:
    text: str
    confidence: float
    box: tuple[float, float, float, float] = (0, 0, 0, 0)
    score: float = 0.9


# The red value of a picture says which it is; a list of what the recogniser then answers.
ANSWERS = {
    "scene_a_1.png": [Answer("AB12", 0.9, (11, 10, 40, 10)), Answer("ZZ", 0.8, (70, 60, 10, 5), 0.4)],
    "scene_a_2.png": [Answer("01", 0.7, (10, 10, 40, 11), 0.6), Answer("O7", 0.7, (10, 10, 40, 10), 0.55)],
    "scene_a_3.png": [Answer("XY9", 0.9, (40, 10, 40, 10))],
    "crop_b_1.png": [Answer("ABD", 0.5)],
    "crop_b_2.png": [Answer("10", 0.9)],
    "neg_c_1.png": [Answer("", 0.0, (5, 5, 20, 8), 0.35)],
    "neg_c_2.png": [],
}
NAMES = list(ANSWERS)


class Scripted:
    """Answers by the picture's first value, above its threshold."""

    def __init__(self, threads: int, threshold: float | None) -> None:
        self.threshold = 0.3 if threshold is None else threshold

    def _of(self, pixels: np.ndarray) -> Sequence[Answer]:
        return ANSWERS[NAMES[int(pixels[0, 0, 0])]]

    def detect(self, pixels: np.ndarray) -> Sequence[Answer]:
        return [answer for answer in self._of(pixels) if answer.score >= self.threshold]

    plates = detect

    def read_crop(self, pixels: np.ndarray) -> Answer:
        return self._of(pixels)[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelledPicture, ...]:
    folder = tmp_path_factory.mktemp("pictures")
    for number, name in enumerate(NAMES):
        size = (20, 60) if name.startswith("crop") else (80, 100)
        Image.fromarray(np.full((*size, 3), number, np.uint8)).save(folder / name)
    (folder / "labels.csv").write_text(ROWS)
    return load_labels(folder / "labels.csv")


@pytest.fixture(scope="module")
def evaluation(pictures: tuple[LabelledPicture, ...]) -> Evaluation:
    return evaluate(pictures, ("detect", "read", "end-to-end"), Scripted, sweep=True)


def test_each_task_takes_its_pictures(pictures: tuple[LabelledPicture, ...]) -> None:
    names = {task: [one.path.stem for one in pictures_of(task, pictures)] for task in ("detect", "read", "end-to-end")}
    assert names["detect"] == ["scene_a_1", "scene_a_2", "scene_a_3", "neg_c_1", "neg_c_2"]
    assert names["read"] == ["crop_b_1", "crop_b_2"]
    assert names["end-to-end"] == ["scene_a_1", "scene_a_2", "scene_a_3"]
    assert [len(one.plates) for one in pictures_of("end-to-end", pictures)] == [1, 1, 1]


def test_detection_figures(evaluation: Evaluation) -> None:
    of = figures(evaluation.tasks["detect"], reads=False, finds=True)
    assert (of.images, of.plates, of.negatives) == (5, 4, 2)
    assert of.recall == 0.5
    assert of.false_per_negative == 0.5, "other detections in pictures with plates are not counted"
    assert math.isnan(of.exact) and of.one_thread_median_ms > 0 and of.all_threads_p95_ms > 0


def test_reading_figures(evaluation: Evaluation) -> None:
    of = figures(evaluation.tasks["read"], reads=True, finds=False)
    assert (of.plates, of.exact, of.exact_folded) == (2, 0.0, 0.5)
    assert of.character_accuracy == pytest.approx(1 - 2 / 6)
    assert of.calibration_error == pytest.approx((0.5 + 0.9) / 2)
    assert of.calibration_error_folded == pytest.approx((0.5 + 0.1) / 2)


def test_end_to_end_figures(evaluation: Evaluation) -> None:
    first, second, third = (one.plates[0] for one in evaluation.tasks["end-to-end"])
    assert first.exact and first.confidence == 0.9
    assert second.text == "01" and second.exact_folded and not second.exact
    assert not third.found and not third.exact, "the right text at the wrong place is no read"
    of = figures(evaluation.tasks["end-to-end"], reads=True, finds=True)
    assert (of.exact, of.exact_folded, of.recall) == (pytest.approx(1 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_sweep_counts_above_each_threshold(evaluation: Evaluation) -> None:
    at = {point.threshold: point for point in evaluation.sweep}
    assert (at[0.05].recall, at[0.05].false_per_negative) == (0.5, 0.5)
    assert (at[0.4].recall, at[0.4].false_per_negative) == (0.5, 0.0)
    assert at[0.65].recall == 0.25 and at[0.65].recall_by_group == {"scene_a": 0.25}
    assert at[0.95].recall == 0.0


def test_regions_hold_only_their_own_plates(evaluation: Evaluation) -> None:
    regions = by_region(evaluation.tasks["detect"], whole_country=False)
    assert {name: sum(len(one.plates) for one in of) for name, of in regions.items()} == {
        "CZ": 1, "SK": 1, "US-CA": 1, "ZZ": 1,
    }  # fmt: skip
    assert "US" in by_region(evaluation.tasks["detect"], whole_country=True)


def test_undecodable_picture_counts_as_missed_and_is_told_once(
    pictures: tuple[LabelledPicture, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "scene_a_9.png"
    broken.write_bytes(b"nothing")
    found = evaluate([replace(pictures[0], path=broken)], ("detect", "end-to-end"), Scripted, sweep=True)
    (outcome,) = found.tasks["detect"]
    assert len(caplog.records) == 1 and str(broken) in caplog.text
    assert [plate.found for plate in outcome.plates] == [False, False]
    assert math.isnan(outcome.one_thread_ms)


def test_json_has_every_figure_and_no_nan(evaluation: Evaluation) -> None:
    whole = json.loads(json.dumps(as_json(evaluation, {"use": "all"}), allow_nan=False))
    assert whole["use"] == "all" and whole["peak_memory_mib"] > 1
    detect = whole["tasks"]["detect"]
    assert detect["all"]["exact"] is None and detect["all"]["recall"] == 0.5
    assert set(detect["by_use"]) == {"eval", "train"} and set(detect["by_source"]) == {"neg_c", "scene_a"}
    assert detect["by_source"]["neg_c"]["false_per_negative"] == 0.5
    assert sum(one["count"] for one in whole["tasks"]["read"]["reliability"]) == 2
    assert len(whole["thresholds"]) == 19


def test_table_shows_groups_and_says_when_a_task_has_none(evaluation: Evaluation) -> None:
    text = table(evaluation)
    for word in ("detect\n", "scene_a", "neg_c", "crop_b", "US", "66.7%", "detection by threshold", "MiB"):
        assert word in text, word
    none = Evaluation({"read": ()}, (), 10.0)
    assert "no pictures for this task" in table(none)


def test_failures_are_shown_once_each(evaluation: Evaluation) -> None:
    tiles, left_out = failure_tiles(evaluation.tasks)
    captions = [tile.lines for tile in tiles]
    assert left_out == 0
    assert ("a plate (ZZ)", "not found", "scene_a_1.png") in captions
    assert ("no plate", "but found", "neg_c_1.png") in captions
    assert ("ABCD (AR)", "ABD  0.50", "crop_b_1.png") in captions
    assert len(captions) == 4, "two plates not found, one false detection, one plate read wrong"
    assert failure_tiles(evaluation.tasks, limit=1)[1] == 3


def test_contact_sheet_holds_all_tiles() -> None:
    tiles = [Tile(np.full((30, 10 + 40 * n, 3), 10 * n, np.uint8), ("a very long caption " * 4, "b")) for n in range(7)]
    sheet = contact_sheet(tiles, columns=3, size=(60, 30))
    assert sheet.shape == (3 * (30 + 2 * CAPTION_PX + 4) + 4, 3 * 64 + 4, 3)
    assert contact_sheet([]).ndim == 3
    assert (contact_sheet(tiles[:1], size=(60, 30))[19, 34] == 0).all()


def test_fitted_keeps_the_shape() -> None:
    small = fitted(np.zeros((10, 40, 3), np.uint8), (80, 80))
    assert small.shape == (80, 80, 3)
    assert [int((small == 0).all(axis=2).any(axis=axis).sum()) for axis in (0, 1)] == [80, 20]


def test_reliability_picture_is_drawn(evaluation: Evaluation) -> None:
    page = reliability_picture(reliability(evaluation.tasks["read"]), "title")
    blank = reliability_picture((), "title")
    assert page.shape == blank.shape and (page != blank).any()
