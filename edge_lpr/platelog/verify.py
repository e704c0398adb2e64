"""A thorough look at a log: what does not fit together, and how much there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_lpr.errors import LogError
from edge_lpr.platelog.integrity import damaged_folders
from edge_lpr.platelog.pictures import all_pictures, is_whole
from edge_lpr.platelog.query import PlateLogReader
from edge_lpr.platelog.rows import EventKind

_SHOWN = 10


@dataclass(frozen=True)
class Verified:
    """`problems` need a person; `notes` are worth knowing."""

    decisions: int
    pictures: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify(folder: Path) -> Verified:
    """Check the database page by page and row by row, and every picture. Raises LogError when it cannot be opened."""
    with PlateLogReader(folder) as reader:
        problems = [f"database: {row[0]}" for row in reader.rows("PRAGMA integrity_check") if row[0] != "ok"]
        problems += _row_problems(reader)
        decisions, picture_problems, pictures = _unreadable(reader)
        problems += decisions[1] + picture_problems
        notes = []
        waiting = reader.rows("SELECT count(*) FROM commands WHERE outcome IS NULL")[0][0]
        if waiting:
            notes.append(f"{waiting} commands without an outcome (the gate is at it, or was cut off)")
        if damaged_folders(folder):
            told = [event.detail for event in reader.events(EventKind.DAMAGE)[-1:]]
            kept = f"{len(damaged_folders(folder))} damaged databases are kept in {folder / 'damaged'}"
            notes.append(": ".join([kept, *told]))
        return Verified(decisions[0], pictures, tuple(problems), tuple(notes))


def _row_problems(reader: PlateLogReader) -> list[str]:
    checks = {
        "commands without their decision":
            "SELECT count(*) FROM commands WHERE decision_id NOT IN (SELECT id FROM decisions)",
        "openings without an intent":
            "SELECT count(*) FROM decisions WHERE action = 'open' AND id NOT IN (SELECT decision_id FROM commands)",
        "decisions of an unknown run":
            "SELECT count(*) FROM decisions WHERE run_id NOT IN (SELECT id FROM runs)",
        "ids above the counter of ids":
            "SELECT count(*) FROM decisions WHERE id > (SELECT seq FROM sqlite_sequence WHERE name = 'decisions')",
    }
    counts = {name: reader.rows(sql)[0][0] for name, sql in checks.items()}
    return [f"{count} {name}" for name, count in counts.items() if count]


def _unreadable(reader: PlateLogReader) -> tuple[tuple[int, list[str]], list[str], int]:
    """(decisions, what is wrong with them), what is wrong with pictures, pictures."""
    known: set[int] = set()
    problems: list[str] = []
    try:
        known.update(row.id for row in reader.all())
    except (LogError, ValueError, KeyError, TypeError) as error:
        problems.append(f"a row after {max(known, default=0)} cannot be read: {error}")
    doubtful = []
    count = 0
    for count, (row_id, path) in enumerate(all_pictures(reader.folder), 1):  # noqa: B007
        if (not problems and row_id not in known) or not is_whole(path):
            doubtful.append((row_id, path))
    # Looked at again: meanwhile a gate that runs has written and removed some.
    bad_pictures: list[str] = []
    for row_id, path in doubtful:
        if not path.exists():
            count -= 1
        elif not problems and row_id not in known and (row_id < 0 or reader.get(row_id) is None):
            bad_pictures.append(f"{path.name}: no such decision")
        elif not is_whole(path):
            bad_pictures.append(f"{path.name}: not a whole picture")
    if len(bad_pictures) > _SHOWN:
        bad_pictures[_SHOWN:] = [f"{len(bad_pictures) - _SHOWN} more pictures"]
    return (len(known), problems), bad_pictures, count
