"""What a reader is asked before and after a transfer: the site's held-out plates, drawn plates of the new countries and
of the old ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network, to_batch
from edge_lpr.networks.card import ALPHABET_36
from edge_lpr.recognition.ctc import greedy
from edge_lpr.recognition.rectify import READER_SIZE, lay_out, layout_prior
from edge_lpr.records import Floats, Pixels
from edge_lpr.training.metrics import edit_distance, fold
from edge_lpr.training.reader_data import ReaderBatch
from edge_lpr.training.reader_sources import RealPlate

Run = Callable[[Pixels], Floats]
"""Reader's pictures uint8 (N, 48, width, 3) to log-probabilities float32 (N, T, 37)."""
FORGETTING_ALLOWED = 0.005
FORGETTING_WEIGHT = 3.0


@dataclass(frozen=True)
class ReadFigures:
    """`count` plates: shares read `exact`ly, `folded` exactly with O = 0 and I = 1, and of `characters` (1 - edit
    distance / length, folded)."""

    count: int
    exact: float
    folded: float
    characters: float


@dataclass(frozen=True, eq=False)
class ReaderExam:
    """What is read; `photographs` may be empty, `target` and `old` are drawn."""

    photographs: Sequence[RealPlate]
    target: ReaderBatch
    old: ReaderBatch
    width: int

    def figures(self, run: Run) -> dict[str, ReadFigures]:
        """By part: 'photographs' (where there are any), 'target', 'old'."""
        found = {"target": read_drawn(run, self.target), "old": read_drawn(run, self.old)}
        if not self.photographs:
            return found
        texts = [plate.text for plate in self.photographs]
        return {"photographs": compare(texts, read_photographs(run, self.photographs, self.width)), **found}


def score(now: dict[str, ReadFigures], before: dict[str, ReadFigures]) -> float:
    """What early stopping goes by: exact and character accuracy on the new plates, less what the old ones lost.

    A loss of FORGETTING_ALLOWED is free; every point above it costs FORGETTING_WEIGHT points."""
    new = [now[part] for part in ("photographs", "target") if part in now]
    gained = sum(one.folded + one.characters for one in new) / (2 * len(new))
    lost = max(0.0, before["old"].folded - now["old"].folded - FORGETTING_ALLOWED)
    return gained - FORGETTING_WEIGHT * lost


def run_of(network: Network) -> Run:
    """An exported network as what is examined."""
    spec = network.card.input
    return lambda pixels: np.asarray(network.run(to_batch(pixels, spec))["log_probs"], np.float32)


def examine_folder(exam: ReaderExam, folder: Path) -> dict[str, ReadFigures]:
    """The figures of the network in a folder, run as the gate runs it."""
    run = run_of(open_network(folder))
    return exam.figures(lambda pixels: np.concatenate([run(part) for part in _chunks(pixels)]))


def _chunks(pixels: Pixels, size: int = 64) -> list[Pixels]:
    return [pixels[at : at + size] for at in range(0, len(pixels), size)]


def read_drawn(run: Run, batch: ReaderBatch) -> ReadFigures:
    """How drawn samples are read."""
    return compare(texts_of(batch), [greedy(one, ALPHABET_36)[0] for one in run(batch.pixels)])


def texts_of(batch: ReaderBatch) -> list[str]:
    """The true texts of a batch."""
    pairs = zip(batch.classes, batch.lengths, strict=True)
    return ["".join(ALPHABET_36[c] for c in classes[:length]) for classes, length in pairs]


def read_photographs(run: Run, plates: Sequence[RealPlate], width: int) -> list[str]:
    """The texts of plates, each in the layout that text and shape together speak for, as the gate reads them."""
    jobs = [(at, rows) for at, plate in enumerate(plates) for rows in plate.layouts]
    pictures = np.stack([lay_out(plates[at].crop(), rows, (width, READER_SIZE[1])) for at, rows in jobs])
    best: list[tuple[float, str]] = [(-1.0, "")] * len(plates)
    for (at, rows), log_probs in zip(jobs, run(pictures), strict=True):
        text, _, path = greedy(log_probs, ALPHABET_36)
        weight = float(np.exp(path)) * layout_prior(plates[at].crop(), rows) if text else 0.0
        best[at] = max(best[at], (weight, text))
    return [text for _, text in best]


def compare(truths: Sequence[str], found: Sequence[str]) -> ReadFigures:
    """The figures of texts as read, one for each truth."""
    pairs = list(zip(truths, found, strict=True))
    count = max(1, len(pairs))
    wrong = sum(min(len(truth), edit_distance(fold(truth), fold(text))) for truth, text in pairs)
    return ReadFigures(
        len(pairs),
        sum(truth == text for truth, text in pairs) / count,
        sum(fold(truth) == fold(text) for truth, text in pairs) / count,
        1.0 - wrong / max(1, sum(len(truth) for truth in truths)),
    )
