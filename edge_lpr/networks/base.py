"""What a network that runs looks like, whatever runs it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_lpr.networks.card import InputSpec, ModelCard
from edge_lpr.records import Floats, Pixels

Tensor = npt.NDArray[Any]

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601 weights of R, G and B in grey."""


class Network(Protocol):
    """One loaded network. Safe to call from one thread at a time."""

    @property
    def card(self) -> ModelCard:
        """The contract that the file was checked against."""

    @property
    def flexible(self) -> bool:
        """True when height and width may differ from the card's (a fully convolutional graph with free axes)."""

    def run(self, batch: Floats) -> dict[str, Tensor]:
        """Run float32 (N, C, H, W), N >= 1, made by `batch_for`; give the outputs by their role in the card, which
        are valid until the next run.

        Raises NetworkError when the batch does not fit or the run fails.
        """


def batch_for(network: Network, pictures: Pixels) -> Floats:
    """`to_batch` for a network, written straight into the memory that its GPU reads where it has such
    (`input_for(count)`)."""
    give = getattr(network, "input_for", None)
    place = give(len(pictures)) if give is not None else None
    fits = place is not None and place.shape[2:] == pictures.shape[1:3]
    return to_batch(pictures, network.card.input, place if fits else None)


def to_batch(pictures: Pixels, spec: InputSpec, out: Floats | None = None) -> Floats:
    """Turn uint8 RGB (N, H, W, 3) into the float32 (N, C, H, W) that a card asks for: (pixel - mean) * scale.

    A 'grey' input is BT.601 luma, repeated when the network takes three channels. Written into `out` if given.
    """
    if spec.colour == "grey":
        grey = pictures.astype(np.float32) @ LUMA_WEIGHTS
        planes = np.repeat(grey[:, None], spec.shape[0], axis=1)
    else:
        planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
    if spec.mean:
        planes = planes.astype(np.float32) - np.float32(spec.mean)
    batch: Floats = np.multiply(planes, np.float32(spec.scale), out=out, dtype=np.float32)
    return batch
