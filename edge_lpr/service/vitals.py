"""Whether the gate's loops go on: what the watchdog is fed by. Pure.

A timer that feeds a watchdog proves that the timer works. Here each loop (every camera's, and the housekeeping's)
counts its turns, and the watchdog is fed when every one of them has moved on since it was fed last. A camera without
frames still turns, and tells the outage by its state; one that neither turns nor tells is what a watchdog is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FEEDS = 4
"""How often at least it is fed in the time that it allows: so that one late turn is no alarm."""


@dataclass
class Vitals:
    """`due` tells whether to feed now. `allowed_s`: how long the watchdog waits, 0 for none."""

    allowed_s: float
    _fed_at_s: float = -1e9
    _seen: dict[str, int] = field(default_factory=dict)

    def due(self, turns: Mapping[str, int], now_s: float) -> bool:
        """`turns` of every loop that should go on, by name; loops that have ended by themselves are not among them."""
        if self.allowed_s <= 0 or now_s - self._fed_at_s < self.allowed_s / FEEDS or self.stuck(turns):
            return False
        self._fed_at_s, self._seen = now_s, dict(turns)
        return True

    def stuck(self, turns: Mapping[str, int]) -> list[str]:
        """The loops that have not moved since the watchdog was fed last."""
        return [name for name, count in turns.items() if self._seen.get(name) == count]
