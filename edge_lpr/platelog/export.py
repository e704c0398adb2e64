"""The log as CSV or JSON lines, row by row, whatever its size."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import TextIO

from edge_lpr.platelog.rows import LoggedDecision, utc_text

FORMATS = ("csv", "jsonl")
COLUMNS = (
    "id", "time_utc", "clock_synced", "camera", "plate", "confidence", "region", "direction", "action", "reason",
    "rule", "outcome", "outcome_detail", "outcome_time_utc", "frames_used", "seen_for_s", "alternatives", "arrival_id",
    "boot_id", "decided_at_s",
)


def record_of(row: LoggedDecision) -> dict[str, object]:
    """A row by the names of `COLUMNS`; `outcome` '' where nothing was to open, 'open' while it is not known."""
    read, command = row.decision.plate_read, row.command
    outcome = "" if command is None else "open" if command.outcome is None else command.outcome.value
    values = (
        row.id, utc_text(read.wall_time), read.clock_synced, read.camera, read.text, round(read.confidence, 6),
        read.region, read.direction.value, row.decision.action.value, row.decision.reason.name, row.decision.rule,
        outcome, command.detail if command else "", command.time_utc if command else "", read.frames_used,
        round(read.at_s - read.first_seen_s, 3), [list(pair) for pair in read.alternatives], read.arrival_id,
        row.boot_id, round(row.decision.decided_at_s, 3),
    )
    return dict(zip(COLUMNS, values, strict=True))


def export(rows: Iterable[LoggedDecision], file: TextIO, kind: str) -> int:
    """Write the rows as `kind` (one of FORMATS); how many."""
    count = 0
    writer = csv.writer(file, lineterminator="\n")
    if kind == "csv":
        writer.writerow(COLUMNS)
    for count, row in enumerate(rows, 1):  # noqa: B007
        record = record_of(row)
        if kind == "csv":
            record["alternatives"] = json.dumps(record["alternatives"])
            writer.writerow(record.values())
        else:
            file.write(json.dumps(record) + "\n")
    return count
