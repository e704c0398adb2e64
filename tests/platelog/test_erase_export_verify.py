"""Erasing a plate, exports that come back, counts, and the look for what does not fit together."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edge_lpr.platelog.verify as verify_module
from edge_lpr.errors import LogError
from edge_lpr.platelog.erase import Erased, erase_plate
from edge_lpr.platelog.export import COLUMNS, export
from edge_lpr.platelog.pictures import PictureOptions, Pictures, pictures_of
from edge_lpr.platelog.query import LogFilter, PlateLogReader
from edge_lpr.platelog.rows import EventKind
from edge_lpr.platelog.stats import log_stats
from edge_lpr.platelog.store import LogOptions, PlateLog
from edge_lpr.platelog.verify import verify
from edge_lpr.records import CommandOutcome, Outcome

SECRET = "SA23456"
"""An alternative of every decision of these tests, and a plate of some."""


@pytest.fixture
def folder(tmp_path: Path, clock, make_decision, make_opening) -> Path:
    """Three decisions, the second of the secret plate with a picture, the third done."""
    pytest.importorskip("PIL", reason="Pillow is not installed (extra `cpu`)")
    crop = Pictures(crop=np.zeros((8, 24, 3), np.uint8))
    with PlateLog.open(tmp_path, LogOptions(pictures=PictureOptions(reserve_bytes=0)), clock) as log:
        log.append(make_decision("FIRST", rule=f"residents: {SECRET}"), crop)
        log.append(make_opening(SECRET), crop)
        log.append(make_opening("THIRD"))
        log.finish_command(CommandOutcome(3, Outcome.DONE, "said =on, \"twice\"", 5.0))
    return tmp_path


@pytest.mark.parametrize("gate_runs", [False, True])
def test_nothing_of_an_erased_plate_is_left(folder: Path, clock, make_decision, gate_runs: bool) -> None:
    log = PlateLog.open(folder, clock=clock) if gate_runs else None
    assert erase_plate(folder, "sa-234 56", clock) == Erased(1, 2, pictures=1, damaged_left=0, orphans_left=0)
    for path in folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert pictures_of(folder, 2) == {} and len(pictures_of(folder, 1)) == 1
    with PlateLogReader(folder) as reader:
        assert [row.id for row in reader.all()] == [1, 3]
        assert [event.detail for event in reader.events(EventKind.ERASE)] == [
            "one plate: 1 decisions, mentions in 2 others"
        ]
        assert reader.get(1).decision.plate_read.alternatives == (("5A23458", 0.01),)
    if log is not None:
        assert log.append(make_decision()) == 4, "the gate goes on"
        log.close()
    assert erase_plate(folder, SECRET, clock).decisions == 0


def test_a_plate_that_is_a_part_of_anothers_takes_nothing_of_it(tmp_path: Path, clock, make_decision) -> None:
    rules = ["allow list AB12: 1AB123", "allow list AB12: AB12, group AB12", "allow list a: 1AB12; allow list b: AB12"]
    with PlateLog.open(tmp_path, clock=clock) as log:
        for rule in rules:
            log.append(make_decision("1AB123", rule=rule))
    assert erase_plate(tmp_path, "AB12", clock).mentions == 2
    with PlateLogReader(tmp_path) as reader:
        assert [row.decision.rule for row in reader.all()] == [
            rules[0], "allow list AB12: (erased), group AB12", "allow list a: 1AB12; allow list b: (erased)"
        ]


def test_a_plate_of_china_is_erased_from_alternatives(tmp_path: Path, clock, make_decision) -> None:
    decision = make_decision("京A12346")
    read = replace(decision.plate_read, alternatives=(("京A12345", 0.2),))
    with PlateLog.open(tmp_path, clock=clock) as log:
        log.append(replace(decision, plate_read=read))
    assert erase_plate(tmp_path, "京A·12345", clock).mentions == 1
    with PlateLogReader(tmp_path) as reader:
        assert reader.get(1).decision.plate_read.alternatives == ()


def test_verify_beside_a_gate_that_writes_and_removes(folder: Path, clock, make_decision,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    crop = Pictures(crop=np.zeros((8, 24, 3), np.uint8))
    options = LogOptions(pictures=PictureOptions(reserve_bytes=0))
    whole = verify_module.all_pictures

    def meanwhile(place: Path) -> list[tuple[int, Path]]:
        with PlateLog.open(folder, options, clock) as log:
            log.append(make_decision(), crop)
        found = list(whole(place))
        pictures_of(folder, 1)["crop"].unlink()
        return [*found, (9, folder / "pictures" / "000000" / "9-crop.tmp")]

    monkeypatch.setattr(verify_module, "all_pictures", meanwhile)
    verified = verify(folder)
    assert verified.problems == () and verified.pictures == 2


def test_damaged_databases_may_hold_the_plate(folder: Path, clock) -> None:
    (folder / "damaged" / "1").mkdir(parents=True)
    assert erase_plate(folder, SECRET, clock).damaged_left == 1
    assert erase_plate(folder, SECRET, clock, with_damaged=True).damaged_left == 0
    assert not (folder / "damaged" / "1").exists()


def test_pictures_whose_decision_is_lost_may_show_the_plate(folder: Path, clock) -> None:
    connection = sqlite3.connect(folder / "database" / "plates.db")
    connection.execute("DELETE FROM decisions WHERE id = 2")
    connection.commit()
    connection.close()
    unfinished = pictures_of(folder, 1)["crop"].with_name("4-crop.tmp")
    unfinished.touch()
    assert erase_plate(folder, SECRET, clock).orphans_left == 1 and pictures_of(folder, 2)
    erased = erase_plate(folder, SECRET, clock, with_damaged=True)
    assert (erased.pictures, erased.orphans_left) == (1, 0)
    assert pictures_of(folder, 2) == {} and pictures_of(folder, 1)
    assert unfinished.exists(), "a gate may be writing it"


@pytest.mark.parametrize("plate", ["", "*", "A", "5A2*"])
def test_erasing_wants_one_plate(folder: Path, clock, plate: str) -> None:
    with pytest.raises(LogError, match="is no plate"):
        erase_plate(folder, plate, clock)


def test_exports_come_back(folder: Path) -> None:
    with PlateLogReader(folder) as reader:
        lines, table = io.StringIO(), io.StringIO()
        assert export(reader.all(), lines, "jsonl") == export(reader.all(), table, "csv") == 3
        assert export(reader.all(LogFilter(plate="NONE")), io.StringIO(), "csv") == 0
    objects = [json.loads(line) for line in lines.getvalue().splitlines()]
    rows = list(csv.DictReader(io.StringIO(table.getvalue())))
    assert list(rows[0]) == list(COLUMNS) and [row["plate"] for row in rows] == ["FIRST", SECRET, "THIRD"]
    assert rows[2]["outcome_detail"] == objects[2]["outcome_detail"] == "said =on, \"twice\""
    assert [item["outcome"] for item in objects] == ["", "open", "done"]
    assert json.loads(rows[0]["alternatives"]) == objects[0]["alternatives"] == [["5A23458", 0.01], [SECRET, 0.002]]
    assert objects[0]["time_utc"] == "2025-06-01T12:00:00.250000Z" and objects[0]["seen_for_s"] == 1.5


def test_stats(folder: Path) -> None:
    with PlateLogReader(folder) as reader:
        stats = log_stats(reader)
        assert (stats.decisions, stats.plates, stats.pictures) == (3, 3, 2)
        assert stats.by_action == {"open": 2, "stay_closed": 1} and stats.by_outcome == {"done": 1, "open": 1}
        assert stats.by_day == {"2025-06-01": 3} and stats.mean_confidence == pytest.approx(0.987654321)
        assert log_stats(reader, LogFilter(plate="T*")).by_camera == {"entry": 1}
        assert log_stats(reader, LogFilter(plate="NONE")).decisions == 0


def test_verify_finds_what_does_not_fit(folder: Path) -> None:
    assert verify(folder).problems == () and (verify(folder).decisions, verify(folder).pictures) == (3, 2)
    assert "1 commands without an outcome" in verify(folder).notes[0]
    connection = sqlite3.connect(folder / "database" / "plates.db")
    connection.execute("DELETE FROM decisions WHERE id = 2")
    connection.execute("DELETE FROM commands WHERE decision_id = 3")
    connection.commit()
    connection.close()
    pictures_of(folder, 1)["crop"].write_bytes(b"\xff\xd8 cut off")
    problems = "\n".join(verify(folder).problems)
    for part in ("1 commands without", "1 openings without", "1-crop.jpg: not a whole", "2-crop.jpg: no such decision"):
        assert part in problems
