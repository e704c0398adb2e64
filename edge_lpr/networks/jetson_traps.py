"""What goes wrong on a Jetson again and again, and how to see it: for `edge-lpr doctor`. Reads files, runs nothing."""

from __future__ import annotations

import importlib.util
import re
import site
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_lpr.errors import BackendUnavailable
from edge_lpr.networks.cuda import probe

TEGRA_RELEASE = "etc/nv_tegra_release"
NEEDED_BY = {"tensorrt": "engines: apt install python3-libnvinfer", "cv2": "pip install 'edge_lpr[cpu]'"}
LEAST_RELEASE = 36
"""L4T of JetPack 6.0: before it TensorRT and Python are older than edge_lpr needs."""


@dataclass(frozen=True)
class Trap:
    """One thing looked at: `fault` '' when it is as it should be, else what is wrong, and `advice`."""

    name: str
    said: str
    fault: str = ""
    advice: str = ""


def is_jetson(root: Path = Path("/")) -> bool:
    """Whether this is NVIDIA's system for Jetson."""
    return (root / TEGRA_RELEASE).exists()


def jetson_traps(uses_jetson_camera: bool, wants_engines: bool, root: Path = Path("/")) -> Iterator[Trap]:
    """What can be seen without opening camera or GPU; nothing on another machine."""
    if not is_jetson(root):
        return
    yield _release((root / TEGRA_RELEASE).read_text(encoding="utf-8", errors="replace"))
    yield _system_packages()
    if uses_jetson_camera:
        yield _numpy_below_2()
        yield _argus(root)
    if wants_engines:
        yield _gpu()
    yield _power(root)


def _release(text: str) -> Trap:
    found = re.search(r"R(\d+)", text)
    release = int(found[1]) if found else 0
    if release < LEAST_RELEASE:
        return Trap("jetpack", f"L4T R{release}", "it is older than JetPack 6", "flash JetPack 6 or 7")
    return Trap("jetpack", f"L4T R{release}")


def _system_packages() -> Trap:
    """A venv without the system's packages sees neither TensorRT nor jetson_utils."""
    in_venv = sys.prefix != sys.base_prefix
    seen = any("dist-packages" in path for path in (*sys.path, *site.getsitepackages()))
    if in_venv and not seen:
        return Trap("system packages", "not seen", "this venv does not see the system's Python packages",
                    "make it again: python3 -m venv --system-site-packages VENV")
    for name, what in NEEDED_BY.items():
        if importlib.util.find_spec(name) is None:
            return Trap("system packages", f"no {name}", f"{name} cannot be imported", what)
    return Trap("system packages", "tensorrt and OpenCV are there")


def _numpy_below_2() -> Trap:
    version = metadata.version("numpy")
    if int(version.split(".")[0]) >= 2:
        return Trap("numpy", version, "jetson_utils is built for NumPy 1 and fails with NumPy 2",
                    "pip install 'numpy<2'")
    return Trap("numpy", version)


def _argus(root: Path) -> Trap:
    if not (root / "tmp/argus_socket").exists():
        return Trap("argus", "no socket", "nvargus-daemon's socket is not in /tmp: a CSI camera cannot be opened",
                    "systemctl status nvargus-daemon; a service of your own must not have PrivateTmp=yes")
    return Trap("argus", "its socket is there")


def _gpu() -> Trap:
    try:
        gpu = probe()
    except BackendUnavailable as error:
        return Trap("gpu", "cannot be used", str(error), "is the user in the groups video and render?")
    if not gpu.integrated:
        return Trap("gpu", gpu.name, "the driver does not take it for a Jetson's", "send the report of tests.hardware")
    return Trap("gpu", f"{gpu.name}, CUDA {gpu.driver[0]}.{gpu.driver[1]}")


def _power(root: Path) -> Trap:
    """The power mode, where nvpmodel keeps it."""
    try:
        status = (root / "var/lib/nvpmodel/status").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return Trap("power mode", "not told")
    if status.endswith("0000"):
        return Trap("power mode", f"{status}: the most")
    advice = "sudo nvpmodel -m 0, if power and heat allow"
    return Trap("power mode", status, "this power mode is not the fastest", advice)
