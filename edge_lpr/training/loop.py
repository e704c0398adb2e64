"""The training loop that both networks share: schedule, averaging, checkpoints, resuming, progress.

Usage (a trainer owns net, optimiser and averaged net; the caller owns data and loss):

    config = load_settings(DetectorTraining, path)          # a dataclass with a field `loop: LoopConfig`
    prepare(config.loop)                                     # threads, seeds: before the net is made
    trainer = Trainer(DetectorNet(config.net), config.loop, out, dataclasses.asdict(config))
    if resume:
        trainer.resume()                                     # from out/last.pt; nothing happens when there is none

    def step(net, batch, progress):                          # progress 0..1 of the whole training
        images, truth = batch                                # anything that `batches` yields
        outputs = net(images)                                # inside autocast; compute losses on `.float()` outputs
        loss = ...
        return loss, {"coverage": loss_1, "box": loss_2}     # scalar tensors or floats, shown and logged as means

    def validate(net, progress):                             # net: the averaged one in eval mode, no gradients
        return {"recall": 0.97, "score": 0.97}               # plain floats; out/best.pt has the highest "score"

    trainer.fit(step, batches, validate)                     # batches: endless iterator, `loop.batch` samples each
    net = trainer.averaged                                   # or load_weights(net, out / "best.pt")

`trainer.state.samples` says how many samples were used so far: seed the feed with it, so that a resumed run does not
see the same samples again. A training ends at `minutes` of training time or at `samples`, whichever comes first, or
after `patience` validations without a better score. All of these count over all resumed runs together, and so does the
learning rate's schedule. SIGTERM and SIGINT finish the step, save and return from `fit` (with `trainer.state.done`
False); a second SIGINT breaks off.

Files in `out`: last.pt, best.pt (config, weights, averaged weights, optimiser, RNG states), metrics.jsonl.
"""

from __future__ import annotations

import copy
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge_lpr.errors import ConfigError, NetworkError
from edge_lpr.training.checkpoint import load_checkpoint, load_weights, read_config, read_state
from edge_lpr.training.schedule import LoopConfig, Meter, TrainingState, clock, rate_at
from edge_lpr.training.warm_start import load_exported

__all__ = [
    "LoopConfig",
    "Trainer",
    "TrainingState",
    "load_weights",
    "pick_device",
    "prepare",
    "read_config",
    "read_state",
]

Metrics = dict[str, Any]
Step = Callable[[nn.Module, Any, float], "tuple[torch.Tensor, Metrics]"]
Validate = Callable[[nn.Module, float], Metrics]

NON_FINITE_LIMIT = 50
"""So many steps in a row with a non-finite loss end a training: it has diverged, skipping more would hide it."""


def prepare(config: LoopConfig) -> None:
    """Set thread counts and seeds of torch. Call it before the net is made."""
    if config.minutes <= 0 and config.samples <= 0:
        raise ConfigError("loop: one of minutes and samples must be above 0")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    np.random.seed(config.seed % 2**32)


