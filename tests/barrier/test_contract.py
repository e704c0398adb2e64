"""Every driver against a device in a process of its own: the bytes on the wire, and what it makes of bad replies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge_lpr.barrier import DRIVERS, make_barrier
from edge_lpr.barrier.base import Barrier, Inputs, RelayState
from edge_lpr.barrier_tables import BarrierTable, ModbusTable, TemplateTable
from edge_lpr.errors import BarrierError
from edge_lpr.records import Outcome
from tests.barrier.peers import Peer, pty_peer

pytest.importorskip("serial", reason="pyserial opens the ports")

TEMPLATE = TemplateTable(open="text:OPEN 1\\r", open_reply="match:OK [0-9]{3}\\r", release="text:CLOSE 1\\r",
                         release_reply="4F 4B 20 ?? ?? ?? 0D", query="text:STAT\\r", on_reply="text:ON\\r",
                         off_reply="text:OFF\\r")


@dataclass(frozen=True)
class Case:
    """A driver's frames, as documented; `asks` '' for a device that cannot be asked, `is_timed` by the device."""

    name: str
    peer: str
    opens: str
    releases: str
    asks: str = ""
    is_timed: bool = False
    confirms_by_query: bool = False
    holds: str = ""
    table: dict[str, Any] = field(default_factory=dict)

    @property
    def confirms(self) -> bool:
        return bool(self.asks) or not self.confirms_by_query

    def __str__(self) -> str:
        return self.name


COIL_OFF, ASK_COIL = "01 05 00 00 00 00 cd ca", "01 01 00 00 00 01 fd ca"
LINE = bytes.hex
CASES = [
    Case("waveshare", "waveshare", "01 05 02 00 00 01 0d b2", COIL_OFF, ASK_COIL, is_timed=True,
         holds="01 05 00 00 ff 00 8c 3a"),
    Case("waveshare by the host", "waveshare", "01 05 00 00 ff 00 8c 3a", COIL_OFF, ASK_COIL,
         table={"driver": "waveshare", "pulse_by": "host"}),
    Case("r421a", "r421a", "01 06 00 01 01 00 d9 9a", "01 06 00 01 02 00 d9 6a", "01 03 00 01 00 01 d5 ca"),
    Case("r421a by itself", "r421a", "01 06 00 01 05 00 db 5a", "01 06 00 01 02 00 d9 6a", "01 03 00 01 00 01 d5 ca",
         is_timed=True, holds="01 06 00 01 01 00 d9 9a", table={"driver": "r421a", "pulse_s": 1.0}),
    Case("lc", "lc", "01 10 00 03 00 02 04 00 04 00 01 33 bb", COIL_OFF, ASK_COIL, is_timed=True,
         holds="01 05 00 00 ff 00 8c 3a"),
    Case("modbus", "r421a", "01 06 00 01 01 00 d9 9a", "01 06 00 01 02 00 d9 6a", "01 03 00 01 00 01 d5 ca",
         table={"modbus": ModbusTable(switch="register", state="registers", first=1)}),
    Case("lcus", "lcus", "a0 01 01 a2", "a0 01 00 a1", confirms_by_query=True),
    Case("lcus8", "lcus", "a0 01 01 a2", "a0 01 00 a1", "ff", confirms_by_query=True),
    Case("kmtronic", "kmtronic", "ff 01 01", "ff 01 00", "ff 01 03", confirms_by_query=True),
    Case("devantech", "devantech", "65", "6f", "5b", confirms_by_query=True),
    Case("numato", "numato", LINE(b"relay on 0\r", " "), LINE(b"relay off 0\r", " "), LINE(b"relay read 0\r", " ")),
    Case("denkovi16", "denkovi16", LINE(b"01+//", " "), LINE(b"01-//", " "), LINE(b"ask//", " ")),
    Case("template", "template", LINE(b"OPEN 1\r", " "), LINE(b"CLOSE 1\r", " "), LINE(b"STAT\r", " "),
         table={"template": TEMPLATE}),
]
FAULTS = ("mute", "slow", "half", "garbage", "address", "checksum", "other", "earlier", "vanish")
CANNOT_TELL = {("lcus8", "earlier"), ("devantech", "other"), ("devantech", "address"), ("devantech", "checksum"),
               ("devantech", "garbage"), ("devantech", "half"), ("lcus8", "checksum")}
"""Replies of a byte or two have nothing by which a wrong one could be told from a right one."""

AT_ONCE = 16
PATIENT_S, HASTY_S = 10.0, 0.25
"""How long a reply is waited for where it comes, and where it does not."""


@contextmanager
def paired(case: Case, fault: str = "", **more: Any) -> Iterator[tuple[Barrier, Peer]]:
    """A barrier with its device."""
    peer = pty_peer(case.peer, fault)
    table = {"driver": case.name, "pulse_s": 0.1, "port": peer.first, "reply_timeout_s": PATIENT_S, **case.table}
    table |= more
    barrier = make_barrier(BarrierTable(**table))
    try:
        yield barrier, peer
    finally:
        barrier.close()
        peer.stop()


