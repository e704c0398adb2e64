"""Fewer frames than a source gives, evenly: the same for every source that has a time for each frame."""

from __future__ import annotations

ROUNDING_S = 0.0005
"""Left for times that were rounded."""


class Thinning:
    """Keeps at most `fps` frames a second; 0 keeps all. Times are seconds since the first frame, ascending."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._due_s = 0.0

    def keeps(self, pts_s: float) -> bool:
        """Whether the frame of this time is one to keep; asked once for each."""
        if not self._fps:
            return True
        if pts_s < self._due_s - ROUNDING_S:
            return False
        self._due_s = max(self._due_s + 1.0 / self._fps, pts_s - 1.0 / self._fps)
        return True
