"""NVIDIA's calibration caches, read and written."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")

from edge_lpr.errors import ConfigError
from edge_lpr.quantise.nvidia_cache import CalibrationCache, read_cache, write_cache

TEXT = "TRT-8601-EntropyCalibration2\ninput_1: 3c010a14\nblock_1a_conv_1/convolution: 3f800000\nhalf:0: 3f000000\n"


def test_scales_are_read(tmp_path: Path) -> None:
    path = tmp_path / "calibration.cache"
    path.write_text(TEXT)
    cache = read_cache(path)
    assert cache.header == "TRT-8601-EntropyCalibration2"
    assert cache.scales["input_1"] == pytest.approx(1 / 127, rel=1e-3)
    assert cache.scales["block_1a_conv_1/convolution"] == 1.0
    assert cache.matching(("input_1:0", "half", "other")) == {"input_1:0": cache.scales["input_1"], "half": 0.5}


def test_written_caches_read_back(tmp_path: Path) -> None:
    path = tmp_path / "calibration.cache"
    scales = {"a: b": 0.25, "c": 1.5e-8, "tiny": 1e-40}
    write_cache(CalibrationCache("TRT-10300-MinMaxCalibration", scales), path)
    back = read_cache(path)
    assert back.header == "TRT-10300-MinMaxCalibration"
    assert back.scales == pytest.approx(scales, rel=1e-6, abs=1e-44)
    assert path.read_text().splitlines()[1] == "a: b: 3e800000"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: a calibration cache begins like"),
        ("hello\n", "line 1: a calibration cache begins like"),
        ("TRT-8601-EntropyCalibration2\ninput_1 3c010a14\n", "line 2: .* is not 'tensor: hexadecimal scale'"),
        ("TRT-8601-EntropyCalibration2\n\ninput_1: 3c01zz14\n", "line 3"),
        ("TRT-8601-EntropyCalibration2\ninput_1: bf800000\n", "line 2: the scale of 'input_1' is -1.0"),
        ("TRT-8601-EntropyCalibration2\ninput_1: 7fc00000\n", "line 2: the scale of 'input_1' is nan"),
    ],
)
def test_faults_are_told_by_line(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "calibration.cache"
    path.write_text(text)
    with pytest.raises(ConfigError, match=fault):
        read_cache(path)


def test_an_absent_cache_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent"):
        read_cache(tmp_path / "absent")