def pick_device(name: str) -> torch.device:
    """The device of a config's `device`."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class Trainer:
    """Trains one net. See the module's text for how it is used."""

    def __init__(self, net: nn.Module, config: LoopConfig, out: Path, record: dict[str, Any]) -> None:
        """`record` is the whole config as plain values; checkpoints carry it."""
        self.config, self.out, self.record = config, out, record
        self.device = pick_device(config.device)
        self.net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optimiser = _optimiser(self.net, config)
        self.state = TrainingState()
        self.stop_asked = False
        self._meter = Meter()
        out.mkdir(parents=True, exist_ok=True)

    # -- checkpoints -------------------------------------------------------------------------------------------
    def save(self, name: str = "last.pt") -> Path:
        """Write a checkpoint whole or not at all."""
        path = self.out / name
        torch.save(
            {
                "config": self.record,
                "state": asdict(self.state),
                "net": self.net.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "rng": torch.get_rng_state(),
            },
            path.with_suffix(".tmp"),
        )
        os.replace(path.with_suffix(".tmp"), path)
        return path

    def resume(self, name: str = "last.pt") -> bool:
        """Go on from `out/last.pt`; False when there is none."""
        path = self.out / name
        if not path.exists():
            return False
        saved = load_checkpoint(path)
        self.net.load_state_dict(saved["net"])
        self.averaged.load_state_dict(saved["averaged"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.state = replace(TrainingState(**saved["state"]), done=False)
        torch.set_rng_state(saved["rng"])
        return True

    def start_from(self, path: Path, pictures: torch.Tensor | None = None) -> None:
        """Take the averaged weights of another training, or those of an exported network (.onnx, for which typical
        input `pictures` are needed), as the start of this one (fine-tuning)."""
        if path.suffix == ".onnx" and pictures is not None:
            load_exported(self.net, path, pictures.to(self.device))
        else:
            load_weights(self.net, path)
        self.averaged.load_state_dict(self.net.state_dict())

    # -- the loop ----------------------------------------------------------------------------------------------
    @property
    def progress(self) -> float:
        """Share of the training that is done, 0..1."""
        by_time = self.state.elapsed_s / (60.0 * self.config.minutes) if self.config.minutes > 0 else 0.0
        by_samples = self.state.samples / self.config.samples if self.config.samples > 0 else 0.0
        return min(1.0, max(by_time, by_samples))

    @property
    def stale(self) -> bool:
        """Whether `patience` validations in a row brought nothing better."""
        return 0 < self.config.patience <= self.state.stale

    def _is_validation_due(self, last: TrainingState) -> bool:
        every = self.config.validate_every_samples
        by_samples = every > 0 and self.state.samples - last.samples >= every
        return by_samples or self.state.elapsed_s - last.elapsed_s >= 60 * self.config.validate_every_min

    def fit(self, step: Step, batches: Iterator[Any], validate: Validate | None = None) -> TrainingState:
        """Train to the end of the budget or until asked to stop; saves, and validates at the end."""
        bad = 0
        saved_s = self.state.elapsed_s
        validated = self.state
        began_s = time.monotonic() - self.state.elapsed_s
        with self._stoppable():
            while self.progress < 1.0 and not self.stop_asked and not self.stale:
                loss, metrics = self._train_step(step, next(batches))
                bad = 0 if math.isfinite(loss) else bad + 1
                if bad >= NON_FINITE_LIMIT:
                    raise NetworkError(f"the loss was not finite for {bad} steps: lower learning_rate")
                self._count(time.monotonic() - began_s)
                self._meter.add(metrics)
                if self._meter.age_s >= self.config.report_every_s:
                    self._report()
                if validate and self._is_validation_due(validated):
                    self.validate(validate)
                    validated = self.state
                if self.state.elapsed_s - saved_s >= 60 * self.config.save_every_min:
                    self.save()
                    saved_s = self.state.elapsed_s
            if self._meter.steps:
                self._report()
            if not self.stop_asked:
                self.state = replace(self.state, done=True)
                if validate and validated.samples != self.state.samples:
                    self.validate(validate)
            self.save()
        return self.state

    def _train_step(self, step: Step, batch: Any) -> tuple[float, Metrics]:
        rate = self.config.learning_rate * rate_at(self.progress, self.config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.net.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            loss, metrics = step(self.net, batch, self.progress)
        self.optimiser.zero_grad(set_to_none=True)
        value = float(loss.detach())
        if math.isfinite(value):
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip_norm)
            if bool(torch.isfinite(norm)):
                self.optimiser.step()
                self._average()
        numbers = {key: float(item) for key, item in metrics.items()}
        return value, {"loss": value, **numbers}

    @torch.no_grad()
    def _average(self) -> None:
        # A young average follows quickly, so that the first validations mean something.
        decay = min(self.config.average, (1.0 + self.state.steps) / (10.0 + self.state.steps))
        ours, new = self.averaged.state_dict(), self.net.state_dict()
        floats = [key for key, tensor in new.items() if tensor.dtype.is_floating_point]
        torch._foreach_lerp_([ours[k] for k in floats], [new[k] for k in floats], 1.0 - decay)
        for key in new.keys() - set(floats):
            ours[key].copy_(new[key])

    def _count(self, elapsed_s: float) -> None:
        samples, steps = self.state.samples + self.config.batch, self.state.steps + 1
        self.state = replace(self.state, samples=samples, steps=steps, elapsed_s=elapsed_s)

    # -- reports -----------------------------------------------------------------------------------------------
    def _report(self) -> None:
        means, rate = self._meter.means(), self._meter.steps * self.config.batch / max(self._meter.age_s, 1e-9)
        self._meter = Meter()
        lr = self.optimiser.param_groups[0]["lr"]
        self._log({"kind": "train", "lr": lr, "samples_per_s": round(rate, 1), **means})
        left_s = self.state.elapsed_s * (1.0 - self.progress) / max(self.progress, 1e-6)
        shown = " ".join(f"{key} {value:.4g}" for key, value in means.items())
        print(
            f"{100 * self.progress:5.1f}%  {self.state.samples} samples  {rate:.0f}/s  lr {lr:.2g}  {shown}"
            f"  {clock(self.state.elapsed_s)} gone, {clock(left_s)} left",
            file=sys.stderr,
            flush=True,
        )

    def validate(self, validate: Validate) -> None:
        """Ask how good the averaged net is now; best.pt has the best so far."""
        with torch.no_grad():
            metrics = validate(self.averaged, self.progress)
        score = float(metrics.get("score", self.state.samples))
        stale = self.state.stale + 1 if score <= self.state.best_score else 0
        if score >= self.state.best_score:
            self.state = replace(self.state, best_score=score, stale=stale)
            self.save("best.pt")
        self.state = replace(self.state, stale=stale)
        self._log({"kind": "validate", **metrics})
        shown = " ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in metrics.items())
        print(f"        validation: {shown}", file=sys.stderr, flush=True)

    def _log(self, values: Metrics) -> None:
        where = {"samples": self.state.samples, "elapsed_s": round(self.state.elapsed_s, 1), "progress": self.progress}
        with (self.out / "metrics.jsonl").open("a") as log:
            log.write(json.dumps({**where, **values}) + "\n")

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        def ask(number: int, _frame: Any) -> None:
            if self.stop_asked and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.stop_asked = True

        try:
            before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:  # not the main thread: whoever runs it stops it through `stop_asked`
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _optimiser(net: nn.Module, config: LoopConfig) -> torch.optim.Optimizer:
    """Weight decay on convolutions alone, not on biases and normalisation."""
    heavy = [p for p in net.parameters() if p.ndim > 1]
    light = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": heavy, "weight_decay": config.weight_decay}, {"params": light, "weight_decay": 0.0}]
    if config.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9, nesterov=True)
    raise ConfigError(f"loop.optimiser: {config.optimiser!r} is not one of adamw, sgd")
