"""Pictures beside the log: `pictures/000012/12345-crop.jpg` and `-frame.jpg` belong to decision 12345.

The name is the link, so a picture costs no write to the database. A file appears whole or not at all to who looks; the
last seconds before a power cut may be missing or empty, which `sweep` and `verify` find: a picture is not worth
an fsync each, the decision is.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_lpr.errors import LogError
from edge_lpr.platelog.faults import LogFullError, fault_of
from edge_lpr.records import Pixels

PICTURES_FOLDER = "pictures"
KINDS = ("crop", "frame")
_SHARD = 1000
_UNFINISHED = ".tmp"
_JPEG_ENDS = (b"\xff\xd8", b"\xff\xd9")


@dataclass(frozen=True)
class Pictures:
    """What is kept of an arrival: the best plate crop and the frame that it is from, uint8 (H, W, 3) RGB, or None."""

    crop: Pixels | None = None
    frame: Pixels | None = None


@dataclass(frozen=True)
class PictureOptions:
    """`quota_bytes` for all pictures, the oldest go first; `reserve_bytes` of the disk stay free for the log."""

    quota_bytes: int = 1_000_000_000
    reserve_bytes: int = 64_000_000
    keep_frames: bool = True
    quality: int = 85


class PictureFolder:
    """Writes, counts and removes the pictures of one log; safe to use from several threads."""

    def __init__(self, folder: Path, options: PictureOptions) -> None:
        self._root = folder / PICTURES_FOLDER
        self._options = options
        self._bytes: int | None = None
        self._lock = threading.RLock()

    @property
    def total_bytes(self) -> int:
        """The size of all pictures; counted once, then kept."""
        if self._bytes is None:
            self._bytes = sum(_sizes(self._root))
        return self._bytes

    def save(self, decision_id: int, pictures: Pictures) -> None:
        """Write the pictures of a decision, then remove the oldest ones above the quota.

        Raises LogFullError when the disk has less than the reserve left, LogError when it cannot be written.
        """
        chosen = {"crop": pictures.crop, "frame": pictures.frame if self._options.keep_frames else None}
        for kind, pixels in chosen.items():
            if pixels is not None:
                content = _encode(pixels, self._options.quality)
                with self._lock:
                    self._write(picture_path(self._root, decision_id, kind), content)
        with self._lock:
            if self.total_bytes > self._options.quota_bytes:
                self._shrink()

    def remove(self, ids: Iterable[int]) -> int:
        """Remove the pictures of decisions; how many files there were."""
        with self._lock:
            return sum(self._unlink(picture_path(self._root, row_id, kind)) for row_id in ids for kind in KINDS)

    def sweep(self, existing: Callable[[int, int], set[int]]) -> int:
        """Remove pictures whose decision is gone, half-written and empty ones; how many files.

        `existing(first, last)` gives the ids of the decisions between two ids, both included.
        """
        removed = 0
        for shard in _shards(self._root):
            with self._lock:
                for path, is_known in _known_files(shard, existing):
                    if not is_known or path.suffix == _UNFINISHED or path.stat().st_size == 0:
                        removed += self._unlink(path)
                _remove_if_empty(shard)
        return removed

    def orphans(self, existing: Callable[[int, int], set[int]]) -> set[int]:
        """The ids of decisions that are gone, of which there are whole pictures; `existing` as in `sweep`."""
        return {_id_of(path) for shard in _shards(self._root) for path, is_known in _known_files(shard, existing)
                if not is_known and path.suffix != _UNFINISHED and _id_of(path) >= 0}

    def _write(self, path: Path, content: bytes) -> None:
        unfinished = path.with_suffix(_UNFINISHED)
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            status = os.statvfs(path.parent)
            if status.f_bavail * status.f_frsize < self._options.reserve_bytes + len(content):
                raise LogFullError(f"{path.parent}: no space for pictures: the rest of the disk is kept for the log")
            total = self.total_bytes
            unfinished.write_bytes(content)
            unfinished.chmod(0o640)
            unfinished.replace(path)
            self._bytes = total + len(content)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise fault_of(error, path) from error

    def _shrink(self) -> None:
        """Remove the oldest pictures until a tenth of the quota is free, so that it does not come to this each time."""
        self._bytes = None  # counted anew: `log erase` and people remove pictures, too
        goal = self._options.quota_bytes * 9 // 10
        for shard in _shards(self._root):
            for path in sorted(shard.iterdir(), key=lambda path: (_id_of(path), path.name)):
                if self.total_bytes <= goal:
                    return
                self._unlink(path)
            _remove_if_empty(shard)

    def _unlink(self, path: Path) -> int:
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise fault_of(error, path) from error
        if self._bytes is not None:
            self._bytes -= size
        return 1


def picture_path(root: Path, decision_id: int, kind: str) -> Path:
    """Where a picture of a decision is; `root` the pictures' folder."""
    return root / f"{decision_id // _SHARD:06d}" / f"{decision_id}-{kind}.jpg"


def pictures_of(folder: Path, decision_id: int) -> dict[str, Path]:
    """Kind -> file, of the pictures that a decision has; `folder` the log's."""
    paths = {kind: picture_path(folder / PICTURES_FOLDER, decision_id, kind) for kind in KINDS}
    return {kind: path for kind, path in paths.items() if path.is_file()}


def all_pictures(folder: Path) -> Iterator[tuple[int, Path]]:
    """(decision id, file) of every picture of a log, oldest first."""
    return _files(folder / PICTURES_FOLDER)


def picture_sizes(folder: Path) -> list[int]:
    """The bytes of every picture of a log."""
    return list(_sizes(folder / PICTURES_FOLDER))


def highest_id(folder: Path) -> int:
    """The newest decision that has a picture; 0 where none has."""
    shards = _shards(folder / PICTURES_FOLDER)
    return max((_id_of(path) for path in shards[-1].iterdir()), default=0) if shards else 0


def is_whole(path: Path) -> bool:
    """Whether a picture begins and ends as a JPEG does."""
    try:
        with path.open("rb") as file:
            begin = file.read(2)
            file.seek(-2, os.SEEK_END)
            return (begin, file.read(2)) == _JPEG_ENDS
    except OSError:
        return False


def _encode(pixels: Pixels, quality: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    except (ValueError, TypeError, OSError) as error:
        raise LogError(f"a picture of shape {pixels.shape} cannot be kept as JPEG: {error}") from error
    return buffer.getvalue()


def _shards(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted((path for path in root.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))


def _files(root: Path) -> Iterator[tuple[int, Path]]:
    for shard in _shards(root):
        try:
            paths = sorted(shard.iterdir(), key=lambda path: (_id_of(path), path.name))
        except FileNotFoundError:  # others may look while the gate removes the oldest
            continue
        for path in paths:
            yield _id_of(path), path


def _sizes(root: Path) -> Iterator[int]:
    for _, path in _files(root):
        with suppress(FileNotFoundError):
            yield path.stat().st_size


def _known_files(shard: Path, existing: Callable[[int, int], set[int]]) -> list[tuple[Path, bool]]:
    """The files of a shard, and whether each one's decision exists."""
    # Files first: a picture's decision is in the log before the picture is there.
    paths, first = list(shard.iterdir()), int(shard.name) * _SHARD
    known = existing(first, first + _SHARD - 1)
    return [(path, _id_of(path) in known) for path in paths]


def _id_of(path: Path) -> int:
    """The decision that a file's name says; -1 for a stranger's."""
    head = path.name.partition("-")[0]
    return int(head) if head.isdigit() else -1


def _remove_if_empty(shard: Path) -> None:
    try:
        shard.rmdir()
    except OSError:
        return  # not empty
