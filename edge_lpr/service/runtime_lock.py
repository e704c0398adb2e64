"""One gate a runtime folder: two would overwrite each other's health, and obey each other's orders."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

from edge_lpr.errors import ConfigError

log = logging.getLogger(__name__)

LOCK_NAME = "lock"
LOCK_MODE = 0o640
"""Who may open the file may hold it: the gate's user, and who may give it orders."""


class RuntimeLock:
    """Holds a runtime folder for this process. The kernel lets go of it when the process ends, however that comes."""

    def __init__(self, folder: Path) -> None:
        """Take it. Raises ConfigError where another process has it; where nothing can be written, nobody needs it."""
        self._descriptor: int | None = None
        path = folder / LOCK_NAME
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, LOCK_MODE)
        except OSError as error:
            log.warning("the runtime folder cannot be kept for this gate alone: %s", error)
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise ConfigError(f"{folder}: the gate of process {holder or '(unknown)'} has this runtime_folder: stop"
                              " that one, or give each gate a folder of its own") from None
        except OSError as error:  # a full disk: it is held, only without saying by whom
            log.warning("%s: %s", path, error)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
