"""Logistic regression with a penalty, by Newton's method: what the fits of confidence and verifier share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

STEPS = 60


def logit(p: Doubles, margin: float) -> Doubles:
    """log(p / (1 - p)) of probabilities kept `margin` from 0 and 1."""
    clipped = np.clip(p, margin, 1 - margin)
    return np.log(clipped / (1 - clipped))


def fit_logistic(design: Doubles, truth: Doubles, start: Doubles, pull: float) -> Doubles:
    """Weights (K,) for `design` (N, K) and `truth` (N,) 0 or 1; `pull` draws them towards `start` (K,)."""
    weights = start.astype(np.float64)
    for _ in range(STEPS):
        guess = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (guess - truth) + pull * (weights - start)
        curve = (design * (guess * (1 - guess))[:, None]).T @ design + pull * np.eye(len(weights))
        weights = weights - np.linalg.solve(curve, slope)
    return weights
