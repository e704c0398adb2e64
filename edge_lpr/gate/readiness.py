"""When an arrival is to be decided, and the record that the decision is made from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_lpr.gate.evidence import Evidence
from edge_lpr.records import Arrival, Direction, PlateRead

SHORTEST_TEXT = 2
"""No country has plates of a single character; signs and lamps have."""


@dataclass(frozen=True)
class ReadyOptions:
    """When the evidence is enough for a decision: confidence `enough` from `frames` frames, or `very_sure` from
    `sure_frames`; from `max_wait_s` after the first frame that was more than a guess `fair` is enough, and from
    `give_up_s` anything.
    `needs_direction`: where the access rules ask for it, the early decision waits for a direction until `max_wait_s`.
    One that departs and was read less surely than `least`, or than `glimpse` in no more than `glimpse_frames`, was not
    read at all: it passed far away, or was no plate.
    """

    enough: float = 0.97
    frames: int = 3
    very_sure: float = 0.99
    sure_frames: int = 2
    fair: float = 0.8
    max_wait_s: float = 3.0
    give_up_s: float = 12.0
    needs_direction: bool = False
    least: float = 0.1
    glimpse: float = 0.6
    glimpse_frames: int = 2


def ready(
    evidence: Evidence, arrival: Arrival, now_s: float, options: ReadyOptions = ReadyOptions(), departed: bool = False
) -> bool:
    """Whether an arrival is to be decided now: once, and not before it was in a zone that triggers, unless it departed.

    A text that nobody could read is never ready, not even at departure: there is no plate to decide about.
    """
    if arrival.settled or len(evidence.text) < SHORTEST_TEXT:
        return False
    if departed:
        is_glimpse = evidence.frames_used <= options.glimpse_frames
        return evidence.confidence >= (options.glimpse if is_glimpse else options.least)
    waited_s = now_s - evidence.waiting_since_s
    if not arrival.in_zone:
        return False
    if waited_s >= options.max_wait_s and evidence.confidence >= options.fair or waited_s >= options.give_up_s:
        return True
    if options.needs_direction and arrival.direction is Direction.UNKNOWN:
        return False
    needed = options.sure_frames if evidence.confidence >= options.very_sure else options.frames
    return evidence.confidence >= min(options.enough, options.very_sure) and evidence.frames_used >= needed


def to_plate_read(
    arrival: Arrival, evidence: Evidence, frame_wall_time: datetime, frame_at_s: float, clock_synced: bool
) -> PlateRead:
    """The record of an arrival's evidence. `frame_wall_time` and `frame_at_s`: one moment (that of any frame) by both
    clocks, from which the wall time of the last frame used follows."""
    at_s = evidence.last_read_s if evidence.frames_used else arrival.last_seen_s
    return PlateRead(
        arrival_id=arrival.id,
        camera=arrival.camera,
        text=evidence.text,
        confidence=evidence.confidence,
        alternatives=evidence.alternatives,
        frames_used=evidence.frames_used,
        region=evidence.region,
        direction=arrival.direction,
        in_zone=arrival.in_zone,
        first_seen_s=arrival.first_seen_s,
        at_s=at_s,
        wall_time=frame_wall_time - timedelta(seconds=frame_at_s - at_s),
        clock_synced=clock_synced,
    )
