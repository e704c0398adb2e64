"""Evidence over frames: by table, by property, and on synthetic arrivals whose doubt is honest."""

from __future__ import annotations

import gc
import math
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.gate.char_scores import align, char_log_probs
from edge_lpr.gate.evidence import Evidence, EvidenceOptions, Weigher, weigh
from edge_lpr.gate.frame_weights import WitnessOptions, frame_weights
from edge_lpr.gate.readiness import ReadyOptions, ready, to_plate_read
from edge_lpr.gate.text_scores import FrameTexts, ctc_scores, path_log_prob
from edge_lpr.recognition import ctc
from edge_lpr.recognition.plate_format import compile_grammar
from edge_lpr.records import Arrival, Direction, Reading, Sighting
from tests.gate.evidence_cases import ALPHABET, Drive, arrival_of, path_only, random_text, reading_of, sighting

UTC = timezone.utc


def arrival(*sightings: Sighting, **more) -> Arrival:
    times = [one.captured_at_s for one in sightings] or [0.0]
    return Arrival("gate-1", "gate", min(times), max(times), list(sightings), **more)


def reading(text: str, rivals: dict[int, str] | None = None, sure: float = 0.9) -> Reading:
    """A reading whose characters have probability `sure`, or share the rest with a rival at some places."""
    signal = np.full((len(text), len(ALPHABET)), 1e-6)
    for at, char in enumerate(text):
        rival = (rivals or {}).get(at)
        signal[at, ALPHABET.index(char)] = sure if rival else 0.9999
        if rival:
            signal[at, ALPHABET.index(rival)] = 1 - sure
    return reading_of(np.log(signal), 1.0)


# ---- scoring ----------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_scores_are_those_of_the_exact_forward_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 3, (2, 12, 37))
    log_probs = (steps - np.log(np.exp(steps).sum(axis=2, keepdims=True))).astype(np.float32)
    texts = ["", "A", "AA", "1AB2", "A0A0", "KKKKKK", "ABCDEFGHIJKLM", random_text(rng)]
    scores = ctc_scores(np.exp(log_probs.astype(np.float64)), texts, ALPHABET)
    for row, one in zip(scores, log_probs, strict=True):
        expected = [ctc.ctc_score(one, text, ALPHABET) for text in texts]
        assert row.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_character_that_the_reader_lacks_is_impossible() -> None:
    steps = FrameTexts(reading("1AB2"), ALPHABET).probs
    assert steps is not None
    scores = ctc_scores(steps[None], ["1AB2", "1AÄ2"], ALPHABET)
    assert scores[0, 0] > -0.1 and scores[0, 1] == -np.inf


def test_characters_are_aligned() -> None:
    one = reading("1ABB2", {3: "8"}, 0.7)
    frame = FrameTexts(one, ALPHABET)
    assert frame.probs is not None
    assert align(frame.probs[None], "1ABB2", ALPHABET).tolist() == [[2, 5, 8, 11, 14]]
    chars = np.exp(char_log_probs([frame], "1ABB2", ALPHABET))[0]
    assert chars.sum(axis=1) == pytest.approx(np.ones(5))
    assert chars[3, ALPHABET.index("B")] == pytest.approx(0.7, abs=0.01)
    assert chars[3, ALPHABET.index("8")] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("likelier", "text"),
    [("1AB2345", "1A82345"), ("1A82345", "1AX2345"), ("1AB2345", "1AB234"), ("1AB234", "9XY")],
)
def test_path_probability_falls_with_distance(likelier: str, text: str) -> None:
    one = Reading("1AB2345", 0.6, (0.95, 0.95, 0.7, 0.95, 0.95, 0.95, 0.95))
    assert path_log_prob(one, likelier) > path_log_prob(one, text)


# ---- what frames say together -----------------------------------------------------------------------------------


def test_one_frame_gives_the_readers_confidence() -> None:
    for confidence in (0.3, 0.7, 0.95):
        one = sighting(reading=replace(reading("1AB2345", {2: "8"}, 0.8), confidence=confidence))
        found = weigh(arrival(one))
        assert found.text == "1AB2345" and found.confidence == pytest.approx(confidence, abs=0.02)
        assert found.weight == 1.0 and found.frames_used == 1 and found.best is one


def test_the_fitted_line_holds_for_several_frames_and_leaves_one_alone() -> None:
    rivals = reading("1AB2345", {2: "8"}, 0.8)
    seen = [sighting(reading=rivals, at_s=float(at), x=300.0 * at) for at in range(6)]
    careful = EvidenceOptions.of_card({"fusion_slope": 0.5, "fusion_shift": 0.0})
    assert weigh(arrival(seen[0]), careful).confidence == weigh(arrival(seen[0])).confidence
    plain, fitted = weigh(arrival(*seen)), weigh(arrival(*seen), careful)
    assert fitted.text == plain.text and fitted.weight >= careful.full_at
    assert math.log(fitted.confidence / (1 - fitted.confidence)) == pytest.approx(
        0.5 * math.log(plain.confidence / (1 - plain.confidence)), rel=0.01)
    every = [fitted.confidence, *(share for _, share in fitted.alternatives)]
    assert sum(every) <= 1.0 and every == sorted(every, reverse=True)
    assert EvidenceOptions.of_card({}).slope < 1.0, "not fitted: rather careful"


