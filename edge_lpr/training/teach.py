"""Trains an exported network further and keeps what is best of before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edge_lpr.training.checkpoint import load_weights, read_state
from edge_lpr.training.loop import Metrics, Trainer
from edge_lpr.training.unfreeze import Unfreezing, draw_last_anew

BLENDS = (0.75, 0.5, 0.25)
"""Shares of the taught weights in a blend with those before."""
START = "start.pt"
PATIENCE = 6
"""Validations, of ten in a whole training, without a better score: fewer would end it before the rate falls, and the
falling rate is what makes it better than its start."""

Check = Callable[[nn.Module, float], Metrics]
Step = Callable[[nn.Module, Any, float], "tuple[Tensor, Metrics]"]


class Teaching:
    """One training from an exported network on, in the trainer's folder: start.pt is what it began with, best.pt what
    is to be exported."""

    def __init__(self, trainer: Trainer, method: str, check: Check) -> None:
        """`check` examines a net; its `score` picks the best state."""
        self._trainer, self._method, self._check = trainer, method, check
        self.share = 1.0
        """Of the taught weights in what is kept; the rest are those before."""

    def begin(self, file: Path, typical: Callable[[], Tensor], resume: bool) -> None:
        """Load the exported `file` (`typical` draws input pictures that the net will see), or go on from the folder."""
        trainer = self._trainer
        if resume and trainer.resume():
            return
        trainer.start_from(file, typical())
        if self._method == "last":
            draw_last_anew(trainer.net)
            trainer.averaged.load_state_dict(trainer.net.state_dict())
        trainer.save(START)
        trainer.validate(self._check)  # what is no better than the start shall not replace it
        trainer.save()

    def fit(self, step: Step, batches: Iterator[Any]) -> bool:
        """Train; whether it came to its end. The best blend of before and after is best.pt then.

        What lies between the weights of before and after often reads the new plates as well and forgets less: Wortsman
        et al., "Robust fine-tuning of zero-shot models", 2022.
        """
        freezing = Unfreezing(self._trainer.net, self._method)

        def guarded(net: nn.Module, batch: Any, progress: float) -> tuple[Tensor, Metrics]:
            freezing.apply(progress)
            return step(net, batch, progress)

        done = self._trainer.fit(guarded, batches, self._check).done
        if done and self._method != "last":
            self._blend()
        return done

    @property
    def kept(self) -> str:
        """What best.pt is, in words."""
        if self.share < 1.0:
            state = f"a blend, {self.share:.0%} of the taught weights and {1 - self.share:.0%} of those before"
        elif read_state(self._trainer.out / "best.pt").samples == 0:
            return "the network as it was: nothing was better by the held-out plates"
        else:
            state = "the taught weights"
        return f"{state}: the best by the held-out plates, which therefore flatter it a little"

    def _blend(self) -> None:
        """Examine what lies between the weights at the end of the training and those at its start."""
        trainer = self._trainer
        load_weights(trainer.net, trainer.out / "last.pt")
        taught = {name: tensor.clone() for name, tensor in trainer.net.state_dict().items()}
        load_weights(trainer.net, trainer.out / START)
        before = trainer.net.state_dict()
        for share in BLENDS:
            mixed = {
                name: torch.lerp(before[name], tensor, share) if tensor.dtype.is_floating_point else tensor
                for name, tensor in taught.items()
            }
            trainer.averaged.load_state_dict(mixed)
            best = trainer.state.best_score
            trainer.validate(self._check)
            if trainer.state.best_score > best:
                self.share = share
