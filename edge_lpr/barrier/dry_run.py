"""A barrier that nothing is wired to: it does all but move."""

from __future__ import annotations

from edge_lpr.barrier.base import Inputs, MaySend, RelayState, Reply
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.records import Outcome


class DryRunBarrier:
    """See Barrier. `pulses` counts what would have been sent."""

    def __init__(self, table: BarrierTable) -> None:
        self.pulses = 0
        self._name = table.name

    def connect(self) -> None:
        pass

    def pulse(self, may_send: MaySend) -> Reply:
        if not may_send():
            return Reply(Outcome.EXPIRED, "too late")
        self.pulses += 1
        return Reply(Outcome.DRY_RUN, f"barrier {self._name} would have been opened")

    def hold(self, may_send: MaySend) -> Reply:
        return self.pulse(may_send)

    def release(self) -> None:
        pass

    def state(self) -> RelayState:
        return RelayState.RELEASED

    def inputs(self) -> Inputs:
        return Inputs()

    def check(self) -> None:
        pass

    def hurry(self) -> None:
        pass

    def close(self) -> None:
        pass
