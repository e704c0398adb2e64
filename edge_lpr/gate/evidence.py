"""What the frames of an arrival say together: one text, how sure, and what else it could be. Pure.

For every text that some frame proposes, the frames' log-probabilities of it are added up with weights:

    score(text) = sum_i w_i log P_i(text)        posterior(text) = exp(score / T) / (sum over texts + none of them)

- P_i(text) is summed over all CTC alignments in frame i, and rescaled so that the frame's own text has the reader's
  calibrated confidence. A small share of every frame is taken for rubbish (occluded, cut, another plate), so that no
  single frame can rule a text out.
- The frames are no independent witnesses, nor equally good ones: w_i is that of frame_weights.py. The weights' sum, the
  effective number of frames, is capped.
- "None of them" has the mass that is left to texts that no frame proposes: those of the same length are summed up place
  by place over all characters; the mass of those of other lengths, spread over many, shrinks as frames are added.

One frame alone thus gives the reader's own confidence. A reader that gives only its best path is weighed by its
characters' probabilities instead: a vote for each character, weighted by its log-odds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from edge_lpr.gate.char_scores import char_log_probs, fuse_chars
from edge_lpr.gate.clarity import clarity
from edge_lpr.gate.frame_weights import WitnessOptions, frame_weights
from edge_lpr.gate.text_scores import Doubles, FrameTexts, score_frames
from edge_lpr.recognition.ctc import Grammar
from edge_lpr.records import Arrival, Sighting

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The reader's characters, in the order of its classes; the blank is last."""
LEAST_DOUBT = 1e-4
"""No frame is taken for surer than this."""
USUAL_LINE = {"slope": 0.6, "shift": 0.5}
"""What `edge-lpr fit-fusion` finds, by and large: several frames together sound surer than they are."""
LEAST_ALTERNATIVE = 1e-4
LEAST_SURE = 0.1
"""A reading less sure than this is a guess."""
MOST_REMEMBERED = 200
"""Texts whose log-probability a frame remembers; then it begins anew."""


@dataclass(frozen=True)
class EvidenceOptions:
    """How frames are fused.

    `witnesses`: how much each frame counts. `rubbish` is the share of frames that show no readable plate, and such a
    frame gives any text `rubbish_text`. `none_texts`: over how many texts the mass of other lengths spreads. `slope`
    and `shift` make the confidence of several frames mean what it says (Platt 1999), on the logit; they grow into it
    with the effective number of frames, up to `full_at`: one frame's is the reader's own. `foreign_share`: how often a
    plate fits none of the grammar's countries. `most_texts` texts are compared, `alternatives` are given.
    """

    witnesses: WitnessOptions = WitnessOptions()
    rubbish: float = 0.002
    rubbish_text: float = 1e-4
    none_texts: float = 20.0
    slope: float = 1.0
    shift: float = 0.0
    full_at: float = 1.5
    foreign_share: float = 0.01
    most_texts: int = 16
    alternatives: int = 4

    @classmethod
    def of_card(cls, parameters: Mapping[str, float]) -> EvidenceOptions:
        """With slope and shift of the reader's card; where they were not fitted, those that suit readers like it."""
        slope, shift = (parameters.get(f"fusion_{name}", usual) for name, usual in USUAL_LINE.items())
        return cls(slope=slope, shift=shift)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an arrival's frames say together.

    `text` '' when no frame was readable; `alternatives` as in PlateRead; `best` the sighting to show: the clearest one
    that reads so; `weight` the effective number of independent frames; `first_read_s` and `last_read_s` monotonic,
    `first_sure_s` of the first frame that was more than a guess.
    """

    text: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...]
    frames_used: int
    best: Sighting | None
    region: str = ""
    weight: float = 0.0
    first_read_s: float = math.inf
    last_read_s: float = -math.inf
    first_sure_s: float = math.inf

    @property
    def waiting_since_s(self) -> float:
        """From when on a decision is waited for: what was guessed of a distant blur, which may have been another
        vehicle's, hurries nobody once the plate can be read."""
        return self.first_sure_s if self.first_sure_s < math.inf else self.first_read_s


NOTHING = Evidence("", 0.0, (), 0, None)


