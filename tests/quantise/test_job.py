"""A whole calibration of the shipped reader, small: made, proven, installed, and not replaced by a worse one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime runs them (extra `calibrate`)")

from edge_lpr.cli import main
from edge_lpr.errors import ConfigError, EdgeLprError, NetworkError
from edge_lpr.networks import open_network
from edge_lpr.networks.card import load_card, write_card
from edge_lpr.networks.variants import FLOAT_CARD, INT8_CARD, choose_card
from edge_lpr.quantise.calibrate import Options
from edge_lpr.quantise.frames import FrameRequest
from edge_lpr.quantise.job import Job, Outcome, Runner
from edge_lpr.quantise.nvidia_cache import read_cache

SHIPPED = Path(__file__).resolve().parents[2] / "engines"
FEW = FrameRequest(count=20)
ONE_METHOD = Options(method="minmax", bound_points=20.0, layers=False)


def float_engines(folder: Path) -> Path:
    """The shipped networks without INT8."""
    for name in ("lpdnet", "lprnet"):
        (folder / name).mkdir(parents=True)
        card = load_card(SHIPPED / name)
        shutil.copy2(SHIPPED / name / FLOAT_CARD, folder / name)
        shutil.copy2(SHIPPED / name / card.file, folder / name)
    return folder


def job(engines: Path, **changes: Any) -> Job:
    return replace(Job("reader", engines, FEW, ONE_METHOD, proof_count=30), **changes)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """An engines folder whose reader was calibrated."""
    engines = float_engines(tmp_path_factory.mktemp("engines"))
    scales = engines / "reader.cache"
    asked = job(engines, write_scales=scales, options=replace(ONE_METHOD, layers=True))
    return engines, Runner(asked, lambda text: None).run()


@pytest.fixture
def engines(done: tuple[Path, Outcome], tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(done[0], tmp_path / "engines"))


def test_the_pair_stands_beside_the_float_network(done: tuple[Path, Outcome]) -> None:
    folder = done[0] / "lprnet"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["calibration.json", INT8_CARD, FLOAT_CARD, "lprnet.int8.onnx", "lprnet.onnx"]
    card = load_card(folder / INT8_CARD)
    about = card.quantisation
    assert about["float_sha256"] == load_card(folder).sha256 and about["method"] == "minmax"
    assert about["integer_share"] > 0.99 and about["within_bound"] and not about["forced"]
    assert about["bytes"] == (folder / card.file).stat().st_size < 0.3 * (folder / "lprnet.onnx").stat().st_size
    assert any("no photographs" in note for note in about["notes"])
    report = json.loads((folder / "calibration.json").read_text())
    assert report["quantisation"] == about and report["layers"] and report["tries"]


def test_int8_reads_what_float_reads(done: tuple[Path, Outcome]) -> None:
    batch = np.random.default_rng(1).random((2, 3, 48, 144), np.float32)
    one, other = (np.exp(open_network(done[0] / "lprnet", precision=precision).run(batch)["log_probs"])
                  for precision in ("float32", "int8"))
    assert 0 < np.abs(one - other).mean() < 0.02


def test_the_cache_holds_the_scales(done: tuple[Path, Outcome]) -> None:
    engines, outcome = done
    cache = read_cache(engines / "reader.cache")
    assert cache.scales == pytest.approx(outcome.result.scales, rel=1e-6)
    assert cache.scales["image"] == pytest.approx(1 / 127, rel=0.05)


def test_a_cache_sets_the_ranges(engines: Path) -> None:
    cache = engines / "own.cache"
    cache.write_text("TRT-8601-EntropyCalibration2\nimage: 3d000000\n")
    outcome = Runner(job(engines, scales_from=cache, replace=True), lambda text: None).run()
    assert outcome.result.scales["image"] == pytest.approx(0.03125)
    assert any("1 of " in note and "own.cache" in note for note in outcome.notes)
    cache.write_text("TRT-8601-EntropyCalibration2\nelse: 3d000000\n")
    with pytest.raises(ConfigError, match="names none of the network's tensors"):
        Runner(job(engines, scales_from=cache), lambda text: None).run()


def blind(engines: Path) -> Path:
    """A cache whose scale for the picture is so coarse that nothing is left of it."""
    cache = engines / "blind.cache"
    cache.write_text("TRT-8601-X\nimage: 40000000\n")
    return cache


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No layer may stay in float."""
    monkeypatch.setattr("edge_lpr.quantise.calibrate.MOST_KEPT_SHARE", 0.0)


