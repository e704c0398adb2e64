"""Who may enter: allow and deny lists, groups, and how a plate is looked up in them. Pure.

The TOML that `config.py` turns into `AccessOptions` (schedules and holidays: see `schedule.py`); the values shown for
single keys are the defaults:

    [access]
    time_zone = "UTC"
    holidays = []
    min_confidence = 0.8              # a reading less sure than this opens nothing
    deny_alternative_from = 0.05      # a deny list also meets other readings from this probability
    open_directions = ["approaching", "standing", "unknown"]
    evidence_max_age_s = 2.0          # between the last frame used and the decision
    expires_after_s = 2.5             # between the last frame used and the last moment to send the command
    trust_unsynced_clock = false      # true: schedules and dates hold while the clock is not synchronised
    confusable_pairs = ["0O", "1I", "8B", "5S", "2Z", "0D", "0Q", "6G"]

    [[access.list]]
    name = "residents"
    path = "lists/residents.csv"      # from the folder of the configuration
    kind = "allow"                    # or "deny"
    tolerance = 0                     # characters that may be swapped by a confusable pair, 0 to 2; allow lists only
    cameras = []                      # the cameras that it holds for; none named: all

    [[access.group]]
    name = "staff"                    # as in the lists' column `group`
    schedule = ""                     # none: at any time

    [[access.camera]]
    name = "exit"                     # a camera with directions of its own
    open_directions = ["leaving", "standing", "unknown"]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from edge_lpr.errors import ConfigError
from edge_lpr.gate.plate_text import CONFUSABLE_PAIRS, Confusables
from edge_lpr.gate.schedule import Calendar, Schedule
from edge_lpr.records import Direction

MAX_TOLERANCE = 2
NOT_LEAVING = (Direction.APPROACHING, Direction.STANDING, Direction.UNKNOWN)


class ListKind(str, Enum):
    """What being on a list means."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True)
class ListEntry:
    """One row of a list. `plate` normalised, `written` as it stands there; validity in naive local time, `valid_until`
    is the first moment after."""

    plate: str
    holder: str = ""
    group: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    note: str = ""
    line: int = 0
    written: str = field(default="", compare=False)

    @property
    def has_dates(self) -> bool:
        """Whether it needs a clock to tell if the entry is valid."""
        return self.valid_from is not None or self.valid_until is not None


@dataclass(frozen=True)
class ListSpec:
    """One list of the configuration."""

    name: str
    path: Path
    kind: ListKind = ListKind.ALLOW
    tolerance: int = 0
    cameras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        allowed = MAX_TOLERANCE if self.kind is ListKind.ALLOW else 0
        if not 0 <= self.tolerance <= allowed:
            raise ConfigError(f"list {self.name!r}: tolerance of this list may be 0 to {allowed}, not {self.tolerance}")

    def holds_for(self, camera: str) -> bool:
        """Whether the list is used for what this camera sees."""
        return not self.cameras or camera in self.cameras


@dataclass(frozen=True)
class GroupRule:
    """When the entries of one group may enter: at any time, or by the schedule named."""

    name: str
    schedule: str = ""


@dataclass(frozen=True)
class CameraRule:
    """The directions that may open at one camera, in place of the general ones."""

    name: str
    open_directions: tuple[Direction, ...]


