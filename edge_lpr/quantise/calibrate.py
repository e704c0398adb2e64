"""From a float network and calibration frames to the INT8 network that loses least, within a bound.

Every method's ranges are tried and measured; where none is within the bound, bias correction and cross-layer
equalisation are, and then the layers that cost most stay in float, one more at a time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_lpr.errors import NetworkError
from edge_lpr.networks.base import Network
from edge_lpr.networks.card import ModelCard
from edge_lpr.quantise.correct import bias_corrected, equalised
from edge_lpr.quantise.network_graph import Layer, layers, load_float, quantised_tensors
from edge_lpr.quantise.noise import LayerNoise, Outputs, layer_noise, noise, outputs_of
from edge_lpr.quantise.proof import Proof, Score, as_network
from edge_lpr.quantise.qdq import integer_share, quantise, scales_of
from edge_lpr.quantise.ranges import METHODS, Method, Ranges, ranges_of
from edge_lpr.quantise.statistics import Observer, Statistics, observe
from edge_lpr.records import Floats

PROBES, PROBE_FRAMES = 24, 2
"""Calibration batches on which outputs are compared, and frames of each."""
QUICK_EVERY, STUDY_EVERY = 3, 6
"""What only chooses is measured on every third picture of the proof, a study's many tries on every sixth."""
STUDY_COUNTS = (50, 100, 200, 500, 1000, 2000)
MOST_KEPT_SHARE = 0.5
"""More than half of the multiply-adds in float is no INT8 network any more."""
CHANCE_PLATES = 2.0
"""Losses that differ by so many plates are chance: among them the smaller noise of the outputs decides."""


@dataclass(frozen=True)
class Options:
    """`method` '' tries all; `bound_points` of loss; `keep_float` layers by name; `given` ranges by tensor (from a
    calibration cache), which count before those of the frames; `study` tries all numbers of frames too; `layers`
    measures each layer alone even when none has to stay in float."""

    method: str = ""
    bound_points: float = 0.5
    keep_float: tuple[str, ...] = ()
    given: Ranges = field(default_factory=dict)
    study: bool = False
    layers: bool = True


