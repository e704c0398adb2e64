"""What the tracker knows of one vehicle: its place, its text so far, the sightings worth keeping. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge_lpr.gate.clarity import clarity
from edge_lpr.gate.direction import DirectionOptions, Heading
from edge_lpr.gate.likeness import Likeness, likeness
from edge_lpr.gate.motion import Motion
from edge_lpr.gate.place import Place
from edge_lpr.records import Arrival, Reading, Sighting

SURE_ENOUGH = 0.3
"""Confidence from which on a reading says something about which plate it is..."""
SURE_OF_ANOTHER = 0.5
"""...and from which on it may say that it is another plate."""
SHORTEST_TEXT = 3
ESTABLISHED = 1.2
"""Sum of cubed confidences from which on a vehicle's text is known: two good readings, or many doubtful ones."""
MOST_TEXTS = 8
MOST_VOTES = 30.0
MOST_STRANGERS = 8
STRANGERS_SPLIT = 3
"""Readings in a row of the same other plate, in the same place, that show that it is another vehicle..."""
STRANGERS_SPAN_S = 0.15
"""...over at least so long: one burst of glare or one passing shadow is shorter."""
CUT_KEPT = 3
"""A sighting cut by the frame's border is kept while there are fewer than this: later ones only mislead."""
APART_S = 0.2
"""Sightings closer in time are near copies: the worse of them goes first when there are too many."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A sighting with what follows from where it is."""

    sighting: Sighting
    place: Place
    in_zone: bool
    cut: bool

    @property
    def reading(self) -> Reading:
        return self.sighting.reading


def is_sure(reading: Reading, confidence: float = SURE_ENOUGH) -> bool:
    """Whether the reading says which plate it is."""
    return len(reading.text) >= SHORTEST_TEXT and reading.confidence >= confidence


class Vehicle:
    """One arrival under way."""

    def __init__(self, arrival: Arrival, seen: Seen, now_s: float, kept: int, direction: DirectionOptions) -> None:
        self.arrival = arrival
        self.motion = Motion(seen.place, now_s)
        self.unseen_s = 0.0
        """How long it has not been seen, in time that the camera saw."""
        self.read_s = now_s
        self.text = ""
        """What it reads as by most of the confidence so far."""
        self._direction = direction
        self._heading: Heading | None = None
        self._kept = kept
        self._votes: dict[str, float] = {}
        self._strangers: list[tuple[Seen, float]] = []
        arrival.in_zone = False
        self._head(seen, now_s)
        self._take(seen, now_s)

    def likeness(self, reading: Reading) -> Likeness:
        """Whether a reading is of this vehicle's plate, for all that its text tells."""
        if not self.text or not is_sure(reading):
            return Likeness.UNKNOWN
        like = likeness(self.text, reading.text)
        known = self._votes[self.text] >= ESTABLISHED and is_sure(reading, SURE_OF_ANOTHER)
        return like if known or like is not Likeness.FAR else Likeness.UNKNOWN

    def stranger_place(self) -> tuple[Place, float] | None:
        """Where and when another plate was last seen in its place."""
        return (self._strangers[-1][0].place, self._strangers[-1][1]) if self._strangers else None

    def see(self, seen: Seen, now_s: float) -> None:
        """Take in a sighting of this vehicle."""
        self.motion.follow(seen.place, now_s)
        self._head(seen, now_s)
        if is_sure(seen.reading) and self.likeness(seen.reading) is not Likeness.UNKNOWN:
            self._strangers.clear()
        self._take(seen, now_s)

    def see_stranger(self, seen: Seen, now_s: float) -> list[tuple[Seen, float]]:
        """Take in a sighting in this vehicle's place that reads as another plate. When that has lasted: the sightings
        of the other vehicle with their times, no longer this one's affair; else nothing."""
        if self._strangers:
            last = self._strangers[-1][0].reading.text
            if likeness(last, seen.reading.text) in (Likeness.FAR, Likeness.UNKNOWN):
                self._strangers.clear()
        self._strangers = [*self._strangers, (seen, now_s)][-MOST_STRANGERS:]
        self.read_s = now_s
        strangers = self._strangers
        if len(strangers) < STRANGERS_SPLIT or now_s - strangers[0][1] < STRANGERS_SPAN_S:
            return []
        self._strangers = []
        self.unseen_s = now_s - self.arrival.last_seen_s
        return strangers

    def _head(self, seen: Seen, now_s: float) -> None:
        """Follow the direction. A plate that comes into view from the border seems to grow, and one that goes out of
        view to shrink, whichever way the vehicle drives: what is cut says nothing."""
        if seen.cut:
            return
        if self._heading is None:
            self._heading = Heading(seen.place, now_s, self._direction)
        else:
            self.arrival.direction = self._heading.follow(seen.place, now_s)

    def _take(self, seen: Seen, now_s: float) -> None:
        self.unseen_s = 0.0
        self.arrival.last_seen_s = now_s
        self.arrival.in_zone |= seen.in_zone
        if seen.reading.text:
            self.read_s = now_s
        if is_sure(seen.reading):
            self._vote(seen.reading)
        self._keep(seen)

    def _vote(self, reading: Reading) -> None:
        votes = self._votes
        votes[reading.text] = votes.get(reading.text, 0.0) + reading.confidence**3
        if votes[reading.text] > MOST_VOTES:  # a car that is read for hours must not become deaf to a change
            for text in votes:
                votes[text] /= 2
        if len(votes) > MOST_TEXTS:
            del votes[min(votes, key=votes.__getitem__)]
        self.text = max(votes, key=votes.__getitem__)

    def _keep(self, seen: Seen) -> None:
        """Keep the sighting if it is among the best; of a settled arrival only the best one is kept."""
        kept = self.arrival.sightings
        if self.arrival.settled:
            if len(kept) > 1:
                kept[:] = [max(kept, key=lambda one: (bool(one.reading.text), clarity(one)))]
            return
        if kept and (not seen.reading.text or seen.cut and len(kept) >= CUT_KEPT):
            return
        if kept and not kept[0].reading.text:
            kept.clear()
        kept.append(seen.sighting)
        if len(kept) > self._kept:
            del kept[_least(kept)]


def _least(kept: list[Sighting]) -> int:
    """The index of the sighting that is missed least: unclear, unsure, or hardly later than another; not the newest,
    which tells that the plate is still there."""

    def worth(at: int) -> float:
        one = kept[at]
        gap_s = one.captured_at_s - kept[at - 1].captured_at_s if at else APART_S
        apart = 0.5 + 0.5 * min(1.0, max(0.0, gap_s) / APART_S)
        return clarity(one) * (0.2 + one.reading.confidence) * apart

    return min(range(len(kept) - 1), key=worth)
