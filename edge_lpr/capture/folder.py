"""A folder of pictures as a film: sorted by name, shown at a steady rate."""

from __future__ import annotations

import sys
from pathlib import Path

from edge_lpr.capture.images import list_pictures, load_picture
from edge_lpr.capture.source import CameraRefused, CameraSpec, EndOfStream, Picture, file_path
from edge_lpr.errors import ImageError

DEFAULT_FPS = 10.0


class FolderSource:
    """The pictures of a folder, or one picture file, at `spec.fps` (DEFAULT_FPS when 0), in full size.

    A picture that cannot be read is told on stderr and passed over; its moment stays empty.
    """

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec
        self._paths: list[Path] = []
        self._at = 0

    def open(self) -> None:
        path = file_path(self._spec.uri)
        if not path.exists():
            raise CameraRefused(f"{path}: no such folder")
        self._paths = list_pictures([path])
        if not self._paths:
            raise CameraRefused(f"{path}: no pictures in this folder")
        self._at = 0

    def next(self, timeout_s: float) -> Picture | None:
        while self._at < len(self._paths):
            at, self._at = self._at, self._at + 1
            try:
                return Picture(load_picture(self._paths[at]), at / (self._spec.fps or DEFAULT_FPS))
            except ImageError as error:
                print(f"edge_lpr: passed over {error}", file=sys.stderr, flush=True)
        raise EndOfStream("no more pictures")

    def close(self) -> None:
        self._paths, self._at = [], 0
