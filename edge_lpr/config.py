"""The configuration of a site: one TOML file, strict. Each record below is a table of that file, each field a key.

What every key means stands in `systemd/site.example.toml`; a test keeps the two the same. `service/site.py` turns the
tables into the options of the gate's parts.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import ConfigError
from edge_lpr.networks.variants import Precision
from edge_lpr.records import Direction
from edge_lpr.settings_file import NAME, NAME_MEANING, key, load_settings

NO_BARRIER = "none"
RUNTIME_FOLDER = Path("/run/edge-lpr")
PACKAGE = Path(__file__).resolve().parent
EXAMPLE = "site.example.toml"


@dataclass(frozen=True)
class ZoneTable:
    """[[camera.zone]]"""

    name: str = key(least=1)
    polygon: tuple[tuple[float, float], ...] = key(low=0.0, high=1.0, least=3)
    kind: Literal["trigger", "ignore"] = "trigger"


@dataclass(frozen=True)
class CameraTable:
    """[[camera]]"""

    name: str = key(pattern=NAME, meaning=NAME_MEANING)
    uri: str = key(pattern=r"(?s).*\S.*", meaning="a device, an address, a file or a folder")
    barrier: str = ""
    backend: str = "auto"
    width: int = key(0, low=0, high=7680)
    height: int = key(0, low=0, high=4320)
    fps: float = key(0.0, low=0.0, high=240.0)
    input_format: str = ""
    vehicle_network: str = ""
    stall_s: float = key(5.0, low=0.5, high=120.0)
    open_timeout_s: float = key(10.0, low=1.0, high=120.0)
    roi: tuple[tuple[float, float], ...] = key((), low=0.0, high=1.0)
    way: tuple[float, float] = key((0.0, 1.0), low=-1.0, high=1.0)
    open_directions: tuple[Direction, ...] = ()
    pace: Literal["real", "fast"] = "real"
    loop: bool = False
    starts_at: datetime | None = None
    zone: tuple[ZoneTable, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.width) != bool(self.height):
            raise ConfigError(f"width is {self.width} and height {self.height}; allowed: both, or 0 for both")


@dataclass(frozen=True)
class RecognitionTable:
    """[recognition]"""

    regions: tuple[str, ...] = ()
    engines: Path | None = None
    backend: str = "onnx"
    engine_folder: Path | None = None
    engine_size: tuple[int, int] = key((0, 0), low=0, high=4096)
    dla: int = key(-1, low=-1, high=3)
    precision: Precision = "auto"
    threads: int = key(0, low=0, high=64)
    threshold: float | None = key(None, low=0.01, high=0.99)
    tiles: Literal["off", "auto", "on"] = "off"


@dataclass(frozen=True)
class ArrivalsTable:
    """[arrivals]"""

    departed_after_s: float = key(4.0, low=0.5, high=60.0)
    parked_after_s: float = key(20.0, low=1.0, high=3600.0)
    parked_departed_after_s: float = key(120.0, low=1.0, high=3600.0)
    enough: float = key(0.97, low=0.5, high=0.9999)
    enough_frames: int = key(3, low=1, high=20)
    very_sure: float = key(0.99, low=0.5, high=0.9999)
    very_sure_frames: int = key(2, low=1, high=20)
    fair: float = key(0.8, low=0.1, high=0.9999)
    max_wait_s: float = key(3.0, low=0.2, high=60.0)
    give_up_s: float = key(12.0, low=0.2, high=600.0)


@dataclass(frozen=True)
class ListTable:
    """[[access.list]]"""

    name: str = key(pattern=NAME, meaning=NAME_MEANING)
    path: Path = key()
    kind: Literal["allow", "deny"] = "allow"
    tolerance: int = key(0, low=0, high=2)
    cameras: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupTable:
    """[[access.group]]"""

    name: str = key(pattern=r".+", meaning="a text that is not empty")
    schedule: str = ""


@dataclass(frozen=True)
class ScheduleTable:
    """[[access.schedule]]"""

    name: str = key(pattern=r".+", meaning="a text that is not empty")
    windows: tuple[str, ...] = key()
    on_holidays: Literal["closed", "as_usual"] = "closed"


@dataclass(frozen=True)
class AccessTable:
    """[access]"""

    list: tuple[ListTable, ...] = ()
    group: tuple[GroupTable, ...] = ()
    schedule: tuple[ScheduleTable, ...] = ()
    time_zone: str = "UTC"
    holidays: tuple[str, ...] = ()
    min_confidence: float = key(0.8, low=0.01, high=1.0)
    deny_alternative_from: float = key(0.05, low=0.0001, high=1.0)
    open_directions: tuple[Direction, ...] = key(
        (Direction.APPROACHING, Direction.STANDING, Direction.UNKNOWN), least=1
    )
    evidence_max_age_s: float = key(2.0, low=0.1, high=30.0)
    expires_after_s: float = key(2.5, low=0.1, high=30.0)
    trust_unsynced_clock: bool = False
    confusable_pairs: tuple[str, ...] = ("0O", "1I", "8B", "5S", "2Z", "0D", "0Q", "6G")


@dataclass(frozen=True)
class LogTable:
    """[log]"""

    folder: Path = Path("/var/lib/edge-lpr/log")
    unmatched_hours: float = key(72.0, low=0.0, high=87600.0)
    decision_days: float = key(30.0, low=0.0, high=3650.0)
    event_days: float = key(365.0, low=1.0, high=3650.0)
    picture_quota_mb: int = key(1000, low=0, high=1_000_000)
    disk_reserve_mb: int = key(64, low=0, high=100_000)
    keep_frames: bool = True
    picture_quality: int = key(85, low=30, high=95)


@dataclass(frozen=True)
class ServiceTable:
    """[service]"""

    runtime_folder: Path = RUNTIME_FOLDER
    health_every_s: float = key(2.0, low=0.2, high=60.0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    journal_plates: bool = True


@dataclass(frozen=True, kw_only=True)
class SiteConfig:
    """The whole file. ConfigError when its parts do not fit together."""

    name: str = key("gate", pattern=r".{1,80}", meaning="a text of 1 to 80 characters")
    camera: tuple[CameraTable, ...] = key(least=1)
    barrier: tuple[BarrierTable, ...] = (BarrierTable(),)
    recognition: RecognitionTable = RecognitionTable()
    arrivals: ArrivalsTable = ArrivalsTable()
    access: AccessTable = AccessTable()
    log: LogTable = LogTable()
    service: ServiceTable = ServiceTable()

    def __post_init__(self) -> None:
        cameras = _unique("camera", [one.name for one in self.camera])
        barriers = _unique("barrier", [one.name for one in self.barrier])
        for camera in self.camera:
            if not camera.barrier and len(barriers) > 1:
                raise ConfigError(f"camera {camera.name!r}: name its barrier; allowed: {_names(barriers, NO_BARRIER)}")
            if camera.barrier not in ("", NO_BARRIER, *barriers):
                allowed = _names(barriers, NO_BARRIER)
                raise ConfigError(f"camera {camera.name!r}: barrier is {camera.barrier!r}; allowed: {allowed}")
        for one in self.access.list:
            if strangers := [name for name in one.cameras if name not in cameras]:
                raise ConfigError(
                    f"access list {one.name!r}: cameras has {strangers[0]!r}; allowed: {_names(cameras)}"
                )

    def barrier_of(self, camera: CameraTable) -> BarrierTable | None:
        """The barrier that a camera's decisions go to, if any."""
        if camera.barrier == NO_BARRIER or not self.barrier:
            return None
        return next((one for one in self.barrier if one.name == camera.barrier), self.barrier[0])


