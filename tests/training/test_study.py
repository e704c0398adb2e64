"""The learning-curve study: its config, its pools, its cells, its tables."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the study trains")

from edge_lpr.errors import ConfigError  # noqa: E402
from edge_lpr.settings_file import load_settings  # noqa: E402
from edge_lpr.training.mix import MixConfig  # noqa: E402
from edge_lpr.training.plain_sources import character_sample, digit_sample, row_sample  # noqa: E402
from edge_lpr.training.reader_data import ReaderBatch, stack  # noqa: E402
from edge_lpr.training.reader_net import ReaderNetConfig  # noqa: E402
from edge_lpr.training.reader_sources import RealSample, SyntheticConfig  # noqa: E402
from edge_lpr.training.study import BudgetConfig, GridConfig, PoolConfig, ReaderConfig, StudyConfig  # noqa: E402
from edge_lpr.training.study_cells import Drawn, Rehearsed, even_centres, run_cell, run_reader  # noqa: E402
from edge_lpr.training.study_pools import (  # noqa: E402
    cut_photographs,
    draw_chunk,
    known_texts,
    load_pool,
    pool_folder,
    prepare_pool,
)
from edge_lpr.training.study_report import (  # noqa: E402
    PUBLISHED,
    Curve,
    Point,
    curves_of,
    needed,
    wilson,
    write_report,
)
from edge_lpr.training.study_run import RESULTS, Photographs, rows_of, run_study  # noqa: E402

CONFIGS = Path(__file__).resolve().parents[2] / "edge_lpr" / "training" / "configs"
DRAWN = SyntheticConfig(wrong_layout=0.0, non_plate=0.0, mix=MixConfig(countries=("DK",)))
TINY = StudyConfig(
    net=ReaderNetConfig(stem=4, channels=(4, 4, 6), hidden=8, context=(3,)),
    pool=(PoolConfig("test", 6, seed=5, synthetic=DRAWN),
          PoolConfig("target", 12, apart_from="test", synthetic=DRAWN)),
    reader=(ReaderConfig("base", "target", 8),),
    grid=(GridConfig("one", "target", (0, 4), ("base",), ("all", "scratch"), published="test"),),
    tests=("test",),
    budget=BudgetConfig(passes=2, least=4, most=8, batch=4),
)  # fmt: skip


@pytest.mark.parametrize("name", ["study", "study_recipe", "study_mixed", "study_mini"])
def test_the_shipped_studies_are_valid(name: str) -> None:
    config = load_settings(StudyConfig, CONFIGS / f"{name}.toml")
    published = next(grid for grid in config.grid if grid.name == "published")
    assert published.published in config.tests
    if name == "study":
        assert set(published.sizes) == set(PUBLISHED)
        assert next(pool.count for pool in config.pool if pool.name == published.published) >= 4958


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tests": ("none",)}, "tests: 'none' is not one of target, test"),
        ({"reader": (ReaderConfig("base", "target", 8, start="later"),)}, "start .*'later' is not one of scratch"),
        ({"grid": (GridConfig("g", "target", (1,), ("base",), ("some",)),)}, "methods: 'some' is not one of all"),
        ({"pool": (PoolConfig("test", 1), PoolConfig("test", 2))}, "pool: test stands twice"),
        ({"grid": (GridConfig("g", "target", (1,), ("base",), rehearse="none"),)}, "rehearse: 'none' is not one of"),
        ({"grid": (GridConfig("g", "target", (1,), ("base",), rehearse_share=1.0),)}, "rehearse_share: 1.0 is not"),
        ({"pool": (PoolConfig("test", 1, kind="cats"),)}, "kind: 'cats' is not one of plates"),
    ],
)
def test_a_wrong_study_is_one_clear_error(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(TINY, **change)


def test_scratch_counts_once_whatever_the_starts() -> None:
    grid = GridConfig("g", "target", (0, 4), ("base", "more"), ("all", "scratch"), (1, 2))
    config = dataclasses.replace(TINY, reader=(*TINY.reader, ReaderConfig("more", "target", 8)), grid=(grid,))
    cells = config.cells()
    assert len(cells) == 2 * 2 * (2 + 1)
    assert [cell.size for cell in cells] == sorted(cell.size for cell in cells)


def test_budget_grows_with_the_pictures_between_its_bounds() -> None:
    budget = BudgetConfig(passes=10, least=100, most=1000, scratch=2.0)
    assert [budget.samples("all", n) for n in (1, 50, 5000)] == [100, 500, 1000]
    assert budget.samples("scratch", 50) == 1000


def test_pools_are_the_same_in_any_order_and_share_no_text(tmp_path: Path) -> None:
    def drawn(folder: Path) -> dict[str, np.ndarray]:
        for pool in TINY.pool:
            for number in prepare_pool(folder, pool):
                assert draw_chunk(folder, pool, number) == pool.count
            assert prepare_pool(folder, pool) == [], "what is drawn is not drawn again"
        return {pool.name: np.array(load_pool(folder, pool.name).pixels) for pool in TINY.pool}

    one, other = drawn(tmp_path / "a"), drawn(tmp_path / "b")
    assert all(np.array_equal(one[name], other[name]) for name in one)
    texts = [known_texts(pool_folder(tmp_path / "a", pool.name)) for pool in TINY.pool]
    assert all(texts) and not texts[0] & texts[1]


def test_plain_pictures_say_what_they_show() -> None:
    rng = np.random.default_rng(3)
    for draw, lengths in ((character_sample, {1}), (row_sample, set(range(4, 9)))):
        for _ in range(8):
            sample = draw(rng)
            assert sample.pixels.shape == (48, 144, 3) and len(sample.text) in lengths
            assert len(sample.centres) == len(sample.text) and (np.diff(sample.centres) > 0).all()
            assert np.ptp(sample.pixels.astype(int)) > 40
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `study`)")
    assert digit_sample(rng).text in set("0123456789")


def test_even_centres_lie_apart_and_end_with_the_text() -> None:
    centres = even_centres(np.array([4, 0]))
    assert centres[0, :4] == pytest.approx([0.2, 0.4, 0.6, 0.8]) and np.isnan(centres[0, 4:]).all()
    assert np.isnan(centres[1]).all()


def test_a_study_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    run_study(TINY, tmp_path, Photographs(), workers=1)
    whole = (tmp_path / RESULTS).read_text().splitlines()
    assert len(whole) == 1 + 4
    (tmp_path / RESULTS).write_text("\n".join(whole[:3]) + "\n")
    run_study(TINY, tmp_path, Photographs(), workers=1)
    again = (tmp_path / RESULTS).read_text().splitlines()

    def shares(lines: list[str]) -> set[tuple[str, ...]]:
        return {tuple(line.split(",")[:-1]) for line in lines}

    assert shares(again) == shares(whole), "the same seeds give the same figures"
    with pytest.raises(ConfigError, match="study of another config"):
        run_study(dataclasses.replace(TINY, tests=("target",)), tmp_path, Photographs(), workers=1)


def test_photographs_train_and_are_tested_on_by_set(tmp_path: Path) -> None:
    lines = ["image,x,y,w,h,text,region,source,license,use"]
    rows = [
        ("scene_a_1", "AB1", "DK", "train"),
        ("scene_a_2", "CD2", "DK", "train"),
        ("scene_a_3", "XO9", "DK", "train"),
        ("scene_a_4", "US1", "US-TX", "train"),
        ("crop_b_1", "X09", "DK", "eval"),
        ("scene_c_1", "YY7", "DK", "eval"),
    ]
    for number, (name, text, region, use) in enumerate(rows):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((24, 80, 3), 30 * number, np.uint8))
        lines.append(f"{name}.png,0,0,80,24,{text},{region},s,l,{use}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    grid = GridConfig("real", "photographs", (0, 1, -1), ("base",))
    config = dataclasses.replace(TINY, target=("DK",), grid=(grid,))
    counts = cut_photographs(tmp_path, config, tmp_path / "labels.csv", None)
    assert counts == {"train": 2, "crop_b": 1, "scene_c": 1}, "XO9 is tested on as X09, and US1 is of another country"
    for pool in config.pool:
        for number in prepare_pool(tmp_path, pool):
            draw_chunk(tmp_path, pool, number)
    run_reader(tmp_path, config, config.reader[0])
    found = [run_cell(tmp_path, config, cell) for cell in config.cells()]
    assert [one[0].pictures for one in found] == [0, 1, 2]
    assert {one.test: one.figures.count for one in found[2]} == {"test": 6, "crop_b": 1, "scene_c": 1}
    rehearsing = dataclasses.replace(config, grid=(dataclasses.replace(grid, rehearse="target"),))
    assert [run_cell(tmp_path, rehearsing, cell)[0].pictures for cell in rehearsing.cells()] == [0, 1, 2]


def test_a_rehearsed_batch_has_both_kinds_in_their_shares() -> None:
    def pool(text: str) -> ReaderBatch:
        plain = RealSample(np.full((48, 144, 3), 90, np.uint8), text, np.zeros(0, np.float32))
        return stack([plain] * 3)

    target, drawn = (Drawn(pool(text), np.arange(3), 1, known_places=True) for text in ("A", "BC"))
    for share, count in ((0.6, 6), (0.01, 1), (0.99, 9)):
        batch = Rehearsed(target, drawn, share).take(10)
        assert len(batch) == 10 and int((batch.lengths == 2).sum()) == count


def test_a_torn_row_counts_as_not_there(tmp_path: Path) -> None:
    path = tmp_path / RESULTS
    header = "grid,start,method,size,seed,test,plates,exact,folded,characters,pictures,samples,cpu_s"
    path.write_text(f"{header}\ng,us,all,200,1,t,100,0.5,0.5,0.9,200,4000,9.0\ng,us,all,400,1,t,10")
    assert [key for key, _ in rows_of(path)] == [("g", "us", "all", "200", "1")]


def test_wilson_intervals_of_known_cases() -> None:
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-3)
    assert wilson(0.9, 0) == (0.0, 1.0)


def test_needed_is_the_size_from_which_on_a_goal_is_kept() -> None:
    points = tuple(Point(size, right, 100, 1, 1.0) for size, right in ((0, 10), (100, 92), (200, 89), (400, 91)))
    assert [needed(Curve("us", "all", points), goal) for goal in (0.05, 0.9, 0.95)] == ["0", "400", "-"]


def results() -> list[dict[str, str]]:
    names = ("grid", "start", "method", "size", "seed", "test", "plates", "exact", "folded", "characters", "pictures")
    cells = [("one", "base", "all", n, seed, "test", 100, 0.1, share, 0.9, n)
             for n, seed, share in ((0, 1, 0.2), (200, 1, 0.8), (200, 2, 0.9))]  # fmt: skip
    return [dict(zip(names, map(str, cell), strict=True)) for cell in cells]


def test_seeds_are_put_together() -> None:
    (curve,) = curves_of(results(), "one")["test"]
    assert [(p.size, p.share, p.seeds) for p in curve.points] == [(0, 0.2, 1), (200, pytest.approx(0.85), 2)]
    assert curve.points[1].interval == wilson(0.85, 100)


def test_the_report_has_tables_and_curves(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `study`)")
    files = write_report(TINY, results(), tmp_path)
    text = files[0].read_text()
    assert "| 200 | 85.0% (76.7-90.7); 90.0% | 0.0% |" in text
    assert {file.name for file in files[1:]} == {"one-test.svg", "one-test.png"}
    assert all(file.stat().st_size > 1000 for file in files[1:])
    with pytest.raises(ConfigError, match="no results yet"):
        write_report(TINY, [], tmp_path)
