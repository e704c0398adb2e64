"""Networks by backend name. A backend's module is imported when it is picked, so a missing one harms nobody else."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from edge_lpr.errors import BackendUnavailable
from edge_lpr.networks.base import Network
from edge_lpr.networks.engine_key import DEFAULTS, EngineOptions
from edge_lpr.networks.variants import choose_card

_CPU = "pip install 'edge_lpr[cpu]'"
_JETPACK = "TensorRT comes with JetPack (apt install python3-libnvinfer); a venv needs --system-site-packages"

BACKENDS = {
    "auto": ("edge_lpr.networks.auto", "AutoNetwork", _CPU),
    "onnx": ("edge_lpr.networks.onnx", "OnnxNetwork", _CPU),
    "tensorrt": ("edge_lpr.networks.tensorrt", "TensorRtNetwork", _JETPACK),
}
"""Backend name -> (module, class, what installs it)."""

DEFAULT_BACKEND = "onnx"


def open_network(
    card_path: Path,
    backend: str = DEFAULT_BACKEND,
    threads: int = 0,
    precision: str | None = None,
    engines: EngineOptions = DEFAULTS,
) -> Network:
    """Load the network of `card_path` (a card, or a folder in which `precision` chooses one) with a backend of
    `BACKENDS`.

    `threads` CPU threads, 0 for one a core; `precision` as in `choose_card`, None: float32 on the processor, and what
    is quickest on a GPU; `engines` how engines are made and kept. Raises BackendUnavailable for an unknown name or a
    package that is not installed, NetworkError when the file does not keep its card.
    """
    if backend not in BACKENDS:
        raise BackendUnavailable(f"no network backend {backend!r}; there are: {', '.join(sorted(BACKENDS))}")
    module_name, class_name, install = BACKENDS[backend]
    try:
        backend_class = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise BackendUnavailable(f"network backend {backend!r} cannot run here ({error}): {install}") from error
    if backend == "onnx" or precision not in (None, "auto"):
        card_path = choose_card(card_path, precision or "float32")
    return cast(Network, backend_class(card_path, threads, engines))
