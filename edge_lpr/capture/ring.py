"""Frames in memory shared by two processes: buffers that cannot tear, whenever either side is killed.

One anonymous memory file (memfd_create(2)) holds a status page and SLOTS frames, each far apart in the sparse file so
that frames may grow without moving. It has no name: the kernel frees it with its last holder, even after kill -9. Its
size is sealed, so that no producer can cut it under a consumer who looks at it.

A frame is copied once on its way: by the producer, from the camera's library into its slot. The consumer looks at it
where it is, and the slot goes back when nothing refers to the frame any more. A consumer that keeps many frames gets
copies of the further ones.

Each slot belongs to one side at a time. Its number is one byte in one of two pipes: `mailbox` carries frames to the
consumer, `free` brings slots back. The producer holds the mailbox's reading end as well: taking the byte back out is
how a newer frame takes the place of one that nobody took. A pipe gives each byte to exactly one reader and orders
memory between processes, on ARM too, so neither locks nor sequence checks are needed.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import select
import struct
import threading
import time
import weakref
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np

from edge_lpr.capture.source import CameraSpec
from edge_lpr.errors import CameraError
from edge_lpr.records import Pixels

LENT = 3
"""Frames that the consumer may look at in place: the one under way, the last one, the best of an arrival."""
SLOTS = 2 + LENT
"""One being written, one waiting, and those lent."""
SLOT_SPAN = 1 << 30
"""Distance of slots in the sparse file: the most bytes that a frame may have."""
STATUS_SIZE = 4096
WAIT_SLICE_S = 0.2
EXIT_REPLACE = 75
"""Exit status by which the capture process asks to be replaced (EX_TEMPFAIL of sysexits.h)."""

_HEAD = struct.Struct("<QddQII")
_STATUS_HEAD = struct.Struct("<II")


@dataclass(frozen=True)
class Order:
    """What a capture process shall do: `first_index` counts frames on from the process before it (a file is passed over
    up to there), `attempt` the failures in a row so far."""

    spec: CameraSpec
    first_index: int = 0
    attempt: int = 0


@dataclass(frozen=True)
class FrameHead:
    """What goes with a frame: `index` counts what the source gave, `stamp_s` time.monotonic() of its capture, `pts_s`
    its time in the stream, `dropped` how many frames this producer has dropped before it; size in pixels."""

    index: int
    stamp_s: float
    pts_s: float
    dropped: int
    width: int
    height: int


@dataclass(frozen=True)
class CaptureStatus:
    """What the capture process says of itself. `phase` starting, opening, streaming, waiting, ended; `beat_s` the
    time.monotonic() of this word, which is the same clock in all processes; `newest_s` that of its newest frame, 0 when
    none; `attempt` failures in a row; `openings` tried."""

    phase: str = "starting"
    beat_s: float = 0.0
    newest_s: float = 0.0
    attempt: int = 0
    openings: int = 0
    dropped: int = 0
    error: str = ""
    fixable: bool = True


@dataclass(frozen=True)
class RingEnds:
    """File descriptors of the producer's side, to be inherited by the capture process."""

    memory: int
    mailbox_out: int
    mailbox_in: int
    free_out: int

    def close(self) -> None:
        for fd in (self.memory, self.mailbox_out, self.mailbox_in, self.free_out):
            os.close(fd)


