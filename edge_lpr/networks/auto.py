"""The quickest way that works: the engine as soon as there is one, ONNX Runtime until then and whenever the GPU fails.

A gate that waits for an engine reads no plates for minutes; one that trusts a failed GPU reads rubbish. So plates are
read from the first second, the engine is built beside it and taken over between two frames, and a GPU that failed is
left for good: a restart of the service tries it again.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from edge_lpr.errors import BackendUnavailable, EdgeLprError, GpuError
from edge_lpr.networks.base import Network, Tensor
from edge_lpr.networks.card import ModelCard
from edge_lpr.networks.engine_build import ensure_engine
from edge_lpr.networks.engine_key import DEFAULTS, EngineOptions
from edge_lpr.networks.onnx import OnnxNetwork
from edge_lpr.networks.variants import choose_card
from edge_lpr.records import Floats

log = logging.getLogger(__name__)

_one_build = threading.Lock()
"""Two networks are built one after the other: a Jetson's memory holds one build."""


class AutoNetwork:
    """See Network. `state` says in words what runs it; `fault`, for the health of the gate, why that is not the GPU
    that the machine has ('' when it is, or there is none).

    `card` and `flexible` change with the engine's arrival, between two calls of `run` by the same thread.
    """

    def __init__(self, card_path: Path, threads: int = 0, options: EngineOptions = DEFAULTS) -> None:
        self._onnx = OnnxNetwork(choose_card(card_path), threads)
        self._card_path = card_path
        self._options = options
        self._engine: Network | None = None
        self._arrived: Network | None = None
        self.state = "ONNX Runtime; the engine is being looked for"
        self.fault = ""
        self._thread = threading.Thread(target=self._prepare, name=f"engine {self._onnx.card.name}", daemon=True)
        self._thread.start()

    @property
    def card(self) -> ModelCard:
        """See Network."""
        return self._network.card

    @property
    def flexible(self) -> bool:
        """See Network."""
        return self._network.flexible

    @property
    def _network(self) -> Network:
        return self._engine or self._onnx

    def input_for(self, count: int) -> Floats | None:
        """See `base.batch_for`."""
        give = getattr(self._network, "input_for", None)
        place: Floats | None = give(count) if give is not None else None
        return place

    def run(self, batch: Floats) -> dict[str, Tensor]:
        """See Network."""
        if self._engine is None:
            outputs = self._onnx.run(batch)
            if self._arrived is not None:
                self._engine, self._arrived = self._arrived, None
            return outputs
        try:
            return self._engine.run(batch)
        except GpuError as error:
            log.error("%s: the GPU is left until a restart; ONNX Runtime goes on: %s", self.card.name, error)
            self.state = self.fault = f"ONNX Runtime, as the GPU failed: {error}"
            self._engine = None  # kept in memory: the batch may lie in its buffers
            return self._onnx.run(batch.copy())

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until the engine is there or cannot be had; whether that is decided."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _prepare(self) -> None:
        """Build the engine if it must be, and load it. On a thread of its own."""
        try:
            with _one_build:
                ensure_engine(self._card_path, self._options, self._note)
            from edge_lpr.networks.tensorrt import TensorRtNetwork

            network = TensorRtNetwork(self._card_path, options=self._options)
        except (EdgeLprError, OSError) as error:
            log.warning("%s: ONNX Runtime: %s", self._onnx.card.name, error)
            self.state = f"ONNX Runtime: {error}"
            if not isinstance(error, BackendUnavailable):
                self.fault = self.state
            return
        self.state = f"TensorRT engine {network.path.name}"
        self._arrived = network

    def _note(self, text: str, spent_s: float) -> None:
        self.state = f"ONNX Runtime while the engine is built ({spent_s:.0f} s): {text}"
