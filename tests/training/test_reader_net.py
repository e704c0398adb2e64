"""The reader's net, loss, feed, training and export, on drawn stand-ins."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from edge_lpr.errors import EdgeLprError
from edge_lpr.training.reader_data import stack
from edge_lpr.training.reader_sources import RealPlate
from tests.training.letter_cases import draw, make_source

torch = pytest.importorskip("torch", reason="training needs torch")

from edge_lpr.networks.card import ALPHABET_36, load_card  # noqa: E402
from edge_lpr.training.loop import LoopConfig, Trainer  # noqa: E402
from edge_lpr.training.reader_loss import (  # noqa: E402
    IGNORED,
    ReaderLossConfig,
    framewise_targets,
    framewise_weight,
    reader_loss,
)
from edge_lpr.training.reader_net import BLANK, ReaderNet, ReaderNetConfig, multiply_adds  # noqa: E402
from edge_lpr.training.train_reader import (  # noqa: E402
    Batches,
    ReaderDataConfig,
    ReaderTraining,
    Validation,
    compare,
    to_tensors,
)

SMALL = ReaderNetConfig(stem=8, channels=(8, 12, 16), hidden=24, context=(3,))


@pytest.mark.parametrize("width", [96, 144])
def test_the_shipped_size_keeps_its_contract(width: int) -> None:
    net = ReaderNet(ReaderNetConfig(width=width)).eval()
    with torch.no_grad():
        log_probs = net(torch.rand(2, 3, 48, width))
    assert log_probs.shape == (2, width // 4, 37) and log_probs.dtype == torch.float32
    assert torch.allclose(log_probs.exp().sum(2), torch.ones(2, width // 4), atol=1e-5)
    assert sum(p.numel() for p in net.parameters()) <= 2_000_000
    assert multiply_adds(net, (3, 48, width)) <= 120_000_000


def test_multiply_adds_of_a_known_convolution() -> None:
    assert multiply_adds(torch.nn.Conv2d(3, 5, 3, padding=1), (3, 4, 6)) == 4 * 6 * 5 * 3 * 9


def test_framewise_targets_name_the_character_at_its_centre() -> None:
    classes, lengths = np.array([[10, 11, 0], [3, 3, 0], [0, 0, 0], [5, 0, 0]]), np.array([2, 2, 0, 1])
    centres = np.array([[0.25, 0.75, np.nan], [0.5, 0.6, np.nan], [np.nan] * 3, [np.nan] * 3], np.float32)
    targets = framewise_targets(classes, lengths, centres, 12)
    b, i = BLANK, IGNORED
    assert targets[0].tolist() == [b, b, i, 10, i, b, b, b, i, 11, i, b]
    assert targets[1].tolist() == [b, b, b, b, b, i, 3, 3, i, b, b, b]  # too close for a step that is left open
    assert targets[2].tolist() == [b] * 12
    assert targets[3].tolist() == [i] * 12


def test_framewise_weight_starts_at_one_and_ends() -> None:
    config = ReaderLossConfig(framewise_until=0.4)
    assert [framewise_weight(p, config) for p in (0.0, 0.2, 0.4, 1.0)] == pytest.approx([1.0, 0.5, 0.0, 0.0])


def test_loss_is_least_for_the_truth() -> None:
    batch = stack([draw(default_rng(1))])
    targets = torch.from_numpy(framewise_targets(batch.classes, batch.lengths, batch.centres, 36))
    path = torch.where(targets < 0, torch.tensor(BLANK), targets)
    right = torch.log_softmax(12.0 * torch.nn.functional.one_hot(path, 37).float(), dim=2)
    classes, lengths = torch.from_numpy(batch.classes), torch.from_numpy(batch.lengths)
    for weight in (0.0, 1.0):
        good, _ = reader_loss(right, classes, lengths, targets, weight, 0.0)
        bad, parts = reader_loss(right.roll(1, dims=2), classes, lengths, targets, weight, 0.0)
        assert float(good) < 0.05 < float(bad)
        assert ("framewise" in parts) == (weight > 0)


def test_compare_folds_letters_that_look_like_digits() -> None:
    assert compare(["AO1", "B22"], ["A01", "B2"]) == {"exact": 0.0, "folded": 0.5, "characters": pytest.approx(5 / 6)}


def test_a_short_training_learns_and_exports(tmp_path: Path) -> None:
    loop = LoopConfig(samples=1200, batch=24, precision="fp32", learning_rate=5e-3, average=0.9, device="cpu")
    data = ReaderDataConfig(workers=0, fresh=0.5, pool=96, validation=8)
    config = ReaderTraining(net=SMALL, loop=loop, data=data, loss=ReaderLossConfig(framewise_until=0.9))
    torch.manual_seed(0)
    trainer = Trainer(ReaderNet(SMALL), loop, tmp_path, asdict(config))
    batches = Batches(config, trainer, [], make_source)
    losses: list[float] = []

    def step(net, batch, progress):  # type: ignore[no-untyped-def]
        pixels, classes, lengths, targets = batch
        loss, parts = reader_loss(net(pixels), classes, lengths, targets, framewise_weight(progress, config.loss), 0.0)
        losses.append(float(parts["ctc"]))
        return loss, parts

    trainer.fit(step, batches, Validation(draw, config, []))
    assert sum(losses[-5:]) < 0.35 * sum(losses[:5])
    export = pytest.importorskip("edge_lpr.training.export", reason="export needs onnx and onnxruntime")
    out = tmp_path / "lprnet"
    export.export_reader(tmp_path / "last.pt", out, {"temperature": 1.5}, {"exact": 0.5})
    card = load_card(out)
    assert card.sha256 and card.parameters == {"temperature": 1.5} and card.alphabet == ALPHABET_36
    assert card.metrics["exact"] == 0.5 and card.training["samples"] == 1200


def test_export_refuses_a_graph_that_computes_something_else(tmp_path: Path) -> None:
    export = pytest.importorskip("edge_lpr.training.export", reason="export needs onnx and onnxruntime")
    ports = export.Ports("image", ("log_probs",), {"image": {0: "batch"}, "log_probs": {0: "batch"}})
    net = ReaderNet(SMALL).eval()
    export.export_onnx(net, (3, 48, 144), ports, tmp_path / "r.onnx")
    torch.nn.init.normal_(net.head.weight)
    with pytest.raises(EdgeLprError, match="differs"):
        export.verify(net, tmp_path / "r.onnx", (3, 48, 144), ports)


def test_no_centres_no_framewise_loss() -> None:
    sample = draw(default_rng(1))
    batch = stack([replace(sample, centres=np.zeros(0, np.float32))])  # type: ignore[type-var]
    pixels, _, lengths, targets = to_tensors(batch, 36, torch.device("cpu"))
    assert pixels.shape == (1, 3, 48, 144) and int(lengths[0]) == 4
    assert bool((targets == IGNORED).all())


def test_favoured_photographs(tmp_path: Path) -> None:
    """So many of the photographs' crops are of the favoured regions and their states, the others of any."""
    patch = np.full((60, 200, 3), 200, np.uint8)
    plates = [RealPlate(patch, (20.0, 10.0, 160.0, 40.0), text, region, "scene_x")
              for text, region in [("AB", "DE")] * 30 + [("U", "US-CA"), ("U", "US")]]
    data = ReaderDataConfig(workers=0, fresh=0.5, pool=96, validation=8, real_from=0.0, real_share=0.5,
                            real_favoured=("US",), real_favoured_share=0.75)
    config = ReaderTraining(net=SMALL, loop=LoopConfig(samples=64, batch=64, device="cpu"), data=data)
    trainer = Trainer(ReaderNet(SMALL), config.loop, tmp_path, asdict(config))
    batches = Batches(config, trainer, plates, make_source, np.ones(len(plates), np.int64))
    lengths = [int(length) for length in next(batches)[2]]
    assert 24 <= lengths[-32:].count(1) <= 27
