"""Pictures: whole or not there, within their quota, and none without its decision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra `cpu`)")

from edge_lpr.errors import LogError  # noqa: E402
from edge_lpr.platelog.faults import LogFullError  # noqa: E402
from edge_lpr.platelog.picture_writer import PictureWriter  # noqa: E402
from edge_lpr.platelog.pictures import (  # noqa: E402
    PictureFolder,
    PictureOptions,
    Pictures,
    all_pictures,
    highest_id,
    is_whole,
    pictures_of,
)
from edge_lpr.platelog.store import LogOptions, PlateLog  # noqa: E402

RED = np.full((12, 36, 3), (255, 0, 0), np.uint8)
BOTH = Pictures(crop=RED, frame=np.zeros((48, 64, 3), np.uint8))
NO_RESERVE = PictureOptions(reserve_bytes=0)


def test_pictures_come_back_in_their_colours(tmp_path: Path) -> None:
    PictureFolder(tmp_path, NO_RESERVE).save(12345, BOTH)
    paths = pictures_of(tmp_path, 12345)
    assert sorted(paths) == ["crop", "frame"] and paths["crop"].parent.name == "000012"
    pixels = np.asarray(Image.open(paths["crop"]))
    assert pixels.shape == (12, 36, 3) and abs(pixels[6, 18].astype(int) - (255, 0, 0)).max() < 10
    assert is_whole(paths["crop"]) and pictures_of(tmp_path, 12346) == {}


def test_frames_only_where_wanted(tmp_path: Path) -> None:
    PictureFolder(tmp_path, PictureOptions(reserve_bytes=0, keep_frames=False)).save(1, BOTH)
    assert list(pictures_of(tmp_path, 1)) == ["crop"]


def test_quota_removes_the_oldest(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path, NO_RESERVE)
    folder.save(998, Pictures(crop=RED))
    size = folder.total_bytes
    folder = PictureFolder(tmp_path, PictureOptions(quota_bytes=10 * size, reserve_bytes=0))
    for row_id in range(999, 1009):
        folder.save(row_id, Pictures(crop=RED))
    left = [row_id for row_id, _ in all_pictures(tmp_path)]
    assert left == list(range(1000, 1009)) and folder.total_bytes == 9 * size
    assert not (tmp_path / "pictures" / "000000").exists(), "folders do not pile up"
    assert PictureFolder(tmp_path, NO_RESERVE).total_bytes == folder.total_bytes
    assert highest_id(tmp_path) == 1008


def test_sweep_removes_what_has_no_decision(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path, NO_RESERVE)
    for row_id in (1, 2, 1003):
        folder.save(row_id, Pictures(crop=RED))
    shard = tmp_path / "pictures" / "000000"
    (shard / "1-frame.tmp").write_bytes(b"half")
    (shard / "2-frame.jpg").write_bytes(b"")
    assert folder.sweep(lambda first, last: {1, 2} & set(range(first, last + 1))) == 3
    assert [path.name for _, path in all_pictures(tmp_path)] == ["1-crop.jpg", "2-crop.jpg"]


def test_the_rest_of_the_disk_is_kept_for_the_log(tmp_path: Path, clock, make_decision) -> None:
    greedy = PictureOptions(reserve_bytes=2**62)
    with pytest.raises(LogFullError, match="no space for pictures"):
        PictureFolder(tmp_path, greedy).save(1, BOTH)
    log = PlateLog.open(tmp_path, LogOptions(pictures=greedy), clock)
    assert log.append(make_decision(), BOTH) == 1
    log.close()
    assert log.health().pictures_left_out == 1 and "no space for pictures" in log.health().detail
    assert list(all_pictures(tmp_path)) == []


def test_picture_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be kept"):
        PictureFolder(tmp_path, NO_RESERVE).save(1, Pictures(crop=np.zeros((4, 4, 7), np.uint8)))


def test_appending_writes_pictures_and_does_not_wait_for_them(tmp_path: Path, clock, make_decision) -> None:
    with PlateLog.open(tmp_path, LogOptions(pictures=NO_RESERVE), clock) as log:
        ids = [log.append(make_decision(), BOTH) for _ in range(3)]
    assert all(len(pictures_of(tmp_path, row_id)) == 2 for row_id in ids)


def test_full_queue_leaves_pictures_out_and_never_waits(tmp_path: Path) -> None:
    import threading

    class Slow(PictureFolder):
        def save(self, decision_id: int, pictures: Pictures) -> None:
            go_on.wait(5)

    go_on = threading.Event()
    writer = PictureWriter(Slow(tmp_path, NO_RESERVE))
    for row_id in range(30):
        writer.submit(row_id, BOTH)
    go_on.set()
    writer.close(5)
    assert 20 <= writer.left_out <= 22


def test_a_disk_that_fails_ends_no_picture_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PictureFolder(tmp_path, NO_RESERVE)
    save = folder.save
    monkeypatch.setattr(folder, "save", lambda row_id, pictures: fail(row_id) if row_id < 3 else save(row_id, pictures))

    def fail(row_id: int) -> None:
        raise OSError(5, "Input/output error") if row_id == 1 else ValueError("a defect")

    writer = PictureWriter(folder)
    for row_id in (1, 2):
        writer.submit(row_id, BOTH)
    writer.submit(3, BOTH)
    writer.close(5.0)
    assert writer.left_out == 2 and sorted(pictures_of(tmp_path, 3)) == ["crop", "frame"]


def test_pictures_without_decision_are_looked_for_again(tmp_path: Path, clock, make_decision,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is written just after its plate was erased must not stay until the next start."""
    with PlateLog.open(tmp_path, LogOptions(pictures=NO_RESERVE), clock) as log:
        log.purge()
        PictureFolder(tmp_path, NO_RESERVE).save(7, BOTH)
        assert log.purge().pictures == 0
        monkeypatch.setattr("edge_lpr.platelog.store.time.monotonic", lambda: 1e9)
        assert log.purge().pictures == 2
