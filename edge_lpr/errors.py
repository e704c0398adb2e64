"""The exceptions that edge_lpr raises, by what the caller can do about them."""

from __future__ import annotations


class EdgeLprError(Exception):
    """Base of all errors that edge_lpr raises on purpose; the text names the thing and what is allowed."""


class ConfigError(EdgeLprError):
    """A configuration, list, plate format or label file is not valid; the file must be edited."""


class BackendUnavailable(EdgeLprError):
    """A named backend cannot run here; the text says what to install."""


class ImageError(EdgeLprError):
    """A picture cannot be decoded or is outside the allowed size; other pictures are unaffected."""


class CameraError(EdgeLprError):
    """A frame source failed; reopening it may help."""


class NetworkError(EdgeLprError):
    """A network file or its model card is missing, damaged, or does not keep its contract."""


class GpuError(NetworkError):
    """The GPU, its driver or TensorRT failed: this process cannot trust it any more, a new one may."""


class BarrierError(EdgeLprError):
    """The barrier controller or its serial link failed."""


class LogError(EdgeLprError):
    """The plate log cannot be read or written."""
