"""The whole gate on a disk that is really full: it goes on, opens nothing that is not on disk, and mends itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge_lpr.config import SiteConfig
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.verify import verify
from edge_lpr.records import Action, Outcome
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.health import GateState, read_health
from edge_lpr.service.pipeline import Decided
from tests.service.gate_cases import PLATE, FakeClock, ListCamera, Script, wait_for
from tests.small_disk import take_all_space

VEHICLES = 60
"""Rows enough that they do not fit into what the database's last pages have left."""


def test_a_disk_that_is_full(make_site: Callable[..., SiteConfig], small_disk: Path) -> None:
    """Log and health lie on it. Pictures need more room than it ever has: that alone stays told."""
    site = make_site()
    site = replace(site, log=replace(site.log, folder=small_disk / "log"),
                   service=replace(site.service, runtime_folder=small_disk / "run"))
    script, decided, clock = Script(), list[Decided](), FakeClock()
    script.clock = clock
    camera = ListCamera(script, stays=True)
    daemon = Daemon(site, None, Listeners(decided.append), clock, lambda spec, _: camera)
    daemon.start()
    try:
        script.vehicle()
        assert wait_for(lambda: len(decided) == 1) and decided[0].told
        assert wait_for((small_disk / "run/health.json").exists)
        take_all_space(small_disk / "ballast")
        for _ in range(VEHICLES):
            script.vehicle()
        assert wait_for(lambda: len(decided) == 1 + VEHICLES)
        refused = [one for one in decided if not one.told]
        assert refused and all("full" in one.fault and one.decision.action is Action.OPEN for one in refused)
        assert not decided[-1].told, "it was full to the end"
        assert "full" in daemon.log.health().detail
        assert not daemon.lanes[0].is_over and daemon.lanes[0].health().faults == 0

        (small_disk / "ballast").unlink()
        assert wait_for(lambda: "database" not in daemon.log.health().detail)
        assert wait_for(lambda: not any("plates.db" in one for one in read_health(small_disk / "run").reasons))
        script.vehicle()
        assert wait_for(lambda: len(decided) == 2 + VEHICLES) and decided[-1].told
    finally:
        daemon.request_stop()
        assert daemon.stop() == 0
    assert read_health(small_disk / "run").state is GateState.STOPPED
    with PlateLogReader(small_disk / "log") as reader:
        rows = list(reader.all())
    assert [row.decision.plate_read.text for row in rows] == [PLATE] * len(decided)
    outcomes = [row.command.outcome if row.command else None for row in rows]
    assert outcomes == [Outcome.DRY_RUN if one.told else Outcome.REFUSED for one in decided]
    assert verify(small_disk / "log").problems == ()
