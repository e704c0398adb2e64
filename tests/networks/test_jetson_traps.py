"""The traps of a Jetson, on folders that look like one."""

from __future__ import annotations

import importlib.util
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_lpr.networks import jetson_traps as traps


@pytest.fixture
def jetson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Jetson on which all is well."""
    for name, text in (("etc/nv_tegra_release", "# R36 (release), REVISION: 4.0"), ("tmp/argus_socket", ""),
                       ("var/lib/nvpmodel/status", "pmode:0000")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(traps, "NEEDED_BY", {"numpy": "-"})
    monkeypatch.setattr(metadata, "version", lambda name: "1.26.4")
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    gpu = SimpleNamespace(name="Orin", integrated=True, driver=(12, 6))
    monkeypatch.setattr(traps, "probe", lambda: gpu)
    return tmp_path


def faults(root: Path) -> dict[str, str]:
    return {one.name: f"{one.fault}: {one.advice}" for one in traps.jetson_traps(True, True, root) if one.fault}


def test_all_is_well(jetson: Path) -> None:
    names = [one.name for one in traps.jetson_traps(True, True, jetson)]
    assert names == ["jetpack", "system packages", "numpy", "argus", "gpu", "power mode"] and faults(jetson) == {}
    fewer = [one.name for one in traps.jetson_traps(False, False, jetson)]
    assert fewer == ["jetpack", "system packages", "power mode"]


def test_nothing_is_said_of_another_machine(tmp_path: Path) -> None:
    assert list(traps.jetson_traps(True, True, tmp_path)) == []


def test_every_trap_is_seen(jetson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (jetson / "etc/nv_tegra_release").write_text("# R35 (release)")
    (jetson / "tmp/argus_socket").unlink()
    (jetson / "var/lib/nvpmodel/status").write_text("pmode:0003")
    monkeypatch.setattr(metadata, "version", lambda name: "2.1.0")
    monkeypatch.setattr(traps, "NEEDED_BY", {"absent_package": "apt install it"})
    monkeypatch.setattr(traps, "probe", lambda: SimpleNamespace(name="RTX", integrated=False, driver=(12, 6)))
    seen = faults(jetson)
    assert set(seen) == {"jetpack", "system packages", "numpy", "argus", "gpu", "power mode"}
    assert "numpy<2" in seen["numpy"] and "PrivateTmp" in seen["argus"] and "apt install it" in seen["system packages"]

    def refuse() -> None:
        raise traps.BackendUnavailable("no NVIDIA driver")

    monkeypatch.setattr(traps, "probe", refuse)
    assert "no NVIDIA driver: is the user in the groups video and render?" in faults(jetson)["gpu"]
    (jetson / "var/lib/nvpmodel/status").unlink()
    assert "power mode" not in faults(jetson)


def test_a_venv_that_hides_the_systems_packages(jetson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/venv")
    monkeypatch.setattr(sys, "path", ["/venv/lib/python3.10/site-packages"])
    monkeypatch.setattr(traps.site, "getsitepackages", lambda: [])
    assert "--system-site-packages" in faults(jetson)["system packages"]
    assert importlib.util.find_spec("json")
