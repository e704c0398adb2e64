"""Networks as TensorRT engines on an NVIDIA GPU: loaded once, run without allocating anything.

Names and order of calls are the same in TensorRT 8.6 to 11: tensors by name, `execute_async_v3` on one stream.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorrt as trt

from edge_lpr.errors import GpuError, NetworkError
from edge_lpr.networks.base import Tensor
from edge_lpr.networks.card import ModelCard
from edge_lpr.networks.cuda import Buffer, Cuda, Gpu
from edge_lpr.networks.engine_build import needed_engine
from edge_lpr.networks.engine_files import load_engine
from edge_lpr.networks.engine_key import DEFAULTS, EngineOptions, with_input
from edge_lpr.records import Floats

log = logging.getLogger(__name__)

RECORD_AFTER = 3
"""Runs of one shape in a row after which the work is recorded as a CUDA graph: one launch in place of fifty."""


class Voice(trt.ILogger):  # type: ignore[misc]
    """TensorRT's messages: errors are kept for the exception that will tell of them, the rest is for debugging."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: Any, msg: str) -> None:
        """Called by TensorRT, from any of its threads."""
        if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
            self.errors.append(msg.strip())
        log.debug("TensorRT: %s", msg.strip())

    def said(self) -> str:
        """The last errors, in one line."""
        return "; ".join(self.errors[-3:]) or "TensorRT does not say why"


@dataclass(frozen=True, eq=False)
class Slot:
    """One tensor of an engine with its buffer; `shape` the largest, the first axis the batch."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    buffer: Buffer

    def view(self, count: int) -> Tensor:
        """The first `count` of the batch."""
        size = self.bytes_of(count)
        return self.buffer.host[:size].view(self.dtype).reshape(count, *self.shape[1:])

    def bytes_of(self, count: int) -> int:
        """How many bytes `count` of the batch take."""
        return count * math.prod(self.shape[1:]) * self.dtype.itemsize


class Engine:
    """A plan on the GPU, with its buffers and its stream. Used from one thread at a time.

    Raises NetworkError when the plan does not suit this TensorRT, GpuError when the GPU fails. After a GpuError every
    further call raises one: what a failed GPU left in its buffers is never read.
    """

    def __init__(self, plan: bytes, gpu: Gpu) -> None:
        self._fault = ""
        self._cuda = Cuda(gpu)
        self._voice = Voice()
        try:
            self._load(plan)
        except BaseException:
            self.close()
            raise

    def _load(self, plan: bytes) -> None:
        self._runtime = trt.Runtime(self._voice)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise NetworkError(f"TensorRT {trt.__version__} does not load the engine: {self._voice.said()}")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise GpuError(f"TensorRT gives no execution context: {self._voice.said()}")
        names = [self._engine.get_tensor_name(at) for at in range(self._engine.num_io_tensors)]
        inputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        if len(inputs) != 1:
            raise NetworkError(f"the engine has {len(inputs)} inputs, not one")
        shape = tuple(self._engine.get_tensor_shape(inputs[0]))
        self.fixed_batch = shape[0] > 0
        most = shape if min(shape) > 0 else tuple(self._engine.get_tensor_profile_shape(inputs[0], 0)[2])
        self._shape_input(inputs[0], most)
        self.input = self._slot(inputs[0], most)
        self.outputs = {
            name: self._slot(name, tuple(self._context.get_tensor_shape(name))) for name in names if name not in inputs
        }
        self.most = most[0]
        self._count, self._runs = most[0], 0
        self._graph: Any = None
        self.graphs = True

    def _slot(self, name: str, shape: tuple[int, ...]) -> Slot:
        if any(side < 1 for side in shape):
            raise NetworkError(f"the engine's tensor {name!r} has the open shape {shape}")
        dtype = np.dtype(trt.nptype(self._engine.get_tensor_dtype(name)))
        slot = Slot(name, shape, dtype, self._cuda.buffer(math.prod(shape) * dtype.itemsize))
        if not self._context.set_tensor_address(name, slot.buffer.device):
            raise GpuError(f"TensorRT refuses the buffer of {name!r}: {self._voice.said()}")
        return slot

    def _shape_input(self, name: str, shape: tuple[int, ...]) -> None:
        if not self._context.set_input_shape(name, shape):
            raise GpuError(f"TensorRT refuses the input shape {shape}: {self._voice.said()}")

    def run(self, batch: Floats) -> dict[str, Tensor]:
        """Run (N, C, H, W), 1 <= N <= `most`, and a fixed batch in full; outputs by tensor name, valid until the next
        run. A batch that lies in `input.view` already is not copied."""
        if self._fault:
            raise GpuError(self._fault)
        count = len(batch)
        place = self.input.view(count)
        if batch.ctypes.data != place.ctypes.data:
            np.copyto(place, batch)
        try:
            self._execute(count)
        except GpuError as error:
            self._fault = str(error)
            raise
        got = {name: slot.view(count) for name, slot in self.outputs.items()}
        for name, value in got.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                self._fault = f"{self._cuda.gpu.name}: the engine's output {name!r} is rubbish"
                raise GpuError(self._fault)
        return got

    def _execute(self, count: int) -> None:
        if count != self._count:
            self._shape_input(self.input.name, (count, *self.input.shape[1:]))
            self._count, self._runs, self._graph = count, 0, None
        if self._graph is not None:
            self._graph()
        else:
            self._enqueue()
        self._cuda.synchronise()
        self._runs += 1
        if self._runs == RECORD_AFTER and self.graphs:
            self._record()

    def _enqueue(self) -> None:
        """Input, network, outputs, in this order on the stream."""
        self.input.buffer.to_device(self.input.bytes_of(self._count))
        if not self._context.execute_async_v3(self._cuda.stream):
            raise GpuError(f"TensorRT does not run the engine: {self._voice.said()}")
        for slot in self.outputs.values():
            slot.buffer.to_host(slot.bytes_of(self._count))

    def _record(self) -> None:
        """Record the work as a graph, and keep it if it gives what the plain run gave."""
        plain = [slot.view(self._count).copy() for slot in self.outputs.values()]
        try:
            graph = self._cuda.graph(self._enqueue)
            graph()
            self._cuda.synchronise()
            now = [slot.view(self._count) for slot in self.outputs.values()]
            if all(np.array_equal(one, before) for one, before in zip(now, plain, strict=True)):
                self._graph = graph
                return
            fault = "it gives other results than the engine alone"
        except GpuError as error:
            fault = str(error)
        log.warning("no CUDA graph is used: %s", fault)
        self.graphs = False
        self._enqueue()  # the outputs are to be this run's; and if the GPU itself is at fault, this tells
        self._cuda.synchronise()

    def close(self) -> None:
        """Free the GPU's memory; the engine is unusable then. Closing what is closed does nothing."""
        self._fault = self._fault or "the engine is closed"
        self._graph = self._context = self._engine = self._runtime = None
        self._cuda.close()


