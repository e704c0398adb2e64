"""The pictures of a study on disk: drawn once as the reader takes them, or cut from photographs.

A pool is a folder with pixels.npy, classes.npy, lengths.npy and centres.npy, filled in chunks by several processes; a
chunk that is done has a file of its name, so that drawing goes on where it was broken off.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator

from edge_lpr.errors import ConfigError
from edge_lpr.networks.card import ALPHABET_36
from edge_lpr.recognition.rectify import READER_SIZE
from edge_lpr.training.labels import load_labels
from edge_lpr.training.metrics import fold
from edge_lpr.training.plain_sources import character_sample, digit_sample, row_sample
from edge_lpr.training.reader_data import MAX_CHARACTERS, ReaderBatch, Sample, draw_batch
from edge_lpr.training.reader_sources import RealPlate, plates_of, synthetic_source
from edge_lpr.training.study import PoolConfig, StudyConfig

CHUNK = 500
TRIES = 50
PARTS = ("pixels", "classes", "lengths", "centres")
Source = Callable[[Generator], Sample]


def pool_folder(study: Path, name: str) -> Path:
    """Where a pool lies."""
    return study / "pools" / name


def prepare_pool(study: Path, pool: PoolConfig) -> list[int]:
    """Make room for a pool; the chunks that are still to be drawn."""
    folder = pool_folder(study, pool.name)
    folder.mkdir(parents=True, exist_ok=True)
    width, height = READER_SIZE
    shapes = {
        "pixels": ((pool.count, height, width, 3), np.uint8), "classes": ((pool.count, MAX_CHARACTERS), np.int64),
        "lengths": ((pool.count,), np.int64), "centres": ((pool.count, MAX_CHARACTERS), np.float32),
    }  # fmt: skip
    for name, (shape, kind) in shapes.items():
        if not (folder / f"{name}.npy").exists():
            np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=kind, shape=shape).flush()
    return [n for n in range(-(-pool.count // CHUNK)) if not (folder / f"chunk-{n}").exists()]


def draw_chunk(study: Path, pool: PoolConfig, number: int) -> int:
    """Draw one chunk into its place; how many pictures."""
    folder = pool_folder(study, pool.name)
    first, last = number * CHUNK, min((number + 1) * CHUNK, pool.count)
    taken = known_texts(pool_folder(study, pool.apart_from)) if pool.apart_from else frozenset()
    batch = draw_batch(partial(_apart, source=source_of(pool), taken=taken), last - first, (pool.seed, number))
    for name in PARTS:
        room = np.load(folder / f"{name}.npy", mmap_mode="r+")
        room[first:last] = getattr(batch, name)
        room.flush()
    (folder / f"chunk-{number}").touch()
    return last - first


def source_of(pool: PoolConfig) -> Source:
    """What draws a pool's samples."""
    plain = {"digits": digit_sample, "characters": character_sample, "rows": row_sample}
    return plain[pool.kind] if pool.kind in plain else synthetic_source(pool.synthetic, READER_SIZE[0])


def _apart(rng: Generator, source: Source, taken: frozenset[str]) -> Sample:
    for _ in range(TRIES):
        sample = source(rng)
        if fold(sample.text) not in taken or not sample.text:
            return sample
    raise ConfigError("apart_from: that pool has nearly all texts that can be drawn")


def load_pool(study: Path, name: str) -> ReaderBatch:
    """A pool as one batch whose pixels stay on disk."""
    folder = pool_folder(study, name)
    return ReaderBatch(*(np.load(folder / f"{part}.npy", mmap_mode="c") for part in PARTS))


def known_texts(folder: Path) -> frozenset[str]:
    """The texts of a pool, folded."""
    classes, lengths = np.load(folder / "classes.npy"), np.load(folder / "lengths.npy")
    return frozenset(fold("".join(ALPHABET_36[c] for c in row[:n])) for row, n in zip(classes, lengths, strict=True))


def cut_photographs(study: Path, config: StudyConfig, labels: Path, detector: Path | None) -> dict[str, int]:
    """Cut the plates of the target countries out of the photographs, once: `train` those with use=train, and a test for
    each set of those with use=eval; how many of each. Texts that are in a test do not train."""
    folder = study / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / "counts.json"
    if not about.exists():
        wanted = frozenset(config.target)
        tests: dict[str, list[RealPlate]] = {}
        for plate in plates_of(load_labels(labels, use="eval"), lambda p: p.region[:2] in wanted, detector, False):
            tests.setdefault(plate.group, []).append(plate)
        taken = frozenset(fold(plate.text) for plates in tests.values() for plate in plates)
        train = plates_of(
            load_labels(labels, use="train"),
            lambda p: p.region[:2] in wanted and fold(p.text) not in taken, detector, False,
        )  # fmt: skip
        for name, plates in {"train": train, **tests}.items():
            (folder / f"{name}.pickle").write_bytes(pickle.dumps(plates))
        about.write_text(json.dumps({"train": len(train), **{name: len(of) for name, of in tests.items()}}))
    return dict(json.loads(about.read_text()))


def load_photographs(study: Path, name: str = "train") -> list[RealPlate]:
    """Cut plates: those to train on, or a test; none where no photographs were given."""
    path = study / "photographs" / f"{name}.pickle"
    return list(pickle.loads(path.read_bytes())) if path.exists() else []


def photograph_tests(study: Path) -> Iterator[tuple[str, list[RealPlate]]]:
    """The tests of photographs, by set."""
    for path in sorted((study / "photographs").glob("*.pickle")):
        if path.stem != "train":
            yield path.stem, load_photographs(study, path.stem)
