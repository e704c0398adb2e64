"""The checks of tests/hardware themselves, on a fake GPU: each comes to its figures, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from edge_lpr.engine_folder import engine_folder
from tests.hardware import __main__ as checks
from tests.hardware import engines, machine


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> engines.Bench:
    monkeypatch.setattr(engines, "CROPS", 12)
    monkeypatch.setattr(engines, "ROUNDS", 2)
    return engines.Bench(engine_folder(), tmp_path / "engines")


def test_every_engine_check_passes_on_a_gpu(
    install_tensorrt: Callable[[str], ModuleType], bench: engines.Bench, tmp_path: Path
) -> None:
    install_tensorrt("10.3.0")
    named = {
        "built": bench.build, "again": bench.build_again, "precision": bench.precision, "accuracy": bench.accuracy,
        "speed": bench.speed, "graphs": bench.graphs, "stages": bench.stages, "load": lambda: bench.load(0.5),
        "stop": bench.stop_time, "buffers": machine.buffers,
    }
    results = [checks.run(name, check) for name, check in named.items()]
    assert {one.name: one.said for one in results if one.outcome != "PASS"} == {}
    checks.write(tmp_path, results)
    assert "| graphs | PASS | lpdnet: used, lprnet: used |" in (tmp_path / "report.md").read_text()


def test_without_a_gpu_they_say_so(bench: engines.Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("edge_lpr.networks.engine", "edge_lpr.networks.tensorrt"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    result = checks.run("built", bench.build)
    assert result.outcome == "SKIP" and "TensorRT" in result.said


def test_a_check_that_fails_is_told_as_one() -> None:
    def fails() -> tuple[str, dict[str, object]]:
        raise AssertionError("3 of 400 texts differ")

    result = checks.run("accuracy", fails)
    assert (result.outcome, result.said) == ("FAIL", "AssertionError: 3 of 400 texts differ")
