"""Starting devices in processes of their own, and what they say."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent
LONGEST_S = 20.0


class Peer:
    """A process that prints a line for whatever happens to it; it ends with its standard input."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.first = self.next_line()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def next_line(self) -> str:
        self.said.append(self.lines.get(timeout=LONGEST_S))
        return self.said[-1]

    def heard(self, count: int = 0, until: str = "") -> list[str]:
        """What it said since its first line, after `count` lines or one that is `until`."""
        end_s = time.monotonic() + LONGEST_S
        while time.monotonic() < end_s and (len(self.said) - 1 < count or until and until not in self.said):
            with suppress(queue.Empty):
                self.said.append(self.lines.get(timeout=0.05))
        while not self.lines.empty():
            self.said.append(self.lines.get())
        return self.said[1:]

    def times(self, line: str, at_least: int = 1) -> int:
        """How often it said a line: so often at least, or as often as it did within a while."""
        end_s = time.monotonic() + LONGEST_S
        while self.heard().count(line) < at_least and time.monotonic() < end_s:
            time.sleep(0.02)
        return self.said.count(line)

    def frames(self, at_least: int = 0) -> list[str]:
        """The frames that it got: so many at least, and those that come within a moment."""
        end_s = time.monotonic() + LONGEST_S
        while True:
            time.sleep(0.04)
            frames = [line.removeprefix("rx ") for line in self.heard() if line.startswith("rx ")]
            if len(frames) >= at_least or time.monotonic() > end_s:
                return frames

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def pty_peer(kind: str, fault: str = "", link: Path | None = None) -> Peer:
    """A device on a pseudo-terminal, whose name is the first line."""
    more = [f"--link={link}"] if link is not None else []
    return Peer(sys.executable, str(HERE / "pty_peer.py"), kind, f"--fault={fault}", *more)
