"""What may import what: the heavy libraries stay where they belong, and the command line stays quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "edge_lpr"
MODULES = sorted(PACKAGE.rglob("*.py"))

HEAVY = ("torch", "tensorrt", "jetson_utils", "jetson_inference", "cv2", "onnxruntime", "onnx", "PIL")
HOMES = {
    "torch": ("training/",),
    "tensorrt": ("networks/tensorrt.py", "networks/engine.py"),
    "jetson_utils": ("capture/jetson.py",),
    "jetson_utils_python": ("capture/jetson.py",),
    "jetson_inference": ("capture/jetson.py",),
    "onnxruntime": ("networks/onnx.py", "training/", "quantise/"),
    "onnx": ("training/", "quantise/", "cli/calibrate.py"),
}
"""Library: the only places of the package that import it."""
DRAWING = ("plates", "scenes", "crops", "degrade", "faces", "sample_folder", "evaluate", "report", "failures", "labels")
"""Modules of training/ that work without torch."""


def imported(path: Path) -> Iterator[str]:
    """The top-level names of all that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def run_python(code: str) -> str:
    """Run code in a fresh interpreter; its output."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("library", HOMES)
def test_library_is_imported_only_at_home(library: str) -> None:
    strangers = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if library in imported(path) and not path.relative_to(PACKAGE).as_posix().startswith(HOMES[library])
    ]
    assert strangers == []


def test_the_walk_sees_imports(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    module.write_text("import os.path\ndef f():\n    from torch.nn import Conv2d\nfrom . import torchvision\n")
    assert set(imported(module)) == {"os", "torch"}
    assert any("torch" in imported(path) for path in MODULES), "the rule for torch is about something"


def test_package_and_command_line_import_nothing_heavy() -> None:
    code = (
        "import sys, edge_lpr\nfrom edge_lpr.cli import build_parser\nbuild_parser()\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"


def test_drawing_and_evaluation_work_without_torch() -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra `cpu`)")
    pytest.importorskip("PIL", reason="Pillow is not installed (extra `cpu`)")
    imports = "".join(f"import edge_lpr.training.{name}\n" for name in DRAWING)
    run_python(f"import sys\nsys.modules['torch'] = None\n{imports}")


def test_calibration_works_without_torch() -> None:
    for library in ("cv2", "PIL", "onnx", "onnxruntime"):
        pytest.importorskip(library, reason=f"{library} is not installed (extra `calibrate`)")
    modules = ("job", "report", "rules", "nvidia_cache")
    imports = "".join(f"import edge_lpr.quantise.{name}\n" for name in modules)
    run_python(f"import sys\nsys.modules['torch'] = None\n{imports}")


def test_running_int8_needs_no_onnx() -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra `cpu`)")
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra `cpu`)")
    code = "import edge_lpr.recognition.recognise, edge_lpr.networks.onnx, edge_lpr.networks.tensorrt_spelling\n"
    run_python(f"import sys\nsys.modules['onnx'] = None\n{code}import edge_lpr.service.daemon\n")


def test_names_of_the_package_are_found_when_used() -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed (extra `cpu`)")
    import edge_lpr
    from edge_lpr.capture.images import load_picture

    assert edge_lpr.load_picture is load_picture
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        edge_lpr.nonsense  # noqa: B018


def test_modules_and_functions_keep_their_size() -> None:
    """STYLE: modules under 300 lines, functions under 40."""
    long_modules = {path.name: n for path in MODULES if (n := len(path.read_text().splitlines())) > 300}
    long_functions = {
        f"{path.name}:{node.name}": node.end_lineno - node.lineno
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 40
    }
    assert long_modules == {} and long_functions == {}
