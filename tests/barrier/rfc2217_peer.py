"""A terminal server with a relay device behind it: pyserial's RFC 2217 server, in a process of its own.

Prints its TCP port, then `rx` with each frame and `line` with each modem line that the client sets.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import serial
from serial.rfc2217 import PortManager

sys.path.insert(0, str(Path(__file__).parent))

from pty_peer import KINDS


class Lines:
    """What the server needs of a serial port; `loop://` has the modem lines."""

    def __init__(self) -> None:
        self.__dict__["port"] = serial.serial_for_url("loop://", timeout=0)

    def __getattr__(self, name: str) -> object:
        return getattr(self.port, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("dtr", "rts", "break_condition"):
            print("line", name, value, flush=True)
        setattr(self.port, name, value)


class Connection:
    """Where the server writes its part of the conversation."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client

    def write(self, data: bytes) -> None:
        self.client.sendall(data)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
device = KINDS["waveshare"]()
client, _ = listener.accept()
manager, received = PortManager(Lines(), Connection(client)), b""
while data := client.recv(1024):
    received += b"".join(manager.filter(data))
    frames, received = device.frames(received)
    for frame in frames:
        print("rx", frame.hex(" "), flush=True)
        client.sendall(b"".join(manager.escape(device.reply(frame))))
