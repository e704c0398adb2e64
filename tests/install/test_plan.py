"""Installing below another root: what is written, what is never touched, and what a second run does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_lpr.cli import main
from edge_lpr.install import actions
from edge_lpr.install.actions import Commands, InstallError
from edge_lpr.install.places import Places
from edge_lpr.install.plan import Wishes, carry_out, check_here, install_steps, new_site, uninstall_steps
from edge_lpr.install.release import copy_release, current_release, release_name, switch
from edge_lpr.service.site import load_site

PYTHON = "/opt/edge-lpr/bin/python3"


USUAL = Wishes(python=PYTHON)


def install(root: Path, wishes: Wishes = USUAL, rehearse: bool = False) -> list[str]:
    """What was said."""
    run, said = Commands(root), []
    carry_out(install_steps(Places(root), wishes, run), run, rehearse, said.append)
    return said


def everything(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path.relative_to(root)): (path.stat().st_mtime_ns, path.stat().st_size)
            for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()}


def test_all_is_there_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    assert len(install(tmp_path)) > 6
    places, before = Places(tmp_path), everything(tmp_path)
    unit = (tmp_path / "etc/systemd/system/edge-lpr.service").read_text()
    assert f"ExecStart={PYTHON} -m edge_lpr.cli run" in unit and "@PYTHON@" not in unit
    assert load_site(places.site).access.list[0].path == places.lists / "residents.csv"
    assert places.site.stat().st_mode & 0o777 == 0o640 and places.site.parent.stat().st_mode & 0o777 == 0o750
    assert os.readlink(places.command) == "/opt/edge-lpr/bin/edge-lpr"
    assert not (tmp_path / "etc/systemd/system/edge-lpr.service.d").exists()
    assert install(tmp_path) == [] and everything(tmp_path) == before


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    said = install(tmp_path, rehearse=True)
    assert all(line.startswith("would ") for line in said) and not any(tmp_path.iterdir())


def test_a_jetson_gets_its_drop_in(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").touch()
    install(tmp_path)
    units = tmp_path / "etc/systemd/system"
    assert "PrivateTmp=no" in (units / "edge-lpr.service.d/jetson.conf").read_text()
    assert (units / "edge-lpr-argus.path").is_file() and (units / "edge-lpr-argus.service").is_file()


def test_the_camera_of_a_new_site(tmp_path: Path) -> None:
    awkward = 'rtsp://u:p"\\1@host/1'
    path = tmp_path / "site.toml"
    path.write_text(new_site(awkward))
    (tmp_path / "lists").mkdir()
    assert load_site(path).camera[0].uri == awkward
    path.write_text(new_site(""))
    assert load_site(path).camera[0].uri == "/dev/video0"
    os.chdir(tmp_path)
    (tmp_path / "clip.mp4").touch()
    path.write_text(new_site("clip.mp4"))
    assert load_site(path).camera[0].uri == str(tmp_path / "clip.mp4")


def test_what_a_site_wrote_is_never_touched(tmp_path: Path) -> None:
    places = Places(tmp_path)
    install(tmp_path)
    places.site.write_text(places.site.read_text() + "# mine\n")
    (places.lists / "residents.csv").rename(places.lists / "owners.csv")
    places.command.unlink()
    places.command.write_text("something else")
    unit = tmp_path / "etc/systemd/system/edge-lpr.service"
    unit.write_text("edited")
    said = install(tmp_path, Wishes(python="/opt/other/bin/python3", camera="rtsp://x"))
    assert said == [f"write {unit}"]
    assert "# mine" in places.site.read_text() and "rtsp://x" not in places.site.read_text()
    assert places.command.read_text() == "something else" and not (places.lists / "residents.csv").exists()


def test_uninstalling_leaves_site_and_log_unless_purged(tmp_path: Path) -> None:
    places, run = Places(tmp_path), Commands(tmp_path)
    install(tmp_path)
    (places.state / "log").mkdir(parents=True)
    (places.state / "log/plates").touch()
    site = places.site.read_text()
    assert carry_out(uninstall_steps(places, run), run, False, lambda _: None) > 4
    assert places.site.read_text() == site and (places.state / "log/plates").exists()
    left = {path for path in everything(tmp_path) if not path.startswith(("etc/edge-lpr/", "var/lib/edge-lpr/"))}
    assert left == set() and not places.command.is_symlink()
    assert carry_out(uninstall_steps(places, run), run, False) == 0
    install(tmp_path)
    assert places.site.read_text() == site
    carry_out(uninstall_steps(places, run, purge=True), run, False, lambda _: None)
    assert everything(tmp_path) == {}


def test_a_site_that_this_version_cannot_read_stops_an_upgrade_before_it_begins(tmp_path: Path) -> None:
    places = Places(tmp_path)
    install(tmp_path)
    places.site.write_text(places.site.read_text() + "[future]\nkey = 1\n")
    with pytest.raises(InstallError, match=r"unknown key 'future'.*nothing was changed"):
        check_here(places, Wishes(python=PYTHON))
    check_here(places, Wishes(python=PYTHON, in_spite=True))


@pytest.mark.parametrize("python", ["/home/ann/venv/bin/python", "/root/venv/bin/python", "/tmp/venv/bin/python"])
def test_a_python_that_the_service_cannot_see_is_refused(python: str) -> None:
    with pytest.raises(InstallError, match="/opt/edge-lpr"):
        check_here(Places(), Wishes(python=python))


def test_a_release_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / ".coming-1/edge_lpr").mkdir(parents=True)
    cut_off = tmp_path / release_name()
    cut_off.mkdir()
    release = copy_release(tmp_path)
    assert release == cut_off and [path.name for path in tmp_path.iterdir()] == [release.name]
    code = ("import edge_lpr, sys; from importlib import metadata; from edge_lpr.engine_folder import engine_folder; "
            "from edge_lpr.config import example_text; example_text(); "
            "print(edge_lpr.__file__, engine_folder(), metadata.version('edge_lpr'))")
    said = subprocess.run([sys.executable, "-c", code], cwd="/", env={**os.environ, "PYTHONPATH": str(release)},
                          capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    assert said.stdout.split()[:2] == [str(release / "edge_lpr/__init__.py"), str(release / "edge_lpr/_engines")]
    assert (release / "edge_lpr/__init__.py").stat().st_mode & 0o777 == 0o644
    assert list((release / "edge_lpr/__pycache__").glob("*.pyc")), "compiled: the service may not"


def test_the_release_before_is_kept_and_older_ones_are_not(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        (tmp_path / name).mkdir()
        switch(tmp_path / "current", tmp_path / name)
    assert current_release(tmp_path / "current") == "3"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3", "current"]


def test_files_are_written_whole(tmp_path: Path) -> None:
    actions.write_new(tmp_path / "a/site.toml", "one")
    actions.write_new(tmp_path / "a/site.toml", "two")
    assert (tmp_path / "a/site.toml").read_text() == "one"
    actions.write_file(tmp_path / "a/unit", "one")
    actions.write_file(tmp_path / "a/unit", "two")
    assert (tmp_path / "a/unit").read_text() == "two" and len(list((tmp_path / "a").iterdir())) == 2


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(InstallError, match="no such option|unrecognized|invalid"):
        Commands(Path("/")).do("ls", "--no-such-option-here")
    Commands(Path("/image")).do("false")


def test_the_commands_of_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--root", str(tmp_path), "--camera", "rtsp://cam/1"]) == 0
    assert "site.toml" in capsys.readouterr().out
    assert main(["install", "--root", str(tmp_path), "--camera", "rtsp://cam/2"]) == 0
    said = capsys.readouterr().out
    assert "all of it is installed already" in said and "--camera changed nothing" in said
    assert main(["uninstall", "--root", str(tmp_path)]) == 0
    assert "stay; --purge" in capsys.readouterr().out
    assert main(["uninstall", "--root", str(tmp_path)]) == 0
    assert "nothing of it is installed" in capsys.readouterr().out


def test_no_camera_is_no_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--root", str(tmp_path), "--camera", ""]) == 1
    assert "--camera: uri: is ''; allowed: a device" in capsys.readouterr().err and not any(tmp_path.iterdir())


def test_a_python_without_the_libraries_is_told_before_anything_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_lpr.cli.install.LIBRARIES", ("numpy", "no_such_library"))
    monkeypatch.setattr("edge_lpr.cli.install.RUNTIMES", ("no_runtime", "nor_this"))
    assert main(["install", "--root", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "lacks no_such_library, no_runtime or nor_this" in said and "pip install 'edge_lpr[cpu]'" in said
    assert not any(tmp_path.iterdir())