def load_config(path: Path, folder: Path | None = None) -> SiteConfig:
    """Read a site's file; relative paths in it are taken from `folder`, its own where not given.

    Raises ConfigError, naming file and key.
    """
    folder = folder or path.absolute().parent
    config = load_settings(SiteConfig, path.absolute(), folder)
    cameras = tuple(dataclasses.replace(one, uri=_from_folder(one.uri, folder)) for one in config.camera)
    return dataclasses.replace(config, camera=cameras)


def _from_folder(uri: str, folder: Path) -> str:
    """A camera's file given by a relative path is taken from the configuration's folder; all else stays as it is."""
    return str(folder / uri) if ":" not in uri and not uri.startswith("/") else uri


def _unique(kind: str, names: list[str]) -> list[str]:
    for at, name in enumerate(names):
        if name in names[:at]:
            raise ConfigError(f"{kind} {name!r} is there twice; give each {kind} a name of its own")
        if name == NO_BARRIER and kind == "barrier":
            raise ConfigError(f"a barrier cannot be called {NO_BARRIER!r}")
    return names


def _names(names: list[str], *more: str) -> str:
    return ", ".join([*names, *more])


def example_text() -> str:
    """The example site, every key explained. Raises ConfigError where it was not installed."""
    return unit_text(EXAMPLE)


def unit_text(name: str) -> str:
    """A file of `systemd/`. Raises ConfigError where it was not installed."""
    path = unit_folder() / name
    if not path.is_file():
        raise ConfigError(f"{path}: is not installed: install edge_lpr again")
    return path.read_text(encoding="utf-8")


def unit_folder() -> Path:
    """Where the units and the example site lie. Raises ConfigError where they were not installed."""
    places = [PACKAGE.parent / "systemd", PACKAGE / "_systemd"]
    for place in places:
        if (place / EXAMPLE).is_file():
            return place
    raise ConfigError(f"the units and the example site are not installed: looked in {' and '.join(map(str, places))}")
