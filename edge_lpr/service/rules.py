"""The rules that a running gate goes by: lists, schedules, zones, and when to decide. Replaced as a whole, while it
runs, by the housekeeping; the cameras only read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_lpr.config import SiteConfig
from edge_lpr.gate.access import AccessOptions
from edge_lpr.gate.decide import Policy
from edge_lpr.gate.list_store import ListChange, ListStore
from edge_lpr.gate.readiness import ReadyOptions
from edge_lpr.gate.track import TrackerOptions
from edge_lpr.service.site import access_options, ready_options, tracker_options


@dataclass(frozen=True)
class CameraRules:
    """How one camera's vehicles are followed, and when they are decided."""

    tracker: TrackerOptions
    ready: ReadyOptions


class Rules:
    """Lists and options as they are now. `load` first; `load`, `poll` and `take_over` from one thread.

    `keep_in`: where copies of good lists are kept, for a start with a broken one.
    """

    def __init__(self, config: SiteConfig, keep_in: Path | None = None) -> None:
        self._keep_in = keep_in
        self._options = access_options(config)
        self._cameras = _camera_rules(config)
        self._store = ListStore(self._options, keep_in)
        self.policy = Policy(self._options, self._store.book)

    def take_over(self, config: SiteConfig) -> ListChange:
        """Go by another configuration from now on. Lists that stay configured as they were keep their last good state.

        Raises ConfigError, and changes nothing, when it does not fit together.
        """
        options, cameras = access_options(config), _camera_rules(config)
        store = self._store
        if _sources(options) != _sources(self._options):
            store = ListStore(options, self._keep_in)
        change = store.reload()
        policy = Policy(options, store.book)
        self._options, self._store = options, store
        self._cameras = {**self._cameras, **cameras}
        self.policy = policy
        return change

    def tracker_of(self, camera: str) -> TrackerOptions:
        """How a camera's vehicles are followed."""
        return self._cameras[camera].tracker

    def ready_of(self, camera: str) -> ReadyOptions:
        """When a camera's arrivals are decided."""
        return self._cameras[camera].ready

    def load(self) -> ListChange:
        """Read all lists now."""
        change = self._store.reload()
        self.policy = Policy(self._options, self._store.book)
        return change

    def poll(self) -> ListChange | None:
        """Read the lists that changed; None when there is none."""
        change = self._store.poll()
        if change is not None and change.loaded:
            self.policy = Policy(self._options, self._store.book)
        return change

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the lists now."""
        return tuple(map(str, self._store.faults))


def _camera_rules(config: SiteConfig) -> dict[str, CameraRules]:
    return {
        camera.name: CameraRules(tracker_options(camera, config.arrivals), ready_options(camera, config))
        for camera in config.camera
    }


def _sources(options: AccessOptions) -> tuple[object, ...]:
    """What a ListStore is made of."""
    return options.lists, [group.name for group in options.groups], options.confusable_pairs
