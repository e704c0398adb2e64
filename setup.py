"""Packaging of edge_lpr: the package, its data files and the trained networks of `engines/`."""

from __future__ import annotations

from pathlib import Path
from shutil import copy2

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent

# OpenCV, Pillow and ONNX Runtime stand in the `cpu` extra and not here: on a Jetson, OpenCV and the GPU libraries come
# with the system (a wheel from the index would hide them, and would pull NumPy 2, which jetson_utils cannot use).
INSTALL = ["numpy>=1.23", "tqdm>=4.60", "pyserial>=3.5", "tomli>=1.1; python_version < '3.11'"]
EXTRAS = {
    "cpu": ["onnxruntime>=1.17", "opencv-python-headless>=4.8", "Pillow>=9.1", "av>=14.0"],
    # Makes INT8 networks from float ones; a gate that only runs them needs no onnx.
    "calibrate": ["onnx>=1.15", "onnxruntime>=1.18", "opencv-python-headless>=4.8", "Pillow>=9.1"],
    "train": ["torch>=2.4", "onnx>=1.15", "onnxscript>=0.1", "onnxruntime>=1.17", "opencv-python-headless>=4.8",
              "Pillow>=9.1"],
    "study": ["matplotlib>=3.6", "scikit-learn>=1.2"],
    "dev": ["pytest>=7.4", "mfusepy>=3.1; platform_system == 'Linux'",
        "hypothesis>=6.80", "pymodbus>=3.16", "types-pyserial", "ruff>=0.6", "mypy>=1.10", "onnx>=1.15",
        "setuptools>=68", "wheel"],
}


class BuildWithEngines(build_py):
    """Puts `engines/*/*.onnx` and their model cards into the wheel as `edge_lpr/_engines/`, the units with the
    example site as `edge_lpr/_systemd/`.

    A source checkout and an editable install use `engines/` itself; see `edge_lpr/engine_folder.py`.
    """

    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            return
        for name in sorted((*ROOT.glob("engines/*/*.onnx"), *ROOT.glob("engines/*/card*.json"))):
            target = Path(self.build_lib, "edge_lpr", "_engines", name.parent.name)
            target.mkdir(parents=True, exist_ok=True)
            copy2(name, target / name.name)
        target = Path(self.build_lib, "edge_lpr", "_systemd")
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted((ROOT / "systemd").iterdir()):
            copy2(name, target / name.name)


setup(
    name="edge_lpr",
    version="0.1.0",
    description="Licence-plate recognition for a vehicle gate: detector, reader, and the tools that train them",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["edge_lpr", "edge_lpr.*"]),
    package_data={
        "edge_lpr": ["py.typed"],
        "edge_lpr.recognition": ["formats/*.toml"],
        "edge_lpr.training": ["configs/*.toml", "configs/*.csv"],
    },
    install_requires=INSTALL,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["edge-lpr = edge_lpr.cli:main"]},
    cmdclass={"build_py": BuildWithEngines},
)
