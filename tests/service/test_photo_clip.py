"""Clips of real photographs through the whole daemon: one arrival is one row, with the right text and decision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_lpr.engine_folder import engine_folder
from edge_lpr.errors import NetworkError
from edge_lpr.platelog.query import LogFilter, PlateLogReader
from edge_lpr.platelog.rows import LoggedDecision
from edge_lpr.records import Action, Direction, Reason
from edge_lpr.service.daemon import Daemon
from edge_lpr.service.site import load_site
from tests import clips
from tests.clips import PhotoClip, Ride

pytest.importorskip("av", reason="PyAV reads and writes videos")
pytestmark = pytest.mark.skipif(not clips.LABELS.exists(), reason="the photographs of ../shared/data are not here")

PARKED, RESIDENT, LEAVING, DENIED, STRANGER = (
    "scene_oa-eu_test-088.jpg", "scene_oa-eu_test-078.jpg", "scene_oa-eu_test-032.jpg", "scene_pl_PY23638.jpg",
    "scene_pl_PO8RV13.jpg",
)  # fmt: skip
SITE = """
[[camera]]
name = "entry"
uri = "{clip}"
pace = "fast"
open_directions = ["approaching", "standing"]
[[barrier]]
driver = "dry-run"
[[access.list]]
name = "residents"
path = "residents.csv"
[[access.list]]
name = "banned"
path = "banned.csv"
kind = "deny"
[log]
folder = "log"
[service]
runtime_folder = "run"
"""


@dataclass(frozen=True)
class Row:
    """What matters of a row of the log."""

    plate: str
    action: Action
    reason: Reason
    direction: Direction


@pytest.fixture(autouse=True)
def _networks() -> None:
    try:
        engine_folder()
    except NetworkError as error:
        pytest.skip(str(error))


def run_gate(folder: Path, clip: Path, residents: tuple[str, ...] = (), banned: tuple[str, ...] = ()) -> list[Row]:
    """The daemon over a clip; the rows of its log in the order of the plates' texts."""
    for name, plates in (("residents", residents), ("banned", banned)):
        (folder / f"{name}.csv").write_text("\n".join(["plate", *plates]) + "\n", encoding="utf-8")
    (folder / "site.toml").write_text(SITE.format(clip=clip), encoding="utf-8")
    daemon = Daemon(load_site(folder / "site.toml"), folder / "site.toml")
    daemon.start()
    try:
        daemon.wait()
    finally:
        assert daemon.stop() == 0
    with PlateLogReader(folder / "log") as reader:
        rows = [_row(logged) for logged in reader.newest(LogFilter(), 100)]
    return sorted(rows, key=lambda row: row.plate)


def _row(logged: LoggedDecision) -> Row:
    read = logged.decision.plate_read
    return Row(read.text, logged.decision.action, logged.decision.reason, read.direction)


def test_one_comes_one_leaves_one_parks_two_at_once(tmp_path: Path) -> None:
    parked, resident, leaving, denied, stranger = clips.photos([PARKED, RESIDENT, LEAVING, DENIED, STRANGER])
    film = PhotoClip(
        [
            Ride(parked, "parks", 0.0, 3.0, x=200),
            Ride(resident, "comes", 2.0),
            Ride(leaving, "leaves", 6.5, x=1060),
            Ride(denied, "comes", 6.5),
            Ride(stranger, "comes", 12.0),
        ],
        seconds=17.5,
    )
    rows = run_gate(
        tmp_path, film.write(tmp_path / "film.mp4"), (parked.text, resident.text, leaving.text), (denied.text,)
    )
    coming, away = Direction.APPROACHING, Direction.LEAVING
    expected = [
        Row(parked.text, Action.OPEN, Reason.ALLOWED, coming),
        Row(resident.text, Action.OPEN, Reason.ALLOWED, coming),
        Row(leaving.text, Action.STAY_CLOSED, Reason.WRONG_DIRECTION, away),
        Row(denied.text, Action.STAY_CLOSED, Reason.DENIED, coming),
        Row(stranger.text, Action.STAY_CLOSED, Reason.NOT_LISTED, coming),
    ]
    assert rows == sorted(expected, key=lambda row: row.plate)


def test_a_real_clip_gives_its_one_plate_once(tmp_path: Path) -> None:
    clip = clips.DATA / "clips" / "uk_roundabout_LS15EBC.mp4"
    rows = run_gate(tmp_path, clip, ("LS15EBC",))
    assert [row.plate for row in rows] == ["LS15EBC"]
    assert (rows[0].action, rows[0].reason) == (Action.OPEN, Reason.ALLOWED)
