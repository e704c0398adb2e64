"""Counts over the log."""

from __future__ import annotations

from dataclasses import dataclass

from edge_lpr.platelog.pictures import picture_sizes
from edge_lpr.platelog.query import LogFilter, PlateLogReader, where_of


@dataclass(frozen=True)
class LogStats:
    """Counts of decisions by name; `by_day` UTC days; sizes in bytes."""

    decisions: int
    plates: int
    mean_confidence: float
    by_action: dict[str, int]
    by_reason: dict[str, int]
    by_camera: dict[str, int]
    by_outcome: dict[str, int]
    by_day: dict[str, int]
    events: dict[str, int]
    database_bytes: int
    pictures: int
    picture_bytes: int


def log_stats(reader: PlateLogReader, chosen: LogFilter | None = None) -> LogStats:
    """Count the decisions that the filter chooses, all events, and the sizes."""
    where = where_of(chosen or LogFilter())

    def counts(key: str, source: str = "decisions") -> dict[str, int]:
        sql = f"SELECT {key}, count(*) FROM {source} WHERE {where} GROUP BY 1 ORDER BY 1"
        return {str(row[0]): int(row[1]) for row in reader.rows(sql, where.values)}

    total, plates, confidence = reader.rows(
        f"SELECT count(*), count(DISTINCT plate), coalesce(avg(confidence), 0) FROM decisions WHERE {where}",
        where.values,
    )[0]
    sizes = picture_sizes(reader.folder)
    return LogStats(
        decisions=total,
        plates=plates,
        mean_confidence=confidence,
        by_action=counts("action"),
        by_reason=counts("reason"),
        by_camera=counts("camera"),
        by_outcome=counts("coalesce(outcome, 'open')", "decisions JOIN commands ON decision_id = id"),
        by_day=counts("substr(decisions.time_utc, 1, 10)"),
        events={row[0]: row[1] for row in reader.rows("SELECT kind, count(*) FROM events GROUP BY 1 ORDER BY 1")},
        database_bytes=sum(path.stat().st_size for path in reader.path.parent.iterdir()),
        pictures=len(sizes),
        picture_bytes=sum(sizes),
    )
