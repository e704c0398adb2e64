"""The detector's net, targets and losses."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the detector's training needs torch")

from edge_lpr.training.detector_metrics import find  # noqa: E402
from edge_lpr.training.detector_net import (  # noqa: E402
    STRIDE,
    DetectorNet,
    DetectorShape,
    ExportedDetector,
    LossWeights,
    Truth,
    corner_loss,
    coverage_loss,
    detector_loss,
    giou_loss,
    make_targets,
)

NAN = np.full((4, 2), np.nan, np.float32)


def truth(*boxes: tuple[float, float, float, float], corners: np.ndarray | None = None, unknown: bool = False) -> Truth:
    quads = [corners if corners is not None else NAN for _ in boxes]
    return Truth(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(quads, np.float32).reshape(-1, 4, 2),
        np.full((32, 40), unknown),
    )  # fmt: skip


def outputs_of(targets) -> tuple:
    """Grids of a net that is right about everything."""
    shape = targets.heat.shape
    coverage = torch.logit(targets.heat.clamp(1e-6, 1 - 1e-6))[:, None]
    boxes, corners = torch.zeros(shape[0], 4, *shape[1:]), torch.zeros(shape[0], 8, *shape[1:])
    n, i, j = targets.cells.T
    boxes[n, :, i, j], corners[n, :, i, j] = targets.boxes, targets.corners.nan_to_num()
    return coverage, boxes, corners


@pytest.mark.parametrize("size", [(480, 640), (256, 320), (352, 640)])
def test_outputs_have_the_grids_shape(size: tuple[int, int]) -> None:
    net = ExportedDetector(DetectorNet(DetectorShape(channels=(4, 4, 8, 8, 8), head=8))).eval()
    with torch.no_grad():
        coverage, boxes, corners = net(torch.rand(2, 3, *size))
    rows, columns = size[0] // STRIDE, size[1] // STRIDE
    assert coverage.shape == (2, 1, rows, columns)
    assert boxes.shape == (2, 4, rows, columns)
    assert corners.shape == (2, 8, rows, columns)
    assert 0 <= float(coverage.min()) <= float(coverage.max()) <= 0.2, "an untrained net claims little"
    assert float(boxes.min()) >= 0


def test_the_shipped_shape_is_small() -> None:
    net = DetectorNet().eval()
    counted = []
    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(lambda m, _, out: counted.append(out.numel() * m.weight[0].numel()))
    with torch.no_grad():
        net(torch.zeros(1, 3, 480, 640))
    assert sum(counted) <= 0.6e9
    assert sum(p.numel() for p in net.parameters()) <= 0.6e6


def test_the_net_sees_a_vehicle_around_a_plate() -> None:
    """Half of the receptive field's width is at least 100 px."""
    net = DetectorNet().eval()
    for layer in net.modules():  # a residual block starts as the identity; let it look around
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(layer.weight, 1.0)
    picture = torch.rand(1, 3, 480, 640, requires_grad=True)
    net(picture)[0][0, 0, 30, 40].backward()
    seen = np.nonzero(picture.grad[0].abs().sum((0, 1)).numpy())[0]
    assert 324 - seen.min() >= 100
    assert seen.max() - 324 >= 100


@pytest.mark.parametrize("box", [(100, 80, 180, 100), (3, 2, 40, 16), (270, 230, 318, 254), (50, 50, 66, 54),
                                 (20, 60, 300, 130)])  # fmt: skip
def test_targets_decode_to_the_box(box: tuple[float, ...]) -> None:
    x1, y1, x2, y2 = box
    quad = np.array([[x1, y1 + 1], [x2, y1], [x2, y2 - 1], [x1, y2]], np.float32)
    targets = make_targets([truth(box, corners=quad)])
    assert (targets.heat == 1).sum() == 1
    coverage, boxes, corners = (grid[0].numpy() for grid in outputs_of(targets))
    found = find((torch.sigmoid(torch.from_numpy(coverage[0])).numpy(), boxes, corners))
    assert found.scores[0] > 0.99
    np.testing.assert_allclose(found.boxes[0], box, atol=2.1 if y2 - y1 < 8 else 0.01)
    if y2 - y1 > 8:
        np.testing.assert_allclose(found.corners[0], quad, atol=0.01)


def test_a_right_net_loses_little_and_a_wrong_one_more() -> None:
    quad = np.array([[100, 80], [180, 84], [180, 104], [100, 100]], np.float32)
    targets = make_targets([truth((100, 80, 180, 104), corners=quad), truth()])
    right = outputs_of(targets)
    best, parts = detector_loss(right, targets, LossWeights(), 0.5)
    assert float(parts["box"]) == pytest.approx(0, abs=1e-4)
    assert float(parts["corner"]) == pytest.approx(0, abs=1e-5)
    for change in (lambda c, b, k: (-c, b, k), lambda c, b, k: (c, b * 2, k), lambda c, b, k: (c, b, k + 1)):
        assert float(detector_loss(change(*right), targets, LossWeights(), 0.5)[0]) > float(best) + 0.05


def test_a_batch_without_plates_trains_too() -> None:
    net = DetectorNet(DetectorShape(channels=(4, 4, 8, 8, 8), head=8))
    loss, _ = detector_loss(net(torch.rand(2, 3, 256, 320)), make_targets([truth(), truth()]), LossWeights(), 0.0)
    loss.backward()
    assert torch.isfinite(loss)


def test_confident_unlabelled_places_are_excused_only_where_they_may_be() -> None:
    logits = torch.full((1, 32, 40), -8.0)
    logits[0, 5, 5] = 3.0
    losses = [float(coverage_loss(logits, make_targets([truth(unknown=u)]), 0.35)) for u in (True, False)]
    assert losses[0] < 0.01 < losses[1]
    shown = make_targets([truth((36, 36, 52, 52), unknown=True)])
    missed = float(coverage_loss(torch.full((1, 32, 40), -8.0), shown, 0.35))
    assert missed > 5, "a labelled plate is never excused"


@pytest.mark.parametrize(("found", "loss"), [([1, 1, 1, 1], 0.0), ([2, 1, 2, 1], 0.5), ([0, 1, 2, 1], 2 / 3)])
def test_giou_of_boxes_around_one_point(found: list[float], loss: float) -> None:
    one = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    assert float(giou_loss(torch.tensor([found], dtype=torch.float32), one)) == pytest.approx(loss, abs=1e-4)


def test_unknown_corners_learn_from_the_box_alone() -> None:
    targets = make_targets([truth((100, 80, 180, 104))])
    reach = targets.boxes
    left, top, right, bottom = -reach[:, 0], -reach[:, 1], reach[:, 2], reach[:, 3]
    inside = torch.stack([left, top, right, top * 0.5, right, bottom, left * 0.9, bottom], 1)
    assert float(corner_loss(inside, targets, 0.3).max()) == pytest.approx(0.0, abs=1e-6)
    assert float(corner_loss(inside * 1.5, targets, 0.3).min()) > 0.01
