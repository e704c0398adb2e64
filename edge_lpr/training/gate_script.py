"""What happens in the drawn gate clip: who comes when and how, and what the gate should make of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from edge_lpr.records import Action, Direction, Reason
from edge_lpr.training.gate_place import ENTRY_X, EXIT_X
from edge_lpr.training.gate_vehicle import Stand
from edge_lpr.training.gate_view import Colour

FAR_M = 48.0
"""Where vehicles appear and vanish."""
STOP_M = 7.9
"""Where the seen end of a waiting vehicle stands: just before the line."""
DUSK_S = (30.0, 31.8)
"""From when to when the day fades into the night; no vehicle moves meanwhile."""
LENGTH_S = 60.0
Key = tuple[float, float]
"""A moment in seconds and where the vehicle's seen end is then, in metres from the camera."""


@dataclass(frozen=True)
class Part:
    """One vehicle's part in the clip. `country` and `rows` choose the plate, `dirt` 0..1 soils it; `keys`: moments and
    distances, eased in between; `list_name`: the list that has the plate ('' none)."""

    name: str
    kind: str
    paint: Colour
    country: str
    keys: tuple[Key, ...]
    direction: Direction
    action: Action
    reason: Reason
    list_name: str = ""
    rows: int = 1
    dirt: float = 0.0
    x: float = ENTRY_X
    parked: bool = False

    def stand(self, at_s: float) -> Stand | None:
        """Where it stands at this moment; None while it is not there."""
        if self.parked:
            return Stand(self.x, self.keys[0][1], yaw=0.03, lamps=0.0)
        if not self.keys[0][0] <= at_s <= self.keys[-1][0]:
            return None
        z = _eased(self.keys, at_s)
        return Stand(self.x, z, share=min(1.0, max(0.0, (FAR_M - z) / 4.0)))


def _eased(keys: tuple[Key, ...], at_s: float) -> float:
    """The distance at a moment; a vehicle that stops at a key slows down towards it, one that starts speeds up."""
    index = min(len(keys) - 2, max(0, bisect_right([key[0] for key in keys], at_s) - 1))
    (start_s, start), (end_s, end) = keys[index], keys[index + 1]
    share = (at_s - start_s) / (end_s - start_s)
    stands_before = index > 0 and keys[index - 1][1] == start
    stands_after = index + 2 < len(keys) and keys[index + 2][1] == end
    if stands_before and stands_after:
        share = share * share * (3 - 2 * share)
    elif stands_before:
        share = share * share
    elif stands_after:
        share = 1 - (1 - share) ** 1.7
    return start + (end - start) * share


def _comes_in(at_s: float) -> tuple[Key, ...]:
    """Drives up, waits for the barrier, drives in."""
    return (at_s, FAR_M), (at_s + 5.0, STOP_M), (at_s + 7.2, STOP_M), (at_s + 9.4, 0.9)


def _turned_away(at_s: float) -> tuple[Key, ...]:
    """Drives up, waits in vain, backs out."""
    return (at_s, FAR_M), (at_s + 5.0, STOP_M), (at_s + 7.6, STOP_M), (at_s + 11.4, FAR_M)


def _goes_out(at_s: float) -> tuple[Key, ...]:
    return (at_s, 3.4), (at_s + 3.2, 14.0), (at_s + 7.0, FAR_M)


PARTS = (
    Part("parked in the bay", "saloon", (58, 84, 128), "DE", ((0.0, 12.5), (LENGTH_S, 12.5)), Direction.STANDING,
         Action.STAY_CLOSED, Reason.OUTSIDE_ZONE, "residents", x=-3.62, parked=True),
    Part("resident", "hatchback", (158, 30, 34), "CZ", _comes_in(0.5), Direction.APPROACHING, Action.OPEN,
         Reason.ALLOWED, "residents"),
    Part("stranger", "van", (226, 226, 222), "PL", _turned_away(9.2), Direction.APPROACHING, Action.STAY_CLOSED,
         Reason.NOT_LISTED),
    Part("leaves meanwhile", "hatchback rear", (44, 46, 50), "FR", _goes_out(13.2), Direction.LEAVING,
         Action.STAY_CLOSED, Reason.WRONG_DIRECTION, "residents", x=EXIT_X),
    Part("two-row plate", "offroad", (86, 98, 82), "AT", _comes_in(20.6), Direction.APPROACHING, Action.OPEN,
         Reason.ALLOWED, "residents", rows=2),
    Part("denied", "saloon", (180, 182, 186), "NL", _turned_away(32.0), Direction.APPROACHING, Action.STAY_CLOSED,
         Reason.DENIED, "banned"),
    Part("leaves at night", "van rear", (206, 198, 176), "GB", _goes_out(36.0), Direction.LEAVING,
         Action.STAY_CLOSED, Reason.WRONG_DIRECTION, "residents", x=EXIT_X),
    Part("dirty plate", "hatchback", (62, 66, 72), "SK", _comes_in(43.5), Direction.APPROACHING, Action.OPEN,
         Reason.ALLOWED, "residents", dirt=0.6),
    Part("last one", "saloon", (120, 20, 26), "IT", ((51.8, FAR_M), (56.8, STOP_M), (61.0, STOP_M)),
         Direction.APPROACHING, Action.OPEN, Reason.ALLOWED, "staff"),
)
"""Everybody in the clip, day first."""


def arm_raised(at_s: float) -> float:
    """How far the barrier's arm is up, 0..1: it opens for who may enter and closes behind them."""
    raised = 0.0
    for part in PARTS:
        if part.action is Action.OPEN:
            stop_s = part.keys[1][0]
            up, down = (at_s - stop_s - 0.9) / 1.1, (at_s - stop_s - 4.6) / 1.1
            raised = max(raised, min(1.0, max(0.0, up)) - min(1.0, max(0.0, down)))
    return raised * raised * (3 - 2 * raised)


def night_share(at_s: float) -> float:
    """0 by day, 1 by night."""
    start, end = DUSK_S
    return min(1.0, max(0.0, (at_s - start) / (end - start)))
