"""From sightings to arrivals: one vehicle is one arrival, whatever the number of frames. Pure.

Why no tracking library: they (norfair, SORT and its kin, supervision) join boxes by geometry and perhaps by an
appearance vector. Here the sightings carry the vehicle's name: the plate text decides, places only help, and a change
of text in one place is a new vehicle. That is the whole difficulty, and a library leaves it to us. norfair 2.3 would
also bring scipy, the unmaintained filterpy, rich, and numpy below 2; the scenes here have one to four plates, for which
joining the cheapest pairs first is enough.

The rules, in short:
- A sighting belongs to the vehicle whose text it reads and whose place it continues; the same text outweighs any place.
- An unread or doubtful sighting goes by place and size alone. A changed character changes nothing.
- Another plate read surely, several times running, in a known vehicle's place, is another vehicle (bumper to bumper).
- A vehicle departs when it has not been seen for `departed_after_s` in which the camera saw; one that stood for
  `parked_after_s` is waited for longer, in its place, so that a passer-by makes no second row of it.
- Frames that are late or come twice change nothing. A clock that falls back far ends all arrivals: a new beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_lpr.gate.association import SAME_PLATE_OVERLAP, Reach, found_twice, join
from edge_lpr.gate.direction import DirectionOptions
from edge_lpr.gate.likeness import Likeness
from edge_lpr.gate.place import is_cut, overlap, place_of
from edge_lpr.gate.vehicle import Seen, Vehicle, is_sure
from edge_lpr.gate.zones import Zones
from edge_lpr.records import Arrival, Detection, Sighting


@dataclass(frozen=True)
class TrackerOptions:
    """`departed_after_s` unseen ends an arrival, `parked_departed_after_s` one that stood for `parked_after_s`; a gap
    between frames counts as at most `blind_s` unseen, but one beyond `outage_s` ends what was not parked. `kept`
    sightings are kept of an arrival, and `most_arrivals` arrivals at a time. `read_again_s`: how often the plate of a
    settled vehicle is worth reading."""

    departed_after_s: float = 4.0
    parked_after_s: float = 20.0
    parked_departed_after_s: float = 120.0
    blind_s: float = 1.0
    outage_s: float = 30.0
    kept: int = 30
    most_arrivals: int = 32
    read_again_s: float = 0.5
    reach: Reach = field(default_factory=Reach)
    zones: Zones = field(default_factory=Zones)
    direction: DirectionOptions = field(default_factory=DirectionOptions)


@dataclass(frozen=True, eq=False)
class TrackUpdate:
    """What a frame changed. `arrivals` are under way, `new` of them began with this frame; `departed` ended and are
    not mentioned again. `matches` has one entry for each sighting given: its arrival, or None for one in an ignored
    zone, a plate found twice, or one in another's place that is not believed yet. `late`: the frame was not newer than
    the last, and was not looked at."""

    arrivals: tuple[Arrival, ...]
    new: tuple[Arrival, ...] = ()
    departed: tuple[Arrival, ...] = ()
    matches: tuple[Arrival | None, ...] = ()
    late: bool = False


class Tracker:
    """The arrivals of one camera. `session` makes the ids of two runs differ: the daemon gives its start."""

    def __init__(self, options: TrackerOptions = TrackerOptions(), camera: str = "", session: str = "") -> None:
        self.options = options
        self._camera = camera
        self._session = session
        self._vehicles: list[Vehicle] = []
        self._count = 0
        self._now_s: float | None = None

    def update(self, sightings: Sequence[Sighting], now_s: float, frame_size: tuple[int, int]) -> TrackUpdate:
        """Take in all sightings of one frame, captured at `now_s` (monotonic), `frame_size` (width, height) pixels."""
        ended: tuple[Arrival, ...] = ()
        if self._now_s is not None and now_s <= self._now_s:
            if self._now_s - now_s <= self.options.outage_s:
                return TrackUpdate(self._arrivals(), matches=(None,) * len(sightings), late=True)
            ended = self.close().departed
        passed_s = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s = now_s
        departed = ended + self._depart_after_outage(passed_s)
        seen = self._visible(sightings, frame_size)
        matches, new = self._follow(seen, now_s, min(passed_s, self.options.blind_s))
        departed += self._depart()
        of_each = tuple(matches[at].arrival if at in matches else None for at in range(len(sightings)))
        return TrackUpdate(self._arrivals(), new, departed, of_each)

    def close(self) -> TrackUpdate:
        """End all arrivals: the stream ended."""
        departed = self._arrivals()
        self._vehicles = []
        self._now_s = None
        return TrackUpdate((), departed=departed)

    def worth_reading(self, detection: Detection, now_s: float, frame_size: tuple[int, int]) -> bool:
        """False for the plate of a settled vehicle that was read a moment ago: the time is better spent on others.
        Its sighting, with an empty reading, should still be given to `update`."""
        place = place_of(detection, frame_size[0])
        return not any(
            vehicle.arrival.settled
            and now_s - vehicle.read_s < self.options.read_again_s
            and place is not None
            and overlap(vehicle.motion.predict(now_s), place) >= SAME_PLATE_OVERLAP
            for vehicle in self._vehicles
        )

    def _arrivals(self) -> tuple[Arrival, ...]:
        return tuple(vehicle.arrival for vehicle in self._vehicles)

    def _visible(self, sightings: Sequence[Sighting], frame_size: tuple[int, int]) -> dict[int, Seen]:
        """Index -> sighting, without those in ignored zones and those of a plate that was found twice."""
        width, height = max(1, frame_size[0]), max(1, frame_size[1])
        zones = self.options.zones
        visible: dict[int, Seen] = {}
        for at in sorted(range(len(sightings)), key=lambda at: _rank(sightings[at])):
            sighting = sightings[at]
            place = place_of(sighting.crop.detection, width)
            if place is None:
                continue
            share = (place.x, place.y * width / height)
            if zones.ignored(share) or any(found_twice(other, sighting, place) for other in visible.values()):
                continue
            cut = is_cut(sighting.crop.detection, (width, height))
            visible[at] = Seen(sighting, place, zones.triggers(share), cut)
        return visible

    def _follow(
        self, seen: dict[int, Seen], now_s: float, passed_s: float
    ) -> tuple[dict[int, Vehicle], tuple[Arrival, ...]]:
        """Give each sighting to a vehicle, known or new: sighting's index -> vehicle, and the arrivals that began. For
        vehicles without a sighting time passes."""
        matches: dict[int, Vehicle] = {}
        new: list[Arrival] = []
        joined = join(seen, self._vehicles, now_s, self.options.reach)
        for at, vehicle, like in joined:
            if like is not Likeness.FAR:
                vehicle.see(seen[at], now_s)
                matches[at] = vehicle
            elif strangers := vehicle.see_stranger(seen[at], now_s):
                matches[at] = self._begin(strangers, new)
        for vehicle in set(self._vehicles) - {vehicle for _, vehicle, _ in joined}:
            if vehicle.arrival not in new:
                vehicle.unseen_s += passed_s
        paired = {at for at, _, _ in joined}
        in_view = {vehicle.text for vehicle in matches.values()}
        for at, one in seen.items():
            echo = is_sure(one.reading) and one.reading.text in in_view  # a trailer with its lorry's plate, a mirror
            if at not in paired and not echo and len(self._vehicles) < self.options.most_arrivals:
                matches[at] = self._begin([(one, now_s)], new)
                in_view.add(matches[at].text)
        return matches, tuple(new)

    def _begin(self, seen: Sequence[tuple[Seen, float]], new: list[Arrival]) -> Vehicle:
        """A new vehicle from its first sightings with their times."""
        (first, began_s), *more = seen
        self._count += 1
        name = "-".join(part for part in (self._camera, self._session, str(self._count)) if part)
        arrival = Arrival(name, self._camera, began_s, began_s)
        vehicle = Vehicle(arrival, first, began_s, self.options.kept, self.options.direction)
        for one, at_s in more:
            vehicle.see(one, at_s)
        self._vehicles.append(vehicle)
        new.append(arrival)
        return vehicle

    def _depart(self) -> tuple[Arrival, ...]:
        """End the arrivals whose vehicles were not seen for long enough."""
        return self._end([vehicle for vehicle in self._vehicles if vehicle.unseen_s >= self._patience_s(vehicle)])

    def _patience_s(self, vehicle: Vehicle) -> float:
        return self.options.parked_departed_after_s if self._is_parked(vehicle) else self.options.departed_after_s

    def _is_parked(self, vehicle: Vehicle) -> bool:
        return vehicle.motion.stood_s() >= self.options.parked_after_s

    def _depart_after_outage(self, passed_s: float) -> tuple[Arrival, ...]:
        """After a long gap between frames only what was parked is still there."""
        if passed_s <= self.options.outage_s:
            return ()
        return self._end([vehicle for vehicle in self._vehicles if not self._is_parked(vehicle)])

    def _end(self, gone: Sequence[Vehicle]) -> tuple[Arrival, ...]:
        self._vehicles = [vehicle for vehicle in self._vehicles if vehicle not in gone]
        return tuple(vehicle.arrival for vehicle in gone)


def _rank(sighting: Sighting) -> tuple[float, float]:
    """Which of two detections of one plate is kept: the one that reads better."""
    return -sighting.reading.confidence, -sighting.crop.detection.score
