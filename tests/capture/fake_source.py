"""A camera that misbehaves on demand: loaded by the capture process as 'fake_source:FakeSource'.

The uri is '[fake://]BEHAVIOUR?key=value&...': after `frames` frames (default 3) a source
  steady    goes on, at `fps` (default 200)
  ends      is over
  dies      fails; each opening gives so many frames again
  stalls    gives nothing more, but keeps its timeouts
  hangs     never comes back from `next`
  crashes   takes its process down
Before that, the first `bad` openings fail, counted over all processes in the file `notes`; `refuses` and `never` fail
always. `notes` gets a line for each opening and closing. `sizes` is a list like 40x30,64x48: one frame of each by turn.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from edge_lpr.capture.source import CameraRefused, CameraSpec, EndOfStream, Picture
from edge_lpr.errors import CameraError


class FakeSource:
    def __init__(self, spec: CameraSpec) -> None:
        self._behaviour, _, words = spec.uri.removeprefix("fake://").partition("?")
        options = dict(word.split("=", 1) for word in words.split("&") if word)
        self._notes = Path(options.get("notes", os.devnull))
        self._frames = int(options.get("frames", 3))
        self._bad = int(options.get("bad", 0))
        self._period_s = 1.0 / float(options.get("fps", 200))
        self._sizes = [tuple(map(int, size.split("x"))) for size in options.get("sizes", "40x30").split(",")]
        self._open = False

    def open(self) -> None:
        self._note("open")
        if self._behaviour == "refuses":
            raise CameraRefused("wrong password for rtsp://joe:secret@10.0.0.1/")
        if self._behaviour == "never" or self._notes.read_text().count("open") <= self._bad:
            raise CameraError("no such camera")
        self._open, self._count = True, 0

    def next(self, timeout_s: float) -> Picture | None:
        if not self._open:
            raise CameraError("not open")
        if self._count >= self._frames and self._behaviour != "steady":
            return self._misbehave(timeout_s)
        time.sleep(self._period_s if self._behaviour == "steady" else 0)
        width, height = self._sizes[self._count % len(self._sizes)]
        pixels = np.full((height, width, 3), self._count % 256, np.uint8)
        self._count += 1
        return Picture(pixels, (self._count - 1) * self._period_s)

    def close(self) -> None:
        if self._open:
            self._note("close")
        self._open = False

    def _misbehave(self, timeout_s: float) -> None:
        if self._behaviour == "ends":
            raise EndOfStream("over")
        if self._behaviour == "dies":
            raise CameraError("unplugged")
        if self._behaviour == "crashes":
            os._exit(3)
        time.sleep(timeout_s if self._behaviour == "stalls" else 1000)

    def _note(self, word: str) -> None:
        with self._notes.open("a") as file:
            file.write(f"{word} {os.getpid()}\n")
