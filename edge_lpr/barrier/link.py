"""One serial line: opened for this process alone, read and written with a limit, put right after garbage."""

from __future__ import annotations

import errno
import fcntl
import logging
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import serial
from serial.rs485 import RS485Settings

from edge_lpr.barrier.base import SystemTimer, Timer
from edge_lpr.barrier.ports import PortFinder
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import BarrierError

log = logging.getLogger(__name__)

SLICE_S = 0.02
"""A read returns at least so often: a limit is overrun by no more."""
WRITE_LIMIT_S = 0.5
QUIET_S = 0.05
"""After a reply that was none the line must be silent for so long: what comes late is no answer to what follows."""
QUIET_WITHIN_S = 0.4
SOME_BYTES = 256
PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class Link(Protocol):
    """A line to one device. Every method raises BarrierError when the line is lost."""

    def open(self) -> None:
        """Open it; one that is open is closed before."""

    def close(self) -> None:
        """Close it; never raises."""

    def check(self) -> None:
        """See that it is still there."""

    def settle(self, gap_s: float) -> None:
        """Have the line silent, with nothing left of what came before."""

    def write(self, frame: bytes) -> None:
        """Send all of it. After an error some of it may have been sent."""

    def read(self, length_of: Callable[[bytes], int], limit_s: float) -> bytes:
        """Read until `length_of(received)` bytes are there; fewer when the limit came first."""

    def note_bad(self) -> None:
        """A reply was late or wrong: the next `settle` waits for silence."""


class SerialLink:
    """See Link. DTR and RTS stay as Linux sets them when a port is opened; nothing is ever switched by them."""

    def __init__(self, table: BarrierTable, baud: int, finder: PortFinder | None = None,
                 timer: Timer | None = None) -> None:
        self._finder = finder or PortFinder(table.port)
        self._table = table
        self._baud = table.baud or baud
        self._timer = timer or SystemTimer()
        self._port: Any = None
        self._is_bad = False
        self._active_s = 0.0

    def open(self) -> None:
        self.close()
        found = self._finder.find()
        with _told(self._finder.port):
            port: Any = serial.serial_for_url(
                found, do_not_open=True, baudrate=self._baud, parity=PARITIES[self._table.parity],
                stopbits=self._table.stop_bits, timeout=SLICE_S,
            )
            if self._finder.is_device:
                port.write_timeout = WRITE_LIMIT_S
                port.exclusive = True
                if self._table.rs485 == "rts":
                    port.rs485_mode = RS485Settings()
            port.open()
        self._port = port
        try:
            with _told(self._finder.port):
                if self._finder.is_device:
                    _keep_alone(port.fileno())
            self._finder.note_open(found)
        except BaseException:
            self.close()
            raise
        self._is_bad = True

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            try:
                port.close()
            except (OSError, termios.error) as error:
                log.debug("%s: %s", self._finder.port, error)

    def check(self) -> None:
        with self._used() as port:
            self._drop(port)

    def settle(self, gap_s: float) -> None:
        with self._used() as port:
            self._drop(port)
            if self._is_bad:
                self._await_silence(port)
            self._timer.wait(gap_s - (self._timer.now_s() - self._active_s))

    def write(self, frame: bytes) -> None:
        with self._used() as port:
            port.write(frame)
        self._active_s = self._timer.now_s()

    def read(self, length_of: Callable[[bytes], int], limit_s: float) -> bytes:
        received = b""
        until_s = self._timer.now_s() + limit_s
        with self._used() as port:
            while (missing := length_of(received) - len(received)) > 0 and self._timer.now_s() < until_s:
                received += port.read(missing)
        self._active_s = self._timer.now_s()
        return received

    def note_bad(self) -> None:
        self._is_bad = True

    @contextmanager
    def _used(self) -> Iterator[Any]:
        if self._port is None:
            raise BarrierError(f"{self._finder.port}: not open")
        with _told(self._finder.port):
            yield self._port

    def _drop(self, port: Any) -> int:
        """Read away what nobody asked for; how many bytes."""
        dropped = 0
        while dropped < SOME_BYTES and port.in_waiting:
            dropped += len(port.read(min(port.in_waiting, SOME_BYTES)))
        if dropped:
            log.debug("%s: %d bytes that nobody asked for", self._finder.port, dropped)
        return dropped

    def _await_silence(self, port: Any) -> None:
        now_s = self._timer.now_s()
        until_s, silent_s = now_s + QUIET_WITHIN_S, now_s
        while self._timer.now_s() - silent_s < QUIET_S:
            if port.read(SOME_BYTES):
                silent_s = self._timer.now_s()
            if self._timer.now_s() >= until_s:
                raise BarrierError(f"{self._finder.port}: the line does not fall silent")
        self._is_bad = False


def _keep_alone(descriptor: int) -> None:
    """No other process opens it (root's may), and closing it leaves the modem lines as they are."""
    fcntl.ioctl(descriptor, termios.TIOCEXCL)
    attributes = termios.tcgetattr(descriptor)
    attributes[2] &= ~termios.HUPCL
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


@contextmanager
def _told(port: str) -> Iterator[None]:
    """The errors of pyserial and the system as BarrierError."""
    try:
        yield
    except (OSError, ValueError, NotImplementedError, termios.error) as error:
        number = getattr(error, "errno", None)
        if number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY):
            reason = "another program uses it; does the gate run?"
        elif number == errno.EACCES:
            reason = "no permission: the user must be in the group that owns it (dialout)"
        else:
            reason = str(error)
        raise BarrierError(f"{port}: {reason}") from error
