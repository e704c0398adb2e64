"""Erasing a plate on its holder's request: rows, pictures, and its mention in the rows of others."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_lpr.errors import LogError
from edge_lpr.gate.decide import GateTime
from edge_lpr.gate.plate_text import PlateTextError, normalise_plate
from edge_lpr.platelog.connection import connect_writer, transact
from edge_lpr.platelog.faults import fault_of
from edge_lpr.platelog.integrity import damaged_folders
from edge_lpr.platelog.migrations import check_version
from edge_lpr.platelog.pictures import PictureFolder, PictureOptions
from edge_lpr.platelog.retention import delete_decisions, ids_between
from edge_lpr.platelog.rows import EventKind, insert_event
from edge_lpr.platelog.schema import DATABASE_FOLDER, DATABASE_NAME, SCHEMA_VERSION


@dataclass(frozen=True)
class Erased:
    """How much was erased; `damaged_left` databases set aside earlier, and the pictures of `orphans_left` decisions
    that are not in the log any more, may still show the plate."""

    decisions: int
    mentions: int
    pictures: int
    damaged_left: int
    orphans_left: int


def erase_plate(folder: Path, plate: str, clock: Callable[[], GateTime], with_damaged: bool = False) -> Erased:
    """Erase a plate while the gate may run. The log says that and how much, without the plate.

    `with_damaged` also deletes the damaged databases that were set aside, and the pictures of decisions that are not in
    the log any more: of which plate they are nothing tells. Raises LogError.
    """
    path = folder / DATABASE_FOLDER / DATABASE_NAME
    try:
        text = normalise_plate(plate)
    except PlateTextError as error:
        raise LogError(f"{plate!r} is no plate: {error}") from error
    try:
        path.stat()
    except OSError as error:
        raise LogError(f"{path}: no plate log: {error.strerror}") from error
    try:
        connection = connect_writer(path)
        try:
            if check_version(connection, path) != SCHEMA_VERSION:
                raise LogError(f"{path}: is of an older edge_lpr: start the gate once to bring it up to date")
            decisions, mentions = _erase_rows(connection, text, clock)
            pictures = PictureFolder(folder, PictureOptions())
            removed = pictures.remove(decisions)
            orphans = pictures.orphans(lambda low, high: ids_between(connection, low, high))
        finally:
            connection.close()
        if with_damaged:
            removed += pictures.remove(orphans)
            orphans = set()
            for damaged in damaged_folders(folder):
                shutil.rmtree(damaged)
    except (sqlite3.Error, OSError) as error:
        raise fault_of(error, path) from error
    return Erased(len(decisions), mentions, removed, len(damaged_folders(folder)), len(orphans))


def _erase_rows(
    connection: sqlite3.Connection, text: str, clock: Callable[[], GateTime]
) -> tuple[list[int], int]:
    """The ids of the decisions erased, and in how many others the plate was mentioned (alternatives, rule)."""
    connection.execute("PRAGMA secure_delete = ON")  # the text itself goes, not only the way to it
    # The whole table is searched before the transaction, in which a gate would have to wait for its own rows.
    last_id = connection.execute("SELECT coalesce(max(id), 0) FROM decisions").fetchone()[0]
    found = _mentions(connection, text, 0, last_id)

    def work(target: sqlite3.Connection) -> tuple[list[int], int]:
        mentions = [*found, *_mentions(target, text, last_id, 2**62)]
        ids = [row[0] for row in target.execute("SELECT id FROM decisions WHERE plate = ?", (text,))]
        delete_decisions(target, ids)
        target.executemany("UPDATE decisions SET alternatives = ?, rule = ? WHERE id = ?", mentions)
        detail = f"one plate: {len(ids)} decisions, mentions in {len(mentions)} others"
        insert_event(target, None, clock(), EventKind.ERASE, detail)
        return ids, len(mentions)

    erased = transact(connection, work)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # nor may the write-ahead log keep it
    return erased


def _mentions(connection: sqlite3.Connection, text: str, after_id: int, last_id: int) -> list[tuple[str, str, int]]:
    """(alternatives, rule, id) as they are without the plate, of the decisions in between that mention it. A plate of
    which it is only a part is another's, and stays."""
    in_rule = re.compile(rf"(?<=: ){re.escape(text)}(?=[,;]|$)")  # Match.rule: "list NAME: PLATE, group NAME"
    mentions = []
    for row_id, alternatives, rule in connection.execute(
        "SELECT id, alternatives, rule FROM decisions WHERE id > ? AND id <= ? AND plate != ?"
        " AND (alternatives LIKE ? OR rule LIKE ?)", (after_id, last_id, text, f"%{json.dumps(text)}%", f"%{text}%"),
    ):
        pairs = json.loads(alternatives)
        kept = [pair for pair in pairs if pair[0] != text]
        rule, count = in_rule.subn("(erased)", rule)
        if count or kept != pairs:
            mentions.append((json.dumps(kept, separators=(",", ":")), rule, row_id))
    return mentions
