"""The tracker frame by frame: who is who, by table and by property."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.gate.track import Tracker, TrackerOptions, TrackUpdate
from edge_lpr.gate.zones import Zone, Zones
from edge_lpr.records import Arrival, Direction, Reading, Sighting
from tests.gate.evidence_cases import sighting

SIZE = (1280, 720)
FPS = 15.0
Scene = Callable[[float], Sequence[Sighting]]


@dataclass
class Run:
    """What a tracker made of a clip."""

    tracker: Tracker
    updates: list[TrackUpdate] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    departed: list[Arrival] = field(default_factory=list)

    def take(self, update: TrackUpdate) -> None:
        self.updates.append(update)
        self.arrivals += update.new
        self.departed += update.departed

    def texts(self) -> list[str]:
        """The commonest text of each arrival, in the order of their beginning."""
        return [commonest(arrival) for arrival in self.arrivals]


def commonest(arrival: Arrival) -> str:
    texts = [one.reading.text for one in arrival.sightings]
    return max(set(texts), key=lambda text: (texts.count(text), text))


def play(scene: Scene, times: Iterable[float], options: TrackerOptions | None = None, size: tuple = SIZE) -> Run:
    run = Run(Tracker(options or TrackerOptions(), "gate"))
    for at_s in times:
        run.take(run.tracker.update(scene(at_s), at_s, size))
    return run


def clip(seconds: float, fps: float = FPS, start_s: float = 100.0) -> list[float]:
    return [start_s + at / fps for at in range(round(seconds * fps))]


def coming(at_s: float, text: str, start_s: float = 100.0, seconds: float = 3.0, x: float = 500, **more) -> Sighting:
    """A car that comes closer and stops after `seconds`."""
    share = min(1.0, (at_s - start_s) / seconds)
    return sighting(text, at_s, x + 100 * share, 150 + 350 * share, 14 * 3.0**share, **more)


def test_one_vehicle_is_one_arrival() -> None:
    run = play(lambda at_s: [coming(at_s, "1AB2345")] if at_s < 104 else [], clip(10))
    assert run.texts() == ["1AB2345"] and len(run.departed) == 1
    arrival = run.arrivals[0]
    assert arrival.id == "gate-1" and arrival.direction is Direction.APPROACHING
    assert arrival.first_seen_s == 100.0 and 103.9 < arrival.last_seen_s < 104.0
    gone_at = next(at for at, update in zip(clip(10), run.updates, strict=True) if update.departed)
    assert gone_at == pytest.approx(108.0, abs=0.2)


def test_ids_of_two_runs_differ() -> None:
    ids = {
        Tracker(camera="entry", session=session).update([sighting("1AB2345")], 1.0, SIZE).new[0].id
        for session in ("a1", "a2")
    }
    assert ids == {"entry-a1-1", "entry-a2-1"}


MISREAD = {
    "look-alike": ("1AB2845", 0.9),
    "another character": ("1AB2K45", 0.9),
    "first cut off": ("AB2345", 0.9),
    "half cut off": ("1AB2", 0.9),
    "one more": ("11AB2345", 0.9),
    "nothing": ("", 0.0),
    "rubbish, unsure": ("XKW7", 0.2),
    "rubbish, sure, for one frame in a while": ("ZZTOP99", 0.9),
}


@pytest.mark.parametrize("wrong", MISREAD.values(), ids=MISREAD)
@pytest.mark.parametrize("every", [2, 5])
def test_a_changed_reading_stays_one(wrong: tuple[str, float], every: int) -> None:
    def scene(at_s: float) -> list[Sighting]:
        bad = round((at_s - 100) * FPS) % every == 1
        return [coming(at_s, wrong[0], confidence=wrong[1]) if bad else coming(at_s, "1AB2345")]

    assert play(scene, clip(5)).texts() == ["1AB2345"]


def test_a_text_that_changes_by_a_character_for_good_stays_one() -> None:
    run = play(lambda at_s: [coming(at_s, "1AB2845" if at_s < 101.5 else "1AB2345")], clip(5))
    assert len(run.arrivals) == 1


def test_rubbish_read_unsurely_from_afar_stays_one() -> None:
    def scene(at_s: float) -> list[Sighting]:
        return [coming(at_s, "77ILJ1" if at_s < 101 else "1AB2345", confidence=0.4 if at_s < 101 else 0.95)]

    assert len(play(scene, clip(5)).arrivals) == 1


@pytest.mark.parametrize("hidden_s", [0.2, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("start_s", [100.5, 101.0, 103.5])
def test_an_occlusion_stays_one(hidden_s: float, start_s: float) -> None:
    run = play(lambda at_s: [] if start_s < at_s < start_s + hidden_s else [coming(at_s, "1AB2345")], clip(8))
    assert len(run.arrivals) == 1 and not run.departed


def test_an_occlusion_of_an_unread_plate_stays_one() -> None:
    run = play(lambda at_s: [] if 101 < at_s < 103 else [coming(at_s, "", seconds=6)], clip(8))
    assert len(run.arrivals) == 1


def test_two_in_view_stay_two() -> None:
    run = play(lambda at_s: [coming(at_s, "1AB2345"), coming(at_s, "7XY9876", x=800)], clip(5))
    assert sorted(run.texts()) == ["1AB2345", "7XY9876"]


@pytest.mark.parametrize("texts", [("1AB2345", "1AB2346"), ("1AB2348", "1AB234B")])
def test_two_of_a_fleet_in_view_stay_two(texts: tuple[str, str]) -> None:
    run = play(lambda at_s: [coming(at_s, texts[0]), coming(at_s, texts[1], x=800)], clip(5))
    assert sorted(run.texts()) == sorted(texts)
    assert all({one.reading.text for one in arrival.sightings} == {commonest(arrival)} for arrival in run.arrivals)


def test_a_lorrys_plate_on_its_trailer_is_no_second_arrival() -> None:
    run = play(lambda at_s: [coming(at_s, "1AB2345"), coming(at_s, "1AB2345", x=900)], clip(3))
    assert len(run.arrivals) == 1


def test_a_plate_found_twice_is_one() -> None:
    run = play(lambda at_s: [coming(at_s, "1AB2345"), coming(at_s, "1AB234", x=506, confidence=0.6)], clip(3))
    assert run.texts() == ["1AB2345"]
    assert all(update.matches[1] is None for update in run.updates)


def crossing(at_s: float, read: tuple[bool, bool] = (True, True)) -> list[Sighting]:
    """Two plates that pass each other at mid-picture in 4 s."""
    share = (at_s - 100) / 4
    return [
        sighting("1AB2345" if read[0] else "", at_s, 200 + 800 * share, 300, 24),
        sighting("7XY9876" if read[1] else "", at_s, 1000 - 800 * share, 310, 26),
    ]


@pytest.mark.parametrize("unread", [None, (101.7, 102.3), (101.0, 103.0)])
@pytest.mark.parametrize("hidden", [None, (101.8, 102.2)])
def test_crossing_plates_do_not_swap(unread: tuple | None, hidden: tuple | None) -> None:
    def scene(at_s: float) -> list[Sighting]:
        blind = unread is not None and unread[0] < at_s < unread[1]
        both = crossing(at_s, (not blind, not blind))
        return both[:1] if hidden is not None and hidden[0] < at_s < hidden[1] else both

    run = play(scene, clip(4))
    assert sorted(run.texts()) == ["1AB2345", "7XY9876"]
    for arrival in run.arrivals:
        assert len({one.reading.text for one in arrival.sightings}) == 1


def test_a_parked_car_is_latched_for_hours() -> None:
    rng = np.random.default_rng(1)

    def scene(at_s: float) -> list[Sighting]:
        text = rng.choice(["1AB2345", "1AB2345", "1AB2845", "", "1AB2"])
        return [sighting(str(text), at_s, *rng.normal((600, 400), 2), 30 * np.exp(rng.normal(0, 0.02)))]

    run = play(scene, clip(2))
    run.arrivals[0].settled = True
    for at in range(4000):  # 5.5 hours, a frame in 5 s, hidden for a minute now and then
        at_s = 103.0 + 5 * at
        run.take(run.tracker.update([] if at % 97 < 12 and at > 97 else scene(at_s), at_s, SIZE))
    assert len(run.arrivals) == 1 and not run.departed
    assert run.arrivals[0].settled and len(run.arrivals[0].sightings) == 1


def test_a_camera_outage_makes_no_second_row_of_a_parked_car() -> None:
    times = [*clip(30, 5), *clip(5, 5, start_s=1000.0)]
    assert len(play(lambda at_s: [sighting("1AB2345", at_s)], times).arrivals) == 1


def test_after_an_outage_what_moved_is_gone() -> None:
    run = play(lambda at_s: [sighting("1AB2345", at_s)], [*clip(5), *clip(5, start_s=200.0)])
    assert len(run.arrivals) == 2 and run.departed == run.arrivals[:1]


def test_a_gap_between_frames_is_no_absence() -> None:
    run = play(lambda at_s: [sighting("1AB2345", at_s)], [*clip(2), *clip(2, start_s=110.0)])
    assert len(run.arrivals) == 1


def test_the_next_car_at_the_same_place_is_another() -> None:
    def scene(at_s: float) -> list[Sighting]:
        return [] if 103 < at_s < 108 else [sighting("1AB2345" if at_s < 104 else "7XY9876", at_s)]

    assert play(scene, clip(12)).texts() == ["1AB2345", "7XY9876"]


def test_the_same_car_that_comes_again_is_another_arrival() -> None:
    run = play(lambda at_s: [] if 103 < at_s < 110 else [sighting("1AB2345", at_s)], clip(12))
    assert len(run.arrivals) == 2


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("fps", [3.0, 15.0, 30.0])
def test_bumper_to_bumper_is_another(settled: bool, fps: float) -> None:
    run = Run(Tracker())
    for at_s in clip(8, fps):
        scene = [sighting("1AB2345" if at_s < 103 else "7XY9876", at_s)]
        run.take(run.tracker.update(scene, at_s, SIZE))
        run.arrivals[0].settled = settled and at_s > 102
    assert run.texts() == ["1AB2345", "7XY9876"]
    assert 103.0 <= run.arrivals[1].first_seen_s <= 103.0 + 1 / fps
    assert {one.reading.text for one in run.arrivals[1].sightings} == {"7XY9876"}
    assert [one.reading.text for one in run.arrivals[0].sightings].count("7XY9876") == 0
    assert run.departed == run.arrivals[:1]


def test_one_that_passes_in_front_ends_nothing() -> None:
    run = play(lambda at_s: [sighting("7XY9876" if 102 < at_s < 103 else "1AB2345", at_s)], clip(6))
    assert run.texts() == ["1AB2345", "7XY9876"]
    assert run.updates[-1].arrivals[0] is run.arrivals[0]


def test_zones() -> None:
    zones = Zones(
        trigger=(Zone("lane", ((0.0, 0.5), (0.6, 0.5), (0.6, 1.0), (0.0, 1.0))),),
        ignore=(Zone("street", ((0.7, 0.0), (1.0, 0.0), (1.0, 1.0), (0.7, 1.0))),),
    )
    street, yard = (1100, 400), (100, 100)

    def scene(at_s: float) -> list[Sighting]:
        return [coming(at_s, "1AB2345"), sighting("7XY9876", at_s, *street), sighting("5ZZ5555", at_s, *yard)]

    run = play(scene, clip(4), TrackerOptions(zones=zones))
    assert run.texts() == ["1AB2345", "5ZZ5555"]
    assert [arrival.in_zone for arrival in run.arrivals] == [True, False]
    assert all(update.matches[1] is None for update in run.updates)


def test_a_plate_that_comes_into_view_from_behind_does_not_approach() -> None:
    """Half of it is in view at first, so that it grows until it is whole; from then on it shrinks."""
    seconds_cut = 0.4

    def leaving(at_s: float) -> list[Sighting]:
        gone_s = at_s - 100.0
        hidden = max(0.0, 1.0 - gone_s / seconds_cut)
        x, y, height = 1180 - 110 * gone_s, 680 - 160 * gone_s, 38 * 2.0 ** (-gone_s / 2)
        one = sighting("1AB2345", at_s, x, y, height)
        found = one.crop.detection.corners
        if not hidden:
            return [one]
        right = found[:, 0].max()
        shown = found[:, 0].min() + (right - found[:, 0].min()) * (1 - 0.6 * hidden)
        inset_px = round(at_s * FPS) % 6  # a detector does not place its corners quite on the border
        cut = np.minimum(found + np.float32([SIZE[0] - shown, 0]), np.float32(SIZE) - inset_px)
        return [replace(one, crop=replace(one.crop, detection=replace(one.crop.detection, corners=cut)))]

    run = play(leaving, clip(3))
    assert run.texts() == ["1AB2345"] and run.arrivals[0].direction is Direction.LEAVING
    directions = []
    tracker = Tracker(TrackerOptions(), "gate")
    for at_s in clip(3):
        directions += [arrival.direction for arrival in tracker.update(leaving(at_s), at_s, SIZE).arrivals]
    assert Direction.APPROACHING not in directions


def test_late_and_repeated_frames_change_nothing() -> None:
    run = play(lambda at_s: [coming(at_s, "1AB2345")], clip(2))
    kept = list(run.arrivals[0].sightings)
    for at_s in (101.0, run.arrivals[0].last_seen_s):
        update = run.tracker.update([sighting("7XY9876", at_s, 900, 100)], at_s, SIZE)
        assert update.late and update.matches == (None,) and not update.new and not update.departed
    assert run.arrivals[0].sightings == kept


def test_a_clock_that_falls_back_far_is_a_new_beginning() -> None:
    run = play(lambda at_s: [sighting("1AB2345", at_s)], [*clip(2), *clip(2, start_s=5.0)])
    assert len(run.arrivals) == 2 and run.departed == run.arrivals[:1]


def test_the_end_of_the_stream_ends_all() -> None:
    run = play(lambda at_s: [coming(at_s, "1AB2345"), coming(at_s, "7XY9876", x=800)], clip(1))
    assert list(run.tracker.close().departed) == run.arrivals and run.tracker.close().departed == ()


def test_a_camera_that_changes_its_size_changes_nothing() -> None:
    tracker = Tracker()
    first = [tracker.update([sighting("", t, 600, 400, 30)], t, (1280, 720)) for t in clip(1)]
    after = [tracker.update([sighting("", t, 300, 200, 15)], t, (640, 360)) for t in clip(1, start_s=101.0)]
    assert sum(len(update.new) for update in first + after) == 1


@pytest.mark.parametrize("broken", [np.full((4, 2), np.nan), np.zeros((4, 2)), np.full((4, 2), np.inf)])
def test_a_broken_detection_is_left_out(broken: np.ndarray) -> None:
    bad = sighting("1AB2345")
    object.__setattr__(bad.crop.detection, "corners", broken.astype(np.float32))
    update = Tracker().update([bad, sighting("7XY9876", x=800)], 1.0, SIZE)
    assert len(update.arrivals) == 1 and update.matches[0] is None


def test_settled_vehicles_are_read_now_and_then() -> None:
    run = play(lambda at_s: [sighting("1AB2345", at_s)], clip(2))
    here, elsewhere, at_s = sighting().crop.detection, sighting(x=900).crop.detection, clip(2)[-1]
    assert run.tracker.worth_reading(here, at_s + 0.1, SIZE)
    run.arrivals[0].settled = True
    assert not run.tracker.worth_reading(here, at_s + 0.1, SIZE)
    assert run.tracker.worth_reading(elsewhere, at_s + 0.1, SIZE)
    run.tracker.update([sighting("", at_s + 0.3)], at_s + 0.3, SIZE)
    assert run.tracker.worth_reading(here, at_s + 0.6, SIZE)


def test_what_is_kept_is_bounded_and_good() -> None:
    sharp = {round(at_s * FPS) for at_s in clip(60)[::40]}

    def scene(at_s: float) -> list[Sighting]:
        return [coming(at_s, "1AB2345", sharpness=900.0 if round(at_s * FPS) in sharp else 100.0)]

    run = play(scene, clip(60), TrackerOptions(kept=12))
    kept = run.arrivals[0].sightings
    assert len(kept) == 12 and sum(one.crop.sharpness > 800 for one in kept) >= 11
    assert kept == sorted(kept, key=lambda one: one.captured_at_s) and kept[-1].captured_at_s == clip(60)[-1]


def test_a_storm_of_detections_is_bounded() -> None:
    rng = np.random.default_rng(2)
    tracker = Tracker()
    for at_s in clip(4):
        noise = [sighting("", at_s, *rng.uniform((50, 50), (1200, 680)), 12) for _ in range(60)]
        assert len(tracker.update(noise, at_s, SIZE).arrivals) <= TrackerOptions().most_arrivals


# ---- properties -------------------------------------------------------------------------------------------------


@st.composite
def traffic(draw: st.DrawFn) -> tuple[list[float], dict[str, tuple[float, float, float]], int]:
    """Frame times with gaps, and for each plate its start, lane and pace; a seed for jitter and misreadings."""
    gaps = draw(st.lists(st.sampled_from([0.033, 0.067, 0.2, 0.5]), min_size=40, max_size=90))
    times = list(np.cumsum(gaps) + 50.0)
    plates = draw(st.lists(st.sampled_from(["1AB2345", "7XY9876", "KO55LMN", "B3W0011"]), unique=True, max_size=3))
    starts = [draw(st.floats(50.0, 55.0)) for _ in plates]
    lanes = {
        text: (start, 200.0 + 350.0 * at, draw(st.floats(2.0, 8.0)))
        for at, (text, start) in enumerate(zip(plates, starts, strict=True))
    }
    return times, lanes, draw(st.integers(0, 2**31))


def drive_all(case: tuple, shuffle: bool = False, repeat: bool = False) -> Run:
    times, lanes, seed = case
    rng, order = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    run = Run(Tracker())
    for at_s in times:
        scene = []
        for text, (start_s, x, seconds) in lanes.items():
            dropped, wrong, jitter = rng.random() < 0.15, rng.random(), rng.normal(0, 1, 2)
            if at_s < start_s or dropped:
                continue
            swapped = text[:3] + "Q" + text[4:]
            read = "" if wrong < 0.15 else swapped if wrong < 0.3 else text
            scene.append(coming(at_s, read, start_s, seconds, x + jitter[0], confidence=0.9))
        if shuffle:
            order.shuffle(scene)  # type: ignore[arg-type]
        run.take(run.tracker.update(scene, at_s, SIZE))
        if repeat:
            run.take(run.tracker.update(scene, at_s, SIZE))
    return run


@settings(max_examples=30, deadline=None)
@given(traffic())
def test_every_vehicle_is_one_arrival(case: tuple) -> None:
    run = drive_all(case)
    seen = {text for text, (start_s, _, _) in case[1].items() if start_s < case[0][-1] - 1.0}
    assert seen <= set(run.texts()) and len(run.arrivals) <= len(case[1])


@settings(max_examples=15, deadline=None)
@given(traffic())
def test_neither_order_nor_repetition_matters(case: tuple) -> None:
    plain = drive_all(case)
    for other in (drive_all(case, shuffle=True), drive_all(case, repeat=True)):
        assert sorted(other.texts()) == sorted(plain.texts())
        assert sorted(len(one.sightings) for one in other.arrivals) == sorted(len(o.sightings) for o in plain.arrivals)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([5.0, 15.0, 30.0]), st.floats(0.0, 0.4))
def test_crossing_in_jitter_with_gaps(seed: int, fps: float, dropped: float) -> None:
    rng = np.random.default_rng(seed)

    def scene(at_s: float) -> list[Sighting]:
        keep, read = rng.random(2) > dropped, rng.random(2) > 0.2
        return [one for one, kept in zip(crossing(at_s, tuple(read)), keep, strict=True) if kept]

    run = play(scene, clip(4, fps))
    assert sorted(run.texts()) == ["1AB2345", "7XY9876"]
    for arrival in run.arrivals:
        assert {one.reading.text for one in arrival.sightings} == {commonest(arrival)}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-40, 40, allow_nan=False),
            st.lists(
                st.tuples(st.floats(-50, 1400), st.floats(-50, 800), st.floats(0, 200),
                          st.text("AB01", max_size=8), st.floats(0, 1)),
                max_size=5,
            ),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_nothing_breaks_it(frames: list) -> None:
    """Whatever comes: every arrival begins once, ends at most once, and is under way in between."""
    tracker, now_s = Tracker(), 1000.0
    live: set[str] = set()
    begun: set[str] = set()
    for step, boxes in frames:
        now_s += step
        scene = [
            sighting(x=x, y=y, height=h, at_s=now_s, reading=Reading(text, sure if text else 0.0, (sure,) * len(text)))
            for x, y, h, text, sure in boxes
        ]
        update = tracker.update(scene, now_s, SIZE)
        new, gone = {one.id for one in update.new}, {one.id for one in update.departed}
        assert not new & begun and gone <= live | new and len(update.matches) == len(scene)
        begun |= new
        live = (live | new) - gone
        assert {one.id for one in update.arrivals} == live
        assert all(match is None or match.id in live for match in update.matches)
        matched = [match.id for match in update.matches if match is not None]
        assert len(matched) == len(set(matched))


@pytest.mark.parametrize(("gone", "comes"), [("TC952PJ", "ZF952A"), ("BBD84S7", "ZF952A"), ("1AB2345", "7XY9345")])
def test_one_that_comes_is_not_swallowed_by_one_that_drove_away(gone: str, comes: str) -> None:
    """The one is last seen far away, where the other comes into view: at first not legible, and thus taken for it."""

    def scene(at_s: float) -> list[Sighting]:
        if at_s < 103.0:
            away = 1.0 - (at_s - 100.0) / 3.0
            return [sighting(gone, at_s, 500 + 100 * away, 150 + 350 * away, 14 * 3.0**away)]
        if at_s < 104.5:
            return []
        text, confidence = (comes, 0.95) if at_s >= 105.5 else ("", 0.0)
        return [coming(at_s, text, start_s=104.5, x=520, confidence=confidence)]

    assert play(scene, clip(9)).texts() == [gone, comes]