@dataclass(frozen=True)
class Try:
    """One combination and what it gave; `plates` on which it was measured."""

    method: str
    frames: int
    repair: str
    kept_float: int
    loss_points: float
    noise: float
    plates: int


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The chosen INT8 network with all that was found on the way."""

    model: Any
    method: str
    frames: int
    repair: str
    kept_float: tuple[str, ...]
    float_score: Score
    int8_score: Score
    noise: float
    integer_share: float
    scales: dict[str, float]
    layer_noise: tuple[LayerNoise, ...]
    tries: tuple[Try, ...]
    studies: tuple[Try, ...]

    @property
    def loss_points(self) -> float:
        """What INT8 costs on the proof, in points."""
        return self.float_score.loss_points(self.int8_score)

    @property
    def scales_sha256(self) -> str:
        """Names the calibration, for an engine's key."""
        return hashlib.sha256(json.dumps(self.scales, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A float model (as it is, or repaired) with ranges; `noise` once it was measured."""

    model: Any
    ranges: Ranges
    method: str
    repair: str
    kept: tuple[str, ...]
    noise: float = float("nan")


class Calibration:
    """One network's calibration. `say` is told how far it is; `folder` holds files for the time being."""

    def __init__(self, card: ModelCard, float_path: Path, proof: Proof, options: Options, folder: Path,
                 say: Callable[[str], None] = print) -> None:
        self.card, self.proof, self.options, self.folder, self.say = card, proof, options, folder, say
        self.model = load_float(float_path)
        self.layers: tuple[Layer, ...] = layers(self.model, card.input.shape)
        check_options(options, self.layers)
        self._methods = _chosen_methods(options.method)
        self._tensors = quantised_tensors(self.model, self.layers)
        self._probes: list[Floats] = []
        self._float_outputs: Outputs = []

    def run(self, batches: Iterable[Floats]) -> Calibrated:
        """Calibrate. Raises NetworkError when a cache's ranges do not fit; a loss above the bound is left to the
        caller, who sees it in the result."""
        self.say("looking at the calibration frames")
        snapshots = self._watch(batches)
        frames = max(snapshots)
        self._float_outputs = outputs_of(self.model, self.card, self._probes)
        self.say("measuring the float network")
        float_score = self.proof.score(self._network(self.model))
        tries, best, score = self._try_methods(snapshots[frames], frames, float_score)
        blame = self._blame(best) if self.options.layers else ()
        if float_score.loss_points(score) > self.options.bound_points:
            more, best, score = self._repair(best, snapshots[frames], frames, float_score, score)
            tries += more
        if float_score.loss_points(score) > self.options.bound_points:
            blame = blame or self._blame(best)
            more, best, score = self._fall_back(best, blame, frames, float_score, score)
            tries += more
        studies = self._study(snapshots, best) if self.options.study else ()
        result = quantise(best.model, self.layers, best.ranges, best.kept)
        return Calibrated(
            result, best.method, frames, best.repair, best.kept, float_score, score,
            self._noise(result), integer_share(result, self.layers), scales_of(result), blame, tries, studies,
        )  # fmt: skip

    def _watch(self, batches: Iterable[Floats]) -> dict[int, Statistics]:
        """The statistics after all frames, and for a study after each of STUDY_COUNTS."""
        observer, seen, snapshots = Observer(self.model, self._tensors), 0, {}
        for batch in batches:
            observer.see(batch)
            seen += len(batch)
            if len(self._probes) < PROBES:
                self._probes.append(batch[:PROBE_FRAMES])
            if seen in STUDY_COUNTS and self.options.study:
                snapshots[seen] = observer.snapshot()
        snapshots[seen] = observer.statistics
        return snapshots

    def _blame(self, best: _Candidate) -> tuple[LayerNoise, ...]:
        self.say("measuring each layer alone")
        return layer_noise(self.model, self.card, self.layers, best.ranges, self._probes, self._float_outputs)

    def _ranges(self, statistics: Statistics, method: Method) -> Ranges:
        return {**ranges_of(statistics, method), **self.options.given}

    def _try_methods(self, statistics: Statistics, frames: int, float_score: Score
                     ) -> tuple[tuple[Try, ...], _Candidate, Score]:
        """All methods, and the best of them with corrected biases, on a part of the proof; the best on all of it."""
        tries, found = [], []
        kept, quick = self.options.keep_float, self.proof.part(QUICK_EVERY)
        reference = quick.score(self._network(self.model))
        for method in self._methods:
            one = _Candidate(self.model, self._ranges(statistics, method), method.name, "none", kept)
            found.append(self._scored(one, quick))
            tries.append(self._try(found[-1], frames, reference))
        best, _ = self._best(tries, found)
        corrected = bias_corrected(self.model, self.layers, statistics, kept)
        found.append(self._scored(replace(best, model=corrected, repair="bias correction"), quick))
        tries.append(self._try(found[-1], frames, reference))
        best, _ = self._best(tries, found)
        chosen = self._scored(best)
        tries.append(self._try(chosen, frames, float_score))
        return tuple(tries), *chosen

    def _best(self, tries: Sequence[Try], found: Sequence[tuple[_Candidate, Score]]) -> tuple[_Candidate, Score]:
        least = max(0.0, min(one.loss_points for one in tries))
        chance = 100.0 * CHANCE_PLATES / max(1, tries[0].plates)
        near = [at for at, one in enumerate(tries) if one.loss_points <= least + chance]
        return found[min(near, key=lambda at: tries[at].noise)]

    def _repair(self, best: _Candidate, statistics: Statistics, frames: int, float_score: Score, score: Score
                ) -> tuple[tuple[Try, ...], _Candidate, Score]:
        """Cross-layer equalisation; its ranges are measured anew, on the probes."""
        model, pairs = equalised(self.model)
        self.say(f"above the bound: equalising {pairs} pairs of layers")
        method = next(one for one in METHODS if one.name == best.method)
        fresh = observe(model, self._tensors, self._probes)
        corrected = bias_corrected(model, self.layers, fresh, best.kept)
        one = _Candidate(corrected, self._ranges(fresh, method), best.method, "equalisation, bias correction",
                         best.kept)
        other = self._scored(one)
        tries = (self._try(other, frames, float_score),)
        better = float_score.loss_points(other[1]) < float_score.loss_points(score)
        return tries, *(other if better else (best, score))

    def _fall_back(self, best: _Candidate, blame: Sequence[LayerNoise], frames: int, float_score: Score, score: Score
                   ) -> tuple[tuple[Try, ...], _Candidate, Score]:
        """Leave the layers that cost most in float, one more at a time, until the loss is within the bound."""
        total = sum(layer.multiply_adds for layer in self.layers)
        tries: list[Try] = []
        chosen, chosen_score, spent = best, score, 0
        for layer in (one for one in blame if one.multiply_adds):
            spent += layer.multiply_adds
            if spent > MOST_KEPT_SHARE * total or float_score.loss_points(chosen_score) <= self.options.bound_points:
                break
            self.say(f"above the bound: {layer.layer} stays in float")
            chosen = replace(chosen, kept=(*chosen.kept, layer.layer))
            chosen, chosen_score = self._scored(chosen)
            tries.append(self._try((chosen, chosen_score), frames, float_score))
        if float_score.loss_points(chosen_score) < float_score.loss_points(score):
            return tuple(tries), chosen, chosen_score
        return tuple(tries), best, score

    def _study(self, snapshots: dict[int, Statistics], best: _Candidate) -> tuple[Try, ...]:
        """Every method at every number of frames, on a part of the proof."""
        quick = self.proof.part(STUDY_EVERY)
        self.say("every method at every number of frames")
        reference = quick.score(self._network(self.model))
        rows = []
        for frames, statistics in sorted(snapshots.items()):
            for method in METHODS:
                one = replace(best, ranges=self._ranges(statistics, method), method=method.name)
                rows.append(self._try(self._scored(one, quick), frames, reference))
        return tuple(rows)

    def _scored(self, one: _Candidate, proof: Proof | None = None) -> tuple[_Candidate, Score]:
        model = quantise(one.model, self.layers, one.ranges, one.kept)
        score = (proof or self.proof).score(self._network(model))
        return replace(one, noise=self._noise(model)), score

    def _network(self, model: Any) -> Network:
        return as_network(model, self.card, self.folder)

    def _noise(self, model: Any) -> float:
        return noise(self._float_outputs, outputs_of(model, self.card, self._probes))

    def _try(self, scored: tuple[_Candidate, Score], frames: int, float_score: Score) -> Try:
        one, score = scored
        row = Try(one.method, frames, one.repair, len(one.kept), float_score.loss_points(score), one.noise,
                  score.plates)
        repair = "" if one.repair == "none" else f", {one.repair}"
        self.say(f"  {row.method}{repair}, {frames} frames: loss {row.loss_points:+.2f} points, noise {row.noise:.2%}")
        return row


def check_options(options: Options, found: Sequence[Layer]) -> None:
    """Raise NetworkError for a layer to keep that is not among those `found`, or a method that is not known."""
    unknown = sorted(set(options.keep_float) - {layer.name for layer in found})
    if unknown:
        raise NetworkError(f"no layer {unknown[0]!r}; there are: {', '.join(layer.name for layer in found)}")
    _chosen_methods(options.method)


def _chosen_methods(name: str) -> tuple[Method, ...]:
    found = tuple(method for method in METHODS if name in ("", method.name, method.kind))
    if not found:
        raise NetworkError(f"no calibration method {name!r}; there are: {', '.join(one.name for one in METHODS)}")
    return found
