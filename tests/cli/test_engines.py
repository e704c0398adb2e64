"""`edge-lpr engines` as its user sees it: on a machine without a GPU, and on the fakes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge_lpr.cli import main
from edge_lpr.networks import engine_build
from edge_lpr.networks.card import load_card
from edge_lpr.networks.cuda import Gpu
from edge_lpr.networks.engine_build import Needed
from edge_lpr.networks.engine_files import Sidecar, accept_engine, plan_path
from edge_lpr.networks.engine_key import EngineOptions, make_key

ORIN = Gpu("Orin", (8, 7), 8000, True, (12, 6))


def put_engine(folder: Path, tensorrt: str) -> Path:
    """An engine that looks as if it had been built."""
    import hashlib

    card = load_card(folder)
    key = make_key(card, (folder / card.file).read_bytes(), tensorrt, ORIN, EngineOptions())
    path = plan_path(folder, card.file, key)
    (folder / "built").write_bytes(b"plan")
    accept_engine(folder / "built", path, Sidecar(key, hashlib.sha256(b"plan").hexdigest(), 4, "2026-01-01", 1.0))
    return path


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("edge_lpr.networks.engine", "edge_lpr.networks.tensorrt"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "tensorrt", None)


@pytest.fixture
def orin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with TensorRT 10.3 and an Orin, as far as commands ask."""

    def needed(card_path: Path, options: EngineOptions) -> Needed:
        card = load_card(card_path)
        key = make_key(card, (card_path / card.file).read_bytes(), "10.3.0", ORIN, options)
        return Needed(card_path, card, key, plan_path(options.folder or card_path, card.file, key), "", ORIN)

    monkeypatch.setattr(engine_build, "needed_engine", needed)


def test_without_a_gpu_each_command_says_what_is_missing(
    no_gpu: None, red_engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--engines", str(red_engines)]
    assert main(["engines", "list", *where]) == 0
    assert "no engines; build them" in capsys.readouterr().out
    assert main(["engines", "build", *where]) == 1
    assert "python3-libnvinfer" in capsys.readouterr().err
    path = put_engine(red_engines / "lprnet", "10.3.0")
    assert main(["engines", "list", *where]) == 0
    assert f"lprnet: {path.name}: no GPU here; fp16, 144x48, batch 1-8, TensorRT 10.3.0" in capsys.readouterr().out


def test_list_and_clean_tell_the_used_from_the_stale_and_the_damaged(
    orin: None, red_engines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used, stale = (put_engine(red_engines / "lprnet", version) for version in ("10.3.0", "8.6.2"))
    damaged = put_engine(red_engines / "lpdnet", "10.3.0")
    damaged.write_bytes(b"cut")
    where = ["--engines", str(red_engines)]
    assert main(["engines", "list", *where]) == 0
    out = capsys.readouterr().out
    assert f"{used.name}: used here" in out and f"{stale.name}: stale" in out and f"{damaged.name}: damaged" in out
    assert main(["engines", "clean", *where]) == 0
    assert [path.exists() for path in (used, stale, damaged)] == [True, False, False]
    assert main(["engines", "clean", "--all", *where]) == 0 and not used.exists()


def test_a_network_that_is_not_there_is_named(red_engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "list", "--engines", str(red_engines), "--network", "xnet"]) == 1
    assert "no network 'xnet'; there are: lpdnet, lprnet" in capsys.readouterr().err
    assert main(["engines", "list", "--engines", str(red_engines / "lpdnet")]) == 1
    assert "no networks here" in capsys.readouterr().err


def test_build_goes_on_after_one_that_fails(
    orin: None, red_engines: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_lpr.errors import NetworkError

    def ensure(folder: Path, options: EngineOptions, progress: object, again: bool) -> tuple[Path, Sidecar | None]:
        progress("building in fp16", 3.0)
        progress("building in fp16", 4.0)
        if folder.name == "lpdnet":
            raise NetworkError("out of memory")
        return folder / "x.plan", None

    monkeypatch.setattr(engine_build, "ensure_engine", ensure)
    assert main(["engines", "build", "--engines", str(red_engines)]) == 1
    told = capsys.readouterr()
    assert "edge-lpr: lpdnet: out of memory" in told.err and "lprnet: x.plan is there and good" in told.out
    assert told.err.count("building in fp16") == 2, "each network's news once"


@pytest.mark.parametrize("size", ["640", "640x481", "0x0", "axb", "640x480x32"])
def test_a_size_that_cannot_be_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["engines", "build", "--size", size])
    assert "--size" in (said := capsys.readouterr().err) and "such as 736x416" in said


def test_import_says_what_is_still_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.etlt"
    file.write_bytes(b"")
    assert main(["engines", "import", str(file), "--card", "lpdnet-usa", "--into", str(tmp_path / "e")]) == 1
    assert "encrypted TAO file" in capsys.readouterr().err


def test_import_names_the_users_file_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.onnx"
    file.write_text("no network")
    assert main(["engines", "import", str(file), "--card", "lpdnet-usa", "--into", str(tmp_path / "e")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"edge-lpr: {file}: not an ONNX network") and ".import-" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.onnx"]
