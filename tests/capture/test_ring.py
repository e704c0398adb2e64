"""The ring of frames: what is taken is whole, newest and counted."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from edge_lpr.capture.ring import LENT, SLOT_SPAN, SLOTS, CaptureStatus, FrameHead, RingEnds, RingReader, RingWriter
from edge_lpr.errors import CameraError

PATIENCE_S = 60.0
"""A loaded machine may take its time."""


def open_ring(lossless: bool) -> tuple[RingReader, RingWriter, RingEnds]:
    """Both sides in one process; the writer's has descriptors of its own."""
    reader = RingReader()
    given = reader.ends
    ends = RingEnds(*(os.dup(fd) for fd in (given.memory, given.mailbox_out, given.mailbox_in, given.free_out)))
    given.close()
    return reader, RingWriter(ends, lossless), ends


def put(writer: RingWriter, index: int, size: tuple[int, int] = (4, 3), wait: bool = False) -> bool:
    head = FrameHead(index, float(index), index / 10, writer.dropped, *size)
    return writer.publish(head, np.full((size[1], size[0], 3), index % 256, np.uint8), lambda: wait)


def test_the_newest_wins_and_drops_are_counted() -> None:
    reader, writer, ends = open_ring(lossless=False)
    assert reader.take() is None
    for index in range(7):
        assert put(writer, index)
    head, pixels = reader.take()
    assert head == FrameHead(6, 6.0, 0.6, 6, 4, 3) and writer.dropped == 6
    assert pixels.shape == (3, 4, 3) and (pixels == 6).all()
    assert reader.take() is None, "nothing is given twice"
    ends.close(), reader.close()


def test_lossless_keeps_all_and_waits() -> None:
    reader, writer, ends = open_ring(lossless=True)
    assert [put(writer, index) for index in range(SLOTS + 1)] == [True] * SLOTS + [False]
    taken = [reader.take()[0].index for _ in range(SLOTS)]
    assert taken == list(range(SLOTS)) and writer.dropped == 0
    assert put(writer, 9) and reader.take()[0].index == 9
    ends.close(), reader.close()


def test_a_taken_frame_is_the_consumers_own() -> None:
    reader, writer, ends = open_ring(lossless=False)
    put(writer, 1)
    _, pixels = reader.take()
    for index in range(2, 9):
        put(writer, index)
    assert (pixels == 1).all()
    ends.close(), reader.close()


def test_sizes_may_change_at_any_frame() -> None:
    reader, writer, ends = open_ring(lossless=False)
    for index, size in enumerate([(4, 3), (400, 300), (1, 1), (640, 7), (401, 300)]):
        put(writer, index, size)
        put(writer, index, size)
        head, pixels = reader.take()
        assert pixels.shape == (size[1], size[0], 3) and (pixels == index).all()
    ends.close(), reader.close()


def test_turned_pictures_are_copied_as_they_look() -> None:
    reader, writer, ends = open_ring(lossless=False)
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
    for turned in (np.rot90(pixels), pixels[:, ::-1], pixels[:, 1:4]):
        writer.publish(FrameHead(0, 0.0, 0.0, 0, turned.shape[1], turned.shape[0]), turned, bool)
        np.testing.assert_array_equal(reader.take()[1], turned)
    ends.close(), reader.close()


class Overtaking:
    """A poll that tells of a frame just before the producer takes it back for a newer one, and of the newer one."""

    def __init__(self, reader: RingReader, writer: RingWriter, ends: RingEnds) -> None:
        self._writer, self._ends, self._poll, self.asked = writer, ends, reader._poll, 0

    def poll(self, timeout_ms: float) -> list[tuple[int, int]]:
        self.asked += 1
        put(self._writer, self.asked)
        told = self._poll.poll(timeout_ms)
        if self.asked == 1:
            self._writer._spare += os.read(self._ends.mailbox_out, 1)
        return told


def test_who_waits_gets_the_newer_frame_when_the_older_is_taken_back() -> None:
    """Between the poll and the read: rare, but a lost frame and a short wait each time."""
    reader, writer, ends = open_ring(lossless=False)
    reader._poll = poll = Overtaking(reader, writer, ends)
    assert reader.take(PATIENCE_S)[0].index == 2 and poll.asked == 2
    ends.close(), reader.close()


