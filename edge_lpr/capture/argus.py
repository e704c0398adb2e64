"""When a CSI camera stays dead, the Jetson's camera service is asked to be restarted. Pure, but for the request itself.

A client of nvargus-daemon that ended uncleanly can leave it stuck until it restarts. The gate may not restart anything;
it leaves a file that a unit with the right to do so watches (systemd/edge-lpr-argus.path).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REQUEST = "restart-argus"
"""The file's name in the gate's runtime folder, as edge-lpr-argus.path has it."""
AFTER_PROCESSES = 2
"""New capture processes in a row that brought no frame: opening again has been tried often by then."""
ASK_EVERY_S = 1200.0


@dataclass
class ArgusWatch:
    """One CSI camera: `ask` says when it is time, at most every ASK_EVERY_S."""

    _frames: int = -1
    _replaced: int = 0
    _asked_s: float = -ASK_EVERY_S

    def ask(self, degraded: bool, frames: int, replaced: int, now_s: float) -> bool:
        """Whether to ask now, by the camera's health: frames so far, processes replaced so far; monotonic seconds."""
        if frames != self._frames or not degraded:
            self._frames, self._replaced = frames, replaced
            return False
        if replaced - self._replaced < AFTER_PROCESSES or now_s - self._asked_s < ASK_EVERY_S:
            return False
        self._asked_s, self._replaced = now_s, replaced
        return True


def request_restart(folder: Path) -> bool:
    """Leave the request in the gate's runtime folder; whether that was possible."""
    try:
        (folder / REQUEST).touch()
    except OSError:
        return False
    return True
