"""What a study of learning curves consists of: pools of pictures, readers that are trained once, grids of cells.

A study file (TOML) has these tables; every field is a key. All that is drawn or trained hangs on the seeds in it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field

from edge_lpr.errors import ConfigError
from edge_lpr.training.reader_net import ReaderNetConfig
from edge_lpr.training.reader_sources import SyntheticConfig
from edge_lpr.training.unfreeze import METHODS

PHOTOGRAPHS = "photographs"
"""Name of the pool that holds the labelled photographs of the target countries."""
SCRATCH = "scratch"
KINDS = ("plates", "digits", "characters", "rows")


@dataclass(frozen=True)
class PoolConfig:
    """Pictures that are drawn once, kept on disk as the reader takes them, and used by every cell."""

    name: str
    count: int
    kind: str = "plates"
    """plates | digits (handwritten, one a picture) | characters (printed, one a picture) | rows (of them)"""
    seed: int = 1
    apart_from: str = ""
    """No text of this pool is in this one."""
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)


@dataclass(frozen=True)
class ReaderConfig:
    """A reader that is trained once on a pool, and that cells start from."""

    name: str
    pool: str
    samples: int
    start: str = SCRATCH
    """Another reader, or scratch."""
    seed: int = 1
    learning_rate: float = 0.0
    """The highest; 0: the budget's for a start from random weights, or for a cell."""


@dataclass(frozen=True)
class GridConfig:
    """Cells: every start x method x size x seed. A cell trains on the first `size` pictures of its seed's order of the
    pool; `scratch` as a method starts from random weights and counts once, whatever the starts."""

    name: str
    pool: str
    sizes: tuple[int, ...]
    """-1: as many as there are."""
    starts: tuple[str, ...]
    methods: tuple[str, ...] = ("all",)
    seeds: tuple[int, ...] = (1,)
    published: str = ""
    """The test on which the published curve is shown beside it."""
    rehearse: str = ""
    """A pool of drawn plates that make up `rehearse_share` of a batch: few pictures alone are learnt by heart."""
    rehearse_share: float = 0.6


@dataclass(frozen=True)
class BudgetConfig:
    """How long a cell trains: `passes` over its pictures, at least and at most so many samples."""

    passes: int = 12
    least: int = 4000
    most: int = 24_000
    scratch: float = 2.0
    """A cell from random weights, and a reader's last layer from random weights, may take this many times as long."""
    batch: int = 64
    learning_rate: float = 1e-3
    last_rate: float = 4e-3
    scratch_rate: float = 2e-3

    def samples(self, method: str, pictures: int) -> int:
        """The samples that a cell trains on."""
        count = min(max(self.passes * pictures, self.least), self.most)
        return round(count * self.scratch) if method in ("last", SCRATCH) else count

    def rate(self, method: str) -> float:
        """The highest learning rate of a cell."""
        return {"last": self.last_rate, SCRATCH: self.scratch_rate}.get(method, self.learning_rate)


@dataclass(frozen=True)
class StudyConfig:
    """The whole study."""

    net: ReaderNetConfig
    pool: tuple[PoolConfig, ...]
    reader: tuple[ReaderConfig, ...]
    grid: tuple[GridConfig, ...]
    tests: tuple[str, ...]
    """Pools that every cell is tested on; the photographs with use=eval are tested on as well."""
    target: tuple[str, ...] = ()
    """Countries whose photographs are the photographs of the study."""
    budget: BudgetConfig = field(default_factory=BudgetConfig)

    def __post_init__(self) -> None:
        _unique("pool", [one.name for one in self.pool])
        _unique("reader", [one.name for one in self.reader])
        _unique("grid", [one.name for one in self.grid])
        pools = {one.name for one in self.pool}
        known: set[str] = {SCRATCH}
        for pool in self.pool:
            _one_of(f"pool {pool.name}: kind", pool.kind, KINDS)
            if pool.apart_from:
                _one_of(f"pool {pool.name}: apart_from", pool.apart_from, sorted(pools))
        for reader in self.reader:
            _one_of(f"reader {reader.name}: pool", reader.pool, sorted(pools))
            _one_of(f"reader {reader.name}: start (readers stand before those that start from them)", reader.start,
                    sorted(known))
            known.add(reader.name)
        for name in self.tests:
            _one_of("tests", name, sorted(pools))
        for grid in self.grid:
            _one_of(f"grid {grid.name}: pool", grid.pool, sorted({*pools, PHOTOGRAPHS}))
            if grid.rehearse:
                _one_of(f"grid {grid.name}: rehearse", grid.rehearse, sorted(pools))
            if not 0.0 < grid.rehearse_share < 1.0:
                raise ConfigError(f"grid {grid.name}: rehearse_share: {grid.rehearse_share} is not between 0 and 1")
            for start in grid.starts:
                _one_of(f"grid {grid.name}: starts", start, sorted(known - {SCRATCH}))
            for method in grid.methods:
                _one_of(f"grid {grid.name}: methods", method, (*METHODS, SCRATCH))

    def fingerprint(self) -> str:
        """Changes with anything that changes results."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def cells(self) -> list[Cell]:
        """All cells, the small ones first."""
        found: dict[Cell, None] = {}
        for grid in self.grid:
            for seed in grid.seeds:
                for size in grid.sizes:
                    for method in grid.methods:
                        for start in [SCRATCH] if method == SCRATCH else grid.starts:
                            found[Cell(grid.name, start, method, size, seed)] = None
        return sorted(found, key=lambda cell: cell.size if cell.size >= 0 else 1 << 30)


@dataclass(frozen=True)
class Cell:
    """One training of a grid."""

    grid: str
    start: str
    method: str
    size: int
    seed: int

    @property
    def name(self) -> str:
        """For people and for file names."""
        return f"{self.grid}-{self.start}-{self.method}-{self.size}-{self.seed}"


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{what}: {', '.join(twice)} stands twice")


def _one_of(where: str, word: str, allowed: tuple[str, ...] | list[str]) -> None:
    if word not in allowed:
        raise ConfigError(f"{where}: {word!r} is not one of {', '.join(allowed)}")
