"""Makes a reader's confidence mean what it says: a temperature for its steps, then a line through the logit.

The temperature (Guo et al. 2017, "On Calibration of Modern Neural Networks") is the one that makes the true texts of
held-out plates likeliest; the line (Platt 1999) maps the probability of a whole text to how often such texts are
right; readings of a second look have a line of their own. All are fitted on development plates that no training saw,
never on plates that are kept for evaluation.
No torch here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lpr.errors import ConfigError
from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network, to_batch
from edge_lpr.networks.card import load_card, write_card
from edge_lpr.networks.variants import FLOAT_CARD
from edge_lpr.recognition.ctc import ctc_score, soften
from edge_lpr.recognition.read import PlateReader, ReaderOptions
from edge_lpr.recognition.rectify import lay_out, layouts
from edge_lpr.records import Floats, Pixels
from edge_lpr.training.logistic import fit_logistic, logit
from edge_lpr.training.metrics import calibration
from edge_lpr.training.reader_sources import RealPlate, load_real_plates

TEMPERATURES = np.geomspace(0.5, 2.5, 33)
MARGIN_DRAWS = ((0.06, 0.08, 0.06, 0.08), (0.0, 0.0, 0.0, 0.0), (0.03, 0.15, 0.1, 0.05))
"""Margins (left, top, right, bottom; shares) at which each held-out plate is read."""
LEAST_PLATES = 50
PULL = 60.0
"""Weight that draws the line towards 'as it is': few plates must not bend it far, and held-out plates come from the
same photographs as the training's: a reader is right about them more often than at a strange gate."""
HARDLY_READ = -4.0
"""A label that the reader finds less likely a character than this is wrong or not legible, and says nothing about
confidence at temperature fitting; it counts as an error for the line."""


@dataclass(frozen=True)
class ConfidenceFit:
    """What was fitted, on how many crops, and the expected calibration error before and after."""

    temperature: float
    slope: float
    shift: float
    close_slope: float
    close_shift: float
    crops: int
    exact: float
    error_before: float
    error_after: float


def fit_confidence(reader: Path, labels: Path, detector: Path | None = None) -> ConfidenceFit:
    """Fit on the held-out `use=train` plates of `labels` and write temperature and line into the reader's card.

    `reader` is its folder, or one of the cards in it (that of INT8).
    A `detector` (its folder) sets the plates upright first, as the gate does. ConfigError when there are fewer than
    `LEAST_PLATES` such plates.
    """
    plates = load_real_plates(labels, True, detector)
    if len(plates) < LEAST_PLATES:
        raise ConfigError(f"{labels}: {len(plates)} held-out plates with text; at least {LEAST_PLATES} are needed")
    return fit_confidence_on(reader, plates)


def fit_confidence_on(reader: Path, plates: Sequence[RealPlate]) -> ConfidenceFit:
    """Fit on plates that no training saw and write temperature and line into the card of `reader`: its folder, or the
    card."""
    path = reader / FLOAT_CARD if reader.is_dir() else reader
    network = open_network(path, threads=0)
    crops = [(plate.crop(margins), plate) for plate in plates for margins in MARGIN_DRAWS]
    temperature = _fit_temperature(network, crops)
    line = {"temperature": temperature, "confidence_a": 1.0, "confidence_b": 0.0}
    confidences, right = _read(_with(network, line), crops, closely=False)
    slope, shift = _fit_line(confidences, right)
    line |= {"confidence_a": slope, "confidence_b": shift, "close_a": 1.0, "close_b": 0.0}
    adjusted, _ = _read(_with(network, line), crops, closely=False)
    unsure = [crop for crop, sure in zip(crops, adjusted, strict=True) if sure < ReaderOptions().sure]
    close_slope, close_shift = _fit_line(*_read(_with(network, line), unsure)) if unsure else (slope, shift)
    line |= {"close_a": close_slope, "close_b": close_shift}
    seen, seen_right = _read(_with(network, line), crops)
    card = load_card(path)
    fitted = {name: round(value, 4) for name, value in line.items()}
    write_card(dataclasses.replace(card, parameters={**card.parameters, **fitted}), path)
    return ConfidenceFit(
        temperature,
        slope,
        shift,
        close_slope,
        close_shift,
        len(crops),
        float(np.mean(seen_right)),
        calibration(confidences, right)[0],
        calibration(seen, seen_right)[0],
    )


class _Retuned:
    """The network with other numbers on its card."""

    def __init__(self, network: Network, parameters: dict[str, float]) -> None:
        self._network = network
        self.card = dataclasses.replace(network.card, parameters={**network.card.parameters, **parameters})
        self.flexible = network.flexible

    def run(self, batch: Floats) -> dict[str, np.ndarray]:
        return self._network.run(batch)


def _with(network: Network, parameters: dict[str, float]) -> PlateReader:
    return PlateReader(_Retuned(network, parameters))


def _read(
    reader: PlateReader, crops: Sequence[tuple[Pixels, RealPlate]], closely: bool = True
) -> tuple[list[float], list[bool]]:
    """Confidence of each crop's reading, and whether it is right; `closely`: with a second look where it is unsure."""
    pixels = [crop for crop, _ in crops]
    readings = reader.read(pixels)
    if closely:
        readings = [reader.read_closely(crop, first) for crop, first in zip(pixels, readings, strict=True)]
    return (
        [reading.confidence for reading in readings],
        [reading.text == plate.text for reading, (_, plate) in zip(readings, crops, strict=True)],
    )


def _fit_temperature(network: Network, crops: Sequence[tuple[Pixels, RealPlate]]) -> float:
    """The temperature at which the true texts are likeliest, each in its likelier layout."""
    spec, alphabet = network.card.input, network.card.alphabet
    size = (spec.shape[2], spec.shape[1])
    steps: list[tuple[Floats, str]] = []
    for crop, plate in crops:
        pictures = np.stack([lay_out(crop, rows, size) for rows in layouts(crop)])
        outputs = network.run(to_batch(pictures, spec))["log_probs"]
        scores = [ctc_score(soften(one, 1.0), plate.text, alphabet) for one in outputs]
        if max(scores) > HARDLY_READ * len(plate.text):
            steps.append((outputs[int(np.argmax(scores))], plate.text))
    losses = [
        -sum(max(ctc_score(soften(one, float(t)), text, alphabet), -20.0) for one, text in steps) for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _fit_line(confidences: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Slope and shift of the logit, drawn towards 'as it is'."""
    logits = logit(np.asarray(confidences, np.float64), 1e-9)
    design = np.stack([logits, np.ones(len(logits))], axis=1)
    slope, shift = fit_logistic(design, np.asarray(right, np.float64), np.array([1.0, 0.0]), PULL)
    return max(0.1, float(slope)), float(shift)