def test_the_layer_that_costs_stays_in_float(engines: Path) -> None:
    options = replace(ONE_METHOD, bound_points=7.0)
    asked = job(engines, options=options, scales_from=blind(engines), replace=True)
    outcome = Runner(asked, lambda text: None).run()
    about = outcome.card.quantisation
    assert about["kept_float"] == list(outcome.result.kept_float) and "body.0" in about["kept_float"][0]
    assert about["within_bound"] and about["integer_share"] < 0.995
    assert [one.kept_float for one in outcome.result.tries][-1] == len(about["kept_float"]) >= 1


@pytest.mark.usefixtures("no_way_out")
def test_the_gate_closes_on_a_loss_above_the_bound(engines: Path) -> None:
    before = (engines / "lprnet" / INT8_CARD).read_bytes()
    options = replace(ONE_METHOD, bound_points=0.5)
    asked = job(engines, options=options, scales_from=blind(engines))
    with pytest.raises(NetworkError, match=r"loses .* points on the proof, more than the bound of 0.5.*--force"):
        Runner(asked, lambda text: None).run()
    assert (engines / "lprnet" / INT8_CARD).read_bytes() == before, "nothing was installed"
    outcome = Runner(replace(asked, force=True, replace=True), lambda text: None).run()
    assert outcome.card.quantisation["forced"] and not outcome.card.quantisation["within_bound"]
    assert choose_card(engines / "lprnet", "auto").name == FLOAT_CARD
    assert choose_card(engines / "lprnet", "int8").name == INT8_CARD


@pytest.mark.usefixtures("no_way_out")
def test_a_better_pair_is_not_replaced_silently(engines: Path) -> None:
    path = engines / "lprnet" / INT8_CARD
    before = path.read_bytes()
    asked = job(engines, options=replace(ONE_METHOD, bound_points=100.0), scales_from=blind(engines))
    with pytest.raises(NetworkError, match="kept what is there; --replace"):
        Runner(asked, lambda text: None).run()
    assert path.read_bytes() == before
    card = load_card(path)
    write_card(replace(card, quantisation={**card.quantisation, "float_sha256": "0" * 64}), path)
    Runner(asked, lambda text: None).run()
    assert load_card(path).quantisation["float_sha256"] == card.quantisation["float_sha256"], "no rival any more"


def test_an_unknown_layer_or_method_is_told(engines: Path) -> None:
    with pytest.raises(NetworkError, match="no layer 'nonsense'; there are: .*head"):
        Runner(job(engines, options=replace(ONE_METHOD, keep_float=("nonsense",))), lambda text: None).run()
    with pytest.raises(NetworkError, match="no calibration method 'best'; there are: minmax"):
        Runner(job(engines, options=replace(ONE_METHOD, method="best")), lambda text: None).run()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"photographs": Path("nosuch.csv")}, "nosuch.csv: cannot be read"),
        ({"frames": FrameRequest("pictures", str(Path(__file__).parent))}, "no pictures there"),
        ({"scales_from": Path(__file__)}, "a calibration cache begins like"),
        ({"options": replace(ONE_METHOD, keep_float=("nonsense",))}, "no layer 'nonsense'"),
        ({"options": replace(ONE_METHOD, method="best")}, "no calibration method 'best'"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_drawn(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(EdgeLprError, match=said):
        Runner(job(float_engines(tmp_path), **changes), told.append).run()
    assert told == []


def test_the_command_line_checks_and_tells(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(engines / "lprnet" / "lprnet.int8.onnx")
    assert main(["calibrate", "check", file]) == 0
    assert "TensorRT 8.6 takes it" in capsys.readouterr().out
    assert main(["calibrate", "check", file, "--as-is"]) == 1
    assert "DequantizeLinear" in capsys.readouterr().out
    assert main(["calibrate", "check", file, "--as-is", "--tensorrt", "10"]) == 0
    capsys.readouterr()
    assert main(["calibrate", "check", str(engines / "lprnet" / FLOAT_CARD)]) == 1
    assert "card.json: not an ONNX file" in capsys.readouterr().err
    assert main(["calibrate", "reader", "--from-camera", "5"]) == 1
    assert "--camera URI go together" in capsys.readouterr().err
    assert main(["calibrate", "reader", "--log", str(engines / "absent")]) == 1
    assert "--log: " in capsys.readouterr().err


def test_the_detector_waits_for_the_reader(engines: Path, tmp_path: Path) -> None:
    (engines / "lprnet" / INT8_CARD).unlink()
    labels = tmp_path / "labels.csv"
    (tmp_path / "neg_x_1.png").touch()
    labels.write_text("image,x,y,w,h,text,region,source,license,use\nneg_x_1.png,,,,,,,,,eval\n")
    asked = Job("detector", engines, FEW, ONE_METHOD, labels, proof_count=4)
    with pytest.raises(ConfigError, match="calibrate the reader first|no picture with use=train"):
        Runner(asked, lambda text: None).run()
