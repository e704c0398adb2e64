"""Keeping a device connected: found missing soon, tried again soon, and released whenever it comes back."""

from __future__ import annotations

from collections.abc import Callable

from edge_lpr.barrier.base import Barrier, RelayState, Timer
from edge_lpr.barrier.health import HealthBoard
from edge_lpr.errors import BarrierError

RECONNECT_FIRST_S, RECONNECT_MOST_S = 0.1, 0.5
"""Waits double from the first to the longest: trying is cheap, and a replugged adapter is wanted back soon."""
CHECK_EVERY_S = 0.25
"""An adapter that was pulled is noticed so soon, before a vehicle comes."""
ASK_EVERY_S = 5.0
"""A device that fell silent, or whose relay is on, is noticed so soon."""
ASK_AGAIN_S = 1.0
MISSED_MOST = 3
"""So many questions in a row go unanswered before the link is made anew: a line has noise."""


class Connection:
    """The connection to one barrier's device. `on_lost` is called when it is lost."""

    def __init__(self, barrier: Barrier, timer: Timer, board: HealthBoard, on_lost: Callable[[], None]) -> None:
        self.is_up = False
        self._barrier = barrier
        self._timer = timer
        self._board = board
        self._on_lost = on_lost
        self._connect_at_s = self._check_at_s = self._ask_at_s = float("-inf")
        self._backoff_s = RECONNECT_FIRST_S
        self._missed = 0

    @property
    def fault(self) -> str:
        """Why it is not up."""
        return self._board.faults["link"]

    @property
    def due_s(self) -> float:
        """When `turn` has something to do, by the Timer."""
        return min(self._check_at_s, self._ask_at_s) if self.is_up else self._connect_at_s

    def turn(self, relay_may_be_on: bool) -> None:
        """Connect, or look at the device, when that is due."""
        self.ensure()
        now_s = self._timer.now_s()
        if self.is_up and now_s >= self._check_at_s:
            self._check_at_s = now_s + CHECK_EVERY_S
            self._check()
        if self.is_up and now_s >= self._ask_at_s:
            self.ask(lambda: self._look_at_relay(relay_may_be_on))
            self._ask_at_s = now_s + (ASK_AGAIN_S if self._missed else ASK_EVERY_S)

    def ensure(self) -> bool:
        """Connect when that is due; whether it is up. The fault stays until it is."""
        if self.is_up or self._timer.now_s() < self._connect_at_s:
            return self.is_up
        try:
            self._barrier.connect()
        except BarrierError as error:
            self._board.note("link", f"not connected: {error}")
            self._connect_at_s = self._timer.now_s() + self._backoff_s
            self._backoff_s = min(2 * self._backoff_s, RECONNECT_MOST_S)
            return False
        now_s = self._timer.now_s()
        self.is_up, self._missed, self._backoff_s = True, 0, RECONNECT_FIRST_S
        self._check_at_s, self._ask_at_s = now_s + CHECK_EVERY_S, now_s + ASK_EVERY_S
        self._board.note("link", "")
        self._board.publish(connected=True, relay=RelayState.RELEASED.value)
        return True

    def lose(self, fault: str = "") -> None:
        """The link is not relied on: it is made anew, which releases the relay."""
        self.is_up = False
        self._connect_at_s = self._timer.now_s()
        self._board.publish(connected=False, relay=RelayState.UNKNOWN.value, loop=None, opened=None, closed=None)
        if fault:
            self._board.note("link", fault)
        self._on_lost()

    def ask(self, question: Callable[[], None]) -> None:
        """Ask the device; when it fails to answer too often in a row the link is made anew."""
        try:
            question()
            self._missed = 0
        except BarrierError as error:
            self._missed += 1
            if self._missed >= MISSED_MOST:
                self.lose(f"it does not answer: {error}")

    def leave_alone(self, seconds: float) -> None:
        """The relay is on for a moment, rightly: do not ask meanwhile."""
        self._ask_at_s = self._timer.now_s() + seconds + ASK_EVERY_S

    def _check(self) -> None:
        try:
            self._barrier.check()
        except BarrierError as error:
            self.lose(str(error))

    def _look_at_relay(self, may_be_on: bool) -> None:
        state = self._barrier.state()
        if state is RelayState.PULSING and not may_be_on:
            self.lose("the relay was on though nothing opened")
        else:
            self._board.publish(relay=state.value)
