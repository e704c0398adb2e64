"""What ships can be trained further: an exported network goes back into a net that computes the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from edge_lpr.errors import NetworkError

torch = pytest.importorskip("torch", reason="training needs torch")

from edge_lpr.training.blend import blend  # noqa: E402
from edge_lpr.training.detector_net import DetectorNet, DetectorShape, ExportedDetector  # noqa: E402
from edge_lpr.training.export import Ports, export_onnx  # noqa: E402
from edge_lpr.training.reader_net import ReaderNet, ReaderNetConfig  # noqa: E402
from edge_lpr.training.warm_start import folded_weights, load_exported, load_model  # noqa: E402

SMALL = ReaderNetConfig(stem=8, channels=(8, 12, 16), hidden=24, context=(3,))
SMALL_DETECTOR = DetectorShape(channels=(4, 4, 8, 8, 8), blocks=(1, 0, 1), head=8)


def trained(net: torch.nn.Module) -> torch.nn.Module:
    """The net with weights and statistics that a training could have left."""
    torch.manual_seed(5)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.0, 0.3)
            torch.nn.init.normal_(module.running_mean, 0.0, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net.eval()


def reader_file(folder: Path) -> tuple[torch.nn.Module, Path]:
    net = trained(ReaderNet(SMALL))
    ports = Ports("image", ("log_probs",), {"image": {0: "batch"}, "log_probs": {0: "batch"}})
    export_onnx(net, (3, 48, 144), ports, folder / "lprnet.onnx")
    return net, folder / "lprnet.onnx"


def test_a_reader_goes_on_where_its_file_stands(tmp_path: Path) -> None:
    wanted, path = reader_file(tmp_path)
    pictures = torch.rand(24, 3, 48, 144)
    net = ReaderNet(SMALL)
    load_exported(net, path, pictures)
    with torch.no_grad():
        np.testing.assert_allclose(net.eval()(pictures), wanted(pictures), atol=1e-3)
        np.testing.assert_allclose(net.train()(pictures), wanted(pictures), atol=0.05)
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all(float(norm.running_var.min()) > 0 for norm in norms)


def test_a_reader_may_go_on_at_another_width(tmp_path: Path) -> None:
    _, path = reader_file(tmp_path)
    net = ReaderNet(replace(SMALL, width=96))
    load_exported(net, path, torch.rand(8, 3, 48, 96))
    assert net.eval()(torch.rand(1, 3, 48, 96)).shape == (1, 24, 37)


def test_a_detector_goes_on_where_its_file_stands(tmp_path: Path) -> None:
    wanted = trained(DetectorNet(SMALL_DETECTOR))
    ports = Ports("input_1", ("c", "b", "k"), {name: {0: "n"} for name in ("input_1", "c", "b", "k")})
    export_onnx(ExportedDetector(wanted).eval(), (3, 64, 96), ports, tmp_path / "d.onnx")
    net, pictures = DetectorNet(SMALL_DETECTOR), torch.rand(4, 3, 64, 96)
    load_exported(net, tmp_path / "d.onnx", pictures)
    with torch.no_grad():
        for one, other in zip(net.eval()(pictures), wanted(pictures), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_file_of_another_net_is_refused(tmp_path: Path) -> None:
    _, path = reader_file(tmp_path)
    other = ReaderNet(ReaderNetConfig(stem=8, channels=(8, 12, 20), hidden=24, context=(3,)))
    with pytest.raises(NetworkError, match="lprnet.onnx: its convolutions are not those"):
        load_exported(other, path, torch.rand(2, 3, 48, 144))
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(NetworkError, match="broken.onnx: not an ONNX file"):
        load_exported(ReaderNet(SMALL), tmp_path / "broken.onnx", torch.rand(2, 3, 48, 144))


def values_of(path: Path) -> list[np.ndarray]:
    return [value for pair in folded_weights(load_model(path), path) for value in pair]


def test_a_blend_is_between_its_networks(tmp_path: Path) -> None:
    """Of a net without activations in between the outputs would be, too; the weights are."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    _, one = reader_file(tmp_path / "a")
    net = trained(ReaderNet(SMALL))
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(1.1)
    export_onnx(net, (3, 48, 144), Ports("image", ("log_probs",), {"image": {0: "batch"}, "log_probs": {0: "batch"}}),
                tmp_path / "b/lprnet.onnx")
    first, second = values_of(one), values_of(tmp_path / "b/lprnet.onnx")
    blend(one, tmp_path / "b/lprnet.onnx", 0.25)
    for mixed, mine, theirs in zip(values_of(one), first, second, strict=True):
        np.testing.assert_allclose(mixed, 0.75 * mine + 0.25 * theirs, rtol=1e-5, atol=1e-6)
    session = onnxruntime.InferenceSession(str(one), providers=["CPUExecutionProvider"])
    assert session.run(None, {"image": np.zeros((2, 3, 48, 144), np.float32)})[0].shape == (2, 36, 37)


@pytest.mark.parametrize(("share", "words"), [(1.5, "must be in 0..1"), (0.5, "not of the architecture")])
def test_what_cannot_be_blended(share: float, words: str, tmp_path: Path) -> None:
    _, path = reader_file(tmp_path)
    (tmp_path / "other").mkdir()
    ports = Ports("input_1", ("c", "b", "k"), {name: {0: "n"} for name in ("input_1", "c", "b", "k")})
    other = tmp_path / "other/d.onnx"
    export_onnx(ExportedDetector(trained(DetectorNet(SMALL_DETECTOR))).eval(), (3, 64, 96), ports, other)
    with pytest.raises(NetworkError, match=words):
        blend(path, other, share)
