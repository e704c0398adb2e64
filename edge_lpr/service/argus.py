"""Asks for a restart of a Jetson's camera service, which a CSI client that ended uncleanly can leave stuck.

The gate may restart nothing: it leaves a file, and `edge-lpr-argus.path`, with other privileges, does the rest. Where
that is not installed nobody looks at the file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

REQUEST = "restart-argus"
WITHOUT_FRAMES_S = 90.0
"""By then the capture process was replaced several times, which mends all else."""
NOT_AGAIN_FOR_S = 1200.0
CSI = "csi:"


class ArgusHelper:
    """`look` now and then; the request is a file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._request = folder / REQUEST
        self._asked_s = -NOT_AGAIN_FOR_S

    def look(self, cameras: Iterable[tuple[str, float]], now_s: float) -> bool:
        """Ask where a CSI camera has been without frames for long; `cameras` (address, seconds since its last frame);
        `now_s` monotonic. Whether it was asked."""
        stuck = any(uri.lower().startswith(CSI) and age_s > WITHOUT_FRAMES_S for uri, age_s in cameras)
        if not stuck or now_s - self._asked_s < NOT_AGAIN_FOR_S:
            return False
        self._asked_s = now_s
        log.warning("a CSI camera gives no frames: asking for a restart of nvargus-daemon")
        try:
            self._request.parent.mkdir(parents=True, exist_ok=True)
            self._request.touch()
        except OSError as error:
            log.warning("%s: cannot be written: %s", self._request, error)
        return True
