"""Frames are thinned evenly, whatever the source's own rate."""

from __future__ import annotations

import pytest

from edge_lpr.capture.thinning import Thinning


@pytest.mark.parametrize(("rate", "fps", "kept"), [(30, 0, 90), (30, 10, 30), (30, 30, 90), (25, 10, 30), (5, 10, 15)])
def test_a_source_is_thinned_to_the_rate_that_was_asked_for(rate: int, fps: float, kept: int) -> None:
    thinning = Thinning(fps)
    assert sum(thinning.keeps(round(n / rate, 3)) for n in range(3 * rate)) == pytest.approx(kept, abs=1)


def test_after_a_gap_two_frames_more_are_kept_and_no_burst_makes_up_for_it() -> None:
    thinning = Thinning(10)
    assert thinning.keeps(0.0)
    assert [thinning.keeps(9.0 + n / 30) for n in range(9)].count(True) == 5