class Weigher:
    """Weighs arrivals again and again as frames come; what was computed of a frame is kept as long as the frame is.

    `alphabet` of the reader whose log-probabilities come; `grammar` of the enabled countries, if any.
    """

    def __init__(
        self,
        options: EvidenceOptions = EvidenceOptions(),
        grammar: Grammar | None = None,
        alphabet: str = ALPHABET,
    ) -> None:
        self.options = options
        self._grammar = grammar
        self._alphabet = alphabet
        self._frames: WeakKeyDictionary[Sighting, FrameTexts] = WeakKeyDictionary()
        self._known: WeakKeyDictionary[Arrival, tuple[tuple[Sighting, ...], Evidence]] = WeakKeyDictionary()

    def weigh(self, arrival: Arrival) -> Evidence:
        """The evidence of the sightings that the arrival keeps."""
        seen, known = self._known.get(arrival, ((), NOTHING))
        if seen != tuple(arrival.sightings) or known is NOTHING:
            known = _since(known, self._weigh(arrival.sightings), arrival.sightings)
            self._known[arrival] = tuple(arrival.sightings), known
        return known

    def _weigh(self, all_sightings: Sequence[Sighting]) -> Evidence:
        sightings = [one for one in all_sightings if one.reading.text]
        if not sightings:
            best = max(all_sightings, key=clarity, default=None)
            return replace(NOTHING, best=best)
        frames = [self._frame(one) for one in sightings]
        weights = frame_weights(sightings, self.options.witnesses)
        texts, posterior = self._fuse(frames, weights)
        evidence = _verdict(sightings, texts, posterior, self.options.alternatives)
        return replace(evidence, weight=float(weights.sum()), region=self._region(evidence))

    def _frame(self, sighting: Sighting) -> FrameTexts:
        frame = self._frames.get(sighting)
        if frame is None:
            frame = self._frames[sighting] = FrameTexts(sighting.reading, self._alphabet)
        if len(frame.log_probs) > MOST_REMEMBERED:
            frame.log_probs.clear()
        return frame

    def _fuse(self, frames: Sequence[FrameTexts], weights: Doubles) -> tuple[tuple[str, ...], Doubles]:
        """The texts compared and the probability of each; what is missing to 1 is that of none of them."""
        texts = self._proposed(frames, weights)
        probs, scores = self._scores(frames, texts, weights)
        chars = self._chars(frames, texts[int(scores.argmax())])
        agreed = "".join(self._alphabet[at] for at in fuse_chars(chars, weights).argmax(axis=1))
        if agreed not in texts:
            texts = (*texts, agreed)
            probs, scores = self._scores(frames, texts, weights)
        top = int(scores.argmax())
        chars = self._chars(frames, texts[top])
        none = self._none(texts, top, probs, scores, chars, weights)
        every = np.append(scores, none)
        shares = np.exp(every - every.max())
        return texts, self._meant(shares[:-1] / shares.sum(), float(weights.sum()))

    def _meant(self, posterior: Doubles, frames: float) -> Doubles:
        """The top text's probability as it was fitted; the others' shrink or grow to fit into the rest."""
        share = grown(frames, self.options)
        top = int(posterior.argmax())
        sure = min(1.0 - LEAST_DOUBT**2, max(LEAST_DOUBT**2, float(posterior[top])))
        logit = math.log(sure / (1.0 - sure))
        meant = 1.0 / (1.0 + math.exp(-(logit + share * ((self.options.slope - 1.0) * logit + self.options.shift))))
        fitted = np.minimum(posterior * (1.0 - meant) / (1.0 - sure), meant)
        fitted[top] = meant
        return fitted

    def _proposed(self, frames: Sequence[FrameTexts], weights: Doubles) -> tuple[str, ...]:
        """The texts that frames propose, best backed first."""
        backing: dict[str, float] = {}
        for frame, weight in zip(frames, weights.tolist(), strict=True):
            for place, text in enumerate(frame.proposed):
                backing[text] = backing.get(text, 0.0) + weight * frame.reading.confidence / (1 + place)
        return tuple(sorted(backing, key=lambda text: (-backing[text], text))[: self.options.most_texts])

    def _chars(self, frames: Sequence[FrameTexts], text: str) -> Doubles:
        return char_log_probs(frames, text, self._alphabet)

    def _scores(self, frames: Sequence[FrameTexts], texts: Sequence[str], weights: Doubles) -> tuple[Doubles, Doubles]:
        """The frames' probabilities of the texts (frames, texts), and the texts' scores over all frames (texts,)."""
        rubbish = self.options.rubbish
        probs = _calibrated(frames, texts, score_frames(frames, texts, self._alphabet))
        believed = np.log((1.0 - rubbish) * probs + rubbish * self.options.rubbish_text)
        return probs, weights @ believed + np.log([self._prior(text) for text in texts])

    def _none(
        self, texts: Sequence[str], top: int, probs: Doubles, scores: Doubles, chars: Doubles, weights: Doubles
    ) -> float:
        """The score of all texts together that are not compared: those of the top text's length, from the places'
        characters, and those of other lengths, from what the frames leave."""
        places = np.arange(len(texts[top]))
        alike = [at for at, text in enumerate(texts) if len(text) == len(texts[top])]
        spelt = np.array([[self._alphabet.index(char) for char in texts[at]] for at in alike], np.intp)
        own = alike.index(top)
        fused = fuse_chars(chars, weights)[None]
        left = _uncompared(fused, fused[:, places, spelt].sum(axis=2), own)
        same_length = float(scores[top]) + math.log(max(float(left[0]), LEAST_DOUBT))
        each_left = probs[:, top] * _uncompared(chars, chars[:, places, spelt].sum(axis=2), own)
        others = np.maximum(1.0 - probs.sum(axis=1) - each_left, self.options.rubbish)
        other_lengths = float(weights @ np.log(others))
        other_lengths -= (float(weights.sum()) - 1.0) * math.log(self.options.none_texts)
        return float(np.logaddexp(same_length, other_lengths))

    def _prior(self, text: str) -> float:
        return 1.0 if self._grammar is None or _countries(self._grammar, text) else self.options.foreign_share

    def _region(self, evidence: Evidence) -> str:
        """What the reader said of the region of the best sighting, or else the first country that has such plates."""
        if evidence.best is not None and evidence.best.reading.text == evidence.text and evidence.best.reading.region:
            return evidence.best.reading.region
        countries = _countries(self._grammar, evidence.text) if self._grammar is not None else ()
        return countries[0] if countries else ""


