"""Lists of a running gate: a change is taken, a broken edit is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_lpr.gate import list_store
from edge_lpr.gate.access import AccessOptions, GroupRule, ListKind, ListSpec
from edge_lpr.gate.list_store import AGAIN_POLLS, ListStore
from edge_lpr.gate.lists_file import Fault, ListFileError

LISTED = "plate;group\nAB12;\nCD34;staff\n"


@pytest.fixture
def options(tmp_path: Path) -> AccessOptions:
    (tmp_path / "allow.csv").write_text(LISTED)
    (tmp_path / "deny.csv").write_text("plate\nZZ99\n")
    specs = (ListSpec("allow", tmp_path / "allow.csv"), ListSpec("deny", tmp_path / "deny.csv", ListKind.DENY))
    return AccessOptions(specs, groups=(GroupRule("staff"),))


def write(path: Path, text: str) -> None:
    """In place, with a time of change that differs for sure."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def plates(store: ListStore) -> list[str]:
    return [entry.plate for one in store.book.lists for entry in one.entries]


def test_before_the_first_load_every_list_is_missing(options: AccessOptions) -> None:
    store = ListStore(options)
    assert store.book.missing == ("allow", "deny") and plates(store) == []
    change = store.reload()
    assert change.loaded == ("allow", "deny") and not change.faults and "lists loaded: allow, deny" in change.told
    assert store.book.missing == () and plates(store) == ["AB12", "CD34", "ZZ99"]


def test_a_change_is_taken_once_the_file_rests(options: AccessOptions) -> None:
    store, path = ListStore(options), options.lists[0].path
    store.reload()
    book = store.book
    assert store.poll() is None and store.book is book
    write(path, "plate\nAB")
    assert store.poll() is None, "it may still be written"
    write(path, "plate\nAB13\n")
    assert store.poll() is None
    change = store.poll()
    assert change is not None and change.loaded == ("allow",)
    assert plates(store) == ["AB13", "ZZ99"]
    assert [entry.plate for one in book.lists for entry in one.entries] == ["AB12", "CD34", "ZZ99"]
    assert store.poll() is None


@pytest.mark.parametrize("text", ["", "plate;group\nAB1?;\n", "plate;group\nAB12;nobody\n", None])
def test_a_broken_edit_keeps_the_last_good_list(options: AccessOptions, text: str | None) -> None:
    store, path = ListStore(options), options.lists[0].path
    store.reload()
    if text is None:
        path.unlink()
    else:
        write(path, text)
    store.poll()
    change = store.poll()
    assert change is not None and (change.loaded, change.broken) == ((), ("allow",))
    assert str(path) in change.told and "the last good one stays" in change.told and store.faults
    assert plates(store) == ["AB12", "CD34", "ZZ99"] and store.book.missing == ()
    assert store.poll() is None, "it is told once"
    write(path, LISTED)
    store.poll()
    change = store.poll()
    assert change is not None and change.mended == ("allow",) and not store.faults


def test_an_atomic_replacement_of_equal_size_and_time_is_seen(options: AccessOptions) -> None:
    store, path = ListStore(options), options.lists[0].path
    store.reload()
    status = path.stat()
    new = path.with_name("new")
    new.write_text(LISTED.replace("AB12", "AB77"))
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(new, path)
    store.poll()
    assert store.poll() is not None and "AB77" in plates(store)


def test_touching_a_file_loads_nothing(options: AccessOptions) -> None:
    store = ListStore(options)
    store.reload()
    book = store.book
    os.utime(options.lists[0].path)
    store.poll()
    change = store.poll()
    assert change is not None and change.loaded == () and change.told == "lists as before" and store.book is book


def test_a_list_broken_from_the_start_is_missing_until_mended(options: AccessOptions) -> None:
    store, path = ListStore(options), options.lists[1].path
    path.write_text("nothing\n")
    assert store.reload().broken == ("deny",) and store.book.missing == ("deny",)
    write(path, "plate\nZZ99\n")
    store.poll()
    assert store.poll() is not None and store.book.missing == ()


def test_the_last_good_list_outlives_a_restart(options: AccessOptions, tmp_path: Path) -> None:
    kept, path = tmp_path / "state", options.lists[0].path
    ListStore(options, kept).reload()
    path.write_text("half a li")
    store = ListStore(options, kept)
    change = store.reload()
    assert change.broken == ("allow",) and plates(store) == ["AB12", "CD34", "ZZ99"] and store.book.missing == ()
    assert f"{path}:1:1" in change.told


def test_the_copy_is_written_only_when_the_list_changes(
    options: AccessOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "state"
    ListStore(options, kept).reload()
    monkeypatch.setattr(list_store, "write_atomically", lambda *_: pytest.fail("nothing has changed"))
    ListStore(options, kept).reload()


def test_a_copy_that_cannot_be_kept_does_not_stop_the_gate(options: AccessOptions, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    store = ListStore(options, tmp_path / "state")
    change = store.reload()
    assert change.broken == () and "no copy could be kept" in change.told
    assert plates(store) == ["AB12", "CD34", "ZZ99"]


def test_duplicates_are_told(options: AccessOptions) -> None:
    options.lists[0].path.write_text("plate\nAB12\nA-B12\n")
    store = ListStore(options)
    store.reload()
    assert [fault.line for fault in store.duplicates] == [3]


def test_a_copy_is_kept_as_soon_as_it_can_be(options: AccessOptions, tmp_path: Path) -> None:
    """Until then the fault stays, whatever is read again; else an old copy would stand in one day."""
    (tmp_path / "state").write_text("a full disk")
    store = ListStore(options, tmp_path / "state")
    store.reload()
    assert len(store.faults) == 2 and len(store.reload().faults) == 2
    (tmp_path / "state").unlink()
    for _ in range(AGAIN_POLLS):
        store.poll()
    assert store.faults == () and len(list((tmp_path / "state").iterdir())) == 2
    assert store.poll() is None and store.poll() is None


def test_a_list_that_could_not_be_read_for_a_moment_is_read_again(
    options: AccessOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> bytes:
        raise ListFileError([Fault(path, 1, 1, "cannot be read: Input/output error")])

    store = ListStore(options)
    with monkeypatch.context() as away:
        away.setattr(list_store, "read_bytes", fail)
        assert store.reload().broken and store.book.missing
    assert any(store.poll() is not None for _ in range(AGAIN_POLLS)) and store.faults == ()
    assert store.book.missing == ()