class RingReader:
    """The consumer's side; makes the ring. `ends` is for the producer and closed here once it was handed over."""

    def __init__(self) -> None:
        self._memory = os.memfd_create("edge_lpr_frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._memory, _slot_at(SLOTS))  # sparse: only what is written takes memory
        fcntl.fcntl(self._memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        self._map = mmap.mmap(self._memory, _slot_at(SLOTS), mmap.MAP_SHARED, mmap.PROT_READ)
        self._mailbox, mailbox_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        free_out, free = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.write(free, bytes(range(SLOTS)))
        self._loans = Loans(free)
        self.ends = RingEnds(os.dup(self._memory), os.dup(self._mailbox), mailbox_in, free_out)
        self._poll = select.poll()
        self._poll.register(self._mailbox, select.POLLIN)
        self._status = CaptureStatus()

    def take(self, timeout_s: float = 0.0) -> tuple[FrameHead, Pixels] | None:
        """The frame that waits, read-only, or the next in `timeout_s`; None when none came or the producer is gone.

        It stays as it is for as long as anything refers to it, also after `close`. Waiting and taking are one call: a
        frame that waits may be taken back for a newer one before it is read, which is then the one to wait for. Raises
        CameraError when the ring is damaged.
        """
        until_s = time.monotonic() + timeout_s
        while (slot := _read_byte(self._mailbox)) is None:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not self._comes(left_s):
                return None
        if slot >= SLOTS:
            raise CameraError("the shared memory of the capture process is damaged")
        at = _slot_at(slot)
        head = FrameHead(*_HEAD.unpack_from(self._map, at))
        size = head.height * head.width * 3
        if size > SLOT_SPAN - _HEAD.size:
            raise CameraError("the shared memory of the capture process is damaged")
        flat = np.frombuffer(self._map, np.uint8, size, at + _HEAD.size)
        if self._loans.lend():
            weakref.finalize(flat, self._loans.back, slot)
        else:
            flat = flat.copy()
            flat.flags.writeable = False
            self._loans.give(slot)
        return head, flat.reshape(head.height, head.width, 3)

    def status(self) -> CaptureStatus:
        """The producer's last word."""
        page = os.pread(self._memory, STATUS_SIZE, 0)
        size, checksum = _STATUS_HEAD.unpack_from(page)
        text = page[_STATUS_HEAD.size : _STATUS_HEAD.size + size]
        if zlib.crc32(text) == checksum and text:  # else it is being written just now: the word before still holds
            self._status = CaptureStatus(**json.loads(text))
        return self._status

    def close(self) -> None:
        """Let go; frames that were taken stay readable, and free the memory with the last of them."""
        os.close(self._memory)
        os.close(self._mailbox)
        self._loans.close()
        with suppress(BufferError):  # frames are in use: the mapping goes with the last of them
            self._map.close()

    def _comes(self, timeout_s: float) -> bool:
        """Whether a frame came in time."""
        return any(event & select.POLLIN for _, event in self._poll.poll(timeout_s * 1000))


class Loans:
    """Which slots are lent, and the pipe by which slots go back. `back` may be called from any thread, at any time."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._lock = threading.RLock()  # collecting garbage may call `back` inside `give`
        self._lent = 0
        self._closed = False

    def lend(self) -> bool:
        """Count one more slot as lent; False when no more may be."""
        with self._lock:
            if self._lent >= LENT:
                return False
            self._lent += 1
            return True

    def back(self, slot: int) -> None:
        """A lent slot is not looked at any more."""
        with self._lock:
            self._lent -= 1
            self.give(slot)

    def give(self, slot: int) -> None:
        """Give a slot to the producer."""
        with self._lock, suppress(BrokenPipeError):  # the producer has ended; this was its last frame
            if not self._closed:
                os.write(self._free, bytes([slot]))

    def close(self) -> None:
        """Slots that come back from now on go nowhere."""
        with self._lock:
            self._closed = True
            os.close(self._free)


class RingWriter:
    """The producer's side, in the capture process."""

    def __init__(self, ends: RingEnds, lossless: bool) -> None:
        self._ends = ends
        self._lossless = lossless
        self._spare: list[int] = []
        self._poll = select.poll()
        self._poll.register(ends.free_out, select.POLLIN)
        self.dropped = 0

    def publish(self, head: FrameHead, pixels: Pixels, waiting: Callable[[], bool]) -> bool:
        """Hand a frame over. Lossless: wait for a free slot; else an untaken older frame is dropped for it.

        `waiting` is called now and then while it waits, and returns False to give up. False when it was given up or
        the consumer is gone. Raises CameraError for a frame that is too large.
        """
        if pixels.nbytes > SLOT_SPAN - _HEAD.size:
            raise CameraError(f"a frame of {head.width} x {head.height} is too large")
        slot = self._free_slot(waiting)
        if slot is None:
            return False
        at = _slot_at(slot)
        _write_all(self._ends.memory, np.ascontiguousarray(pixels).reshape(-1).data, at + _HEAD.size)
        if not self._lossless:
            untaken = _read_byte(self._ends.mailbox_out)
            if untaken is not None:
                self._spare.append(untaken)
                self.dropped += 1
        fields = (head.index, head.stamp_s, head.pts_s, self.dropped, head.width, head.height)
        _write_all(self._ends.memory, memoryview(_HEAD.pack(*fields)), at)
        os.write(self._ends.mailbox_in, bytes([slot]))
        return True

    def tell(self, status: CaptureStatus) -> None:
        """Leave a word for the consumer."""
        text = json.dumps(asdict(status)).encode()
        page = _STATUS_HEAD.pack(len(text), zlib.crc32(text)) + text
        os.pwrite(self._ends.memory, page[:STATUS_SIZE], 0)

    def _free_slot(self, waiting: Callable[[], bool]) -> int | None:
        while not self._spare:
            slot = _read_byte(self._ends.free_out)
            if slot is not None:
                return slot
            if not waiting():
                return None
            for _, event in self._poll.poll(WAIT_SLICE_S * 1000):
                if event & select.POLLHUP and not event & select.POLLIN:
                    return None
        return self._spare.pop()


def _slot_at(slot: int) -> int:
    return (slot + 1) * SLOT_SPAN


def _read_byte(fd: int) -> int | None:
    """One byte from a pipe, None when there is none."""
    try:
        data = os.read(fd, 1)
    except BlockingIOError:
        return None
    return data[0] if data else None


def _write_all(fd: int, data: memoryview, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], at + done)
