"""One camera's walk: one decision a vehicle, on disk before the barrier is told; what is not on disk opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge_lpr.barrier.base import Command
from edge_lpr.config import SiteConfig
from edge_lpr.gate.evidence import Weigher
from edge_lpr.gate.track import Tracker
from edge_lpr.platelog.faults import LogFullError
from edge_lpr.records import Action, CommandOutcome, Decision, Reason
from edge_lpr.service.clock import FilmClock
from edge_lpr.service.pipeline import Pipeline, Step
from edge_lpr.service.rules import Rules
from edge_lpr.service.sight import Networks, Sight
from edge_lpr.service.stages import StageTimes
from tests.service.gate_cases import PLATE, FakeClock, frames, picture


class Journal:
    """Log and barrier in one, so that their order shows."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.said = fails, []
        self.optics: list[Any] = []

    def append(self, decision: Decision, pictures: Any = None, optics: Any = None) -> int:
        if self.fails:
            raise LogFullError("the disk is full", -7)
        self.said.append(("logged", decision, pictures))
        self.optics.append(optics)
        return len(self.said)

    def finish_command(self, outcome: CommandOutcome) -> None:
        self.said.append((outcome.outcome.value, outcome, None))

    def submit(self, command: Command) -> None:
        self.said.append(("told", command, None))

    @property
    def order(self) -> list[str]:
        return [what for what, _, _ in self.said]


class Walk:
    """A pipeline with its rules, and a film clock."""

    def __init__(self, config: SiteConfig, journal: Journal) -> None:
        networks, self.times, self.clock = Networks(config.recognition), StageTimes(), FilmClock(FakeClock())
        self.rules = Rules(config)
        self.rules.load()
        self.tracker = Tracker(self.rules.tracker_of("entry"), "entry")
        sight = Sight.of(networks, config.camera[0], self.times)
        self.pipeline = Pipeline("entry", sight, self.tracker, Weigher(), self.rules, journal, journal, self.clock)

    def go(self, pictures: list[Any], start_s: float = 100.0, fps: float = 10.0) -> list[Step]:
        steps = []
        for frame in frames(pictures, start_s, fps):
            self.clock.follow(frame)
            steps.append(self.pipeline.step(frame))
        return steps


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def walk(make_site: Callable[..., SiteConfig], journal: Journal) -> Walk:
    return Walk(make_site(), journal)


def test_a_vehicle_is_decided_once_and_logged_before_the_barrier_is_told(walk: Walk, journal: Journal) -> None:
    steps = walk.go([picture()] + [picture(160)] * 8)
    assert journal.order == ["logged", "told"]
    _, command, _ = journal.said[1]
    assert command.decision_id == 1 and command.decision is journal.said[0][1]
    assert command.is_fresh
    decided = [one for step in steps for one in step.decided]
    assert [one.decision.plate_read.text for one in decided] == [PLATE]
    assert decided[0].told and decided[0].decision.action is Action.OPEN
    assert walk.pipeline.close() == (), "what was decided is not decided again at the end"


def test_it_is_decided_as_soon_as_the_evidence_suffices(walk: Walk) -> None:
    steps = walk.go([picture(160)] * 6)
    first = next(at for at, step in enumerate(steps) if step.decided)
    assert first <= 2


def test_its_pictures_are_the_best_crop_and_the_frame_that_it_is_from(walk: Walk, journal: Journal) -> None:
    walk.go([picture(160)] * 4)
    pictures = journal.said[0][2]
    assert pictures.crop is not None and pictures.frame is not None
    assert np.array_equal(pictures.frame, picture(160))


def test_the_figures_of_its_best_picture_go_with_the_decision(walk: Walk, journal: Journal) -> None:
    walk.go([picture(160)] * 4)
    (sample,) = journal.optics
    assert sample.width_px > 10 and 0 < sample.brightness < 255 and sample.sharpness > 0


def test_what_cannot_be_logged_opens_nothing_and_is_not_decided_again(make_site: Callable[..., SiteConfig]) -> None:
    journal = Journal(fails=True)
    steps = Walk(make_site(), journal).go([picture(160)] * 8)
    (decided,) = [one for step in steps for one in step.decided]
    assert decided.decision.action is Action.OPEN
    assert not decided.told and decided.decision_id == -7 and "disk is full" in decided.fault
    assert journal.order == ["refused"] and journal.said[0][1].decision_id == -7