def test_the_frames_that_the_reader_trusts_decide() -> None:
    """Blurred frames lean all the same way: many of them do not outvote two that can be read."""
    sure = replace(reading("1AB2345"), confidence=0.9)
    legible = [sighting(reading=sure, at_s=at, x=200 + 150 * at) for at in (0, 1)]
    blurred = [
        sighting(reading=replace(reading("1A82345", {2: "B"}, 0.9), confidence=0.05), at_s=2.0 + at, x=500 + 90 * at)
        for at in range(12)
    ]
    assert weigh(arrival(*legible, *blurred)).text == "1AB2345"


def test_alternatives_are_given() -> None:
    found = weigh(arrival(sighting(reading=reading("1AB2345", {2: "8"}, 0.8))))
    assert found.alternatives[0] == ("1A82345", pytest.approx(0.2, abs=0.01))


def test_no_readable_frame_gives_no_text() -> None:
    unread = sighting("", 0.0, sharpness=900.0)
    found = weigh(arrival(sighting("", 0.1), unread))
    assert (found.text, found.confidence, found.best) == ("", 0.0, unread)
    assert weigh(arrival()).best is None


def test_frames_that_each_misread_another_character_agree() -> None:
    """No frame reads the plate, and no two read the same: a vote has nothing to count."""
    wrong = [reading("8AB2345", {0: "1"}, 0.6), reading("1A82345", {2: "B"}, 0.6), reading("1AB2S45", {4: "3"}, 0.6)]
    seen = [sighting(reading=one, at_s=at, x=200 + 150 * at) for at, one in enumerate(wrong)]
    found = weigh(arrival(*seen))
    assert found.text == "1AB2345" and found.confidence > 0.9


def test_a_text_that_no_frame_proposes_is_found() -> None:
    """Six doubtful places: the right text is in no frame's beam, but each of its characters leads over the frames."""
    rng = np.random.default_rng(5)
    text = "1AB2345"
    frames = []
    for at in range(14):
        rivals = {int(place): "WKXYZ"[at % 5] for place in rng.choice(7, 5, replace=False)}
        frames.append(sighting(reading=reading(text, rivals, 0.42), at_s=float(at), x=100 + 70 * at))
    proposed = {name for one in frames for name in FrameTexts(one.reading, ALPHABET).proposed}
    assert text not in proposed
    assert weigh(arrival(*frames)).text == text


def test_one_sharp_frame_outweighs_blurred_ones() -> None:
    sharp = sighting(reading=reading("1AB2345", {2: "8"}, 0.85), at_s=1.0, height=30, sharpness=1600.0)
    blurred = [
        sighting(reading=reading("1A82345", {2: "B"}, 0.7), at_s=1.2 + at / 15, height=12, x=250 + at, sharpness=30.0)
        for at in range(3)
    ]
    found = weigh(arrival(sharp, *blurred))
    assert found.text == "1AB2345" and found.best is sharp


def test_copies_of_a_frame_are_one_witness() -> None:
    one = reading("1AB2345", {2: "8"}, 0.7)
    single = weigh(arrival(sighting(reading=one)))
    copies = weigh(arrival(*(sighting(reading=one, at_s=0.001 * at) for at in range(30))))
    assert copies.weight < 1.2 and copies.confidence < single.confidence + 0.06
    standing = weigh(arrival(*(sighting(reading=one, at_s=10.0 * at) for at in range(30))))
    moving = weigh(arrival(*(sighting(reading=one, at_s=10.0 * at, x=200.0 * at) for at in range(30))))
    assert copies.weight < standing.weight < moving.weight <= WitnessOptions().most_frames
    assert single.confidence < standing.confidence < moving.confidence


def test_a_frame_of_another_plate_does_not_win() -> None:
    own = [sighting(reading=reading("1AB2345", {1: "4"}, 0.8), at_s=0.2 * at, x=200 + 60 * at) for at in range(5)]
    other = sighting(reading=reading("ZZTOP99"), at_s=1.2, sharpness=2000.0)
    assert weigh(arrival(*own, other)).text == "1AB2345"


def test_the_grammar_decides_where_shapes_do_not() -> None:
    frames = [sighting(reading=reading("1A0234S", {6: "5"}, 0.55), at_s=float(at), x=100.0 * at) for at in range(3)]
    plain = weigh(arrival(*frames))
    national = weigh(arrival(*frames), grammar=compile_grammar(["cz"]))
    assert plain.text == "1A0234S" and plain.region == ""
    assert (national.text, national.region) == ("1A02345", "CZ")


