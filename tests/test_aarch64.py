"""Every runtime dependency has a wheel for the Jetsons: aarch64, Python 3.10 (JetPack 6) and 3.12 (JetPack 7)."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parent.parent / "setup.py"
GLIBC = {"3.10": 35, "3.12": 39}
"""Python -> the newest glibc 2.x of the system that has it: Ubuntu 22.04 and 24.04."""


def requirements() -> list[str]:
    """What the gate runs with: `install_requires`, and every extra but those for training and development."""
    values = {}
    for node in ast.parse(SETUP.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("INSTALL", "EXTRAS"):
                values[name] = ast.literal_eval(node.value)
    extras = [one for name, some in values["EXTRAS"].items() if name not in ("train", "dev") for one in some]
    return [one.split(";")[0].strip() for one in (*values["INSTALL"], *extras)]  # markers are of this Python


def test_the_requirements_are_found() -> None:
    assert any(one.startswith("onnxruntime") for one in requirements())
    assert not any("torch" in one for one in requirements())


@pytest.mark.skipif(not os.environ.get("EDGE_LPR_TEST_INDEX"), reason="EDGE_LPR_TEST_INDEX=1 asks the package index")
@pytest.mark.parametrize("python", sorted(GLIBC))
def test_everything_has_an_aarch64_wheel(python: str, tmp_path: Path) -> None:
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in range(17, GLIBC[python] + 1)]
    tags = [word for platform in (*platforms, "manylinux2014_aarch64", "linux_aarch64")
            for word in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--target", str(tmp_path),
               "--only-binary", ":all:", "--python-version", python, "--implementation", "cp", *tags, *requirements()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    print(done.stdout.strip().splitlines()[-1])
