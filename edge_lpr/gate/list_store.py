"""The lists of a running gate: loaded, loaded again when a file changes, and never replaced by a broken edit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from edge_lpr.errors import ConfigError
from edge_lpr.gate.access import AccessBook, AccessList, AccessOptions, ListEntry, ListSpec
from edge_lpr.gate.lists_file import Fault, ListFileError, parse_list, read_bytes, write_atomically
from edge_lpr.gate.plate_text import Confusables

AGAIN_POLLS = 60
"""What failed for a reason that is not in the file is tried again after so many polls, a second or so each."""
Signature = tuple[int, int, int, int]
"""Modification and status change times (ns), size, inode."""


@dataclass(frozen=True)
class ListChange:
    """What a look at the files brought: `loaded` names the lists with new entries, `broken` those newly found broken,
    `mended` those broken before; `faults` all that is wrong now. `told` reads as a message."""

    loaded: tuple[str, ...]
    broken: tuple[str, ...]
    mended: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def told(self) -> str:
        """One line for the log of the service, and one for each fault."""
        parts = [f"{what}: {', '.join(names)}" for what, names in (
            ("lists loaded", self.loaded), ("broken, the last good one stays", self.broken), ("mended", self.mended),
        ) if names]
        return "\n".join(["; ".join(parts) or "lists as before", *map(str, self.faults)])


class ListStore:
    """The last good state of every configured list.

    `book` is replaced as a whole, never altered: a decision that has begun sees one state. Not for use from two
    threads at once. With `keep_in`, a copy of each good list is kept there, and used when the gate starts while the
    list is broken or gone.
    """

    def __init__(self, options: AccessOptions, keep_in: Path | None = None) -> None:
        self._confusables = Confusables(options.confusable_pairs)
        groups = [group.name for group in options.groups]
        self._sources = [_Source(spec, groups, keep_in) for spec in options.lists]
        self.book = AccessBook(missing=[spec.name for spec in options.lists], confusables=self._confusables)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the files now; empty when all is well."""
        return tuple(fault for source in self._sources for fault in source.faults)

    @property
    def duplicates(self) -> tuple[Fault, ...]:
        """Plates that stand in one list more than once."""
        return tuple(fault for source in self._sources for fault in source.duplicates)

    def reload(self) -> ListChange:
        """Read every file now: at the start and on request. Never raises for what a file is or holds."""
        return self._read(self._sources)

    def poll(self) -> ListChange | None:
        """Read the files that have changed and then stayed the same since the call before; None when there is none.

        Two calls at least, a second or so apart, see a file that is being written in place: half a list never counts.
        """
        due = [source for source in self._sources if source.is_due()]
        return self._read(due) if due else None

    def _read(self, sources: Sequence[_Source]) -> ListChange:
        was_broken = {source.spec.name for source in sources if source.broken}
        loaded = tuple(source.spec.name for source in sources if source.read())
        now_broken = {source.spec.name for source in sources if source.broken}
        if loaded:
            good = [AccessList(one.spec, one.entries) for one in self._sources if one.entries is not None]
            missing = [one.spec.name for one in self._sources if one.entries is None]
            self.book = AccessBook(good, missing, self._confusables)
        newly, mended = sorted(now_broken - was_broken), sorted(was_broken - now_broken)
        return ListChange(loaded, tuple(newly), tuple(mended), self.faults)


class _Source:
    """One list file: what was last read of it, and its last good entries (None before there are any)."""

    def __init__(self, spec: ListSpec, groups: Sequence[str], keep_in: Path | None) -> None:
        self.spec = spec
        self.entries: tuple[ListEntry, ...] | None = None
        self.faults: tuple[Fault, ...] = ()
        self.duplicates: tuple[Fault, ...] = ()
        self.broken = False
        self._groups = groups
        self._copy = keep_in / f"{quote(spec.name, safe='')}.csv" if keep_in else None
        self._digest = b""
        self._read_at: Signature | None = None
        self._seen: Signature | None = None
        self._again_in = 0
        """Polls until the next try of what failed: reading the file, or keeping its copy; 0 for nothing."""

    def is_due(self) -> bool:
        """Whether the file differs from what was read, or a try failed, and it was the same at the call before."""
        before, self._seen = self._seen, _signature(self.spec.path)
        if self._again_in > 1:
            self._again_in -= 1
        return (self._seen != self._read_at or self._again_in == 1) and self._seen == before

    def read(self) -> bool:
        """Read the file; True when there are other entries than before."""
        self._read_at = self._seen = _signature(self.spec.path)
        self._again_in = AGAIN_POLLS if self._read_at else 0  # one that is gone is seen when it is back
        try:
            content = read_bytes(self.spec.path)
            self._again_in = 0
            digest = hashlib.sha256(content).digest()
            if digest == self._digest:
                self.faults, self.broken = (), False
                self._keep(content)
                return False
            table = parse_list(self.spec.path, content, self._groups)
        except ListFileError as error:
            self.faults, self.broken = error.faults, True
            return self.entries is None and self._read_copy()
        self.entries, self.duplicates, self._digest = table.entries, table.duplicates, digest
        self.faults, self.broken = (), False
        self._keep(content)
        return True

    def _keep(self, content: bytes) -> None:
        """Keep a copy of a good list. A full or read-only disk is told, and the gate goes on."""
        if self._copy is None:
            return
        try:
            if not self._copy.exists() or self._copy.read_bytes() != content:
                self._copy.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._copy, content)
        except (OSError, ConfigError) as error:
            self.faults = (Fault(self.spec.path, 1, 1, f"good, but no copy could be kept: {error}"),)
            self._again_in = AGAIN_POLLS

    def _read_copy(self) -> bool:
        """Use the copy of the last good list; True when there is one."""
        if self._copy is None or not self._copy.exists():
            return False
        try:
            self.entries = parse_list(self._copy, read_bytes(self._copy), self._groups).entries
        except ListFileError as error:
            self.faults = (*self.faults, *error.faults)
            return False
        return True


def _signature(path: Path) -> Signature | None:
    """What changes when a file does; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
