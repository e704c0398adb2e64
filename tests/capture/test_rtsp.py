"""Streams over the network: what plays, what stalls, what is refused."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="PyAV is not installed (extra `cpu`)")
from edge_lpr.capture.pyav import PyavSource
from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.capture.source import CameraRefused, CameraSpec
from edge_lpr.errors import CameraError
from tests.capture.rtsp_server import RtspServer, SilentServer, rtp_of

SHORT = RetryOptions(stall_s=1.0, open_timeout_s=1.0)
PATIENT = RetryOptions(stall_s=1.0, open_timeout_s=20.0)
GREYS = (60, 120, 180)
Opener = Callable[..., Any]


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    return rtp_of([np.full((48, 64, 3), grey, np.uint8) for grey in GREYS for _ in range(15)])


@pytest.fixture
def serve() -> Iterator[Opener]:
    servers: list[Any] = []

    def make(kind: type, *args: object, **options: object) -> Any:
        servers.append(kind(*args, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def read_until_error(source: PyavSource) -> tuple[list[int], CameraError]:
    """The brightness of each frame, and what came after the last. The servers never end by themselves, so that it comes
    at all shows that the source's own timeouts work."""
    greys: list[int] = []
    with pytest.raises(CameraError) as caught:
        source.open()
        while True:
            greys.append(round(float(source.next(1.0).pixels.mean())))
    source.close()
    return greys, caught.value


@pytest.mark.parametrize("hangs_up", [False, True])
def test_rtsp_plays_over_tcp_until_it_stalls_or_ends(packets: list[bytes], serve: Opener, hangs_up: bool) -> None:
    server = serve(RtspServer, packets, hangs_up=hangs_up)
    source = PyavSource(CameraSpec("gate", f"rtsp://127.0.0.1:{server.port}/x", retry=PATIENT))
    greys, _ = read_until_error(source)
    assert server.transports and all("TCP" in transport for transport in server.transports)
    assert len(greys) >= 30 and greys == sorted(greys)
    assert {min(GREYS, key=lambda grey: abs(grey - seen)) for seen in greys} == set(GREYS)


def test_password_of_the_address_is_used_and_never_told(packets: list[bytes], serve: Opener) -> None:
    wants = "Basic " + base64.b64encode(b"joe:secret").decode()
    server = serve(RtspServer, packets, wants=wants)
    good = PyavSource(CameraSpec("gate", f"rtsp://joe:secret@127.0.0.1:{server.port}/x", retry=PATIENT))
    greys, error = read_until_error(good)
    assert len(greys) >= 30 and "secret" not in str(error)
    bad = PyavSource(CameraSpec("gate", f"rtsp://joe:wrongone@127.0.0.1:{server.port}/x", retry=PATIENT))
    with pytest.raises(CameraRefused) as caught:
        bad.open()
    assert "wrongone" not in str(caught.value)


def test_queued_frames_show_their_age_and_stale_ones_are_passed_over(packets: list[bytes], serve: Opener) -> None:
    server = serve(RtspServer, packets, period_s=0.1)
    source = PyavSource(CameraSpec("gate", f"rtsp://127.0.0.1:{server.port}/x", retry=PATIENT))
    source.open()
    read = [source.next(1.0) for _ in range(5)]
    assert min(picture.age_s for picture in read) == 0.0 and not any(picture.passed_over for picture in read)
    time.sleep(1.6)
    late = source.next(1.0)
    assert late.passed_over >= 3 and 0.3 < late.age_s <= 1.0
    ages = [source.next(1.0).age_s for _ in range(14)]
    assert ages[0] > ages[4] and min(ages) == 0.0, "it catches up"
    source.close()


@pytest.mark.parametrize("address", ["rtsp://joe:secret@127.0.0.1:{}/x", "http://joe:secret@127.0.0.1:{}/x.ts"])
def test_a_silent_server_is_given_up(serve: Opener, address: str) -> None:
    server = serve(SilentServer)
    source = PyavSource(CameraSpec("gate", address.format(server.port), retry=SHORT))
    greys, error = read_until_error(source)
    assert not greys and "secret" not in str(error) and "***@127.0.0.1" in str(error)
    assert str(error).endswith("nothing came for 1 s"), "not FFmpeg's 'Immediate exit requested'"


def test_a_server_that_is_not_there(serve: Opener) -> None:
    server = SilentServer()
    server.close()
    with pytest.raises(CameraError, match="refused") as caught:
        PyavSource(CameraSpec("gate", f"rtsp://127.0.0.1:{server.port}/x", retry=SHORT)).open()
    assert not isinstance(caught.value, CameraRefused), "it may be starting"
