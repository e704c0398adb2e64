"""A small RTSP server (RFC 2326) that plays MJPEG over the control connection, and misbehaves on demand."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterable

import av
import numpy as np

SDP = "\r\n".join(
    (
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=test",
        "t=0 0",
        "m=video 0 RTP/AVP 26",
        "a=framerate:10",
        "a=control:track0",
        "",
    )
)


def rtp_of(pictures: list[np.ndarray], fps: int = 10) -> list[bytes]:
    """RTP packets (RFC 2435) of RGB pictures, made by FFmpeg and caught on a local UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as catcher:
        catcher.bind(("127.0.0.1", 0))
        catcher.setblocking(False)
        caught: list[bytes] = []
        with av.open(f"rtp://127.0.0.1:{catcher.getsockname()[1]}", "w", format="rtp") as container:
            stream = container.add_stream("mjpeg", rate=fps, options={"huffman": "default"})
            stream.width, stream.height = pictures[0].shape[1], pictures[0].shape[0]
            stream.pix_fmt, stream.codec_context.thread_count = "yuvj420p", 1
            frames = [av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures]
            for frame in [*frames, None]:
                container.mux(stream.encode(frame))
                while select.select([catcher], [], [], 0)[0]:
                    caught.append(catcher.recv(65536))
    return caught


class RtspServer:
    """Serves clients one after another until closed. `wants` is the Authorization that it asks for, '' for none; after
    the last packet it keeps silent, or hangs up with `hangs_up`. A packet goes out every `period_s`, the first of a
    picture `frame_s` after the last of the one before."""

    def __init__(self, packets: Iterable[bytes], wants: str = "", hangs_up: bool = False, period_s: float = 0,
                 frame_s: float = 0, port: int = 0) -> None:
        self._packets, self._wants, self._hangs_up, self._period_s = packets, wants, hangs_up, period_s
        self._frame_s = frame_s
        self._server = socket.create_server(("127.0.0.1", port))
        self._closing = threading.Event()
        self.transports: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        self._server.settimeout(0.05)
        while not self._closing.is_set():
            try:
                client, _ = self._server.accept()
            except TimeoutError:
                continue
            with client:
                client.settimeout(0.05)
                try:
                    self._talk(client)
                except OSError:
                    continue

    def _talk(self, client: socket.socket) -> None:
        text = ""
        while not self._closing.is_set():
            try:
                data = client.recv(4096)
            except TimeoutError:
                continue
            if not data:
                return
            text += data.decode(errors="replace")
            while "\r\n\r\n" in text:
                request, text = text.split("\r\n\r\n", 1)
                if not self._answer(client, request):
                    return

    def _answer(self, client: socket.socket, request: str) -> bool:
        method = request.split(" ", 1)[0]
        fields = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if ": " in line)
        status, extra, body = "200 OK", "", ""
        if self._wants and fields.get("Authorization") != self._wants:
            status, extra = "401 Unauthorized", 'WWW-Authenticate: Basic realm="gate"\r\n'
        elif method == "DESCRIBE":
            body = SDP
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            self.transports.append(fields["Transport"])
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        client.sendall(f"RTSP/1.0 {status}\r\nCSeq: {fields.get('CSeq', 0)}\r\n{extra}\r\n{body}".encode())
        if method == "PLAY" and status == "200 OK":
            for packet in self._packets:
                self._closing.wait(self._period_s)
                client.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                if self._frame_s and packet[1] & 0x80:  # the marker: the last packet of a picture
                    self._closing.wait(self._frame_s)
            return not self._hangs_up
        return True


class SilentServer:
    """Takes connections and never says a word, but for `greeting`."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._clients: list[socket.socket] = []
        self._greeting = greeting
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for client in self._clients:
            client.close()

    def _serve(self) -> None:
        while True:
            try:
                self._clients.append(self._server.accept()[0])
                self._clients[-1].sendall(self._greeting)
            except OSError:
                return
