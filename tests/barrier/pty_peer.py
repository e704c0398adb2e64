"""A relay device on a pseudo-terminal, in a process of its own: `pty_peer.py KIND [--fault FAULT] [--link PATH]`.

Knows no code of the package: it speaks what the makers document. Prints the terminal's name, then each frame it gets
(`rx 41 42`), and `relay on` and `relay off`. One fault is committed at the first reply after an opening frame.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
import tty
from collections.abc import Callable

CHANNEL = 1
LATE_S = 0.7


def crc(body: bytes) -> bytes:
    """With the Modbus checksum, by long division of the bits (polynomial x^16 + x^15 + x^2 + 1)."""
    bits = [byte >> at & 1 for byte in body for at in range(8)] + [0] * 16
    bits[:16] = [1 - bit for bit in bits[:16]]
    for at in range(len(bits) - 16):
        if bits[at]:
            for tap in (0, 1, 14, 16):
                bits[at + tap] ^= 1
    return body + sum(bit << at for at, bit in enumerate(bits[-16:])).to_bytes(2, "little")


class Device:
    """`frames` cuts what came into frames; `reply` answers one; `is_opening` tells one that opens."""

    relay = False

    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        raise NotImplementedError

    def reply(self, frame: bytes) -> bytes:
        raise NotImplementedError

    def is_opening(self, frame: bytes) -> bool:
        raise NotImplementedError

    def switch(self, is_on: bool) -> None:
        if is_on != self.relay:
            self.relay = is_on
            print(f"relay {'on' if is_on else 'off'}", flush=True)


def fixed(size: Callable[[bytes], int], received: bytes) -> tuple[list[bytes], bytes]:
    frames = []
    while received and len(received) >= size(received):
        frames.append(received[: size(received)])
        received = received[size(received) :]
    return frames, received


def ended(end: bytes, received: bytes) -> tuple[list[bytes], bytes]:
    *frames, rest = received.split(end)
    return [frame + end for frame in frames], rest


class Modbus(Device):
    """A Waveshare, R421A or LC board: the frames that open differ, all the rest is Modbus."""

    def __init__(self, opens: Callable[[bytes], bool]) -> None:
        self.opens = opens

    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        return fixed(lambda got: 9 + got[6] if len(got) > 6 and got[1] == 16 else 8, received)

    def is_opening(self, frame: bytes) -> bool:
        return self.opens(frame[1:-2])

    def reply(self, frame: bytes) -> bytes:
        assert crc(frame[:-2]) == frame, f"a frame with a wrong checksum: {frame.hex()}"
        if frame[1] in (1, 3):
            value = bytes([1, self.relay]) if frame[1] == 1 else bytes([2, 0, self.relay])
            return crc(frame[:2] + value)
        self.switch(self.is_opening(frame))
        return crc(frame[:6])


class Lcus(Device):
    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        return fixed(lambda got: 1 if got[0] == 0xFF else 4, received)

    def is_opening(self, frame: bytes) -> bool:
        return frame == bytes.fromhex("A0 01 01 A2")

    def reply(self, frame: bytes) -> bytes:
        if frame == b"\xff":
            return bytes([self.relay, 0, 0, 0, 0, 0, 0, 0])
        self.switch(self.is_opening(frame))
        return b""


class Kmtronic(Device):
    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        return fixed(lambda got: 3, received)

    def is_opening(self, frame: bytes) -> bool:
        return frame == bytes.fromhex("FF 01 01")

    def reply(self, frame: bytes) -> bytes:
        if frame[2] == 3:
            return bytes([0xFF, frame[1], self.relay])
        self.switch(self.is_opening(frame))
        return b""


class Devantech(Device):
    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        return fixed(lambda got: 1, received)

    def is_opening(self, frame: bytes) -> bool:
        return frame == b"\x65"

    def reply(self, frame: bytes) -> bytes:
        if frame == b"\x5b":
            return bytes([self.relay])
        self.switch(self.is_opening(frame))
        return b""


class Numato(Device):
    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        return ended(b"\r", received)

    def is_opening(self, frame: bytes) -> bool:
        return frame == b"relay on 0\r"

    def reply(self, frame: bytes) -> bytes:
        line = frame[:-1]
        if line == b"relay read 0":
            return line + b"\n\r" + (b"on" if self.relay else b"off") + b"\n\r>"
        self.switch(self.is_opening(frame))
        return line + b"\n\r>"


class Denkovi(Device):
    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        return ended(b"//", received)

    def is_opening(self, frame: bytes) -> bool:
        return frame == b"01+//"

    def reply(self, frame: bytes) -> bytes:
        if frame == b"ask//":
            return bytes([0x80 if self.relay else 0, 0])
        self.switch(self.is_opening(frame))
        return frame


class Template(Device):
    """A made-up barrier controller: OPEN, CLOSE, STAT, each with a line for an answer."""

    def __init__(self) -> None:
        self.count = 0

    def frames(self, received: bytes) -> tuple[list[bytes], bytes]:
        return ended(b"\r", received)

    def is_opening(self, frame: bytes) -> bool:
        return frame == b"OPEN 1\r"

    def reply(self, frame: bytes) -> bytes:
        if frame == b"STAT\r":
            return b"ON\r" if self.relay else b"OFF\r"
        self.switch(self.is_opening(frame))
        self.count += 1
        return f"OK {self.count:03d}\r".encode()


KINDS: dict[str, Callable[[], Device]] = {
    "waveshare": lambda: Modbus(lambda body: body[0] == 5 and body[3:5] != b"\0\0"),
    "r421a": lambda: Modbus(lambda body: body[0] == 6 and body[3] in (1, 5, 6)),
    "lc": lambda: Modbus(lambda body: body[0] == 16 or body[0] == 5 and body[3] == 0xFF),
    "lcus": Lcus, "kmtronic": Kmtronic, "devantech": Devantech, "numato": Numato, "denkovi16": Denkovi,
    "template": Template,
}


def faulty(reply: bytes, last: bytes, fault: str) -> bytes:
    """A reply with the fault committed."""
    return {
        "mute": b"",
        "half": reply[: len(reply) // 2],
        "garbage": bytes([0x55, 0xAA, 0x00, 0x13, 0x37, 0xC0, 0xFF, 0xEE, 0x99, 0x01]),
        "address": crc(bytes([reply[0] + 1]) + reply[1:-2]) if len(reply) > 4 else bytes([0x7E]) * len(reply),
        "checksum": reply[:-1] + bytes([reply[-1] ^ 0x40]),
        "other": crc(reply[:-4] + bytes([reply[-4], reply[-3] ^ 1])) if len(reply) > 4 else b"\x7f" * len(reply),
        "earlier": last,
        "exception": crc(bytes([reply[0], reply[1] | 0x80, 2])) if len(reply) > 4 else reply,
    }[fault]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--fault", default="")
    parser.add_argument("--link", default="")
    args = parser.parse_args()
    device, received, last, is_due = KINDS[args.kind](), b"", b"", False
    master, slave = os.openpty()
    tty.setraw(slave)
    if args.link:
        os.symlink(os.ttyname(slave), args.link + ".new")
        os.replace(args.link + ".new", args.link)
    print(os.ttyname(slave), flush=True)
    while True:
        ready, _, _ = select.select([master, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        frames, received = device.frames(received + os.read(master, 256))
        for frame in frames:
            print("rx", frame.hex(" "), flush=True)
            is_due = is_due or bool(args.fault) and device.is_opening(frame)
            reply = device.reply(frame)
            if is_due and args.fault == "vanish":
                return
            if is_due and reply:
                fault, args.fault, is_due = args.fault, "", False
                if fault == "slow":
                    time.sleep(LATE_S)
                else:
                    reply = faulty(reply, last, fault)
            elif reply:
                last = reply
            os.write(master, reply)


if __name__ == "__main__":
    main()
