"""Rules that are replaced while the gate runs, and the clock of a film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_lpr.config import SiteConfig, ZoneTable
from edge_lpr.errors import ConfigError
from edge_lpr.service.clock import FilmClock, gate_time
from edge_lpr.service.housekeeping import left_to_restart
from edge_lpr.service.rules import Rules
from tests.service.gate_cases import NOON, PLATE, FakeClock, frames, picture


@pytest.fixture
def config(make_site: Callable[..., SiteConfig]) -> SiteConfig:
    return make_site()


def allowed(rules: Rules, plate: str = PLATE) -> bool:
    return bool(rules.policy.book.allowed(plate, "entry"))


def test_a_reload_reads_the_lists_and_keeps_the_last_good_one(config: SiteConfig, tmp_path: Path) -> None:
    rules = Rules(config)
    assert not allowed(rules), "nobody enters before a list is read"
    rules.load()
    assert allowed(rules)
    (tmp_path / "list.csv").write_text("no list\n")
    change = rules.take_over(replace(config, access=replace(config.access, min_confidence=0.9)))
    assert change.faults and rules.faults
    assert allowed(rules) and rules.policy.options.min_confidence == 0.9


def test_settings_that_do_not_fit_change_nothing(config: SiteConfig) -> None:
    rules = Rules(config)
    rules.load()
    before = rules.policy
    with pytest.raises(ConfigError):
        rules.take_over(replace(config, access=replace(config.access, time_zone="Nowhere")))
    assert rules.policy is before and allowed(rules)


def test_a_start_with_a_broken_list_uses_the_copy_of_the_good_one(config: SiteConfig, tmp_path: Path) -> None:
    Rules(config, tmp_path / "kept").load()
    (tmp_path / "list.csv").write_text("no list\n")
    rules = Rules(config, tmp_path / "kept")
    rules.load()
    assert allowed(rules) and rules.faults


def test_zones_and_directions_are_taken_over(config: SiteConfig) -> None:
    rules = Rules(config)
    zone = ZoneTable("lane", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
    camera = replace(config.camera[0], zone=(zone,), way=(1.0, 0.0))
    rules.take_over(replace(config, camera=(camera,)))
    assert rules.tracker_of("entry").zones.trigger[0].name == "lane"
    assert rules.tracker_of("entry").direction.way == (1.0, 0.0)


def test_a_camera_that_is_gone_from_the_file_runs_on_until_the_restart(config: SiteConfig) -> None:
    rules = Rules(config)
    other = replace(config.camera[0], name="other")
    rules.take_over(replace(config, camera=(other,)))
    assert rules.ready_of("entry") and rules.ready_of("other")


def test_what_takes_a_restart_is_told(config: SiteConfig) -> None:
    camera = config.camera[0]
    assert left_to_restart(config, config) == []
    assert left_to_restart(config, replace(config, access=replace(config.access, min_confidence=0.9))) == []
    assert left_to_restart(config, replace(config, camera=(replace(camera, way=(1.0, 0.0)),))) == []
    assert left_to_restart(config, replace(config, camera=(replace(camera, uri="other"),))) == ["camera"]
    assert left_to_restart(config, replace(config, log=replace(config.log, keep_frames=False))) == ["log"]


def test_a_film_has_the_time_of_its_last_frame() -> None:
    outside = FakeClock(synced=False)
    outside.at_s = 5.0
    clock = FilmClock(outside)
    assert (clock.monotonic_s(), clock.synced()) == (5.0, False)
    first, last = frames([picture(), picture()], start_s=100.0)
    clock.follow(first)
    clock.follow(last)
    now = gate_time(clock)
    assert (now.monotonic_s, now.wall_time, now.clock_synced) == (pytest.approx(100.1), NOON, True)
