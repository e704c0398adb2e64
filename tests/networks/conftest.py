"""A GPU that is none: cuda.c compiled, and the strict fakes of TensorRT on it, here and in the processes that start."""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge_lpr.networks import cuda
from edge_lpr.networks.card import ModelCard, load_card, sha256_of, write_card

FAKES = Path(__file__).resolve().parents[1] / "fakes"
GENERATIONS = {"8.6.2": "trt_8_6", "10.3.0": "trt_10_3", "10.13.3": "trt_10_13", "11.4.0": "trt_11_4"}
"""TensorRT of JetPack 6.0, 6.1 and 6.2, 7.0 and 7.1, 7.2.2: the folder of its fake."""
ENGINE_MODULES = ("edge_lpr.networks.tensorrt", "edge_lpr.networks.engine")


@pytest.fixture(scope="session")
def cuda_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake CUDA libraries' folder."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the fake CUDA is C")
    folder = tmp_path_factory.mktemp("cuda")
    for name in ("libcudart.so.12", "libcuda.so.1"):
        command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(folder / name), str(FAKES / "cuda.c")]
        subprocess.run(command, check=True, timeout=120)
    return folder


@pytest.fixture
def fake_cuda(cuda_library: Path, monkeypatch: pytest.MonkeyPatch) -> ctypes.CDLL:
    """The machine has a GPU: an Orin by default. FAKE_CUDA (cuda.c) says what it is like and what fails."""
    runtime = cuda_library / "libcudart.so.12"
    monkeypatch.setattr(cuda, "DRIVER_NAMES", (str(cuda_library / "libcuda.so.1"),))
    monkeypatch.setattr(cuda, "RUNTIME_NAMES", (str(runtime),))
    monkeypatch.setenv("FAKE_CUDA_LIB", str(runtime))
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{cuda_library}:{os.environ.get('LD_LIBRARY_PATH', '')}")
    monkeypatch.setenv("FAKE_CUDA", "integrated,cc=87")
    monkeypatch.setenv("FAKE_TRT", "")
    library = ctypes.CDLL(str(runtime))
    library.fake_reset()
    return library


@pytest.fixture
def install_tensorrt(fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Installs the fake TensorRT of a version; gives the freshly imported `edge_lpr.networks.engine`."""

    def forget() -> None:
        for name in (*ENGINE_MODULES, "tensorrt", "fake_tensorrt"):
            sys.modules.pop(name, None)

    def install(version: str) -> ModuleType:
        forget()
        places = [str(FAKES / GENERATIONS[version]), str(FAKES)]
        for place in places:
            monkeypatch.syspath_prepend(place)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*places, os.environ.get("PYTHONPATH", "")]))
        return importlib.import_module("edge_lpr.networks.engine")

    yield install
    forget()


@pytest.fixture(params=sorted(GENERATIONS))
def engine_module(request: pytest.FixtureRequest, install_tensorrt: Callable[[str], ModuleType]) -> ModuleType:
    """`edge_lpr.networks.engine` with each generation of TensorRT."""
    return install_tensorrt(request.param)


def save_quantised(folder: Path, card: ModelCard) -> ModelCard:
    """Quantise the input of the network in `folder` as Q/DQ does it: int8, symmetric, one scale."""
    import onnx

    path = folder / card.file
    model = onnx.load(path)
    name = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = [f"{name}_dq" if one == name else one for one in node.input]
    constants = [onnx.numpy_helper.from_array(np.array(value, kind), label)
                 for label, value, kind in (("q_scale", 1 / 127, np.float32), ("q_zero", 0, np.int8))]
    model.graph.initializer.extend(constants)
    make = onnx.helper.make_node
    model.graph.node.insert(0, make("QuantizeLinear", [name, "q_scale", "q_zero"], [f"{name}_q"]))
    model.graph.node.insert(1, make("DequantizeLinear", [f"{name}_q", "q_scale", "q_zero"], [f"{name}_dq"]))
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    write_card(replace(load_card(folder), sha256=sha256_of(path)), folder / "card.json")
    return load_card(folder)


@pytest.fixture
def quantise() -> Callable[[Path, ModelCard], ModelCard]:
    """`save_quantised`."""
    return save_quantised
