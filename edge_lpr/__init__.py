"""edge_lpr: a licence-plate gate on a small computer, and the tools that make its two networks.

    from edge_lpr import PlateRecogniser, load_picture
    for plate in PlateRecogniser(regions=["cz", "sk"]).plates(load_picture("photo.jpg")):
        print(plate.text, plate.confidence)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lpr.capture.images import load_picture
    from edge_lpr.recognition.recognise import PlateRecogniser

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