class TensorRtNetwork:
    """See Network: a network whose engine was built and accepted for this machine.

    Raises BackendUnavailable without a GPU, NetworkError when there is no engine (`edge-lpr engines build`).
    """

    flexible = False
    """An engine takes one height and width."""

    def __init__(self, card_path: Path, threads: int = 0, options: EngineOptions = DEFAULTS) -> None:
        del threads  # the GPU has its own
        needed = needed_engine(card_path, options)
        self.path = needed.path
        if not self.path.exists():
            raise NetworkError(f"{self.path}: not built yet: edge-lpr engines build")
        plan = load_engine(self.path, needed.key)
        self._start(plan, needed.gpu, with_input(needed.card, needed.key.profile))

    def _start(self, plan: bytes, gpu: Gpu, card: ModelCard) -> None:
        self.card = card
        self.engine = Engine(plan, gpu)
        lacking = [name for name in card.outputs.values() if name not in self.engine.outputs]
        if lacking or self.engine.input.shape[1:] != card.input.shape:
            raise NetworkError(f"{self.path}: the engine has the input {self.engine.input.shape[1:]} and the outputs"
                               f" {sorted(self.engine.outputs)}; the card says {card.input.shape} and {card.outputs}")

    def input_for(self, count: int) -> Floats | None:
        """The memory that the GPU reads a batch of `count` from, to be filled in place; None when it takes no such."""
        fits = count == self.engine.most if self.engine.fixed_batch else count <= self.engine.most
        return self.engine.input.view(count) if fits else None

    def run(self, batch: Floats) -> dict[str, Tensor]:
        """See Network; more than the engine takes at once is run in parts."""
        if batch.ndim != 4 or not len(batch) or batch.shape[1:] != self.card.input.shape:
            raise NetworkError(f"{self.path}: a batch is (N, {', '.join(map(str, self.card.input.shape))}) with N >= 1,"
                               f" not {batch.shape}")
        most = self.engine.most
        if len(batch) == most or (len(batch) < most and not self.engine.fixed_batch):
            return self._by_role(self.engine.run(batch), len(batch))
        parts = []
        for at in range(0, len(batch), most):
            some = batch[at : at + most]
            short = most - len(some) if self.engine.fixed_batch else 0
            padded = np.concatenate([some, np.repeat(some[-1:], short, axis=0)]) if short else some
            parts.append({role: value.copy() for role, value in
                          self._by_role(self.engine.run(padded), len(some)).items()})
        return {role: np.concatenate([part[role] for part in parts]) for role in self.card.outputs}

    def _by_role(self, values: dict[str, Tensor], count: int) -> dict[str, Tensor]:
        return {role: values[name][:count] for role, name in self.card.outputs.items()}

    def close(self) -> None:
        """Free the GPU's memory."""
        self.engine.close()
