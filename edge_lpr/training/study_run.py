"""Runs a study: draws its pools, trains its readers, runs its cells, in processes; a study that was stopped goes on."""

from __future__ import annotations

import csv
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_lpr.errors import ConfigError
from edge_lpr.training.schedule import clock
from edge_lpr.training.study import PHOTOGRAPHS, Cell, ReaderConfig, StudyConfig
from edge_lpr.training.study_cells import TestResult, reader_file, run_cell, run_reader
from edge_lpr.training.study_pools import cut_photographs, draw_chunk, prepare_pool

RESULTS = "results.csv"
COLUMNS = ("grid", "start", "method", "size", "seed", "test", "plates", "exact", "folded", "characters", "pictures",
           "samples", "cpu_s")
FINGERPRINT = "study.txt"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Photographs:
    """Labels of the photographs, and a detector that sets their plates upright; without labels there are none."""

    labels: Path | None = None
    detector: Path | None = None


def run_study(config: StudyConfig, out: Path, photographs: Photographs, workers: int) -> None:
    """Run what is not done yet; the results are in `out`/results.csv. ConfigError when `out` holds another study."""
    _claim(config, out)
    begun_s = time.monotonic()
    with _Workers(workers) as pool:
        for stage in _pool_stages(config):
            draw = [partial(draw_chunk, out, one, n) for one in stage for n in prepare_pool(out, one)]
            pool.run(f"pictures of {', '.join(one.name for one in stage)}", draw)
        if photographs.labels is not None and config.target:
            counts = cut_photographs(out, config, photographs.labels, photographs.detector)
            _LOG.info("photographs: %s", ", ".join(f"{count} {name}" for name, count in counts.items()))
        for readers in _reader_stages(config):
            todo = [one for one in readers if not reader_file(out, one.name).exists()]
            jobs = [partial(run_reader, out, config, one) for one in todo]
            pool.run(f"readers {', '.join(one.name for one in todo)}", jobs)
        done = {key for key, _ in rows_of(out / RESULTS)}
        cells = [cell for cell in _possible(config, out) if _key(cell) not in done]
        pool.run("cells", [partial(run_cell, out, config, cell) for cell in cells], partial(_append, out / RESULTS))
    _LOG.info("%d cells, %d of them now, in %s", len(done) + len(cells), len(cells), clock(time.monotonic() - begun_s))


def _possible(config: StudyConfig, out: Path) -> list[Cell]:
    """The cells whose pictures are there."""
    without = not (out / "photographs" / "train.pickle").exists()
    skipped = {grid.name for grid in config.grid if grid.pool == PHOTOGRAPHS and without}
    if skipped:
        _LOG.warning("no --photographs: the grids %s are left out", ", ".join(sorted(skipped)))
    return [cell for cell in config.cells() if cell.grid not in skipped]


def _claim(config: StudyConfig, out: Path) -> None:
    """One folder holds one study."""
    out.mkdir(parents=True, exist_ok=True)
    mark = out / FINGERPRINT
    if not mark.exists():
        mark.write_text(config.fingerprint() + "\n")
    elif mark.read_text().strip() != config.fingerprint():
        raise ConfigError(f"{out} holds a study of another config; give another --out")


def _pool_stages(config: StudyConfig) -> Iterator[list[Any]]:
    """Pools that keep apart from others are drawn after those."""
    yield [one for one in config.pool if not one.apart_from]
    yield [one for one in config.pool if one.apart_from]


def _reader_stages(config: StudyConfig) -> Iterator[list[ReaderConfig]]:
    """Readers after those that they start from."""
    left = list(config.reader)
    while left:
        waiting = {one.name for one in left}
        ready = [one for one in left if one.start not in waiting]
        yield ready
        left = [one for one in left if one not in ready]


class _Workers:
    """Processes that work through jobs and die with their parent."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(count, context, initializer=_begin_work, initargs=(os.getpid(),))

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is not None:  # what runs is lost, what is done is on disk
            for process in list((self._executor._processes or {}).values()):
                process.terminate()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def run(
        self, title: str, jobs: Sequence[Callable[[], Any]], keep: Callable[[Any], None] = lambda result: None
    ) -> None:
        """Run the jobs; `keep` takes each result as it comes."""
        begun_s = time.monotonic()
        futures: list[Future[Any]] = [self._executor.submit(job) for job in jobs]
        for number, future in enumerate(as_completed(futures), 1):
            keep(future.result())
            gone_s = time.monotonic() - begun_s
            left_s = gone_s / number * (len(jobs) - number)
            _LOG.info("%s: %d of %d, %s gone, about %s left", title, number, len(jobs), clock(gone_s), clock(left_s))


def _begin_work(parent: int) -> None:
    """A worker is quiet, and ends when its parent is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _append(path: Path, results: Iterable[TestResult]) -> None:
    """Add a cell's results in one write, so that a row is there whole or not at all."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        for one in results:
            shares = (one.figures.exact, one.figures.folded, one.figures.characters)
            writer.writerow((*asdict(one.cell).values(), one.test, one.figures.count, *(f"{s:.5f}" for s in shares),
                             one.pictures, one.samples, f"{one.cpu_s:.1f}"))  # fmt: skip


def _key(cell: Cell) -> tuple[str, ...]:
    return tuple(str(value) for value in asdict(cell).values())


def rows_of(path: Path) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """The whole rows of a results file: a cell's key, and the row."""
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if all(row.get(name) for name in COLUMNS):
                    yield tuple(row[name] for name in COLUMNS[:5]), row
