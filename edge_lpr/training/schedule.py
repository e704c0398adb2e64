"""How long and how fast to train: the loop's config, its learning rate and its progress figures. No torch here."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LoopConfig:
    """How long and how to train. At least one of `minutes` and `samples` is not 0."""

    minutes: float = 0.0
    samples: int = 0
    batch: int = 64
    seed: int = 1
    threads: int = 1
    device: str = "auto"
    """auto (CUDA when present) | cpu | cuda"""
    precision: str = "bf16"
    """bf16 (autocast) | fp32"""
    optimiser: str = "adamw"
    """adamw | sgd (with Nesterov momentum 0.9)"""
    learning_rate: float = 2e-3
    """The highest one, reached at the end of the warm-up."""
    warmup: float = 0.05
    """Share of the training over which the rate rises from 1/25 to 1; then it falls as a cosine."""
    final_rate: float = 0.002
    """Rate at the end as a share of `learning_rate`."""
    weight_decay: float = 0.02
    clip_norm: float = 5.0
    average: float = 0.999
    """Decay of the averaged weights a step."""
    report_every_s: float = 20.0
    save_every_min: float = 3.0
    validate_every_min: float = 8.0
    validate_every_samples: int = 0
    """0: by the minutes alone."""
    patience: int = 0
    """So many validations in a row without a better score end the training; 0: the budget alone does."""


@dataclass(frozen=True)
class TrainingState:
    """How far a training is, over all its resumed runs."""

    samples: int = 0
    steps: int = 0
    elapsed_s: float = 0.0
    best_score: float = -math.inf
    done: bool = False
    stale: int = 0
    """Validations since the best one."""


def rate_at(progress: float, config: LoopConfig) -> float:
    """The learning rate as a share of the highest one: a linear rise, then half a cosine (one cycle)."""
    if progress < config.warmup:
        return 0.04 + 0.96 * progress / config.warmup
    fall = (progress - config.warmup) / max(1.0 - config.warmup, 1e-9)
    return config.final_rate + (1.0 - config.final_rate) * 0.5 * (1.0 + math.cos(math.pi * min(fall, 1.0)))


@dataclass
class Meter:
    """Means of the figures of the steps since the last report, and the wall-clock rate."""

    steps: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    since_s: float = field(default_factory=time.monotonic)

    @property
    def age_s(self) -> float:
        """Seconds since the meter was started."""
        return time.monotonic() - self.since_s

    def add(self, figures: dict[str, float]) -> None:
        """Count one step's figures."""
        self.steps += 1
        for key, value in figures.items():
            self.sums[key] = self.sums.get(key, 0.0) + value

    def means(self) -> dict[str, float]:
        """The mean of each figure over the steps."""
        return {key: value / self.steps for key, value in self.sums.items()}


def clock(seconds: float) -> str:
    """Seconds as people read them: '12.3 min' or '1:02:03'."""
    minutes = int(seconds) // 60
    return f"{minutes // 60}:{minutes % 60:02d}:{int(seconds) % 60:02d}" if minutes >= 60 else f"{seconds / 60:.1f} min"
