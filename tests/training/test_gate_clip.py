"""The drawn gate clip: what the truth says is to be seen in the pictures, and the same seed draws the same clip."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.records import Action, Reason
from edge_lpr.training.gate_clip import FPS, GateClip
from edge_lpr.training.gate_script import PARTS, STOP_M, arm_raised, night_share
from edge_lpr.training.gate_view import GateView, faces_camera


@pytest.fixture(scope="module")
def clip() -> GateClip:
    return GateClip(1)


def test_a_plate_grows_as_it_comes_and_a_level_thing_lies_below_the_horizon() -> None:
    view = GateView()
    near, far = (view.project([[-0.26, 0.5, z], [0.26, 0.5, z]]) for z in (8.0, 16.0))
    assert np.ptp(near[:, 0]) == pytest.approx(2 * np.ptp(far[:, 0]))
    assert np.ptp(near[:, 0]) == pytest.approx(0.52 * 1750 / 8)
    assert view.project([[0, 0, 1e6]])[0, 1] == pytest.approx(view.horizon_px, abs=0.1)


def test_a_quad_shows_its_back_when_it_runs_the_other_way() -> None:
    quad = np.array([[0, 0], [10, 0], [10, 5], [0, 5]], np.float32)
    assert faces_camera(quad) and not faces_camera(quad[::-1])


def test_everybody_is_expected_once_with_a_text_of_their_own(clip: GateClip) -> None:
    expected = clip.expected()
    assert sorted(one.name for one in expected) == sorted(part.name for part in PARTS)
    assert len({one.text for one in expected}) == len(expected)
    assert {one.rows for one in expected} == {1, 2}
    for one in expected:
        assert one.last_readable_frame - one.first_readable_frame >= FPS, f"{one.name} is readable for under a second"
        assert (one.list_name == "") == (one.reason == Reason.NOT_LISTED.name)
        assert (one.action == Action.OPEN.value) == (one.reason == Reason.ALLOWED.name)


def test_two_vehicles_are_readable_at_once_by_day_and_by_night(clip: GateClip) -> None:
    moving = [one for one in clip.expected() if not one.name.startswith("parked")]
    both = [
        index
        for index in range(clip.frame_count)
        if sum(one.first_readable_frame <= index <= one.last_readable_frame for one in moving) == 2
    ]
    assert any(night_share(index / FPS) == 0 for index in both)
    assert any(night_share(index / FPS) == 1 for index in both)


def test_no_two_vehicles_stand_in_one_another() -> None:
    for tick in range(600):
        stands = [stand for part in PARTS if (stand := part.stand(tick / 10)) and stand.share > 0]
        for n, one in enumerate(stands):
            for other in stands[:n]:
                assert abs(one.x - other.x) > 1.9 or abs(one.z - other.z) > 5, f"at {tick / 10} s"


def test_the_barrier_is_up_for_who_may_enter_and_down_for_others() -> None:
    for part in PARTS:
        waits_s = [at_s for at_s, z in part.keys if z == STOP_M]
        if part.action is Action.OPEN and len(part.keys) == 4:
            assert arm_raised(waits_s[-1]) == 1.0, f"{part.name} drives through the arm"
        elif waits_s and part.action is Action.STAY_CLOSED:
            assert max(arm_raised(at_s) for at_s in np.linspace(waits_s[0], waits_s[-1], 20)) == 0.0, part.name


def test_the_plate_is_where_the_truth_has_it(clip: GateClip) -> None:
    """The pictures with and without the readable plate differ there most: a white plate on a red car."""
    resident = next(one for one in clip.expected() if one.name == "resident")
    part = next(part for part in PARTS if part.name == "resident")
    index = resident.first_readable_frame + 25
    quad = clip.plate_quad(part, index)
    assert quad is not None
    (x1, y1), (x2, y2) = quad.min(axis=0).astype(int), quad.max(axis=0).astype(int)
    plate = clip.frame(index)[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].astype(float)
    around = clip.frame(index)[y2 + 3 : y2 + 8, x1:x2].astype(float)
    assert np.median(plate[:, :, 1]) > np.median(around[:, :, 1]) + 80
    assert plate.std() > 30, "no characters on it"


def test_the_same_seed_draws_the_same_pictures_and_the_night_is_dark(clip: GateClip) -> None:
    again = GateClip(1)
    assert np.array_equal(clip.frame(40), again.frame(40))
    assert [one.text for one in again.expected()] == [one.text for one in clip.expected()]
    assert clip.frame(700).mean() < 0.5 * clip.frame(10).mean()
