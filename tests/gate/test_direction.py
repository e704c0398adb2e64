"""Direction from growth and path, place by place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.gate.direction import DirectionOptions, Heading
from edge_lpr.gate.place import Place
from edge_lpr.records import Direction

FPS = 15.0
DEFAULTS = DirectionOptions()


def drive(
    sizes: list[float], xs: list[float] | None = None, ys: list[float] | None = None, fps: float = FPS,
    options: DirectionOptions = DEFAULTS,
) -> list[Direction]:  # fmt: skip
    """The direction after each place; a plate is `sizes` frame widths wide."""
    count = len(sizes)
    xs, ys = xs or [0.5] * count, ys or [0.3] * count
    places = [Place(x, y, size, size / 4.6) for x, y, size in zip(xs, ys, sizes, strict=True)]
    heading = Heading(places[0], 0.0, options)
    return [heading.direction, *(heading.follow(place, at / fps) for at, place in enumerate(places[1:], 1))]


def ramp(start: float, end: float, count: int) -> list[float]:
    return [start * (end / start) ** (at / (count - 1)) for at in range(count)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (ramp(0.05, 0.15, 30), Direction.APPROACHING),
        (ramp(0.15, 0.05, 30), Direction.LEAVING),
        ([0.1] * 30, Direction.STANDING),
        ([0.1] * 5, Direction.UNKNOWN),
        ([0.1], Direction.UNKNOWN),
        (ramp(0.05, 0.15, 30) + [0.15] * 300, Direction.APPROACHING),
        (ramp(0.05, 0.15, 30) + [0.15] * 90 + ramp(0.15, 0.08, 30), Direction.LEAVING),
        (ramp(0.15, 0.08, 30) + ramp(0.08, 0.15, 30), Direction.APPROACHING),
        (ramp(0.10, 0.108, 30), Direction.STANDING),
    ],
    ids=["comes", "goes", "stands", "too soon", "one frame", "came and waits", "comes, backs off", "turns", "creeps"],
)
def test_growth(sizes: list[float], expected: Direction) -> None:
    assert drive(sizes)[-1] is expected


@pytest.mark.parametrize(
    ("ys", "way", "expected"),
    [
        ([0.1 + 0.02 * at for at in range(30)], (0.0, 1.0), Direction.APPROACHING),
        ([0.7 - 0.02 * at for at in range(30)], (0.0, 1.0), Direction.LEAVING),
        ([0.7 - 0.02 * at for at in range(30)], (0.0, -1.0), Direction.APPROACHING),
        ([0.1 + 0.02 * at for at in range(30)], None, Direction.STANDING),
        ([0.1 + 0.02 * at for at in range(30)], (1.0, 0.0), Direction.STANDING),
    ],
)
def test_path_where_nothing_grows(
    ys: list[float], way: tuple[float, float] | None, expected: Direction
) -> None:
    assert drive([0.1] * 30, ys=ys, options=DirectionOptions(way=way))[-1] is expected


def test_growth_outweighs_the_path() -> None:
    """A camera low at the kerb: the plate rises in the picture as it comes."""
    ys = [0.7 - 0.02 * at for at in range(30)]
    assert drive(ramp(0.05, 0.15, 30), ys=ys)[-1] is Direction.APPROACHING


def test_approach_is_known_within_half_a_second() -> None:
    sizes = [0.05 / (1 - 0.6 * at / 30) for at in range(30)]  # constant speed, 60 % of the distance in 2 s
    directions = drive(sizes)
    assert directions.index(Direction.APPROACHING) / FPS <= 0.8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2.0, 5.0, 15.0, 30.0]))
def test_jitter_alone_is_no_direction(seed: int, fps: float) -> None:
    import numpy as np

    rng = np.random.default_rng(seed)
    sizes = (0.1 * np.exp(rng.normal(0, 0.025, 120))).tolist()
    xs, ys = (0.5 + rng.normal(0, 0.004, 120)).tolist(), (0.3 + rng.normal(0, 0.004, 120)).tolist()
    seen = drive(sizes, xs, ys, fps)
    assert set(seen) <= {Direction.UNKNOWN, Direction.STANDING} and seen[-1] is Direction.STANDING


@settings(max_examples=30, deadline=None)
@given(st.floats(1.35, 4.0), st.integers(8, 60), st.booleans(), st.integers(0, 10_000))
def test_forward_and_backward_are_opposite(ratio: float, count: int, comes: bool, seed: int) -> None:
    import numpy as np

    jitter = np.random.default_rng(seed).normal(0, 0.01, count)
    sizes = [size * math.exp(noise) for size, noise in zip(ramp(0.05, 0.05 * ratio, count), jitter, strict=True)]
    last = drive(sizes if comes else sizes[::-1], fps=10.0)[-1]
    assert last is (Direction.APPROACHING if comes else Direction.LEAVING)
