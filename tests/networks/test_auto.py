"""Plates are read from the first moment: through ONNX Runtime until there is an engine, and when the GPU fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge_lpr.networks import auto, open_network
from edge_lpr.networks.base import batch_for
from edge_lpr.networks.card import ModelCard
from edge_lpr.networks.engine_key import EngineOptions
from edge_lpr.recognition.detect import PlateDetector

Maker = Callable[..., ModelCard]
PATIENCE_S = 60.0


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 48, 144, 3), np.uint8)


def test_the_engine_is_built_beside_and_taken_over_between_two_runs(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    network = open_network(tmp_path, "auto", threads=1)
    first = network.run(batch_for(network, pictures(2)))["log_probs"].copy()
    assert network.wait(PATIENCE_S) and "TensorRT engine lprnet-" in network.state
    network.run(batch_for(network, pictures(2)))
    assert network.input_for(2) is not None, "from now on the GPU's memory is written to"
    assert np.array_equal(network.run(batch_for(network, pictures(2)))["log_probs"], first)


def test_a_detector_sees_plates_before_with_and_after_the_gpu(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_detector: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_tensorrt("11.4.0")
    make_detector(tmp_path, flexible=True)
    network = open_network(tmp_path, "auto", threads=1, engines=EngineOptions(size=(640, 480)))
    detector = PlateDetector(network)
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[64:72, 160:168] = (255, 0, 0)
    before = detector.detect(picture)
    assert len(before) == 1 and network.flexible
    assert network.wait(PATIENCE_S)
    detector.detect(picture)
    assert not network.flexible and network.card.input.shape == (3, 480, 640)
    with_engine = detector.detect(picture)
    monkeypatch.setenv("FAKE_CUDA", "integrated,cc=87,fail=cudaStreamSynchronize:1")
    failing = detector.detect(picture)
    assert "GPU failed" in network.state and network.fault == network.state and network.flexible
    after = detector.detect(picture)
    for found in (with_engine, failing, after):
        np.testing.assert_allclose(found[0].corners, before[0].corners, atol=0.01)


@pytest.mark.parametrize("words", ["nobuild", "crash"])
def test_without_an_engine_onnx_runtime_goes_on(
    words: str, install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_tensorrt("10.3.0")
    monkeypatch.setenv("FAKE_TRT", words)
    make_reader(tmp_path, "AB1")
    network = open_network(tmp_path, "auto", threads=1)
    assert network.wait(PATIENCE_S)
    assert network.state.startswith("ONNX Runtime: ") and ("signal 11" in network.state) == (words == "crash")
    assert network.fault == network.state, "there is a GPU, and it is not used"
    assert network.run(batch_for(network, pictures(1)))["log_probs"].shape == (1, 36, 37)


def test_a_machine_without_a_gpu_reads_all_the_same(
    tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("edge_lpr.networks.engine", "edge_lpr.networks.tensorrt"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    make_reader(tmp_path, "AB1")
    network = open_network(tmp_path, "auto", threads=1)
    assert network.wait(PATIENCE_S) and "python3-libnvinfer" in network.state
    assert network.fault == "", "nothing is wrong with a machine that has no GPU"
    assert network.input_for(1) is None and network.card.alphabet
    assert network.run(batch_for(network, pictures(1)))["log_probs"].shape == (1, 36, 37)


def test_the_state_tells_what_the_build_does(
    tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    make_reader(tmp_path, "AB1")
    go_on, told = threading.Event(), threading.Event()

    def build(card_path: Path, options: EngineOptions, progress: Callable[[str, float], object]) -> None:
        progress("building in int8", 12.0)
        told.set()
        go_on.wait(PATIENCE_S)
        raise OSError("no space left")

    monkeypatch.setattr(auto, "ensure_engine", build)
    network = open_network(tmp_path, "auto", threads=1)
    assert told.wait(PATIENCE_S)
    assert network.state == "ONNX Runtime while the engine is built (12 s): building in int8"
    assert not network.wait(0.0)
    go_on.set()
    assert network.wait(PATIENCE_S) and "no space left" in network.state
