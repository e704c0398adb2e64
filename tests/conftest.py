"""Networks made by hand, so that no test needs trained weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_lpr.networks.card import ALPHABET_36, InputSpec, ModelCard, sha256_of, write_card

pytest_plugins = ["tests.small_disk"]

onnx = pytest.importorskip("onnx", reason="onnx makes the test networks")

BLANK = len(ALPHABET_36)
RED_PLATE = {"left": 40.0, "top": 20.0, "right": 40.0, "bottom": 20.0}
"""What the hand-made detector claims of a red cell: the distances from the cell's centre to the plate's edges."""


def steps_for(text: str, sureness: float = 0.999, steps: int = 36, classes: int = BLANK + 1) -> NDArray[np.float32]:
    """Log-probabilities (T, C) whose best path reads `text`, a blank between characters."""
    probs = np.full((steps, classes), (1 - sureness) / (classes - 1))
    best = [classes - 1] * steps
    for at, char in enumerate(text):
        best[2 * at + 1] = ALPHABET_36.index(char)
    probs[np.arange(steps), best] = sureness
    return np.log(probs).astype(np.float32)


def save_graph(path: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, NDArray]) -> None:
    """Write an ONNX file; inputs and outputs are (name, shape) of floats."""
    helper, float_type = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "hand-made",
        [helper.make_tensor_value_info(name, float_type, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, float_type, shape) for name, shape in outputs],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def save_red_detector(folder: Path, flexible: bool = False) -> ModelCard:
    """A detector whose coverage is the share of pure red in an 8x8 cell, with boxes and corners of `RED_PLATE`."""
    folder.mkdir(parents=True, exist_ok=True)
    node = onnx.helper.make_node
    reach = np.array(list(RED_PLATE.values()), np.float32) / 35
    left, top, right, bottom = reach
    corner_bias = np.array([-left, -top, right, -top, right, bottom, -left, bottom], np.float32)
    red = np.zeros((1, 3, 8, 8), np.float32)
    red[0, 0], red[0, 1] = 1 / 64, -1 / 64
    nodes = [
        node("Conv", ["input_1", "red"], ["redness"], strides=[8, 8]),
        node("Relu", ["redness"], ["output_cov"]),
        node("Conv", ["input_1", "no_box", "box_bias"], ["output_bbox"], strides=[8, 8]),
        node("Conv", ["input_1", "no_corner", "corner_bias"], ["output_corners"], strides=[8, 8]),
    ]
    constants = {
        "red": red,
        "no_box": np.zeros((4, 3, 8, 8), np.float32),
        "box_bias": reach,
        "no_corner": np.zeros((8, 3, 8, 8), np.float32),
        "corner_bias": corner_bias,
    }
    size = ["h", "w"] if flexible else [480, 640]
    outputs = [("output_cov", ["n", 1, None, None]), ("output_bbox", ["n", 4, None, None])]
    outputs.append(("output_corners", ["n", 8, None, None]))
    save_graph(folder / "lpdnet.onnx", nodes, [("input_1", ["n", 3, *size])], outputs, constants)
    card = ModelCard(
        task="detect",
        name="red detector",
        file="lpdnet.onnx",
        input=InputSpec("input_1", (3, 480, 640)),
        outputs={"coverage": "output_cov", "boxes": "output_bbox", "corners": "output_corners"},
        decoder="gridbox_corners",
        parameters={"stride": 8, "box_scale": 35, "centre_offset": 4, "threshold": 0.5, "nms_iou": 0.45},
        sha256=sha256_of(folder / "lpdnet.onnx"),
    )
    write_card(card, folder / "card.json")
    return card


def save_fixed_reader(folder: Path, text: str, batch: int | str = "n") -> ModelCard:
    """A reader that reads `text` whatever it sees."""
    folder.mkdir(parents=True, exist_ok=True)
    node = onnx.helper.make_node
    nodes = [
        node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=1),
        node("Mul", ["mean", "zero"], ["nothing"]),
        node("Squeeze", ["nothing", "axis"], ["still_nothing"]),
        node("Add", ["still_nothing", "fixed"], ["log_probs"]),
    ]
    constants = {
        "zero": np.zeros(1, np.float32),
        "axis": np.array([1], np.int64),
        "fixed": steps_for(text)[None],
    }
    save_graph(
        folder / "lprnet.onnx", nodes, [("image", [batch, 3, 48, 144])], [("log_probs", [batch, 36, 37])], constants
    )
    card = ModelCard(
        task="read",
        name="fixed reader",
        file="lprnet.onnx",
        input=InputSpec("image", (3, 48, 144), resize="stretch"),
        outputs={"log_probs": "log_probs"},
        decoder="ctc",
        alphabet=ALPHABET_36,
        parameters={"temperature": 1.0},
        sha256=sha256_of(folder / "lprnet.onnx"),
    )
    write_card(card, folder / "card.json")
    return card


@pytest.fixture
def red_engines(tmp_path: Path) -> Path:
    """An engines folder: a detector that finds red cells, a reader that reads 5A23456 everywhere."""
    save_red_detector(tmp_path / "engines" / "lpdnet")
    save_fixed_reader(tmp_path / "engines" / "lprnet", "5A23456")
    return tmp_path / "engines"


@pytest.fixture
def make_steps() -> Callable[..., NDArray[np.float32]]:
    """`steps_for`: log-probabilities that read a text."""
    return steps_for


@pytest.fixture
def make_detector() -> Callable[..., ModelCard]:
    """`save_red_detector`."""
    return save_red_detector


@pytest.fixture
def make_reader() -> Callable[..., ModelCard]:
    """`save_fixed_reader`."""
    return save_fixed_reader
