"""A network camera that shows a clip again and again: `rtsp_camera.py CLIP PORT`, until it is killed.

Runs inside the test machine, with the Python that edge_lpr is installed for and tests/capture as PYTHONPATH.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

import av
from rtsp_server import RtspServer, rtp_of

FPS = 10
CLOCK_HZ = 90_000


class Endless:
    """The packets of a clip, round after round: the numbers and times go on as of one stream."""

    def __init__(self, packets: list[bytes]) -> None:
        self._packets = packets

    def __iter__(self) -> Iterator[bytes]:
        number = picture = 0
        while True:
            for packet in self._packets:
                head = struct.pack(">BBHI", packet[0], packet[1], number % 65536, picture * CLOCK_HZ // FPS % 2**32)
                yield head + packet[8:]
                number, picture = number + 1, picture + (packet[1] >> 7)


with av.open(sys.argv[1]) as clip:
    pictures = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
camera = RtspServer(Endless(rtp_of(pictures, FPS)), frame_s=1 / FPS, port=int(sys.argv[2]))
print("shows", flush=True)
camera._thread.join()
