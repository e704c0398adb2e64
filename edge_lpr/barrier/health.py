"""How a barrier does, as others see it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace

from edge_lpr.barrier.base import RelayState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BarrierHealth:
    """How a barrier does: `fault` '' when all is well; `pulses` sent since the start; the last command's outcome;
    whether it is `connected`; what the relay and the lane's inputs last said, None for what nobody said; the lane's
    phase ('' without inputs), and whether it is armed; by whom it is held open ('' by nobody), and for how many seconds
    from the order on."""

    fault: str = ""
    pulses: int = 0
    last_outcome: str = ""
    last_detail: str = ""
    connected: bool = False
    relay: str = RelayState.UNKNOWN.value
    loop: bool | None = None
    opened: bool | None = None
    closed: bool | None = None
    lane: str = ""
    armed: bool = True
    held_by: str = ""
    held_s: float = 0.0


class HealthBoard:
    """Where one barrier's parts write how they do; safe to use from several threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.health = BarrierHealth()
        self.faults = {"link": "", "command": "", "lane": ""}
        self._lock = threading.RLock()

    def note(self, part: str, fault: str) -> None:
        """Note a fault, or with '' its end: of the link until it is connected, of a command until one goes well."""
        with self._lock:
            self.faults[part] = fault
            told = "; ".join(one for one in self.faults.values() if one)
            if told != self.health.fault:
                log.log(logging.WARNING if told else logging.INFO, "barrier %s: %s", self.name, told or "well again")
            self.publish(fault=told)

    def note_outcome(self, outcome: str, detail: str, is_moved: bool) -> None:
        """Note what became of a command; `is_moved`: something was sent for it."""
        with self._lock:
            self.publish(pulses=self.health.pulses + is_moved, last_outcome=outcome, last_detail=detail)

    def publish(self, **changes: object) -> None:
        """Change some fields."""
        with self._lock:
            self.health = replace(self.health, **changes)  # type: ignore[arg-type]