def test_nothing_comes_in_time() -> None:
    reader, _, ends = open_ring(lossless=False)
    assert reader.take(0.01) is None
    ends.close(), reader.close()


@pytest.mark.parametrize("lossless", [False, True])
def test_no_frame_is_torn(lossless: bool) -> None:
    """Frames of one value each, written and taken as fast as both sides can."""
    reader, writer, ends = open_ring(lossless)
    count = 400
    thread = threading.Thread(target=lambda: [put(writer, i, (200 + i % 3, 90), wait=True) for i in range(count)])
    thread.start()
    seen: list[int] = []
    while not seen or seen[-1] < count - 1:
        head, pixels = reader.take(PATIENCE_S) or pytest.fail("no frame came")
        assert (pixels == head.index % 256).all() and pixels.shape[1] == 200 + head.index % 3
        seen.append(head.index)
    thread.join()
    assert seen == sorted(set(seen)) and (not lossless or seen == list(range(count)))
    assert len(seen) + writer.dropped == count, "each frame was taken or counted as dropped"
    ends.close(), reader.close()


def test_the_last_word_is_heard_and_a_half_written_one_is_not() -> None:
    reader, writer, ends = open_ring(lossless=False)
    assert reader.status() == CaptureStatus()
    said = CaptureStatus("waiting", 1.5, error="kein Bild: ü", attempt=3, fixable=False)
    writer.tell(said)
    assert reader.status() == said
    os.pwrite(ends.memory, b"xyz", 20)
    assert reader.status() == said
    ends.close(), reader.close()


def test_either_side_may_vanish() -> None:
    reader, writer, ends = open_ring(lossless=True)
    put(writer, 1)
    ends.close()
    assert reader.take(PATIENCE_S)[0].index == 1, "the last frame outlives its producer"
    assert reader.take(PATIENCE_S) is None, "and nobody waits for the dead"
    reader.close()

    reader, writer, ends = open_ring(lossless=True)
    for index in range(SLOTS):
        put(writer, index)
    reader.close()
    assert not put(writer, 9, wait=True), "a lossless producer does not wait for the dead"
    ends.close()


def test_no_file_descriptor_is_left() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        reader, _, ends = open_ring(lossless=False)
        ends.close(), reader.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_frames_are_looked_at_in_place_and_more_are_copied() -> None:
    """One copy on the way, the producer's; no kept frame ever changes, nor keeps the producer waiting."""
    reader, writer, ends = open_ring(lossless=False)
    kept = []
    for index in range(LENT + 4):
        assert put(writer, index), "there is always room for the next frame"
        kept.append(reader.take()[1])
    shared = np.frombuffer(reader._map, np.uint8)
    assert [np.shares_memory(pixels, shared) for pixels in kept] == [True] * LENT + [False] * 4
    assert [int(pixels[0, 0, 0]) for pixels in kept] == list(range(LENT + 4))
    assert not any(pixels.flags.writeable for pixels in kept)
    del kept[1]
    put(writer, 50)
    assert np.shares_memory(reader.take()[1], shared), "a frame that was let go makes room"
    ends.close()
    reader.close()
    assert int(kept[0][0, 0, 0]) == 0, "a frame outlives its ring"


def test_a_producer_cannot_cut_the_memory_under_its_consumer() -> None:
    reader, _, ends = open_ring(lossless=False)
    with pytest.raises(PermissionError):
        os.ftruncate(ends.memory, 4096)
    ends.close(), reader.close()


@pytest.mark.parametrize("harm", ["slot", "size"])
def test_a_damaged_ring_is_an_error(harm: str) -> None:
    reader, writer, ends = open_ring(lossless=False)
    if harm == "slot":
        os.write(ends.mailbox_in, bytes([77]))
    else:
        put(writer, 1)
        os.pwrite(ends.memory, b"\xff" * 40, SLOT_SPAN)
    with pytest.raises(CameraError, match="damaged"):
        reader.take()
    ends.close(), reader.close()
