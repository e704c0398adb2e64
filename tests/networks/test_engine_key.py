"""What an engine is good for: its key, its precision, and when its results are right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_lpr.errors import NetworkError
from edge_lpr.networks.card import InputSpec, ModelCard
from edge_lpr.networks.cuda import Gpu
from edge_lpr.networks.engine_files import differences
from edge_lpr.networks.engine_key import (
    EngineKey,
    EngineOptions,
    calibration_of,
    deviations,
    engine_facts,
    make_key,
    pick_precision,
    probe_pictures,
    profile_of,
)

ORIN = Gpu("Orin", (8, 7), 8000, True, (12, 6))
DETECTOR = ModelCard("detect", "d", "d.onnx", InputSpec("x", (3, 480, 640)), {}, "gridbox_corners")
NVIDIA = replace(DETECTOR, input=InputSpec("x", (3, 480, 640), resize="stretch"), decoder="gridbox")
READER = ModelCard("read", "r", "r.onnx", InputSpec("x", (3, 48, 144), resize="stretch"), {}, "ctc")


@pytest.mark.parametrize(
    ("wanted", "quantised", "capability", "major", "expected", "said"),
    [
        ("auto", True, (8, 7), 10, "int8", ""),
        ("auto", True, (8, 7), 11, "int8", ""),
        ("auto", True, (7, 2), 8, "int8", ""),
        ("auto", True, (6, 1), 8, "int8", ""),
        ("auto", False, (8, 7), 10, "fp16", "no int8: the network is not quantised"),
        ("auto", False, (5, 3), 8, "fp16", "not quantised"),
        ("auto", False, (8, 7), 11, "float", "no fp16: TensorRT 11 takes FP16 only from an FP16 network"),
        ("auto", False, (5, 2), 8, "float", "no fp16: this GPU has no FP16"),
        ("float", False, (8, 7), 10, "float", ""),
        ("fp16", False, (8, 7), 8, "fp16", ""),
    ],
)
def test_the_quickest_precision_that_can_be_had(
    wanted: str, quantised: bool, capability: tuple[int, int], major: int, expected: str, said: str
) -> None:
    precision, why = pick_precision(wanted, quantised, capability, major)
    assert precision == expected and said in why and bool(said) == bool(why)


@pytest.mark.parametrize(
    ("wanted", "quantised", "capability", "major", "said"),
    [
        ("int8", False, (8, 7), 10, "no int8 engine.*not quantised"),
        ("int8", True, (5, 3), 8, "5.3 has no INT8"),
        ("fp16", False, (8, 7), 11, "no fp16 engine.*TensorRT 11"),
        ("fp16", True, (8, 7), 10, "INT8 or nothing"),
        ("auto", True, (5, 3), 8, "quantised network.*5.3"),
    ],
)
def test_a_precision_that_cannot_be_had_is_told(
    wanted: str, quantised: bool, capability: tuple[int, int], major: int, said: str
) -> None:
    with pytest.raises(NetworkError, match=said):
        pick_precision(wanted, quantised, capability, major)


def test_every_part_of_the_key_counts() -> None:
    key = make_key(READER, b"DequantizeLinear", "10.3.0", ORIN, EngineOptions())
    assert key.precision == "int8" and key == make_key(READER, b"DequantizeLinear", "10.3.0", ORIN, EngineOptions())
    others = [
        make_key(READER, b"DequantizeLinear!", "10.3.0", ORIN, EngineOptions()),
        make_key(READER, b"DequantizeLinear", "10.7.0", ORIN, EngineOptions()),
        make_key(READER, b"DequantizeLinear", "10.3.0", replace(ORIN, name="Xavier"), EngineOptions()),
        make_key(READER, b"DequantizeLinear", "10.3.0", replace(ORIN, capability=(7, 2)), EngineOptions()),
        make_key(READER, b"DequantizeLinear", "10.3.0", ORIN, EngineOptions(dla=0)),
        make_key(replace(READER, quantisation={"scales_sha256": "abc"}), b"DequantizeLinear", "10.3.0", ORIN,
                 EngineOptions()),
        make_key(replace(READER, input=InputSpec("x", (3, 48, 96))), b"DequantizeLinear", "10.3.0", ORIN,
                 EngineOptions()),
        replace(key, recipe=key.recipe + 1),
    ]
    assert len({one.digest for one in (key, *others)}) == len(others) + 1
    assert len({one.digest for one in others if "was" in differences(key, one)}) == len(others)
    assert differences(key, key) == "same"


def test_calibration_is_named_by_what_made_it() -> None:
    assert calibration_of(READER) == ""
    assert calibration_of(replace(READER, quantisation={"scales_sha256": "abc"})) == "abc"


def test_profiles_fit_the_task() -> None:
    assert profile_of(READER).most == (8, 3, 48, 144) and profile_of(READER).least[0] == 1
    assert profile_of(DETECTOR).usual == (1, 3, 416, 736), "16:9 by default"
    assert profile_of(DETECTOR, (640, 480)).most == (4, 3, 480, 640)
    assert profile_of(NVIDIA).usual == (1, 3, 480, 640), "a network that is stretched has one size"
    assert 416 * 736 <= 480 * 640


def test_deviations_are_in_units_of_the_outputs_spread() -> None:
    rng = np.random.default_rng(0)
    right = {"a": rng.normal(0, 5, (2, 100)).astype(np.float32), "b": np.arange(10, dtype=np.int32)}
    assert deviations(right, right) == {"a": 0.0, "b": 0.0}
    off = {"a": right["a"] + 1, "b": np.where(right["b"] < 2, 77, right["b"])}
    got = deviations(off, right)
    assert got["a"] == pytest.approx(0.2, abs=0.02) and got["b"] == 0.2
    wild = {"a": np.where(right["a"] > 3, np.nan, right["a"])}
    assert deviations(wild, right) == {"a": float("inf"), "b": float("inf")}
    assert deviations({"a": right["a"][:1], "b": right["b"]}, right)["a"] == float("inf")
    assert deviations({"c": np.ones(3)}, {"c": np.ones(3)})["c"] == 0.0, "an output without spread"


def test_probe_pictures_are_the_same_each_time_and_not_all_alike() -> None:
    pictures = probe_pictures((3, 48, 144), 5)
    assert pictures.shape == (5, 48, 144, 3) and np.array_equal(pictures, probe_pictures((3, 48, 144), 5))
    assert pictures[0].max() == 0 and pictures[1].min() == 255 and pictures[2].std() > 20
    assert not np.array_equal(pictures[2], pictures[3])


def test_facts_for_people() -> None:
    key = make_key(READER, b"DequantizeLinear", "10.3.0", ORIN, EngineOptions(dla=1))
    assert isinstance(key, EngineKey)
    assert engine_facts(key) == {"precision": "int8", "input": "144x48, batch 1-8", "tensorrt": "10.3.0",
                                 "gpu": "Orin (8.7), DLA 1"}
