"""Reading plates: upright crops to texts with a probability, through one network, in one batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_lpr.errors import NetworkError
from edge_lpr.networks.base import Network, Tensor, batch_for
from edge_lpr.recognition import ctc
from edge_lpr.recognition.plate_format import compile_grammar
from edge_lpr.recognition.rectify import lay_out, layout_prior, layouts
from edge_lpr.recognition.regions import Regions, parse_regions
from edge_lpr.recognition.second_look import joint_score, other_views
from edge_lpr.records import Pixels, Reading

READ_BATCH = 64
"""Crops run together: more only costs memory."""

SURE_PATH = math.log(0.98)
"""A best path above this probability is the likeliest text: no search can find a better one."""

CANDIDATES_A_VIEW = 4
"""Texts of each view that a second look weighs in all views."""

Steps = npt.NDArray[np.float64]
"""Log-probabilities (T, C) of one crop, or (N, T, C)."""

SUREST_PATH_CHAR, UNKNOWN_PATH_CHAR = 0.98, 0.9
"""The most that a character of an uncalibrated best path counts, and what one counts whose probability is not told."""

DECODERS = {"ctc": {"log_probs"}, "ctc_path": {"indices"}}
"""Card's decoder name -> outputs it needs: full log-probabilities, or (NVIDIA) the best path's classes ['probs']."""


@dataclass(frozen=True)
class ReaderOptions:
    """How to decode.

    `beam` prefixes are kept. With countries enabled, a text of theirs is given when its probability is at least
    `foreign_ratio` of the best text's; else the plate is foreign, and is given as it reads. `foreign_share` is how
    often a plate that fits no enabled country is expected, for the confidence of one that does. `read_closely` takes a
    second look at a reading less sure than `sure`.
    """

    beam: int = 12
    foreign_ratio: float = 1e-4
    foreign_share: float = 0.01
    sure: float = 0.8


class PlateReader:
    """Reads plates with a network whose card names a decoder of `DECODERS`.

    `regions` as in `parse_regions`: with any, the texts of these countries' formats are preferred inside the search.
    Raises NetworkError for a card of another task, decoder, outputs or alphabet; ConfigError for an unknown region.
    """

    def __init__(
        self, network: Network, regions: Sequence[str] = (), options: ReaderOptions = ReaderOptions()
    ) -> None:
        card = network.card
        if card.task != "read" or not DECODERS.get(card.decoder, {"-"}) <= set(card.outputs) or not card.alphabet:
            raise NetworkError(
                f"{card.name}: no plate reader: task {card.task!r}, decoder {card.decoder!r} (allowed:"
                f" {', '.join(DECODERS)}), outputs {sorted(card.outputs)}, alphabet {card.alphabet!r}"
            )
        self.network = network
        self.options = options
        self.regions: Regions = parse_regions(regions)
        self._grammar = compile_grammar(self.regions.enabled) if self.regions.enabled else None
        self._decode = self._decode_log_probs if card.decoder == "ctc" else self._decode_path

    def read(self, crops: Sequence[Pixels], rows: Sequence[Sequence[int]] | None = None) -> list[Reading]:
        """One reading a crop, uint8 RGB (h, w, 3) upright.

        `rows` gives for each crop the numbers of rows to try, from its aspect by default; the most confident text of
        them is taken, each layout weighed by how well it fits the crop's shape. Nothing readable gives text '' and
        confidence 0.
        """
        tries = [self._layouts(crop) for crop in crops] if rows is None else rows
        jobs = [(crop, layout) for crop, some in zip(crops, tries, strict=True) for layout in some]
        readings: list[Reading] = []
        for at in range(0, len(jobs), READ_BATCH):
            readings += self._read_batch(jobs[at : at + READ_BATCH])
        answers = iter(readings)
        return [_likeliest(crop, [next(answers) for _ in some]) for crop, some in zip(crops, tries, strict=True)]

    def read_closely(self, crop: Pixels, reading: Reading, rows: Sequence[int] | None = None) -> Reading:
        """A second look: `reading` of the crop where it is sure, else what four views of the crop together say.

        It costs about four more runs of the network. For single pictures: of many frames each is a look of its own.
        """
        if reading.log_probs is None or reading.confidence >= self.options.sure:
            return reading
        some = self._layouts(crop) if rows is None else rows
        views = [crop, *other_views(crop)]
        steps = self._steps(self._run([(view, layout) for layout in some for view in views]))
        each = len(views)
        found = [self._reading(list(steps[n * each : (n + 1) * each]), layout) for n, layout in enumerate(some)]
        return _likeliest(crop, found)

    def _layouts(self, crop: Pixels) -> tuple[int, ...]:
        """The numbers of rows to try, as far as the card says that the network knows them."""
        most = self.network.card.parameters.get("most_rows", 2)
        return tuple(rows for rows in layouts(crop) if rows <= most) or (1,)

    def _read_batch(self, jobs: Sequence[tuple[Pixels, int]]) -> list[Reading]:
        return self._decode(self._run(jobs), [layout for _, layout in jobs])

    def _run(self, jobs: Sequence[tuple[Pixels, int]]) -> dict[str, Tensor]:
        """The network's outputs for crops in their layouts."""
        spec = self.network.card.input
        size = (spec.shape[2], spec.shape[1])
        pictures = np.stack([lay_out(crop, layout, size) for crop, layout in jobs])
        return self.network.run(batch_for(self.network, pictures))

    def _steps(self, outputs: dict[str, Tensor]) -> Steps:
        """Softened log-probabilities (N, T, C)."""
        card = self.network.card
        log_probs = outputs["log_probs"]
        if log_probs.ndim != 3 or log_probs.shape[2] != len(card.alphabet) + 1:
            raise NetworkError(f"{card.name}: log_probs is {log_probs.shape}, for {len(card.alphabet)} characters")
        return ctc.soften(log_probs, card.parameters.get("temperature", 1.0))

    def _decode_log_probs(self, outputs: dict[str, Tensor], rows: Sequence[int]) -> list[Reading]:
        return [self._reading([steps], layout) for steps, layout in zip(self._steps(outputs), rows, strict=True)]

    def _reading(self, views: Sequence[Steps], rows: int) -> Reading:
        """The reading of one crop in one or more views, the plain one first."""
        alphabet = self.network.card.alphabet
        best_path = ctc.greedy(views[0], alphabet)
        text, probability, region = self._best_text(views, best_path)
        if text == best_path[0] and len(views) == 1:
            char_probs = best_path[1]
        else:
            aligned = [ctc.aligned_probs(view, text, alphabet) for view in views]
            char_probs = tuple(float(prob) for prob in np.mean(aligned, axis=0))
        return Reading(
            text=text,
            confidence=self._calibrated(probability, close=len(views) > 1) if text else 0.0,
            char_probs=char_probs,
            log_probs=views[0].astype(np.float32),
            region=region,
            rows=rows,
        )

    def _best_text(
        self, views: Sequence[Steps], best_path: tuple[str, tuple[float, ...], float]
    ) -> tuple[str, float, str]:
        """Text, probability and region: of the enabled countries if one fits well enough, else as it reads."""
        text, _, path = best_path
        found: tuple[ctc.Candidate, ...] = (ctc.Candidate(text, path),)
        if path < SURE_PATH or len(views) > 1:
            found = self._search(views) or found
            text = found[0].text
        scale = _log_total(found) if len(views) > 1 else 0.0
        found = tuple(ctc.Candidate(one.text, one.log_prob - scale) for one in found)
        probability = math.exp(joint_score(views, text, self.network.card.alphabet) - scale)
        if not text or self._grammar is None:
            return text, probability, ""
        allowed = self._allowed_text(views, found, scale)
        if allowed is None:
            return text, probability, ""
        matches = self._grammar.countries(allowed.text)
        return allowed.text, self._share(allowed, found), self.regions.pick(matches)

    def _search(
        self, views: Sequence[Steps], grammar: ctc.Grammar | None = None, class_floor: float = ctc.CLASS_FLOOR
    ) -> tuple[ctc.Candidate, ...]:
        """The texts that a search in each view finds, likeliest in all views together first."""
        alphabet, beam = self.network.card.alphabet, self.options.beam
        if len(views) == 1:
            return ctc.best_texts(views[0], alphabet, beam, grammar, class_floor)
        texts = {
            one.text
            for view in views
            for one in ctc.best_texts(view, alphabet, beam, grammar, class_floor)[:CANDIDATES_A_VIEW]
        }
        found = [ctc.Candidate(text, joint_score(views, text, alphabet)) for text in sorted(texts)]
        return tuple(sorted(found, key=lambda one: -one.log_prob))

    def _allowed_text(
        self, views: Sequence[Steps], found: Sequence[ctc.Candidate], scale: float
    ) -> ctc.Candidate | None:
        """The likeliest text of an enabled country, or None when it is too unlikely beside the likeliest of all.

        `found` stands `scale` below its scores.
        """
        grammar, alphabet = self._grammar, self.network.card.alphabet
        assert grammar is not None
        if grammar.countries(found[0].text):
            text = found[0].text
        else:
            constrained = self._search(views, grammar, self.options.foreign_ratio / 10)
            if not constrained or not constrained[0].text:
                return None
            text = constrained[0].text
        best = ctc.Candidate(text, joint_score(views, text, alphabet) - scale)
        too_unlikely = best.log_prob < found[0].log_prob + math.log(self.options.foreign_ratio)
        return None if too_unlikely else best

    def _share(self, best: ctc.Candidate, found: Sequence[ctc.Candidate]) -> float:
        """The probability of `best` once the texts that fit no enabled country count only `foreign_share`."""
        assert self._grammar is not None
        foreign = sum(math.exp(one.log_prob) for one in found if not self._grammar.countries(one.text))
        probability = math.exp(best.log_prob)
        left = 1.0 - foreign * (1.0 - self.options.foreign_share)
        return probability / max(left, probability)

    def _calibrated(self, probability: float, close: bool = False) -> float:
        """Platt's sigmoid of the logit with the card's confidence_a and confidence_b; as it is without them.

        What several views agree on is right more often than one view's probability says: a second look has a line of
        its own where the card gives close_a and close_b.
        """
        parameters = self.network.card.parameters
        clipped = min(max(probability, 1e-9), 1.0 - 1e-9)
        slope, shift = parameters.get("confidence_a", 1.0), parameters.get("confidence_b", 0.0)
        if close:
            slope, shift = parameters.get("close_a", slope), parameters.get("close_b", shift)
        if slope == 1.0 and shift == 0.0:
            return min(1.0, probability)
        return 1.0 / (1.0 + math.exp(-(slope * math.log(clipped / (1.0 - clipped)) + shift)))

    def _decode_path(self, outputs: dict[str, Tensor], rows: Sequence[int]) -> list[Reading]:
        """NVIDIA's LPRNet: 'indices' (N, T), and 'probs' (N, T) if present; confidence is the characters' product.

        Such a reader tells nothing of what else it could be, and its probabilities were never compared with the truth:
        without a calibration in its card no character is taken for surer than `SUREST_PATH_CHAR`, so that no single
        frame of a plate is as sure as a calibrated reader can be; several that agree are.
        """
        card, indices = self.network.card, outputs["indices"]
        probs = outputs.get("probs", np.full(indices.shape, UNKNOWN_PATH_CHAR, np.float32))
        if "confidence_a" not in card.parameters:
            probs = np.minimum(probs, SUREST_PATH_CHAR)
        if indices.shape != probs.shape or (indices.size and not 0 <= indices.min() <= indices.max()
                                            <= len(card.alphabet)):
            raise NetworkError(f"{card.name}: classes {indices.shape} and probabilities {probs.shape} do not fit each"
                               f" other, or the {len(card.alphabet)} characters of the card")
        readings = []
        for classes, values, layout in zip(indices.tolist(), probs.tolist(), rows, strict=True):
            text, char_probs = ctc.collapse_first(classes, values, card.alphabet)
            confidence = self._calibrated(math.prod(char_probs)) if text else 0.0
            matches = self._grammar.countries(text) if self._grammar else ()
            readings.append(Reading(text, confidence, char_probs, None, self.regions.pick(matches), layout))
        return readings


def _log_total(found: Sequence[ctc.Candidate]) -> float:
    """Logarithm of what the scores add up to.

    One view's probabilities of all texts add up to 1; joint scores fall short of it the more the views differ, and a
    text's probability is its share of them.
    """
    most = found[0].log_prob
    return most + math.log(sum(math.exp(one.log_prob - most) for one in found))


def _likeliest(crop: Pixels, readings: Sequence[Reading]) -> Reading:
    """The reading of the layout that text and shape together speak for."""
    return max(readings, key=lambda reading: reading.confidence * layout_prior(crop, reading.rows))
