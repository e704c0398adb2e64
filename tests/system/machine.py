"""A machine with a real systemd as PID 1, in a container: made once by debootstrap, copied, booted, switched off.

Needs root, debootstrap, systemd-nspawn, and the Debian archive the first time. It lies in EDGE_LPR_CACHE, or in
~/.cache/edge-lpr. The container has no network but its own loopback.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
ROOT = Path(__file__).resolve().parents[2]
SUITE, ARCHIVE = "bookworm", "http://deb.debian.org/debian"
PYTHON_VERSION = "3.11"
"""Of that suite."""
PACKAGES = ("systemd", "systemd-sysv", "dbus", "udev", "python3", "python3-venv", "python3-systemd", "util-linux",
            "iproute2", "procps", "kmod")
BOOT_S = 90.0
SEEN = Path("/seen")
"""Where the machine sees what it is given."""


def cache() -> Path:
    """Where what takes long is kept between runs."""
    return Path(os.environ.get("EDGE_LPR_CACHE", Path.home() / ".cache/edge-lpr"))


def missing() -> str:
    """What is missing to run such machines here; '' for nothing."""
    if os.geteuid():
        return "root"
    lacking = [name for name in ("debootstrap", "systemd-nspawn", "nsenter") if shutil.which(name) is None]
    return f"{' and '.join(lacking)} (apt install debootstrap systemd-container)" if lacking else ""


def base_root() -> Path:
    """The machine before anything was installed."""
    root = cache() / "system-root" / SUITE
    if root.is_dir():
        return root
    coming = root.with_name(f"{SUITE}.coming")
    shutil.rmtree(coming, ignore_errors=True)
    coming.parent.mkdir(parents=True, exist_ok=True)
    run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(coming), ARCHIVE], 1800)
    coming.rename(root)
    return root


def wheels(folder: Path) -> Path:
    """The wheel of these sources, built into `folder`, and those of all that it needs, from the cache; a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "source"
    source.mkdir()
    for name in ("setup.py", "README.md", "pyproject.toml"):
        shutil.copy2(ROOT / name, source / name)
    for name in ("edge_lpr", "engines", "systemd"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.plan"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)], 300)
    (own,) = folder.glob("edge_lpr-*.whl")
    needed = cache() / "wheels" / hashlib.sha256((ROOT / "setup.py").read_bytes()).hexdigest()[:12]
    if not needed.is_dir():
        coming = needed.with_name("coming")
        shutil.rmtree(coming, ignore_errors=True)
        run([*pip, "download", "--only-binary=:all:", f"--python-version={PYTHON_VERSION}", "-d", str(coming),
             f"{own}[cpu]"], 900)
        for copy in coming.glob("edge_lpr-*.whl"):
            copy.unlink()
        coming.rename(needed)
    for wheel in needed.iterdir():
        shutil.copy2(wheel, folder / wheel.name)
    shutil.rmtree(source)
    return folder


class Machine:
    """One container: `boot`, then `sh`, then `cut` (the power) or `off`. `seen` is what it sees below /seen."""

    def __init__(self, root: Path, seen: dict[str, Path], binds: tuple[str, ...] = ()) -> None:
        self.root = root
        self._seen, self._binds = seen, binds
        self._process: subprocess.Popen[bytes] | None = None
        self.leader = 0

    @classmethod
    def copy_of(cls, base: Path, root: Path, seen: dict[str, Path], binds: tuple[str, ...] = ()) -> Machine:
        """A machine of its own."""
        run(["cp", "-a", "--reflink=auto", str(base), str(root)], 300)
        return cls(root, seen, binds)

    def boot(self) -> None:
        """Switch it on, and wait until it has started."""
        command = ["systemd-nspawn", "-q", "-D", str(self.root), "--register=no", "--keep-unit", "--private-network",
                   "--console=pipe", "--system-call-filter=adjtimex clock_adjtime",  # as every real machine has them
                   *(f"--bind-ro={path}:{SEEN / name}" for name, path in self._seen.items()),
                   *self._binds, "-b"]
        output = (self.root.parent / f"{self.root.name}.console").open("ab")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        output.close()
        self.leader = wait_for(self._find_leader, BOOT_S, "the container to start")
        wait_for(lambda: self.sh("systemctl is-system-running || true").strip() in ("running", "degraded"), BOOT_S,
                 "systemd to have started everything")

    def sh(self, command: str, timeout_s: float = 120.0, check: bool = True) -> str:
        """Run a shell command in it; what it printed."""
        done = subprocess.run(["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid",
                               "--root", "--wd", "/bin/sh", "-c", command],
                              capture_output=True, text=True, timeout=timeout_s,
                              env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})
        if check and done.returncode:
            raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout if check else done.stdout + done.stderr

    def off(self) -> None:
        """Switch it off in order."""
        if self._process is not None:
            os.kill(self.leader, signal.SIGRTMIN + 4)  # systemd: power off
            try:
                self._process.wait(60)
                self._process = None
            except subprocess.TimeoutExpired:
                self.cut()

    def cut(self) -> None:
        """Cut the power: every process of it is gone at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGKILL)  # PID 1 of its namespace: the kernel ends all others
            self._process.wait(60)
            self._process = None

    def _find_leader(self) -> int:
        assert self._process is not None
        if self._process.poll() is not None:
            console = (self.root.parent / f"{self.root.name}.console").read_text(errors="replace")
            raise AssertionError(f"systemd-nspawn ended: {console[-2000:]}")
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return 0


def wait_for(condition: Callable[[], Found], limit_s: float, what: str) -> Found:
    """Wait until it is true, and give it; AssertionError when it does not come true in time."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {limit_s:.0f} s for {what}")


def run(command: list[str], timeout_s: float) -> None:
    """Run a command of the host; AssertionError with what it said when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
