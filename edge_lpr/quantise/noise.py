"""How far a quantised network's outputs are from the float ones, and which layer is to blame. No labels are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_lpr.networks.card import ModelCard
from edge_lpr.quantise.network_graph import Layer
from edge_lpr.quantise.qdq import quantise
from edge_lpr.quantise.ranges import Ranges
from edge_lpr.quantise.statistics import session_of
from edge_lpr.records import Floats

ACTIVE = 0.1
"""Coverage from which a detector's cell counts: what it says of empty road is never looked at."""

Outputs = list[dict[str, Floats]]
"""A network's outputs by role, one batch after the other."""


@dataclass(frozen=True)
class LayerNoise:
    """What rounding one layer alone does to the outputs, as a share of their own spread."""

    layer: str
    op: str
    multiply_adds: int
    noise: float


def outputs_of(model: Any, card: ModelCard, batches: Sequence[Floats]) -> Outputs:
    """Run a model over batches."""
    session, roles = session_of(model), card.outputs
    found = [session.run(list(roles.values()), {card.input.name: batch}) for batch in batches]
    return [dict(zip(roles, one, strict=True)) for one in found]


def noise(reference: Outputs, other: Outputs) -> float:
    """Root mean square of the difference over the spread of the reference, averaged over the outputs; 0 is none.

    Log-probabilities are compared as probabilities; a detector's maps where its coverage is at least ACTIVE.
    """
    shares = [_share(role, reference, other) for role in reference[0]]
    return float(np.mean([share for share in shares if share == share]))


def _share(role: str, reference: Outputs, other: Outputs) -> float:
    wanted = np.concatenate([_values(role, one, one) for one in reference])
    found = np.concatenate([_values(role, one, at) for one, at in zip(other, reference, strict=True)])
    if not len(wanted):
        return float("nan")
    spread = float(np.sqrt(np.mean((wanted - wanted.mean()) ** 2)))
    return float(np.sqrt(np.mean((wanted - found) ** 2))) / max(spread, 1e-9)


def _values(role: str, outputs: Mapping[str, Floats], reference: Mapping[str, Floats]) -> Floats:
    values = outputs[role].astype(np.float32)
    if role == "log_probs":
        return np.exp(values).ravel()
    if "coverage" in reference:
        active = np.broadcast_to(reference["coverage"] >= ACTIVE, values.shape)
        return values[active]
    return values.ravel()


def layer_noise(model: Any, card: ModelCard, chosen: Sequence[Layer], ranges: Ranges, batches: Sequence[Floats],
                float_outputs: Outputs) -> tuple[LayerNoise, ...]:
    """Each layer quantised alone, the worst first; heads, which are in float anyway, are left out."""
    found = []
    for layer in chosen:
        if layer.is_head:
            continue
        alone = quantise(model, chosen, ranges, [one.name for one in chosen if one.name != layer.name],
                         checked=False)  # an Add beside it may get one quantised input: for looking only
        share = noise(float_outputs, outputs_of(alone, card, batches))
        found.append(LayerNoise(layer.name, layer.op, layer.multiply_adds, share))
    return tuple(sorted(found, key=lambda one: -one.noise))
