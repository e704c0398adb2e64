"""One arrival's reading -> open or stay closed, and why. Pure; whatever is in doubt stays closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edge_lpr.gate.access import AccessBook, AccessOptions, ListEntry, ListKind, Match
from edge_lpr.gate.schedule import Calendar
from edge_lpr.records import Action, Decision, PlateRead, Reason

CLOCK_SLACK_S = 0.1
"""How far a frame may lie after `now` (a moment taken just before it came) and still be called fresh."""

_TOLD_FIRST = (Reason.OUTSIDE_SCHEDULE, Reason.CLOCK_UNSURE, Reason.NOT_VALID_YET, Reason.EXPIRED)
"""Of a plate's several entries that all stay closed, the one whose reason helps most is told."""


@dataclass(frozen=True)
class GateTime:
    """The moment of a decision: `wall_time` aware; `monotonic_s` of the clock that stamps the frames."""

    wall_time: datetime
    monotonic_s: float
    clock_synced: bool

    def __post_init__(self) -> None:
        if self.wall_time.utcoffset() is None:
            raise ValueError("wall_time needs a time zone")


class Policy:
    """The rules of one gate over one state of its lists; a changed list makes a new one."""

    def __init__(self, options: AccessOptions, book: AccessBook) -> None:
        self.options = options
        self.book = book
        self._calendar = Calendar(options.time_zone, options.holidays)
        self._groups = {group.name: group.schedule for group in options.groups}
        self._schedules = {schedule.name: schedule for schedule in options.schedules}
        self._directions = {camera.name: camera.open_directions for camera in options.cameras}

    def decide(self, read: PlateRead, now: GateTime) -> Decision:
        """Deny lists come first and win; then every condition of an opening must hold."""
        reason, rule = self._judge(read, now)
        return Decision(
            action=Action.OPEN if reason is Reason.ALLOWED else Action.STAY_CLOSED,
            reason=reason,
            rule=rule,
            plate_read=read,
            decided_at_s=now.monotonic_s,
            expires_at_s=min(read.at_s, now.monotonic_s) + self.options.expires_after_s,
        )

    def _judge(self, read: PlateRead, now: GateTime) -> tuple[Reason, str]:
        for match in self.book.denied(self._possible_texts(read), read.camera):
            if self._deny_holds(match.entry, now):
                return Reason.DENIED, match.rule
        if missing := self._missing():
            return Reason.NO_LISTS, missing
        matches = self.book.allowed(read.text, read.camera)
        unsure = not read.confidence >= self.options.min_confidence
        if not matches:
            return (Reason.LOW_CONFIDENCE if unsure else Reason.NOT_LISTED), ""
        if unsure:
            return Reason.LOW_CONFIDENCE, matches[0].rule
        if len({match.entry.plate for match in matches}) > 1:
            return Reason.AMBIGUOUS, "; ".join(match.rule for match in matches)
        if hindrance := self._hindrance(read, now):
            return hindrance, matches[0].rule
        return self._permission(matches, now)

    def _possible_texts(self, read: PlateRead) -> list[str]:
        """The reading and every other one that is too likely to leave out (a probability that is no number counts)."""
        least = self.options.deny_alternative_from
        return [read.text, *(text for text, probability in read.alternatives if not probability < least)]

    def _missing(self) -> str:
        """Which list is missing, so that nothing may open: a deny list, or every allow list."""
        deny_lists = {spec.name for spec in self.options.lists if spec.kind is ListKind.DENY}
        if lost := sorted(deny_lists.intersection(self.book.missing)):
            return f"deny list {lost[0]} could not be loaded"
        if not any(one.spec.kind is ListKind.ALLOW for one in self.book.lists):
            return ", ".join(self.book.missing) or "no allow list is configured"
        return ""

    def _hindrance(self, read: PlateRead, now: GateTime) -> Reason | None:
        """What keeps any opening back at this moment, whoever stands there."""
        if not read.in_zone:
            return Reason.OUTSIDE_ZONE
        if read.direction not in self._directions.get(read.camera, self.options.open_directions):
            return Reason.WRONG_DIRECTION
        if not -CLOCK_SLACK_S <= now.monotonic_s - read.at_s <= self.options.evidence_max_age_s:
            return Reason.STALE
        return None

    def _permission(self, matches: tuple[Match, ...], now: GateTime) -> tuple[Reason, str]:
        """One of the plate's entries that may enter now, or the reason why none may."""
        verdicts = [(self._entry_reason(match.entry, now), match.rule) for match in matches]
        order = (Reason.ALLOWED, *_TOLD_FIRST)
        return min(verdicts, key=lambda verdict: order.index(verdict[0]))

    def _entry_reason(self, entry: ListEntry, now: GateTime) -> Reason:
        if entry.group and entry.group not in self._groups:
            return Reason.OUTSIDE_SCHEDULE
        schedule = self._schedules.get(self._groups.get(entry.group, ""))
        if (entry.has_dates or schedule) and not (now.clock_synced or self.options.trust_unsynced_clock):
            return Reason.CLOCK_UNSURE
        if entry.valid_from is not None and now.wall_time < self._calendar.instants(entry.valid_from)[1]:
            return Reason.NOT_VALID_YET
        if entry.valid_until is not None and now.wall_time >= self._calendar.instants(entry.valid_until)[0]:
            return Reason.EXPIRED
        if schedule and not self._calendar.allows(schedule, now.wall_time):
            return Reason.OUTSIDE_SCHEDULE
        return Reason.ALLOWED

    def _deny_holds(self, entry: ListEntry, now: GateTime) -> bool:
        """Whether a deny entry is in force: always while the clock is not to be relied upon, and no schedule ever lifts
        it."""
        if not (now.clock_synced or self.options.trust_unsynced_clock):
            return True
        begun = entry.valid_from is None or now.wall_time >= self._calendar.instants(entry.valid_from)[0]
        return begun and (entry.valid_until is None or now.wall_time < self._calendar.instants(entry.valid_until)[1])
