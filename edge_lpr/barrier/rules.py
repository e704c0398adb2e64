"""When a barrier may be opened, whatever was decided: once a decision, not twice in a moment, not too often. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from edge_lpr.barrier.passage import Opening

MINUTE_S = 60.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class OpeningLimits:
    """`cooldown_s` after an opening none for the same arrival, nor for the same plate that another camera saw;
    `most_per_minute` openings of any kind."""

    cooldown_s: float = 5.0
    most_per_minute: int = 12


class OpeningRules:
    """What was sent, and what may be sent after it. Times are monotonic seconds."""

    def __init__(self, limits: OpeningLimits) -> None:
        self._limits = limits
        self._begun: OrderedDict[object, None] = OrderedDict()
        self._opened_s: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._recent_s: deque[float] = deque(maxlen=limits.most_per_minute)

    def hindrance(self, key: object, opening: Opening, now_s: float) -> str:
        """Why the decision or order `key` for that `opening` may not be sent now; '' when it may."""
        if key in self._begun:
            return "this decision has had its opening"
        for subject in _subjects(opening):
            opened_s = self._opened_s.get(subject)
            if opened_s is not None and now_s - opened_s < self._limits.cooldown_s:
                return f"it was opened for this {subject[0]} a moment ago"
        if len(self._recent_s) == self._recent_s.maxlen and now_s - self._recent_s[0] < MINUTE_S:
            return f"{self._limits.most_per_minute} openings in a minute are the most that are allowed"
        return ""

    def note_begun(self, key: object) -> None:
        """It is about to be sent: whatever comes of it, never again."""
        _remember(self._begun, key, None)

    def note_sent(self, opening: Opening, now_s: float) -> None:
        """Bytes that open were written."""
        for subject in _subjects(opening):
            _remember(self._opened_s, subject, now_s)
        self._recent_s.append(now_s)


def _subjects(opening: Opening) -> list[tuple[str, str]]:
    """Whom a cooldown holds for: none of an opening by hand."""
    return [(kind, name) for kind, name in (("arrival", opening.arrival), ("plate", opening.plate)) if name]


def _remember(memory: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]
    memory[key] = value
    while len(memory) > MOST_REMEMBERED:
        memory.popitem(last=False)
