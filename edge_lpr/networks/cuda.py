"""CUDA through ctypes on the system's own libraries: is there a GPU, memory that both sides see, one stream, graphs.

Two libraries: the driver's libcuda, asked first, since TensorRT without a working driver may take the process down; and
the runtime's libcudart. On a Jetson processor and GPU share one memory: a mapped buffer is the same bytes for both, and
nothing is ever copied. On a card of its own a buffer is a pinned one on the host and one on the card.

Signatures: CUDA Driver API and CUDA Runtime API references, 12.2 to 13.x. What only a GPU can confirm is in
`tests/hardware/`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_ulonglong, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_lpr.errors import BackendUnavailable, GpuError
from edge_lpr.records import Pixels

DRIVER_NAMES = ("libcuda.so.1",)
RUNTIME_NAMES = ("libcudart.so.{major}", "/usr/local/cuda-{major}/lib64/libcudart.so.{major}", "libcudart.so")
"""Of the driver's own major version first: a newer runtime does not work with an older driver, and both may be there.
A JetPack whose linker does not know the runtime keeps it in /usr/local."""

_DRIVER_CALLS: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuDeviceGetCount": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDeviceTotalMem_v2": (POINTER(c_size_t), c_int),
}
_RUNTIME_CALLS: dict[str, tuple[Any, ...]] = {
    "cudaStreamCreateWithFlags": (POINTER(c_void_p), c_uint),
    "cudaStreamSynchronize": (c_void_p,),
    "cudaStreamDestroy": (c_void_p,),
    "cudaHostAlloc": (POINTER(c_void_p), c_size_t, c_uint),
    "cudaHostGetDevicePointer": (POINTER(c_void_p), c_void_p, c_uint),
    "cudaFreeHost": (c_void_p,),
    "cudaMalloc": (POINTER(c_void_p), c_size_t),
    "cudaFree": (c_void_p,),
    "cudaMemcpyAsync": (c_void_p, c_void_p, c_size_t, c_int, c_void_p),
    "cudaStreamBeginCapture": (c_void_p, c_int),
    "cudaStreamEndCapture": (c_void_p, POINTER(c_void_p)),
    "cudaGraphInstantiate": (POINTER(c_void_p), c_void_p, c_ulonglong),
    "cudaGraphLaunch": (c_void_p, c_void_p),
    "cudaGraphExecDestroy": (c_void_p,),
    "cudaGraphDestroy": (c_void_p,),
}

_MAJOR, _MINOR, _INTEGRATED = 75, 76, 18
"""CU_DEVICE_ATTRIBUTE_*."""
_NON_BLOCKING = 1
_ALLOC_DEFAULT, _ALLOC_MAPPED = 0, 2
_TO_DEVICE, _TO_HOST = 1, 2
_CAPTURE_THREAD_LOCAL = 1
MB = 1_000_000


@dataclass(frozen=True)
class Gpu:
    """The first GPU: `capability` its compute capability (8, 7), `driver` the newest CUDA its driver knows (12, 6),
    `integrated` whether it shares its memory with the processor, as every Jetson's does."""

    name: str
    capability: tuple[int, int]
    memory_mb: int
    integrated: bool
    driver: tuple[int, int]