@dataclass(frozen=True)
class AccessOptions:
    """The whole section [access]; ConfigError when its parts do not fit together."""

    lists: tuple[ListSpec, ...] = ()
    groups: tuple[GroupRule, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    cameras: tuple[CameraRule, ...] = ()
    time_zone: str = "UTC"
    holidays: tuple[str, ...] = ()
    min_confidence: float = 0.8
    deny_alternative_from: float = 0.05
    open_directions: tuple[Direction, ...] = NOT_LEAVING
    evidence_max_age_s: float = 2.0
    expires_after_s: float = 2.5
    trust_unsynced_clock: bool = False
    confusable_pairs: tuple[str, ...] = CONFUSABLE_PAIRS

    def __post_init__(self) -> None:
        Confusables(self.confusable_pairs)
        Calendar(self.time_zone, self.holidays)
        for kind, named in (("list", self.lists), ("group", self.groups), ("schedule", self.schedules),
                            ("camera", self.cameras)):
            names = [one.name for one in named]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ConfigError(f"access: {kind} {twice[0]!r} is there twice")
        known = {schedule.name for schedule in self.schedules}
        for group in self.groups:
            if group.schedule and group.schedule not in known:
                raise ConfigError(f"group {group.name!r}: no schedule {group.schedule!r}; there are {sorted(known)}")
        for key in ("min_confidence", "deny_alternative_from"):
            if not 0.0 < getattr(self, key) <= 1.0:
                raise ConfigError(f"access.{key} is {getattr(self, key)}; above 0 and up to 1 is allowed")
        if not 0.0 < self.evidence_max_age_s <= self.expires_after_s <= 30.0:
            raise ConfigError("access: 0 < evidence_max_age_s <= expires_after_s <= 30 is allowed")


@dataclass(frozen=True)
class AccessList:
    """A list as loaded."""

    spec: ListSpec
    entries: tuple[ListEntry, ...]


@dataclass(frozen=True)
class Match:
    """An entry found for a reading; `swapped` counts the characters that a tolerance has bridged."""

    spec: ListSpec
    entry: ListEntry
    swapped: int = 0

    @property
    def rule(self) -> str:
        """The list and the entry, for the log."""
        group = f", group {self.entry.group}" if self.entry.group else ""
        swapped = f", {self.swapped} confusable swapped" if self.swapped else ""
        return f"{self.spec.kind.value} list {self.spec.name}: {self.entry.plate}{group}{swapped}"


class AccessBook:
    """All lists, indexed: a look-up takes the same time in a list of ten plates and of a hundred thousand."""

    def __init__(
        self,
        lists: Sequence[AccessList] = (),
        missing: Sequence[str] = (),
        confusables: Confusables | None = None,
    ) -> None:
        """`missing` names the configured lists that could not be loaded and of which no good copy is known."""
        self.lists = tuple(lists)
        self.missing = tuple(missing)
        self.confusables = confusables or Confusables()
        self._exact: dict[str, list[Match]] = {}
        self._folded: dict[str, list[Match]] = {}
        self._denied: dict[str, list[Match]] = {}
        for one in self.lists:
            for entry in one.entries:
                self._add(Match(one.spec, entry))

    def _add(self, match: Match) -> None:
        plate, fold = match.entry.plate, self.confusables.fold(match.entry.plate)
        if match.spec.kind is ListKind.DENY:
            self._denied.setdefault(fold, []).append(match)
        else:
            self._exact.setdefault(plate, []).append(match)
            self._folded.setdefault(fold, []).append(match)

    def denied(self, texts: Iterable[str], camera: str) -> tuple[Match, ...]:
        """The deny entries that any of the texts could be, confusable characters taken for equal."""
        return tuple(
            match
            for text in texts
            for match in self._denied.get(self.confusables.fold(text), ())
            if match.spec.holds_for(camera)
        )

    def allowed(self, text: str, camera: str) -> tuple[Match, ...]:
        """The allow entries of exactly this plate; where there is none, those within their list's tolerance.

        When these are entries of more than one plate, or any list holds another plate as near as the tolerance
        reaches, all of them are returned: the reading is ambiguous.
        """
        exact = tuple(match for match in self._exact.get(text, ()) if match.spec.holds_for(camera))
        if exact:
            return exact
        near = [
            Match(match.spec, match.entry, distance)
            for match in self._folded.get(self.confusables.fold(text), ())
            if match.spec.holds_for(camera)
            and (distance := self.confusables.distance(text, match.entry.plate)) is not None
        ]
        reach = max((match.spec.tolerance for match in near if match.swapped <= match.spec.tolerance), default=0)
        within = [match for match in near if match.swapped <= reach]
        if len({match.entry.plate for match in within}) > 1:
            return tuple(within)
        return tuple(match for match in within if match.swapped <= match.spec.tolerance)
