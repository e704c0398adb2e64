"""When a barrier may be opened, whatever was decided: once a decision, not twice in a moment, not too often. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

MINUTE_S = 60.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class OpeningLimits:
    """`cooldown_s` after an opening none for the same arrival; `most_per_minute` openings of any kind."""

    cooldown_s: float = 5.0
    most_per_minute: int = 12


class OpeningRules:
    """What was sent, and what may be sent after it. Times are monotonic seconds."""

    def __init__(self, limits: OpeningLimits) -> None:
        self._limits = limits
        self._begun: OrderedDict[object, None] = OrderedDict()
        self._opened_s: OrderedDict[str, float] = OrderedDict()
        self._recent_s: deque[float] = deque(maxlen=limits.most_per_minute)

    def hindrance(self, key: object, arrival: str, now_s: float) -> str:
        """Why the decision or order `key` for `arrival` ('' for none) may not be sent now; '' when it may."""
        if key in self._begun:
            return "this decision has had its opening"
        opened_s = self._opened_s.get(arrival) if arrival else None
        if opened_s is not None and now_s - opened_s < self._limits.cooldown_s:
            return "it was opened for this arrival a moment ago"
        if len(self._recent_s) == self._recent_s.maxlen and now_s - self._recent_s[0] < MINUTE_S:
            return f"{self._limits.most_per_minute} openings in a minute are the most that are allowed"
        return ""

    def note_begun(self, key: object) -> None:
        """It is about to be sent: whatever comes of it, never again."""
        _remember(self._begun, key, None)

    def note_sent(self, arrival: str, now_s: float) -> None:
        """Bytes that open were written."""
        if arrival:
            _remember(self._opened_s, arrival, now_s)
        self._recent_s.append(now_s)


def _remember(memory: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]
    memory[key] = value
    while len(memory) > MOST_REMEMBERED:
        memory.popitem(last=False)
