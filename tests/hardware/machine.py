"""What machine this is, and whether its GPU does what cuda.py expects."""

from __future__ import annotations

import ctypes
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edge_lpr.errors import BackendUnavailable


class Skipped(Exception):
    """A check that cannot be made here, and why."""


def describe() -> tuple[str, dict[str, Any]]:
    """Board, JetPack, Python, libraries, power mode."""
    versions = {}
    for name in ("numpy", "onnxruntime", "opencv-python-headless", "av", "tensorrt"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not by pip"
    figures = {
        "model": read("/proc/device-tree/model").rstrip("\0"),
        "jetpack": read("/etc/nv_tegra_release").splitlines()[:1],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "versions": versions,
        "power_mode": told(["nvpmodel", "-q"]),
        "clocks": told(["jetson_clocks", "--show"])[:2000],
    }
    return f"{figures['model'] or platform.machine()}, Python {figures['python']}", figures


def gpu() -> tuple[str, dict[str, Any]]:
    """The driver's answer."""
    from edge_lpr.networks.cuda import probe

    try:
        found = probe()
    except BackendUnavailable as error:
        raise Skipped(str(error)) from error
    tegra = bool(read("/etc/nv_tegra_release"))
    assert found.integrated == tegra, f"integrated is {found.integrated}, but this is {'' if tegra else 'no '}Jetson"
    return f"{found.name}, compute capability {found.capability}, CUDA {found.driver}", vars(found)


def buffers() -> tuple[str, dict[str, Any]]:
    """Bytes written by the processor are what the GPU copies, and come back."""
    from edge_lpr.networks.cuda import Cuda, probe

    try:
        cuda = Cuda(probe())
    except BackendUnavailable as error:
        raise Skipped(str(error)) from error
    rng = np.random.default_rng(0)
    one, other = cuda.buffer(1 << 20), cuda.buffer(1 << 20)
    for _ in range(20):
        one.host[:] = rng.integers(0, 256, 1 << 20, np.uint8)
        one.to_device(1 << 20)
        kind = 3  # cudaMemcpyDeviceToDevice
        cuda.call("cudaMemcpyAsync", ctypes.c_void_p(other.device), ctypes.c_void_p(one.device), 1 << 20, kind,
                  cuda.stream)
        other.to_host(1 << 20)
        cuda.synchronise()
        assert np.array_equal(one.host, other.host), "the GPU sees other bytes than the processor wrote"
    cuda.close()
    return "20 times a megabyte, to the GPU, within it, and back", {}


def read(path: str) -> str:
    """A small file's text, '' when there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def told(command: list[str]) -> str:
    """What a command says, '' when it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip()
    except OSError:
        return ""


def temperatures() -> dict[str, float]:
    """Degrees by thermal zone."""
    found = {}
    for zone in Path("/sys/class/thermal").glob("thermal_zone*"):
        degrees = read(str(zone / "temp")).strip()
        if degrees.lstrip("-").isdigit():
            found[read(str(zone / "type")).strip() or zone.name] = int(degrees) / 1000
    return found
