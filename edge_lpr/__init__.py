"""edge_lpr: a licence-plate gate on a small computer, and the tools that make its two networks.

    from edge_lpr import PlateRecogniser, load_picture
    for plate in PlateRecogniser(regions=["cz", "sk"]).plates(load_picture("photo.jpg")):
        print(plate.text, plate.confidence)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.capture.images import load_picture
    from edge_lpr.recognition.recognise import PlateRecogniser

# ONNX Runtime's wheels from 1.32 on keep a device's id and send usage data, from the moment they are imported. A gate
# tells nobody outside anything. Whoever wants it otherwise sets this to 0 in the environment.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = ["PlateRecogniser", "__version__", "load_picture"]

_LAZY = {
    "PlateRecogniser": "edge_lpr.recognition.recognise",
    "load_picture": "edge_lpr.capture.images",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
