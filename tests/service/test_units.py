"""The units as systemd sees them: they hold together, and take away what a gate does not need."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_lpr.config import unit_folder, unit_text
from edge_lpr.install.places import Places

MOST_EXPOSED = {"edge-lpr.service": 18, "jetson": 20}
"""In tenths, as `systemd-analyze security --threshold` has it."""

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they are installed on a Jetson, with a Python that is there."""
    places = Places(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").touch()
    for path, content in places.files(sys.executable).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "etc/systemd/system"


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60)


def test_verify(units: Path) -> None:
    for name in ("edge-lpr.service", "edge-lpr-argus.path", "edge-lpr-argus.service"):
        done = analyze("verify", "--man=no", str(units / name))
        strangers = [line for line in done.stderr.splitlines() if "edge-lpr" in line]
        assert strangers == []


def test_verify_would_tell(units: Path) -> None:
    unit = units / "edge-lpr.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=20", "WatchdogSec=often"))
    assert "often" in analyze("verify", "--man=no", str(unit)).stderr


@pytest.mark.parametrize("kind", MOST_EXPOSED)
def test_exposure(units: Path, kind: str) -> None:
    """With the drop-in that lies beside it, or without."""
    unit = units / "edge-lpr.service"
    if kind == "edge-lpr.service":
        (units / "edge-lpr.service.d/jetson.conf").unlink()
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED[kind]}", str(unit))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file (needs systemd 250)")
    print(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout


def test_every_directive_of_the_hardening_is_explained() -> None:
    lines = unit_text("edge-lpr.service").split("--- Hardening")[1].split("[Install]")[0].splitlines()[1:]
    is_explained = False
    for line in lines:
        if line.startswith("#"):
            is_explained = True
        elif not line:
            is_explained = False
        else:
            assert is_explained, line


def test_the_limits_fit_together() -> None:
    text = unit_text("edge-lpr.service")
    seconds = {name: float(value) for name, value in re.findall(r"^(\w+Sec)=(\d+)$", text, re.MULTILINE)}
    assert seconds["WatchdogSec"] + seconds["TimeoutAbortSec"] + seconds["RestartSec"] < 35
    assert seconds["TimeoutStopSec"] > 3


def test_users_files_and_rules(tmp_path: Path) -> None:
    """What systemd's own tools make of the other files, in an empty root."""
    (tmp_path / "etc").mkdir()
    for name, tool in (("edge-lpr.sysusers", "systemd-sysusers"), ("edge-lpr.tmpfiles", "systemd-tmpfiles")):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        more = ["--create"] if "tmpfiles" in tool else []
        done = subprocess.run([tool, *more, f"--root={tmp_path}", str(unit_folder() / name)], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    assert "edge-lpr:" in (tmp_path / "etc/passwd").read_text()
    assert (tmp_path / "etc/edge-lpr/lists").stat().st_mode & 0o777 == 0o750
    groups = (tmp_path / "etc/group").read_text()
    assert re.search(r"^dialout:.*edge-lpr", groups, re.MULTILINE)


def test_rules_of_udev_are_well_formed() -> None:
    for line in unit_text("60-edge-lpr.rules").splitlines():
        if line and not line.startswith("#"):
            for part in line.split(", "):
                assert re.fullmatch(r'[A-Z]+(\{[\w/]+\})?(==|\+=|=)"[^"]*"', part), part
