"""What could not be written yet, in memory, in order, and only so much of it."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass

from edge_lpr.gate.decide import GateTime
from edge_lpr.platelog.rows import EventKind, insert_decision, insert_event, update_outcome
from edge_lpr.records import CommandOutcome, Decision


@dataclass(frozen=True)
class Item:
    """One thing to write: exactly one of the three."""

    at: GateTime
    decision: Decision | None = None
    outcome: CommandOutcome | None = None
    event: tuple[EventKind, str, str] | None = None
    """Kind, detail, camera."""


class PendingQueue:
    """Items by ticket (-1, -2, ...), oldest first; above the limit the oldest is lost, and counted."""

    def __init__(self, limit: int) -> None:
        self.lost = 0
        self._limit = limit
        self._items: OrderedDict[int, Item] = OrderedDict()
        self._next_ticket = -1
        self._row_ids: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item) -> int:
        """Keep an item for later; its ticket."""
        ticket, self._next_ticket = self._next_ticket, self._next_ticket - 1
        self._items[ticket] = item
        while len(self._items) > self._limit:
            self._items.popitem(last=False)
            self.lost += 1
        return ticket

    def row_id(self, decision_id: int) -> int:
        """The id on disk of a decision's ticket; 0 while it waits or when it was lost. Ids on disk stay as they are."""
        return decision_id if decision_id > 0 else self._row_ids.get(decision_id, 0)

    def write(self, connection: sqlite3.Connection, run_id: int, now: GateTime) -> dict[int, int]:
        """Write all that waits; the id on disk of each decision's ticket. It waits on until `settle`."""
        written: dict[int, int] = {}
        for ticket, item in self._items.items():
            if item.decision is not None:
                written[ticket] = insert_decision(connection, run_id, item.decision)
            elif item.outcome is not None:
                waited_for = item.outcome.decision_id
                row_id = written.get(waited_for) or self.row_id(waited_for)
                update_outcome(connection, row_id, item.outcome, item.at)
            elif item.event is not None:
                kind, detail, camera = item.event
                insert_event(connection, run_id, item.at, kind, detail, camera)
        if self.lost:
            insert_event(connection, run_id, now, EventKind.LOST, f"{self.lost} entries: the queue was full")
        return written

    def settle(self, written: dict[int, int]) -> None:
        """All that waited is on disk."""
        self._items.clear()
        self._row_ids.update(written)
        for ticket in list(self._row_ids)[: -2 * self._limit]:
            del self._row_ids[ticket]
        self.lost = 0