def test_a_reader_of_paths_is_voted_by_character() -> None:
    def bare(text: str, doubtful: int) -> Reading:
        probs = [0.95] * len(text)
        probs[doubtful] = 0.4
        return Reading(text, math.prod(probs), tuple(probs))

    wrong = [bare("8AB2345", 0), bare("1A82345", 2), bare("1AB2S45", 4)]
    found = weigh(arrival(*(sighting(reading=one, at_s=at, x=200.0 * at) for at, one in enumerate(wrong))))
    assert found.text == "1AB2345" and found.confidence < 0.99


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_probabilities_are_probabilities_and_order_does_not_matter(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    one = arrival_of(random_text(rng), rng, Drive(frames=frames, noise=float(rng.uniform(0.15, 0.5))))
    found = weigh(one)
    every = [found.confidence, *(share for _, share in found.alternatives)]
    assert all(0.0 <= share <= 1.0 for share in every) and sum(every) <= 1.0 + 1e-9
    assert every == sorted(every, reverse=True) and found.text not in dict(found.alternatives)
    rng.shuffle(one.sightings)  # type: ignore[arg-type]
    again = weigh(one)
    assert again.text == found.text and again.confidence == pytest.approx(found.confidence, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_weights_are_bounded(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    seen = [
        sighting("1AB2345", float(rng.uniform(0, 3)), *rng.uniform(0, 600, 2), float(rng.uniform(5, 60)),
                 sharpness=float(rng.choice([0.0, math.nan, rng.uniform(1, 3000)])))
        for _ in range(count)
    ]  # fmt: skip
    weights = frame_weights(seen)
    assert (weights > 0).all() and 1.0 - 1e-9 <= weights.sum() <= min(count, WitnessOptions().most_frames) + 1e-9


# ---- fusion against one frame and against a vote ----------------------------------------------------------------


@lru_cache
def outcomes(drive: Drive, count: int = 80, paths: bool = False) -> tuple[dict[str, float], np.ndarray]:
    """Share of arrivals read right, by method, and (confidence, right) of the fusion."""
    rng = np.random.default_rng(7)
    right: Counter[str] = Counter()
    sure = []
    for _ in range(count):
        text = random_text(rng)
        one = arrival_of(text, rng, drive)
        readings = [seen.reading for seen in one.sightings]
        found = weigh(path_only(one) if paths else one)
        right["fused"] += found.text == text
        right["best single"] += max(readings, key=lambda each: each.confidence).text == text
        right["vote"] += Counter(each.text for each in readings).most_common(1)[0][0] == text
        right["first"] += readings[0].text == text
        sure.append((found.confidence, float(found.text == text)))
    return {name: hits / count for name, hits in right.items()}, np.array(sure)


HARD = Drive(frames=10, noise=0.27)
DIRTY = Drive(frames=10, noise=0.24, shared=0.5)


@pytest.mark.parametrize("drive", [HARD, DIRTY], ids=["small and blurred", "dirty: frames err alike"])
@pytest.mark.parametrize("paths", [False, True], ids=["log-probabilities", "best paths only"])
def test_fusion_reads_more_than_one_frame_or_a_vote(drive: Drive, paths: bool) -> None:
    share, _ = outcomes(drive, paths=paths)
    margin = 0.03 if drive is DIRTY else 0.1
    assert share["fused"] >= max(share["best single"], share["vote"]) + margin, share
    assert share["first"] < share["vote"], share


def test_confidence_is_honest() -> None:
    """Of the arrivals given as sure most are right, also where half of the noise is the same in all frames."""
    sure = np.concatenate([outcomes(HARD)[1], outcomes(DIRTY)[1]])
    for low, least in ((0.97, 0.95), (0.9, 0.85), (0.5, 0.65)):
        chosen = sure[sure[:, 0] >= low]
        assert len(chosen) >= 40 and chosen[:, 1].mean() >= least, (low, len(chosen), chosen[:, 1].mean())
    right = sure[sure[:, 1] == 1.0, 0].mean()
    assert right > sure[sure[:, 1] == 0.0, 0].mean() + 0.15


# ---- frame by frame ---------------------------------------------------------------------------------------------


def test_weighing_as_frames_come_is_the_same_quick_and_forgets() -> None:
    rng = np.random.default_rng(3)
    whole = arrival_of("1AB2345", rng, Drive(frames=45))
    growing = replace(whole, sightings=[])
    weigher, spent = Weigher(), []
    for seen in whole.sightings:
        growing.sightings = [*growing.sightings, seen][-30:]
        began = time.process_time()
        last = weigher.weigh(growing)
        spent.append(time.process_time() - began)
    assert weigher.weigh(growing) is last
    once = weigh(growing)
    assert last.text == once.text and last.confidence == pytest.approx(once.confidence, abs=0.02)
    assert np.median(spent[30:]) < 0.015, "seven times the time it takes alone on a core"
    del whole, growing, seen, last, once
    gc.collect()
    assert not weigher._frames and not weigher._known


CASES = [
    # confidence, frames, waited, in zone, settled, direction, departed -> ready
    (0.98, 3, 0.2, {}, False, True),
    (0.98, 2, 0.2, {}, False, False),
    (0.995, 2, 0.1, {}, False, True),
    (0.995, 1, 0.0, {}, False, False),
    (0.9, 9, 1.0, {}, False, False),
    (0.9, 9, 3.1, {}, False, True),
    (0.5, 9, 3.1, {}, False, False),
    (0.5, 9, 12.1, {}, False, True),
    (0.6, 1, 0.1, {}, True, True),
    (0.5, 1, 0.1, {}, True, False),
    (0.5, 2, 0.1, {}, True, False),
    (0.5, 3, 0.1, {}, True, True),
    (0.11, 9, 2.0, {}, True, True),
    (0.09, 9, 2.0, {}, True, False),
    (0.04, 9, 12.1, {}, False, True),
    (0.98, 3, 0.2, {"in_zone": False}, False, False),
    (0.98, 3, 99.0, {"in_zone": False}, False, False),
    (0.98, 3, 0.2, {"in_zone": False}, True, True),
    (0.98, 3, 0.2, {"settled": True}, False, False),
    (0.98, 3, 0.2, {"settled": True}, True, False),
]


@pytest.mark.parametrize(("confidence", "frames", "waited_s", "state", "departed", "expected"), CASES)
def test_ready(confidence: float, frames: int, waited_s: float, state: dict, departed: bool, expected: bool) -> None:
    evidence = Evidence("1AB2345", confidence, (), frames, None, first_read_s=10.0, last_read_s=10.0 + waited_s)
    assert ready(evidence, arrival(**state), 10.0 + waited_s, departed=departed) is expected


def test_nothing_to_decide_without_a_text() -> None:
    assert not ready(weigh(arrival(sighting(""))), arrival(), 99.0, departed=True)
    letter = Evidence("Y", 0.9, (), 9, None, first_read_s=10.0)
    assert not ready(letter, arrival(), 99.0) and not ready(letter, arrival(), 99.0, departed=True)


def test_waiting_for_the_direction_ends() -> None:
    options = ReadyOptions(needs_direction=True)
    evidence = Evidence("1AB2345", 0.999, (), 5, None, first_read_s=10.0)
    assert not ready(evidence, arrival(), 11.0, options)
    assert ready(evidence, arrival(direction=Direction.APPROACHING), 11.0, options)
    assert ready(evidence, arrival(), 13.5, options)


def test_the_wait_counts_from_the_first_readable_frame_even_when_that_is_no_longer_kept() -> None:
    one = arrival(sighting("", 1.0), sighting("1AB2345", 5.0))
    weigher = Weigher()
    assert weigher.weigh(one).first_read_s == 5.0
    one.sightings = [sighting("1AB2345", 9.0)]
    assert weigher.weigh(one).first_read_s == 5.0


def test_a_guess_of_a_distant_blur_hurries_nobody() -> None:
    """It was another vehicle's, long ago: the first doubtful frame of this one is not the time to give up."""
    one = arrival(sighting("K7", 1.0, confidence=0.02), sighting("K9", 2.0, confidence=0.03))
    weigher = Weigher()
    assert weigher.weigh(one).waiting_since_s == 1.0, "a plate that nobody can read is given up in the end"
    one.sightings.append(sighting("1AB2345", 14.0, confidence=0.6))
    assert weigher.weigh(one).waiting_since_s == 14.0 and not ready(weigher.weigh(one), one, 14.1)
    one.sightings = [sighting("1AB2345", 15.0)]
    assert weigher.weigh(one).waiting_since_s == 14.0 and weigher.weigh(one).first_read_s == 1.0


def test_plate_read() -> None:
    one = arrival(sighting("1AB2345", 5.0), sighting("1AB2345", 6.0), direction=Direction.APPROACHING, in_zone=False)
    read = to_plate_read(one, weigh(one), datetime(2026, 7, 1, 12, 0, 10, tzinfo=UTC), 10.0, True)
    assert (read.arrival_id, read.camera, read.text, read.frames_used) == ("gate-1", "gate", "1AB2345", 2)
    assert (read.first_seen_s, read.at_s, read.clock_synced) == (5.0, 6.0, True)
    assert read.wall_time == datetime(2026, 7, 1, 12, 0, 6, tzinfo=UTC)
    assert read.direction is Direction.APPROACHING and not read.in_zone
