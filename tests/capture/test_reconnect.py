"""The waits between openings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lpr.capture.reconnect import RetryOptions, delay_s, start_limit_s, wants_new_process

OPTIONS = RetryOptions(first_s=0.5, longest_s=30.0, jitter=0.25, replace_after=5)


@pytest.mark.parametrize(
    ("attempt", "wait_s"), [(0, 0.5), (1, 0.5), (2, 1), (3, 2), (6, 16), (7, 30), (8, 30), (10_000, 30)]
)
def test_waits_double_up_to_the_longest(attempt: int, wait_s: float) -> None:
    assert delay_s(attempt, True, OPTIONS, chance=0.0) == wait_s


def test_what_waiting_does_not_mend_waits_the_longest_at_once() -> None:
    assert delay_s(1, False, OPTIONS, chance=0.0) == 30.0


@given(st.integers(0, 10**9), st.booleans(), st.floats(0, 1))
def test_jitter_shortens_by_at_most_its_share(attempt: int, fixable: bool, chance: float) -> None:
    full = delay_s(attempt, fixable, OPTIONS, 0.0)
    assert 0.75 * full <= delay_s(attempt, fixable, OPTIONS, chance) <= full <= 30.0


def test_every_fifth_failure_asks_for_a_new_process() -> None:
    assert [attempt for attempt in range(16) if wants_new_process(attempt, OPTIONS)] == [5, 10, 15]
    assert wants_new_process(1, RetryOptions(replace_after=0)), "no division by zero"


@pytest.mark.parametrize(("slow_starts", "limit_s"), [(0, 30.0), (1, 60.0), (3, 240.0), (4, 480.0), (10_000, 480.0)])
def test_a_process_that_started_too_slowly_is_given_longer(slow_starts: int, limit_s: float) -> None:
    assert start_limit_s(slow_starts) == limit_s
