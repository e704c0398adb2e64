"""Records to rows and back: the only place that knows both."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

from edge_lpr.gate.decide import GateTime
from edge_lpr.records import Action, CommandOutcome, Decision, Direction, Outcome, PlateRead, Reason

MATCHED_REASONS = frozenset({
    Reason.ALLOWED, Reason.DENIED, Reason.OUTSIDE_SCHEDULE, Reason.NOT_VALID_YET, Reason.EXPIRED, Reason.CLOCK_UNSURE,
})
"""Reasons that come from an entry of a list; all others are of plates unknown to the gate, and kept shorter."""

DECISION_COLUMNS = (
    "run_id", "arrival_id", "camera", "plate", "confidence", "alternatives", "frames_used", "region", "direction",
    "first_seen_s", "at_s", "time_s", "time_utc", "clock_synced", "action", "reason", "rule", "matched",
    "decided_at_s", "expires_at_s",
)
_INSERT_DECISION = (
    f"INSERT INTO decisions ({', '.join(DECISION_COLUMNS)}) VALUES ({', '.join('?' * len(DECISION_COLUMNS))})"
)


class EventKind(str, Enum):
    """What an event is about."""

    HEALTH = "health"
    PURGE = "purge"
    ERASE = "erase"
    MANUAL = "manual"
    LANE = "lane"
    LISTS = "lists"
    DAMAGE = "damage"
    LOST = "lost"


@dataclass(frozen=True)
class LoggedCommand:
    """What became of an opening: `outcome` None while it is not known; `at_s` monotonic, `time_utc` text."""

    outcome: Outcome | None
    detail: str
    at_s: float | None
    time_utc: str


@dataclass(frozen=True)
class LoggedDecision:
    """A row of the log. Monotonic seconds can be compared between rows of the same `boot_id`."""

    id: int
    boot_id: str
    decision: Decision
    command: LoggedCommand | None


@dataclass(frozen=True)
class LoggedEvent:
    """An event of the log; `time` UTC, meaningful only when `clock_synced`."""

    id: int
    time: datetime
    clock_synced: bool
    kind: EventKind
    camera: str
    detail: str


def utc_text(time: datetime) -> str:
    """ISO 8601 in UTC to the microsecond, ending in Z; a time without zone is taken as UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_of(text: str) -> datetime:
    """The inverse of `utc_text`; ValueError for anything else."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)


def stamp(time: datetime) -> tuple[float, str]:
    """A time as its columns: seconds since 1970 and text."""
    aware = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return aware.timestamp(), utc_text(aware)


def insert_decision(connection: sqlite3.Connection, run_id: int, decision: Decision) -> int:
    """Write a decision, and with one that opens the intent to; the row's id."""
    read = decision.plate_read
    values = (
        run_id, read.arrival_id, read.camera, read.text, read.confidence,
        json.dumps([[text, share] for text, share in read.alternatives], separators=(",", ":")),
        read.frames_used, read.region, read.direction.value, read.first_seen_s, read.at_s,
        *stamp(read.wall_time), int(read.clock_synced), decision.action.value, decision.reason.name, decision.rule,
        int(decision.reason in MATCHED_REASONS), decision.decided_at_s, decision.expires_at_s,
    )
    row_id = int(connection.execute(_INSERT_DECISION, values).lastrowid or 0)
    if decision.action is Action.OPEN:
        insert_intent(connection, run_id, row_id)
    return row_id


def insert_intent(connection: sqlite3.Connection, run_id: int, decision_id: int) -> None:
    """Write that the barrier is about to be told to open."""
    connection.execute("INSERT INTO commands (decision_id, run_id) VALUES (?, ?)", (decision_id, run_id))


def update_outcome(connection: sqlite3.Connection, decision_id: int, outcome: CommandOutcome, now: GateTime) -> bool:
    """Write what became of an intent; False when there is none without an outcome."""
    cursor = connection.execute(
        "UPDATE commands SET outcome = ?, detail = ?, at_s = ?, time_utc = ? WHERE decision_id = ? AND outcome IS NULL",
        (outcome.outcome.value, outcome.detail, outcome.at_s, utc_text(now.wall_time), decision_id),
    )
    return cursor.rowcount == 1


def insert_event(
    connection: sqlite3.Connection, run_id: int | None, now: GateTime, kind: EventKind, detail: str, camera: str = ""
) -> int:
    """Write an event; its id."""
    cursor = connection.execute(
        "INSERT INTO events (run_id, time_s, time_utc, clock_synced, kind, camera, detail) VALUES (?,?,?,?,?,?,?)",
        (run_id, *stamp(now.wall_time), int(now.clock_synced), kind.value, camera, detail),
    )
    return int(cursor.lastrowid or 0)


def decision_of(row: sqlite3.Row) -> Decision:
    """The decision of a row of `decisions`; ValueError, KeyError or TypeError when it is none."""
    read = PlateRead(
        arrival_id=row["arrival_id"],
        camera=row["camera"],
        text=row["plate"],
        confidence=float(row["confidence"]),
        alternatives=tuple((str(text), float(share)) for text, share in json.loads(row["alternatives"])),
        frames_used=int(row["frames_used"]),
        region=row["region"],
        direction=Direction(row["direction"]),
        first_seen_s=float(row["first_seen_s"]),
        at_s=float(row["at_s"]),
        wall_time=time_of(row["time_utc"]),
        clock_synced=bool(row["clock_synced"]),
    )
    return Decision(
        action=Action(row["action"]),
        reason=Reason[row["reason"]],
        rule=row["rule"],
        plate_read=read,
        decided_at_s=float(row["decided_at_s"]),
        expires_at_s=float(row["expires_at_s"]),
    )


def logged_decision_of(row: sqlite3.Row) -> LoggedDecision:
    """A row of decisions joined with commands (`command_*`) and runs (`boot_id`)."""
    command = None
    if row["command_id"] is not None:
        outcome = None if row["command_outcome"] is None else Outcome(row["command_outcome"])
        command = LoggedCommand(outcome, row["command_detail"], row["command_at_s"], row["command_time_utc"] or "")
    return LoggedDecision(int(row["id"]), row["boot_id"] or "", decision_of(row), command)


def event_of(row: sqlite3.Row) -> LoggedEvent:
    """A row of `events`."""
    return LoggedEvent(int(row["id"]), time_of(row["time_utc"]), bool(row["clock_synced"]), EventKind(row["kind"]),
                       row["camera"], row["detail"])
