"""Which layers learn, by method and progress."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from edge_lpr.errors import ConfigError  # noqa: E402
from edge_lpr.training.detector_net import DetectorNet, DetectorShape  # noqa: E402
from edge_lpr.training.reader_net import ReaderNet, ReaderNetConfig  # noqa: E402
from edge_lpr.training.unfreeze import Unfreezing, draw_last_anew, parts_of  # noqa: E402


def nets() -> list[torch.nn.Module]:
    torch.manual_seed(1)
    reader = ReaderNet(ReaderNetConfig(stem=4, channels=(4, 4, 6), hidden=8, context=(3,)))
    return [reader, DetectorNet(DetectorShape(channels=(4, 4, 4, 4, 4), blocks=(1, 0, 0), head=4))]


def learning(net: torch.nn.Module) -> set[str]:
    return {name for name, parameter in net.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("net", nets(), ids=["reader", "detector"])
def test_the_parts_are_all_of_the_net(net: torch.nn.Module) -> None:
    counted = [id(p) for part in parts_of(net) for module in part for p in module.parameters()]
    assert sorted(counted) == sorted(id(p) for p in net.parameters())


@pytest.mark.parametrize("net", nets(), ids=["reader", "detector"])
def test_stages_go_from_the_last_layer_to_all(net: torch.nn.Module) -> None:
    freezing = Unfreezing(net, "staged")
    sizes = []
    for progress in (0.0, 0.2, 0.9):
        net.train()
        freezing.apply(progress)
        sizes.append(len(learning(net)))
    assert 0 < sizes[0] < sizes[1] < sizes[2] == len(list(net.parameters()))


def test_a_step_changes_the_last_layer_alone_and_no_statistics() -> None:
    net = nets()[0]
    net.train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    Unfreezing(net, "last").apply(0.5)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    net(torch.rand(2, 3, 48, 144)).square().mean().backward()
    optimiser.step()
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"head.weight", "head.bias"}


@pytest.mark.parametrize("net", nets(), ids=["reader", "detector"])
def test_drawing_the_last_layer_anew_leaves_the_rest(net: torch.nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    draw_last_anew(net)
    changed = {name.split(".")[0] for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == ({"head"} if isinstance(net, ReaderNet) else {"coverage", "boxes", "corners"})


def test_an_unknown_method_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'some' is not one of all, last, staged"):
        Unfreezing(nets()[0], "some")