def test_a_plate_on_no_list_is_logged_and_opens_nothing(make_site: Callable[..., SiteConfig], journal: Journal) -> None:
    Walk(make_site(plates="OTHER1"), journal).go([picture(160)] * 5)
    assert journal.order == ["logged"]
    assert journal.said[0][1].reason is Reason.NOT_LISTED


def test_without_a_list_nothing_opens(make_site: Callable[..., SiteConfig], journal: Journal, tmp_path: Any) -> None:
    config = make_site()
    (tmp_path / "list.csv").unlink()
    Walk(config, journal).go([picture(160)] * 5)
    assert journal.said[0][1].reason is Reason.NO_LISTS


def test_a_settled_plate_is_not_read_in_every_frame(walk: Walk) -> None:
    walk.go([picture(160)] * 15, fps=30.0)
    spent = walk.times.snapshot()
    assert spent["detect"].count == 15
    assert spent["read"].count < 7


def test_two_vehicles_are_two_decisions(walk: Walk, journal: Journal) -> None:
    """The hand-made reader reads the same on both: told apart by the time between them alone."""
    walk.go([picture(160)] * 4)
    walk.go([picture()] * 6, start_s=101.0, fps=1.0)
    walk.go([picture(60, 60)] * 4, start_s=110.0)
    assert journal.order == ["logged", "told", "logged", "told"]
    assert len({command.decision.plate_read.arrival_id for what, command, _ in journal.said if what == "told"}) == 2


def test_what_was_seen_too_briefly_is_decided_at_departure(make_site: Callable[..., SiteConfig]) -> None:
    journal = Journal()
    patient = "[arrivals]\nenough_frames = 20\nvery_sure_frames = 20\nmax_wait_s = 60.0\ngive_up_s = 60.0"
    walk = Walk(make_site(more=patient), journal)
    walk.go([picture(160)] * 2)
    assert journal.order == []
    steps = walk.go([picture()] * 6, start_s=100.3, fps=1.0)
    (decided,) = [one for step in steps for one in step.decided]
    assert decided.decision.plate_read.frames_used == 2
    assert journal.order[0] == "logged"


def test_evidence_that_is_too_old_opens_nothing(make_site: Callable[..., SiteConfig], journal: Journal) -> None:
    patient = "[arrivals]\nenough_frames = 20\nvery_sure_frames = 20\nmax_wait_s = 60.0\ngive_up_s = 60.0"
    walk = Walk(make_site(more=patient, ages="evidence_max_age_s = 2.0"), journal)
    walk.go([picture(160)] * 2 + [picture()] * 6, fps=1.0)
    assert [decision.reason for _, decision, _ in journal.said] == [Reason.STALE]


def test_an_arrival_waits_no_longer_than_it_may_when_frames_stop_coming(walk: Walk, journal: Journal) -> None:
    walk.go([picture(160)])
    assert walk.pipeline.idle() == () and journal.order == []
    (later,) = frames([picture()], 100.0 + 13.0)
    walk.clock.follow(later)
    (decided,) = walk.pipeline.idle()
    assert decided.decision.plate_read.text == PLATE
    assert walk.pipeline.idle() == ()


def test_the_end_of_a_film_decides_what_is_under_way(walk: Walk, journal: Journal) -> None:
    walk.go([picture(160)])
    assert [one.decision.plate_read.frames_used for one in walk.pipeline.close()] == [1]
    assert journal.order[0] == "logged"


def test_few_frames_are_held_however_many_vehicles_wait(make_site: Callable[..., SiteConfig], journal: Journal) -> None:
    walk = Walk(make_site(), journal)
    many = picture(40, 40)
    for x in range(40, 300, 60):
        for y in (40, 120, 200):
            many[y - 4 : y + 4, x - 4 : x + 4] = (255, 0, 0)
    walk.go([many])
    assert len(walk.pipeline._held) <= 4


def test_the_stages_add_up(walk: Walk) -> None:
    walk.go([picture(160)] * 3)
    ms = walk.times.ms_per(3)
    assert 0 < ms["networks"] <= ms["detect"] + ms["read"]
    assert walk.times.snapshot()["log"].count == 1 and ms["track"] > 0
