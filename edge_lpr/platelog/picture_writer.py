"""Pictures are encoded and written beside the gate's work: the barrier does not wait for a JPEG."""

from __future__ import annotations

import logging
import queue
import threading

from edge_lpr.errors import LogError
from edge_lpr.platelog.pictures import PictureFolder, Pictures

log = logging.getLogger(__name__)

_WAITING_MAX = 8
"""Arrivals whose pictures may wait; a 1080p frame is 6 MB."""


class PictureWriter:
    """A thread that saves pictures in order; started with the first one. Full: the newest are left out, and counted."""

    def __init__(self, folder: PictureFolder) -> None:
        self.left_out = 0
        self.last_error = ""
        self._folder = folder
        self._queue: queue.Queue[tuple[int, Pictures] | None] = queue.Queue(_WAITING_MAX)
        self._thread: threading.Thread | None = None

    def submit(self, decision_id: int, pictures: Pictures) -> None:
        """Have the pictures of a decision saved soon; never waits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait((decision_id, pictures))
        except queue.Full:
            self.left_out += 1

    def close(self, timeout_s: float) -> None:
        """Save what waits, for at most `timeout_s`."""
        if self._thread is None:
            return
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            self.left_out += self._queue.qsize()
        self._thread.join(timeout_s)
        self._thread = None

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self._folder.save(*item)
                self.last_error = ""
            except Exception as error:  # a disk that fails, or a defect: the pictures to come are tried all the same
                if not isinstance(error, (LogError, OSError)):
                    log.exception("a picture could not be written")
                self.left_out += 1
                self.last_error = str(error) or repr(error)