def weigh(
    arrival: Arrival, options: EvidenceOptions = EvidenceOptions(), grammar: Grammar | None = None
) -> Evidence:
    """`Weigher.weigh` for an arrival that is weighed only once."""
    return Weigher(options, grammar).weigh(arrival)


def grown(frames: float, options: EvidenceOptions) -> float:
    """How far slope and shift hold for an effective number of frames: 0 of one, 1 from `full_at` on."""
    return min(1.0, max(0.0, (frames - 1.0) / (options.full_at - 1.0)))


def _calibrated(frames: Sequence[FrameTexts], texts: Sequence[str], log_probs: Doubles) -> Doubles:
    """Probabilities (frames, texts), rescaled so that a frame's own text has the reader's calibrated confidence. The
    others shrink with it, or to fit into the rest: none overtakes it, and doubt beyond them is that of none of them."""
    confidence = np.clip([frame.reading.confidence for frame in frames], LEAST_DOUBT, 1.0 - LEAST_DOUBT)
    own = np.array([frame.log_probs.get(frame.reading.text, -math.inf) for frame in frames])
    own = np.clip(np.exp(np.minimum(own, 0.0)), LEAST_DOUBT, 1.0 - LEAST_DOUBT)
    probs = np.exp(np.minimum(log_probs, 0.0))
    probs *= np.minimum(confidence / own, (1.0 - confidence) / (1.0 - own))[:, None]
    places = {text: place for place, text in enumerate(texts)}
    for at, frame in enumerate(frames):
        if (place := places.get(frame.reading.text)) is not None:
            probs[at, place] = confidence[at]
    return probs


def _uncompared(chars: Doubles, compared: Doubles, own: int) -> Doubles:
    """How many times as probable as the own text all texts of its length together are that are not compared: (N,).

    chars (N, places, characters) logarithms; compared (N, texts) those of the compared texts, the own one among them.
    """
    every = np.logaddexp.reduce(chars, axis=2).sum(axis=1) - compared[:, own]
    ratio: Doubles = np.exp(np.minimum(every, 500.0)) - np.exp(
        np.minimum(compared - compared[:, own : own + 1], 500.0)
    ).sum(axis=1)
    return np.maximum(ratio, 0.0)


def _since(before: Evidence, now: Evidence, sightings: Sequence[Sighting]) -> Evidence:
    """The new evidence with the times of the first readings, also of those that are no longer kept."""
    read = [one for one in sightings if one.reading.text]
    firsts = (
        min([earlier, *(one.captured_at_s for one in read if one.reading.confidence >= least)])
        for earlier, least in ((before.first_read_s, 0.0), (before.first_sure_s, LEAST_SURE))
    )
    first_read_s, first_sure_s = firsts
    return replace(now, first_read_s=first_read_s, first_sure_s=first_sure_s)


def _verdict(
    sightings: Sequence[Sighting], texts: Sequence[str], posterior: Doubles, alternatives: int
) -> Evidence:
    order = sorted(range(len(texts)), key=lambda at: -posterior[at])
    ranked = tuple((texts[at], float(posterior[at])) for at in order)
    text, confidence = ranked[0]
    best = max(sightings, key=lambda one: (one.reading.text == text, clarity(one)))
    others = tuple(one for one in ranked[1 : 1 + alternatives] if one[1] >= LEAST_ALTERNATIVE)
    last_s = max(one.captured_at_s for one in sightings)
    return Evidence(text, confidence, others, len(sightings), best, last_read_s=last_s)


def _countries(grammar: Grammar, text: str) -> tuple[str, ...]:
    """The countries whose formats a text fits."""
    state = grammar.start()
    for char in text:
        state = grammar.step(state, char)
        if not state:
            return ()
    return grammar.countries(state)
