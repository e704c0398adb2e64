"""Logistic regression with a penalty, by Newton's method: what the fits of confidences and verifier share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

STEPS = 60
LEAST_STEP = 1e-9


def logit(p: Doubles, margin: float) -> Doubles:
    """log(p / (1 - p)) of probabilities kept `margin` from 0 and 1."""
    clipped = np.clip(p, margin, 1 - margin)
    return np.log(clipped / (1 - clipped))


def fit_logistic(
    design: Doubles, truth: Doubles, start: Doubles, pull: float, offset: Doubles | float = 0.0
) -> Doubles:
    """Weights (K,) for `design` (N, K) and `truth` (N,) 0 or 1; `pull` draws them towards `start` (K,);
    `offset` (N,) of the logits has no weight."""
    def loss(weights: Doubles) -> float:
        score = design @ weights + offset
        return float(np.sum(np.logaddexp(0.0, score) - truth * score) + pull * np.sum((weights - start) ** 2) / 2)

    weights = start.astype(np.float64)
    for _ in range(STEPS):
        guess = 1 / (1 + np.exp(-np.clip(design @ weights + offset, -30, 30)))
        slope = design.T @ (guess - truth) + pull * (weights - start)
        curve = (design * (guess * (1 - guess))[:, None]).T @ design + pull * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        now = loss(weights)
        while loss(weights - step) > now and np.abs(step).max() > LEAST_STEP:  # far off, Newton's step is too long
            step = step / 2
        weights = weights - step
    return weights
