"""Queries: every filter against a plain reading of all rows, pages, and a reader beside the writing gate."""

from __future__ import annotations

import fnmatch
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from edge_lpr.errors import LogError
from edge_lpr.gate.plate_text import normalise_pattern
from edge_lpr.platelog import query
from edge_lpr.platelog.query import LogFilter, PlateLogReader
from edge_lpr.platelog.rows import DECISION_COLUMNS, insert_decision
from edge_lpr.platelog.store import PlateLog
from edge_lpr.records import Action, Reason

PLATES = ("5A23456", "5A23999", "1AB2345", "AAA1", "B")


@pytest.fixture
def filled(tmp_path: Path, clock, make_decision) -> Path:
    """60 decisions, a quarter of an hour apart, on two cameras."""
    reasons = (Reason.ALLOWED, Reason.NOT_LISTED, Reason.DENIED)
    with PlateLog.open(tmp_path, clock=clock) as log:
        decisions = []
        for at in range(60):
            reason = reasons[at % 3]
            action = Action.OPEN if reason is Reason.ALLOWED else Action.STAY_CLOSED
            where = {"arrival_id": f"entry-{at}", "camera": ("in", "out")[at % 2]}
            decisions.append(make_decision(PLATES[at % 5], action, reason, clock(), **where))
            clock.pass_hours(0.25)
        log._transact(lambda connection: [insert_decision(connection, 1, decision) for decision in decisions])
    return tmp_path


@pytest.mark.parametrize("few", [20_000, 3], ids=["by index", "by walking"])
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"plate": "5A23456"},
        {"plate": "5a-23 456"},
        {"plate": "5A2*"},
        {"plate": "5Ä·2*"},
        {"plate": "5A23?5?"},
        {"plate": "*9"},
        {"plate": "?"},
        {"plate": "*"},
        {"camera": "out"},
        {"action": Action.OPEN},
        {"reason": Reason.DENIED, "plate": "*A*"},
        {"hours": (3, 6)},
        {"hours": (3, 6), "plate": "5A*", "camera": "in", "action": Action.STAY_CLOSED},
        {"hours": (100, 200)},
    ],
    ids=str,
)
def test_filter_gives_what_a_plain_reading_gives(filled: Path, chosen: dict, few: int, monkeypatch, clock) -> None:
    monkeypatch.setattr(query, "_FEW", few)
    start = clock.wall_time - timedelta(hours=15)
    hours = chosen.pop("hours", None)
    span = {"since": start + timedelta(hours=hours[0]), "until": start + timedelta(hours=hours[1])} if hours else {}
    pattern = normalise_pattern(chosen.get("plate", "*"))
    with PlateLogReader(filled) as reader:
        expected = [
            row
            for row in reader.newest(limit=1000)
            if fnmatch.fnmatchcase(row.decision.plate_read.text, pattern)
            and chosen.get("camera") in (None, row.decision.plate_read.camera)
            and chosen.get("action") in (None, row.decision.action)
            and chosen.get("reason") in (None, row.decision.reason)
            and (not span or span["since"] <= row.decision.plate_read.wall_time < span["until"])
        ]
        found = LogFilter(**chosen, **span)
        assert reader.newest(found, 1000) == expected
        assert reader.after(0, found) == expected[::-1]
        assert reader.newest(found, 4) == expected[:4]
        if len(expected) > 4:
            assert reader.newest(found, 4, before_id=expected[3].id) == expected[4:8]
        assert list(reader.all(found)) == expected[::-1]
    assert len(expected) > 0 or hours == (100, 200)


@pytest.mark.parametrize("pattern", ["5A[1]", "5A%", "ß*", "5A_1", "'; DROP TABLE decisions --"])
def test_pattern_that_no_plate_can_match(filled: Path, pattern: str) -> None:
    with PlateLogReader(filled) as reader, pytest.raises(LogError, match="stands on a plate"):
        reader.newest(LogFilter(plate=pattern))


def test_reader_beside_the_gate_sees_what_is_acknowledged(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, clock=clock) as log, PlateLogReader(tmp_path) as reader:
        for at in range(5):
            row_id = log.append(make_decision(f"P{at}"))
            assert reader.last_id() == row_id and len(reader.after(row_id - 1)) == 1


def test_reader_cannot_write(filled: Path) -> None:
    with PlateLogReader(filled) as reader, pytest.raises(LogError, match="readonly"):
        reader.rows("DELETE FROM decisions")


def test_no_log(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no plate log"):
        PlateLogReader(tmp_path)
    assert list(tmp_path.iterdir()) == [], "a reader makes nothing"


def test_a_plate_is_found_without_walking_the_table(filled: Path) -> None:
    with PlateLogReader(filled) as reader:
        sql = "EXPLAIN QUERY PLAN SELECT * FROM decisions WHERE plate = 'B' ORDER BY id DESC"
        plan = " ".join(row[3] for row in reader.rows(sql))
    assert "decisions_by_plate" in plan and "TEMP B-TREE" not in plan


@pytest.mark.skipif(not os.environ.get("EDGE_LPR_LONG"), reason="2 million rows take a while: EDGE_LPR_LONG=1")
def test_one_plate_of_two_million_rows(tmp_path: Path, clock, make_decision) -> None:
    rows = 2_000_000
    with PlateLog.open(tmp_path, clock=clock) as log:
        log.append(make_decision())
        fields = {name: name for name in DECISION_COLUMNS} | {
            "plate": "printf('%dA%05d', n % 7, (n * 7919) % 100000)",
            "time_s": "time_s + 1.3 * n",
            "arrival_id": "'e-' || n",
        }
        log._transact(lambda connection: connection.execute(
            f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows})"
            f" INSERT INTO decisions ({', '.join(fields)})"
            f" SELECT {', '.join(fields.values())} FROM c, decisions WHERE id = 1"
        ))
    start = clock.wall_time
    asked = {
        "one plate": LogFilter(plate="3A12345"),
        "prefix": LogFilter(plate="3A123*"),
        "suffix": LogFilter(plate="*2345"),
        "an hour": LogFilter(since=start + timedelta(days=9), until=start + timedelta(days=9, hours=1)),
        "newest": LogFilter(),
        "plate and day": LogFilter(since=start + timedelta(days=9), plate="3A12345"),
    }
    with PlateLogReader(tmp_path) as reader:
        took_ms = {}
        for name, chosen in asked.items():
            times = []
            for _ in range(3):
                begun = time.perf_counter()
                found = reader.newest(chosen)
                times.append(1000 * (time.perf_counter() - begun))
                assert found
            took_ms[name] = round(min(times), 2)
    print(took_ms, f"{(tmp_path / 'database/plates.db').stat().st_size / 1e6:.0f} MB")
    assert took_ms["one plate"] < 50 and took_ms["an hour"] < 1000 and took_ms["newest"] < 1000, "ten times the usual"