def probe() -> Gpu:
    """The GPU that this machine has, by the driver alone. Raises BackendUnavailable saying what is missing."""
    driver = _library(DRIVER_NAMES, _DRIVER_CALLS, "no NVIDIA driver")
    if code := driver.cuInit(0):
        raise BackendUnavailable(f"the NVIDIA driver does not start (cuInit gave {code}): is /dev/nv* readable here?")
    count, device, version = c_int(), c_int(), c_int()
    if driver.cuDeviceGetCount(byref(count)) or count.value < 1:
        raise BackendUnavailable("the NVIDIA driver knows no GPU")
    name, memory = ctypes.create_string_buffer(256), c_size_t()
    codes = [
        driver.cuDeviceGet(byref(device), 0),
        driver.cuDriverGetVersion(byref(version)),
        driver.cuDeviceGetName(name, len(name), device),
        driver.cuDeviceTotalMem_v2(byref(memory), device),
    ]
    attributes = []
    for number in (_MAJOR, _MINOR, _INTEGRATED):
        value = c_int()
        codes.append(driver.cuDeviceGetAttribute(byref(value), number, device))
        attributes.append(value.value)
    if any(codes):
        raise BackendUnavailable(f"the NVIDIA driver does not tell about its GPU (error {max(codes)})")
    return Gpu(
        name=name.value.decode(errors="replace"),
        capability=(attributes[0], attributes[1]),
        memory_mb=memory.value // MB,
        integrated=bool(attributes[2]),
        driver=(version.value // 1000, version.value % 1000 // 10),
    )


def _library(names: tuple[str, ...], calls: dict[str, tuple[Any, ...]], missing: str) -> Any:
    """The first library of `names` that loads, with the signatures of `calls`."""
    reasons = []
    for name in names:
        try:
            library = ctypes.CDLL(name)
            for call, kinds in calls.items():
                function = getattr(library, call)
                function.argtypes, function.restype = kinds, c_int
            return library
        except (OSError, AttributeError) as error:
            reasons.append(str(error))
    raise BackendUnavailable(f"{missing}: {'; '.join(reasons)}")


class Cuda:
    """The CUDA runtime, and one stream on which everything runs in order. Used from one thread at a time.

    Raises BackendUnavailable without libcudart, GpuError when any call fails.
    """

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        names = tuple(name.format(major=gpu.driver[0]) for name in RUNTIME_NAMES)
        self._runtime = _library(names, _RUNTIME_CALLS, "no CUDA runtime (package cuda-cudart)")
        self._runtime.cudaGetErrorString.argtypes, self._runtime.cudaGetErrorString.restype = (c_int,), c_char_p
        self._release: list[Callable[[], object]] = []
        stream = c_void_p()
        self.call("cudaStreamCreateWithFlags", byref(stream), _NON_BLOCKING)
        self.stream: int = stream.value or 0
        self._release.append(lambda: self._runtime.cudaStreamDestroy(self.stream))

    def call(self, name: str, *args: Any) -> None:
        """One call of the runtime; GpuError when it fails."""
        code = getattr(self._runtime, name)(*args)
        if code:
            text = self._runtime.cudaGetErrorString(code) or b"unknown"
            raise GpuError(f"{self.gpu.name}: {name}: {text.decode(errors='replace')} (CUDA error {code})")

    def buffer(self, size: int) -> Buffer:
        """Room for `size` bytes, freed by `close`."""
        host, device = c_void_p(), c_void_p()
        flag = _ALLOC_MAPPED if self.gpu.integrated else _ALLOC_DEFAULT
        self.call("cudaHostAlloc", byref(host), size, flag)
        self._release.append(lambda: self._runtime.cudaFreeHost(host))
        if self.gpu.integrated:
            self.call("cudaHostGetDevicePointer", byref(device), host, 0)
        else:
            self.call("cudaMalloc", byref(device), size)
            self._release.append(lambda: self._runtime.cudaFree(device))
        memory = (ctypes.c_uint8 * size).from_address(host.value or 0)
        return Buffer(self, np.ctypeslib.as_array(memory), device.value or 0)

    def synchronise(self) -> None:
        """Wait until all that was put on the stream is done."""
        self.call("cudaStreamSynchronize", self.stream)

    def graph(self, work: Callable[[], object]) -> Callable[[], None]:
        """Record what `work` puts on the stream, without running it; gives what runs it again with one call.

        Raises GpuError when the work cannot be recorded.
        """
        graph, ready = c_void_p(), c_void_p()
        self.call("cudaStreamBeginCapture", self.stream, _CAPTURE_THREAD_LOCAL)
        try:
            work()
        finally:
            self.call("cudaStreamEndCapture", self.stream, byref(graph))
        try:
            self.call("cudaGraphInstantiate", byref(ready), graph, 0)
        finally:
            self._runtime.cudaGraphDestroy(graph)
        self._release.append(lambda: self._runtime.cudaGraphExecDestroy(ready))
        return lambda: self.call("cudaGraphLaunch", ready, self.stream)

    def close(self) -> None:
        """Free everything; buffers and graphs of it must not be used any more. Never raises."""
        with suppress(GpuError):
            self.synchronise()
        while self._release:
            self._release.pop()()


class Buffer:
    """Bytes that both processor and GPU see: `host` to read and write here, `device` the address for the GPU."""

    def __init__(self, cuda: Cuda, host: Pixels, device: int) -> None:
        self._cuda = cuda
        self.host = host
        self.device = device

    def to_device(self, size: int) -> None:
        """Put the first `size` bytes on their way to the GPU: nothing to do where the memory is shared."""
        self._copy(self.device, self.host.ctypes.data, size, _TO_DEVICE)

    def to_host(self, size: int) -> None:
        """Put the first `size` bytes on their way back; they are there after `Cuda.synchronise`."""
        self._copy(self.host.ctypes.data, self.device, size, _TO_HOST)

    def _copy(self, target: int, source: int, size: int, kind: int) -> None:
        if not self._cuda.gpu.integrated:
            self._cuda.call("cudaMemcpyAsync", target, source, size, kind, self._cuda.stream)
