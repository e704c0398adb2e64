"""The shared loop: schedule, budgets, checkpoints that resume, stopping on a signal."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_lpr.errors import ConfigError, NetworkError
from edge_lpr.settings_file import from_table, load_settings
from edge_lpr.training.schedule import LoopConfig, TrainingState, clock, rate_at

torch = pytest.importorskip("torch", reason="training needs torch")

from edge_lpr.training.loop import Trainer, load_weights, prepare, read_config, read_state  # noqa: E402

CONFIG = LoopConfig(samples=80, batch=4, precision="fp32", learning_rate=0.05, report_every_s=1e-9, device="cpu")


def make_net() -> torch.nn.Module:
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Conv2d(2, 1, 1))


def numbered(first: int) -> Iterator[torch.Tensor]:
    """Batch n depends on n alone, as a feed seeded with the samples so far gives it."""
    for number in itertools.count(first):
        yield torch.rand(4, 1, 5, 5, generator=torch.Generator().manual_seed(number))


def step(net: torch.nn.Module, batch: torch.Tensor, progress: float) -> tuple[torch.Tensor, dict[str, float]]:
    loss = (net(batch) - 1.0).square().mean()
    return loss, {"seen": progress}


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([tensor.flatten().float() for tensor in trainer.averaged.state_dict().values()])


def test_rate_rises_and_falls() -> None:
    config = LoopConfig(samples=1, warmup=0.1, final_rate=0.01)
    assert rate_at(0.0, config) == pytest.approx(0.04)
    assert rate_at(0.1, config) == pytest.approx(1.0)
    assert rate_at(0.55, config) == pytest.approx(0.505)
    assert rate_at(1.0, config) == pytest.approx(0.01)


def test_training_learns_and_leaves_a_log(tmp_path: Path) -> None:
    prepare(CONFIG)
    trainer = Trainer(make_net(), CONFIG, tmp_path, {"name": "x"})
    state = trainer.fit(step, numbered(0), lambda net, progress: {"score": 0.5, "training": net.training})
    assert state.done and state.samples == 80 and state.steps == 20
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["kind"] == "train"]
    assert losses[-1] < 0.5 * losses[0]
    assert lines[-1]["kind"] == "validate" and lines[-1]["training"] is False
    assert read_config(tmp_path / "best.pt") == {"name": "x"}
    assert read_state(tmp_path / "last.pt").best_score == 0.5


def test_a_resumed_run_ends_as_one_that_was_not_stopped(tmp_path: Path) -> None:
    whole = Trainer(make_net(), CONFIG, tmp_path / "whole", {})
    whole.fit(step, numbered(0))

    broken = Trainer(make_net(), CONFIG, tmp_path / "broken", {})

    def stop_at_seven(net: torch.nn.Module, batch: torch.Tensor, progress: float):  # type: ignore[no-untyped-def]
        broken.stop_asked = broken.state.steps == 6
        return step(net, batch, progress)

    assert not broken.fit(stop_at_seven, numbered(0)).done
    resumed = Trainer(make_net(), CONFIG, tmp_path / "broken", {})
    assert resumed.resume() and resumed.state.steps == 7
    assert resumed.fit(step, numbered(7)).done
    assert torch.equal(weights(whole), weights(resumed))
    assert not torch.equal(weights(whole), weights(broken))


def test_minutes_count_over_resumed_runs(tmp_path: Path) -> None:
    config = replace(CONFIG, samples=0, minutes=1.0)
    trainer = Trainer(make_net(), config, tmp_path, {})
    trainer.state = TrainingState(samples=40, steps=10, elapsed_s=59.97)
    assert trainer.progress == pytest.approx(59.97 / 60)
    assert trainer.fit(step, numbered(10)).done
    assert 60.0 <= trainer.state.elapsed_s < 62.0


def test_best_checkpoint_is_the_highest_score(tmp_path: Path) -> None:
    config = replace(CONFIG, samples=8, validate_every_min=0.0)
    scores = iter([0.2, 0.9, 0.4])
    trainer = Trainer(make_net(), config, tmp_path, {})
    trainer.fit(step, numbered(0), lambda net, progress: {"score": next(scores)})
    assert read_state(tmp_path / "best.pt").steps == 2
    assert read_state(tmp_path / "best.pt").best_score == 0.9


def test_patience_ends_a_training_that_gets_no_better(tmp_path: Path) -> None:
    config = replace(CONFIG, samples=4000, validate_every_samples=8, patience=3)
    scores = iter([0.1, 0.5, 0.5, 0.7, 0.6, 0.7, 0.2, 0.9])
    trainer = Trainer(make_net(), config, tmp_path, {})
    state = trainer.fit(step, numbered(0), lambda net, progress: {"score": next(scores)})
    assert state.done and state.samples == 7 * 8
    assert read_state(tmp_path / "best.pt").samples == 6 * 8, "the last of those that are equally good is kept"
    assert next(scores) == 0.9


def test_a_bad_step_changes_nothing_and_many_end_the_training(tmp_path: Path) -> None:
    trainer = Trainer(make_net(), replace(CONFIG, samples=4), tmp_path, {})
    before = [parameter.detach().clone() for parameter in trainer.net.parameters()]

    def broken(net: torch.nn.Module, batch: torch.Tensor, progress: float):  # type: ignore[no-untyped-def]
        return net(batch).mean() * math.nan, {}

    trainer.fit(broken, numbered(0))
    assert all(torch.equal(one, other) for one, other in zip(before, trainer.net.parameters(), strict=True))
    with pytest.raises(NetworkError, match="not finite"):
        Trainer(make_net(), replace(CONFIG, samples=10_000), tmp_path, {}).fit(broken, numbered(0))


def test_sigterm_saves_and_returns(tmp_path: Path) -> None:
    trainer = Trainer(make_net(), replace(CONFIG, samples=10_000), tmp_path, {})
    handler = signal.getsignal(signal.SIGTERM)

    def kill_at_three(net: torch.nn.Module, batch: torch.Tensor, progress: float):  # type: ignore[no-untyped-def]
        if trainer.state.steps == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(net, batch, progress)

    assert not trainer.fit(kill_at_three, numbered(0)).done
    assert read_state(tmp_path / "last.pt").steps == 3
    assert signal.getsignal(signal.SIGTERM) is handler


def test_fine_tuning_starts_from_the_averaged_weights(tmp_path: Path) -> None:
    first = Trainer(make_net(), CONFIG, tmp_path / "a", {})
    first.fit(step, numbered(0))
    second = Trainer(make_net(), CONFIG, tmp_path / "b", {})
    second.start_from(tmp_path / "a" / "last.pt")
    assert torch.equal(weights(first), weights(second)) and second.state.steps == 0
    with pytest.raises(NetworkError, match="not a checkpoint"):
        load_weights(torch.nn.Conv2d(9, 9, 1), tmp_path / "a" / "last.pt")


def test_what_is_no_checkpoint_is_told_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    for content in (b"image,x,y", b"", b"\x80\x02}q\x00."):
        path.write_bytes(content)
        for read in (read_config, read_state, lambda path: load_weights(make_net(), path)):
            with pytest.raises(NetworkError, match="last.pt: not a checkpoint of edge-lpr train") as error:
                read(path)
            assert "\n" not in str(error.value)
        with pytest.raises(NetworkError, match="not a checkpoint"):
            Trainer(make_net(), CONFIG, tmp_path, {}).resume()


def test_a_budget_is_needed() -> None:
    with pytest.raises(ConfigError, match="minutes and samples"):
        prepare(LoopConfig())


@pytest.mark.parametrize(
    ("text", "message"),
    [("batchsize = 3", "unknown key 'batchsize'"), ("batch = 'x'", "batch: must be a whole number"),
     ("batch = ", "Invalid value"), ("batch = true", "must be a whole number")],
)
def test_wrong_settings_name_the_file_and_the_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        load_settings(LoopConfig, tmp_path / "c.toml")
    assert "c.toml" in str(error.value)


def test_settings_survive_the_checkpoint() -> None:
    table = {"minutes": 3, "batch": 8}
    assert from_table(LoopConfig, table, "x") == LoopConfig(minutes=3.0, batch=8)


def test_clock() -> None:
    assert (clock(90), clock(3723)) == ("1.5 min", "1:02:03")


def test_the_package_does_not_import_torch() -> None:
    modules = "sys, edge_lpr.training.reader_data, edge_lpr.training.reader_sources, edge_lpr.cli.train"
    code = f"import {modules}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout.strip() == "False"