def until_well(do: Callable[[], Any]) -> Any:
    """Do it as often as it takes: a busy machine answers late, and a process that just starts may hold our locks."""
    until_s = time.monotonic() + 2 * PATIENT_S
    while True:
        try:
            return do()
        except BarrierError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)


def each(check: Callable[..., None], *arguments: tuple[Any, ...]) -> None:
    """Check all at once, since nearly all of it is waiting; the first that fails is named."""
    def named(given: tuple[Any, ...]) -> None:
        try:
            check(*given)
        except BaseException as error:
            raise AssertionError(f"with {', '.join(map(str, given))}") from error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(named, arguments))


def test_every_driver_has_its_case() -> None:
    assert set(DRIVERS) == {case.table.get("driver", case.name) for case in CASES}


def test_the_bytes_on_the_wire() -> None:
    each(bytes_on_the_wire, *((case,) for case in CASES))


def bytes_on_the_wire(case: Case) -> None:
    start = [case.releases] + [case.asks] * bool(case.asks)
    with paired(case) as (barrier, peer):
        barrier.connect()
        assert peer.frames(len(start)) == start, "an unknown relay is released before anything else"
        assert barrier.pulse(lambda: False).outcome is Outcome.EXPIRED
        assert barrier.hold(lambda: False).outcome is Outcome.EXPIRED
        assert peer.frames() == start, "what may not be sent is not"
        reply = barrier.pulse(lambda: True)
        assert reply.outcome is (Outcome.DONE if case.confirms else Outcome.SENT) and reply.fault == ""
        asked = [case.asks] * bool(case.confirms_by_query and case.asks)
        wanted = [*start, case.opens, *asked] + [case.releases] * (not case.is_timed)
        assert peer.frames(len(wanted)) == wanted
        assert barrier.inputs() == Inputs()


def test_held_open_it_stays_on_until_it_is_released_or_closed() -> None:
    each(held_open, *((case,) for case in CASES))


def held_open(case: Case) -> None:
    with paired(case) as (barrier, peer):
        barrier.connect()
        assert not barrier.hold(lambda: True).fault
        assert peer.times("relay on") == 1 and (case.holds or case.opens) in peer.frames()
        assert barrier.state() is (RelayState.PULSING if case.asks else RelayState.UNKNOWN)
        barrier.release()
        assert peer.times("relay off") == 1 and peer.frames()[-1] == case.releases
        barrier.hold(lambda: True)
        assert peer.times("relay on", 2) == 2
        barrier.close()
        barrier.close()
        assert peer.times("relay off", 2) == 2 and peer.frames()[-1] == case.releases
        with pytest.raises(BarrierError, match="not open"):
            barrier.pulse(lambda: True)


def test_a_bad_reply_is_an_unknown_outcome_and_nothing_is_sent_again() -> None:
    each(bad_reply, *((case, fault) for case in CASES for fault in FAULTS))


def bad_reply(case: Case, fault: str) -> None:
    with paired(case, fault, reply_timeout_s=HASTY_S) as (barrier, peer):
        until_well(barrier.connect)
        reply = barrier.pulse(lambda: True)
        if case.name == "lcus":
            assert reply.outcome is Outcome.SENT
        elif (case.name, fault) not in CANNOT_TELL:
            assert reply.outcome is Outcome.UNKNOWN and reply.fault, (case.name, fault, reply)
        assert peer.times(f"rx {case.opens}") == 1
        if fault == "vanish":
            return
        until_well(barrier.connect)
        assert "relay off" in peer.heard(until="relay off")
        assert until_well(barrier.state) in (RelayState.RELEASED, RelayState.UNKNOWN)
        assert peer.frames().count(case.opens) == 1, "and no second one later"
        if fault == "slow" and case.asks:
            barrier.pulse(lambda: True)
            assert peer.times(f"rx {case.opens}", 2) == 2, "the next opening is one, too"


def test_an_exception_is_a_refusal() -> None:
    each(exception, *((case,) for case in CASES if case.peer in ("waveshare", "r421a", "lc")))


def exception(case: Case) -> None:
    with paired(case, "exception") as (barrier, peer):
        barrier.connect()
        reply = barrier.pulse(lambda: True)
        assert reply.outcome is Outcome.REFUSED and "exception 2" in reply.detail and reply.fault
        assert peer.frames().count(case.opens) == 1 and peer.frames()[-1] == case.releases


def test_a_device_that_is_gone_is_told_before_anything_is_sent() -> None:
    each(gone, *((case,) for case in CASES))


def gone(case: Case) -> None:
    with paired(case) as (barrier, peer):
        barrier.connect()
        barrier.check()
        peer.stop()
        with pytest.raises(BarrierError):
            barrier.check()
        with pytest.raises(BarrierError):
            barrier.pulse(lambda: pytest.fail("it was asked whether to send"))
