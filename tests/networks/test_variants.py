"""Which of a folder's two networks runs."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_lpr.errors import NetworkError
from edge_lpr.networks import open_network
from edge_lpr.networks.card import ModelCard, load_card, write_card
from edge_lpr.networks.variants import FLOAT_CARD, INT8_CARD, choose_card


@pytest.fixture
def folder(tmp_path: Path, make_reader: Callable[..., ModelCard]) -> Path:
    make_reader(tmp_path, "AB12")
    return tmp_path


def add_int8(folder: Path, **about: Any) -> None:
    card = load_card(folder)
    facts = {"float_sha256": card.sha256, "within_bound": True, "speed_up": {platform.machine(): 2.0}}
    write_card(replace(card, precision="int8", quantisation={**facts, **about}), folder / INT8_CARD)


@pytest.mark.parametrize(
    ("about", "precision", "chosen"),
    [
        ({}, "auto", INT8_CARD),
        ({}, "int8", INT8_CARD),
        ({}, "float32", FLOAT_CARD),
        ({"within_bound": False}, "auto", FLOAT_CARD),
        ({"within_bound": False}, "int8", INT8_CARD),
        ({"speed_up": {"another": 3.0}}, "auto", FLOAT_CARD),
        ({"speed_up": {platform.machine(): 0.9}}, "auto", FLOAT_CARD),
    ],
)
def test_choice(folder: Path, about: dict[str, Any], precision: str, chosen: str) -> None:
    add_int8(folder, **about)
    assert choose_card(folder, precision) == folder / chosen


def test_a_folder_without_int8(folder: Path) -> None:
    assert choose_card(folder, "auto") == folder / FLOAT_CARD
    with pytest.raises(NetworkError, match="no INT8 variant; make one with `edge-lpr calibrate`"):
        choose_card(folder, "int8")


def test_int8_of_other_weights_is_never_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    add_int8(folder, float_sha256="0" * 64)
    with caplog.at_level(logging.WARNING):
        assert choose_card(folder, "auto") == folder / FLOAT_CARD
    assert "calibrate" in caplog.text
    with pytest.raises(NetworkError, match="other float weights"):
        choose_card(folder, "int8")


def test_an_unknown_precision_is_told(folder: Path) -> None:
    with pytest.raises(NetworkError, match="'fp4'; allowed: auto, float32, int8"):
        choose_card(folder, "fp4")


def test_networks_are_opened_by_precision(folder: Path) -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra `cpu`)")
    add_int8(folder)
    assert open_network(folder).card.precision == "float32"
    assert open_network(folder, precision="int8").card.precision == "int8"
    assert open_network(folder / INT8_CARD).card.precision == "int8"
