"""What the gate keeps: its log, the time since the last read, how its plates looked over days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_lpr.doctor.camera import look, picture_findings
from edge_lpr.doctor.finding import Finding, fail, ok, warn
from edge_lpr.errors import EdgeLprError, LogError
from edge_lpr.optics.drift import LOOK_BACK_DAYS, drifts
from edge_lpr.platelog.query import LogFilter, PlateLogReader
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME
from edge_lpr.platelog.verify import verify
from edge_lpr.service.optic_watch import zone_of

DAY_S = 86400.0
USUAL_TIMES = 5.0
"""The last read is late when it is so many times longer ago than the longest pause of the last weeks."""
UNREADABLE = "run this as root or as a member of the group edge-lpr; else see `edge-lpr log verify`"
FRESH_S = 6 * 3600.0
"""A picture no older than this tells how the camera sees now."""


@dataclass(frozen=True)
class LogPlace:
    """Where a site's log is, and by which time zone its days go."""

    folder: Path
    time_zone: str
    cameras: tuple[str, ...]


def log_findings(place: LogPlace, now: datetime) -> Iterator[Finding]:
    """Everything about the log; an unreadable one is one finding."""
    try:
        (place.folder / DATABASE_FOLDER / DATABASE_NAME).stat()
    except (FileNotFoundError, NotADirectoryError):
        yield warn("log", f"{place.folder}: there is none yet", "start the gate; or name its folder in [log]")
        return
    except OSError as error:
        yield fail("log", f"{place.folder}: cannot be looked at: {error.strerror}", UNREADABLE)
        return
    try:
        yield from _soundness(place.folder)
        with PlateLogReader(place.folder) as reader:
            for camera in place.cameras:
                yield from _last_read(reader, camera, now)
                yield from _last_picture(reader, camera, now)
            yield from _optics(reader, place.time_zone, now)
    except LogError as error:
        yield fail("log", str(error), UNREADABLE)


def _soundness(folder: Path) -> Iterator[Finding]:
    verified = verify(folder)
    said = f"{verified.decisions} decisions, {verified.pictures} pictures"
    if verified.problems:
        yield fail("log", f"{said}: {'; '.join((*verified.problems[:3], *verified.notes))}",
                   "restart the gate: it sets a damaged database aside and carries over what can be read")
    elif any("damaged" in note for note in verified.notes):
        yield warn("log", f"{said}; {'; '.join(verified.notes)}",
                   "a disk that damages files fails more: look at `dmesg`, keep a spare")
    else:
        yield ok("log", said)


def _last_read(reader: PlateLogReader, camera: str, now: datetime) -> Iterator[Finding]:
    """The time since the last read, against the longest pause before it."""
    rows = reader.rows("SELECT time_s FROM decisions WHERE camera = ? AND time_s > ? ORDER BY time_s",
                       [camera, now.timestamp() - 14 * DAY_S])
    times = [float(row[0]) for row in rows]
    name = f"last read {camera}"
    if not times:
        yield warn(name, "none in the last two weeks", "watch a car with `edge-lpr commission`")
        return
    ago_s = now.timestamp() - times[-1]
    longest_s = max((after - before for before, after in zip(times, times[1:], strict=False)), default=0.0)
    said = f"{span(ago_s)} ago"
    if len(times) > 20 and ago_s > max(longest_s * USUAL_TIMES, DAY_S):
        yield warn(name, f"{said}; the longest pause before was {span(longest_s)}",
                   "watch a car with `edge-lpr commission`: the camera may look elsewhere")
    else:
        yield ok(name, said)


def _last_picture(reader: PlateLogReader, camera: str, now: datetime) -> Iterator[Finding]:
    """How the newest picture of the log looks, where it is fresh."""
    newest = reader.newest(LogFilter(camera=camera), 1)
    if not newest or (now - newest[0].decision.plate_read.wall_time).total_seconds() > FRESH_S:
        return
    path = reader.pictures_of(newest[0].id).get("frame")
    if path is None:
        return
    from edge_lpr.capture.images import load_picture

    try:
        yield from picture_findings(f"picture {camera}", look(load_picture(path)))
    except EdgeLprError as error:
        yield warn(f"picture {camera}", str(error), "see `edge-lpr log verify`")


def _optics(reader: PlateLogReader, time_zone: str, now: datetime) -> Iterator[Finding]:
    zone = zone_of(time_zone)
    hours = reader.optics(now.timestamp() - LOOK_BACK_DAYS * DAY_S)
    found = drifts(hours, zone)
    for drift in found:
        yield warn("optics", drift.seen(now.astimezone(zone).date()), drift.advice)
    if not found:
        arrivals = sum(hour.arrivals for hour in hours)
        yield ok("optics", f"plates look as they did, over {arrivals} arrivals of the last {LOOK_BACK_DAYS} days")


def span(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, length_s in (("days", DAY_S), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} seconds"
