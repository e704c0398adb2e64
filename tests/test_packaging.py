"""What an installed edge_lpr brings with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a wheel would hold it, built from a copy of the sources with networks of our own."""
    pytest.importorskip("setuptools", reason="setuptools builds the package")
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.py", "README.md"):
        shutil.copy2(ROOT / name, source / name)
    shutil.copytree(ROOT / "edge_lpr", source / "edge_lpr", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "systemd", source / "systemd")
    network = source / "engines" / "lpdnet"
    network.mkdir(parents=True)
    for name in ("lpdnet.onnx", "card.json", "lpdnet.plan", "report.md"):
        (network / name).write_text(name)
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(source / "lib")]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return source / "lib" / "edge_lpr"


def test_every_module_is_in_the_wheel(built: Path) -> None:
    expected = {path.relative_to(ROOT / "edge_lpr") for path in (ROOT / "edge_lpr").rglob("*.py")}
    assert expected == {path.relative_to(built) for path in built.rglob("*.py")}


@pytest.mark.parametrize("pattern", ["py.typed", "recognition/formats/*.toml", "training/configs/*.toml"])
def test_data_files_are_in_the_wheel(built: Path, pattern: str) -> None:
    names = {path.name for path in (ROOT / "edge_lpr").glob(pattern)}
    assert names and names == {path.name for path in built.glob(pattern)}


def test_units_and_the_example_site_are_in_the_wheel(built: Path) -> None:
    names = {path.name for path in (ROOT / "systemd").iterdir()}
    assert {"edge-lpr.service", "jetson.conf", "60-edge-lpr.rules", "site.example.toml"} <= names
    assert names == {path.name for path in (built / "_systemd").iterdir()}


def test_networks_are_in_the_wheel_without_built_engines(built: Path) -> None:
    assert sorted(path.name for path in (built / "_engines" / "lpdnet").iterdir()) == ["card.json", "lpdnet.onnx"]


def test_networks_of_a_wheel_are_found(built: Path) -> None:
    code = "from edge_lpr.engine_folder import engine_folder; print(engine_folder())"
    environment = {"PYTHONPATH": str(built.parent), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=built.parent, env=environment, timeout=60
    )
    assert done.stdout.strip() == str(built / "_engines"), done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["run", "test"])
def test_make_sets_up_from_nothing(target: str, tmp_path: Path) -> None:
    command = ["make", "--dry-run", target, f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    last = "edge-lpr demo" if target == "run" else "-m pytest"
    steps = [done.stdout.index(word) for word in (" -m venv ", "pip install", last)]
    assert steps == sorted(steps)


def test_ci_runs_the_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "make test" in script and "make test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
