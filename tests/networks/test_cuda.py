"""CUDA through ctypes: the probe, buffers on both kinds of memory, graphs, and every failure as one clear error."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from edge_lpr.errors import BackendUnavailable, GpuError
from edge_lpr.networks import cuda
from edge_lpr.networks.cuda import Cuda, probe


@pytest.mark.parametrize("library", ["libcudart.so.12", "libcudart.so.13"])
def test_the_real_runtime_has_every_name_that_is_called(library: str) -> None:
    """Where CUDA is installed; no driver is needed to look."""
    try:
        real = ctypes.CDLL(library)
    except OSError:
        pytest.skip(f"no {library} here")
    assert [name for name in cuda._RUNTIME_CALLS if not hasattr(real, name)] == []


BOTH = pytest.mark.parametrize("memory", ["integrated", "own"])


def test_the_probe_tells_what_gpu_there_is(fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = probe()
    assert (gpu.name, gpu.capability, gpu.memory_mb, gpu.integrated, gpu.driver) == (
        "Fake GPU", (8, 7), 8000, True, (12, 6))
    monkeypatch.setenv("FAKE_CUDA", "cc=53")
    assert probe().capability == (5, 3) and not probe().integrated


@pytest.mark.parametrize(("word", "said"), [("noinit", "cuInit gave 999"), ("nodevice", "no GPU"), ("noget", "101")])
def test_a_driver_that_does_not_work_is_told(
    word: str, said: str, fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CUDA", word)
    with pytest.raises(BackendUnavailable, match=said):
        probe()


def test_no_driver_and_no_runtime_are_told(fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = probe()
    monkeypatch.setattr(cuda, "DRIVER_NAMES", ("libabsent.so.1",))
    with pytest.raises(BackendUnavailable, match=r"no NVIDIA driver.*libabsent"):
        probe()
    monkeypatch.setattr(cuda, "RUNTIME_NAMES", ("libabsent.so.2", "libc.so.6"))
    with pytest.raises(BackendUnavailable, match=r"no CUDA runtime.*cudaStreamCreateWithFlags"):
        Cuda(gpu)


@BOTH
def test_bytes_go_to_the_gpu_and_back(memory: str, fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA", memory)
    one = Cuda(probe())
    buffer = one.buffer(16)
    buffer.host[:] = np.arange(16)
    buffer.to_device(16)
    one.synchronise()
    there = np.ctypeslib.as_array((ctypes.c_uint8 * 16).from_address(buffer.device))
    assert there.tolist() == list(range(16))
    there[:] = 7
    buffer.to_host(8)
    one.synchronise()
    assert buffer.host.tolist() == ([7] * 16 if memory == "integrated" else [7] * 8 + list(range(8, 16)))
    one.close()


@BOTH
def test_nothing_is_left_behind(memory: str, fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA", memory)
    before = fake_cuda.fake_blocks()
    one = Cuda(probe())
    buffers = [one.buffer(1000) for _ in range(3)]
    one.graph(lambda: [buffer.to_device(10) for buffer in buffers])()
    assert fake_cuda.fake_blocks() == before + (3 if memory == "integrated" else 6)
    one.close()
    one.close()
    assert fake_cuda.fake_blocks() == before


def test_a_graph_runs_what_was_recorded_again(fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA", "own")
    one = Cuda(probe())
    buffer = one.buffer(4)
    again = one.graph(lambda: (buffer.to_device(4), buffer.to_host(4)))
    there = np.ctypeslib.as_array((ctypes.c_uint8 * 4).from_address(buffer.device))
    for value in (1, 2):
        buffer.host[:] = value
        assert there[0] != value
        again()
        one.synchronise()
        assert there.tolist() == [value] * 4
    one.close()


@pytest.mark.parametrize(
    "name", ["cudaStreamCreateWithFlags", "cudaHostAlloc", "cudaMalloc", "cudaMemcpyAsync", "cudaStreamSynchronize",
             "cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate", "cudaGraphLaunch"]
)
def test_every_call_that_fails_is_one_clear_error(
    name: str, fake_cuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CUDA", f"own,fail={name}:1")
    before = fake_cuda.fake_blocks()
    one = None
    with pytest.raises(GpuError, match=rf"Fake GPU: {name}: unspecified launch failure \(CUDA error 719\)"):
        one = Cuda(probe())
        buffer = one.buffer(4)
        buffer.to_device(4)
        one.synchronise()
        one.graph(lambda: buffer.to_device(4))()
    if one is not None:
        one.close()
    assert fake_cuda.fake_blocks() == before
