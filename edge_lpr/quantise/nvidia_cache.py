"""NVIDIA's calibration caches: text, a header and one scale a tensor as the hexadecimal of a big-endian float32.

    TRT-8601-EntropyCalibration2
    input_1: 3c010a14

The scale is that of a signed 8-bit number: the largest |x| over 127. Caches ship beside NVIDIA's ONNX files; TensorRT
11 reads none any more, but the scales in them make a Q/DQ graph.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from edge_lpr.errors import ConfigError

HEADER = "TRT-8601-MinMaxCalibration"
"""As written: the scales are final, whichever method made them."""
_HEADER = re.compile(r"^TRT-\d+-\w+$")
_LINE = re.compile(r"^(?P<name>.+): (?P<scale>[0-9a-fA-F]{1,8})$")


@dataclass(frozen=True)
class CalibrationCache:
    """A cache's `header` and its scales by tensor name."""

    header: str
    scales: dict[str, float]

    def matching(self, tensors: tuple[str, ...]) -> dict[str, float]:
        """The scales of these tensors; a name in the cache may lack the ':0' that TensorFlow's exporters add."""
        bare = {name.removesuffix(":0"): scale for name, scale in self.scales.items()}
        return {name: bare[name.removesuffix(":0")] for name in tensors if name.removesuffix(":0") in bare}


def read_cache(path: Path) -> CalibrationCache:
    """Raises ConfigError, naming file and line, for anything that is no calibration cache."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    if not lines or not _HEADER.match(lines[0].strip()):
        raise ConfigError(f"{path}, line 1: a calibration cache begins like 'TRT-8601-EntropyCalibration2'")
    scales: dict[str, float] = {}
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        found = _LINE.match(line.strip())
        if not found:
            raise ConfigError(f"{path}, line {number}: {line.strip()!r} is not 'tensor: hexadecimal scale'")
        scale = struct.unpack(">f", bytes.fromhex(found["scale"].zfill(8)))[0]
        if not 0.0 <= scale < 1e30:
            raise ConfigError(f"{path}, line {number}: the scale of {found['name']!r} is {scale}; 0 or more is allowed")
        scales[found["name"]] = scale
    return CalibrationCache(lines[0].strip(), scales)


def write_cache(cache: CalibrationCache, path: Path) -> None:
    """Write it as TensorRT's calibrators do."""
    lines = [cache.header]
    lines += [f"{name}: {struct.pack('>f', scale).hex().lstrip('0') or '0'}" for name, scale in cache.scales.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
