"""The gate's messages in systemd's journal, with fields that can be searched: `journalctl -u edge-lpr PLATE=AB123CD`.

Through systemd-python where it is installed, else by the journal's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
"""

from __future__ import annotations

import errno
import fcntl
import importlib
import logging
import os
import re
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

JOURNAL = Path("/run/systemd/journal/socket")
STREAM = "JOURNAL_STREAM"
IDENTIFIER = "edge-lpr"
FIELDS = "fields"
"""The name under which a record carries its fields: `log.info("...", extra={FIELDS: {"PLATE": "AB123CD"}})`."""
PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))
"""Level of logging from which on -> priority of syslog(3)."""
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
Fields = Mapping[str, str]
Send = Callable[[Fields], None]


class JournalHandler(logging.Handler):
    """Sends records to the journal. What it does not take goes to the error output, in plain lines."""

    def __init__(self, send: Send, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._send = send
        self._plain = logging.StreamHandler(sys.stderr)
        self._plain.setFormatter(plain_formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        try:
            self._send(journal_fields(record, self.format(record)))
        except OSError:
            self._plain.emit(record)


def log_handler(environment: Mapping[str, str] = os.environ, stderr: int = 2,
                journal: Path = JOURNAL) -> logging.Handler:
    """Where messages go: to the journal when the error output does, else to the error output, readable for people."""
    if is_journal(environment, stderr) and journal.exists():
        handler: logging.Handler = JournalHandler(_sender(journal))
        handler.setFormatter(logging.Formatter("%(message)s"))
        return handler
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(plain_formatter())
    return handler


def plain_formatter() -> logging.Formatter:
    """For people who look at a terminal."""
    return logging.Formatter("%(levelname)s %(message)s")


def is_journal(environment: Mapping[str, str], stderr: int = 2) -> bool:
    """Whether the error output is the journal's: systemd names its device and inode (systemd.exec(5))."""
    try:
        device, inode = map(int, environment.get(STREAM, "").split(":"))
        status = os.fstat(stderr)
    except (ValueError, OSError):
        return False
    return (status.st_dev, status.st_ino) == (device, inode)


def journal_fields(record: logging.LogRecord, message: str) -> dict[str, str]:
    """A record as the journal's fields, its own ones last; names that the journal would refuse are left out."""
    own = getattr(record, FIELDS, {})
    return {
        "MESSAGE": message,
        "PRIORITY": str(next((priority for level, priority in PRIORITIES if record.levelno >= level), 7)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "LOGGER": record.name,
        "THREAD_NAME": str(record.threadName),
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName or "",
        **{name: str(value) for name, value in own.items() if _NAME.fullmatch(name)},
    }


def encode(fields: Fields) -> bytes:
    """The datagram of an entry: NAME=value lines, or NAME, a 64-bit little-endian length and the bytes."""
    parts = []
    for name, value in fields.items():
        content = value.encode("utf-8", "replace")
        if b"\n" in content:
            parts.append(name.encode() + b"\n" + struct.pack("<Q", len(content)) + content + b"\n")
        else:
            parts.append(name.encode() + b"=" + content + b"\n")
    return b"".join(parts)


def send_datagram(fields: Fields, journal: Path = JOURNAL) -> None:
    """Send an entry; one too long for a datagram goes as a sealed file in memory. Raises OSError."""
    content = encode(fields)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.connect(str(journal))
        try:
            line.send(content)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            _send_file(line, content)


def _send_file(line: socket.socket, content: bytes) -> None:
    file = os.memfd_create("journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(file, content)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
        socket.send_fds(line, [b""], [file])
    finally:
        os.close(file)


def _sender(journal: Path) -> Send:
    if journal == JOURNAL:
        try:
            sendv: Callable[..., None] = importlib.import_module("systemd.journal").sendv
        except (ImportError, AttributeError):  # not installed, or another package of this name
            pass
        else:
            return lambda fields: _by_library(sendv, fields)
    return lambda fields: send_datagram(fields, journal)


def _by_library(sendv: Callable[..., None], fields: Fields) -> None:
    sendv(*(f"{name}={value}" for name, value in fields.items()))
