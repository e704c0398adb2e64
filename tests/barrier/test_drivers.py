"""The bytes of every driver as FACTS documents them, and what the configuration may not ask of a device."""

from __future__ import annotations

from typing import Any

import pytest

from edge_lpr.barrier import make_driver
from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.drivers.modbus import crc16, with_crc
from edge_lpr.barrier.protocol import DeviceRefused, Request, WrongReply
from edge_lpr.barrier_tables import BarrierTable, InputsTable, ModbusTable, TemplateTable
from edge_lpr.errors import ConfigError


def driver(name: str, **more: Any) -> Any:
    return make_driver(BarrierTable(driver=name, **more))


def sent(request: Request | None) -> str:
    assert request is not None
    return request.frame.hex(" ").upper()


@pytest.mark.parametrize(
    ("name", "more", "method", "frame"),
    [
        ("waveshare", {}, "switch_on", "01 05 00 00 FF 00 8C 3A"),
        ("waveshare", {"pulse_s": 0.7}, "pulse", "01 05 02 00 00 07 8D B0"),
        ("r421a", {}, "switch_on", "01 06 00 01 01 00 D9 9A"),
        ("r421a", {"pulse_s": 1.0}, "pulse", "01 06 00 01 05 00 DB 5A"),
        ("r421a", {"pulse_s": 5.0}, "pulse", "01 06 00 01 06 05 1B A9"),
        ("lc", {"address": 255}, "switch_on", "FF 05 00 00 FF 00 99 E4"),
        ("lc", {"address": 255, "pulse_s": 2.0}, "pulse", "FF 10 00 03 00 02 04 00 04 00 14 C5 9F"),
        ("lc", {"address": 254, "pulse_s": 0.5, "channel": 2}, "pulse", "FE 10 00 08 00 02 04 00 04 00 05 40 DC"),
        ("lc", {"address": 254, "inputs": InputsTable(loop=8)}, "query_inputs", "FE 02 00 00 00 08 6D C3"),
        ("lcus", {}, "switch_on", "A0 01 01 A2"),
        ("lcus", {}, "switch_off", "A0 01 00 A1"),
        ("lcus8", {"channel": 8}, "switch_on", "A0 08 01 A9"),
        ("lcus8", {}, "query", "FF"),
        ("kmtronic", {"channel": 3}, "switch_on", "FF 03 01"),
        ("kmtronic", {"channel": 3}, "switch_off", "FF 03 00"),
        ("kmtronic", {"channel": 3}, "query", "FF 03 03"),
        ("devantech", {}, "switch_on", "65"),
        ("devantech", {"channel": 8}, "switch_on", "6C"),
        ("devantech", {}, "switch_off", "6F"),
        ("devantech", {"channel": 8}, "switch_off", "76"),
        ("devantech", {}, "query", "5B"),
        ("numato", {}, "switch_on", b"relay on 0\r".hex(" ").upper()),
        ("numato", {}, "switch_off", b"relay off 0\r".hex(" ").upper()),
        ("numato", {"channel": 11}, "query", b"relay read A\r".hex(" ").upper()),
        ("denkovi16", {}, "switch_on", b"01+//".hex(" ").upper()),
        ("denkovi16", {"channel": 16}, "switch_off", b"16-//".hex(" ").upper()),
        ("denkovi16", {}, "query", b"ask//".hex(" ").upper()),
    ],
)
def test_the_documented_frames(name: str, more: dict[str, Any], method: str, frame: str) -> None:
    assert sent(getattr(driver(name, **more), method)()) == frame


def test_the_ten_seconds_of_the_r421a() -> None:
    """The value 06 0A, which is beyond the longest pulse of a barrier."""
    table = BarrierTable(driver="modbus", pulse_s=5.0, modbus=ModbusTable(
        switch="register", first=1, pulse="register", pulse_first=1, pulse_base=0x0600, pulse_unit_s=0.5))
    frame = make_driver(table).pulse()
    assert frame is not None and frame.frame[2:6] == bytes.fromhex("00 01 06 0A")


def test_baud_rates() -> None:
    assert driver("numato").baud == 19200
    assert {driver(name).baud for name in ("waveshare", "r421a", "lc", "lcus", "kmtronic", "denkovi16")} == {9600}


def test_no_driver_sends_what_moves_all_relays() -> None:
    """Devantech 64 and 6E, Denkovi on// and off//, KMTronic's and Modbus's functions for many."""
    frames = set()
    for channel in range(1, 9):
        for name in ("devantech", "kmtronic", "denkovi16", "waveshare", "lcus8"):
            one = driver(name, channel=channel)
            frames |= {request.frame for request in (one.pulse(), one.switch_on(), one.switch_off(), one.query())
                       if request is not None}
    assert not frames & {b"\x64", b"\x6e", b"on//", b"off//"}
    assert all(frame[1] != 15 and frame[2:4] != b"\x00\xff" for frame in frames if len(frame) == 8)


@pytest.mark.parametrize("pulse_s", [0.1 * tenths for tenths in range(1, 51)])
def test_a_pulse_is_timed_by_the_device_exactly_or_not_at_all(pulse_s: float) -> None:
    frame = driver("waveshare", pulse_s=pulse_s).pulse().frame
    assert int.from_bytes(frame[4:6], "big") == round(pulse_s * 10)
    whole = abs(pulse_s - round(pulse_s)) < 1e-9
    assert (driver("r421a", pulse_s=pulse_s).pulse() is not None) == whole
    assert driver("waveshare", pulse_s=pulse_s, pulse_by="host").pulse() is None
    assert driver("waveshare", pulse_s=pulse_s + 0.05).pulse() is None


@pytest.mark.parametrize(
    ("name", "more", "messages"),
    [
        ("devantech", {"channel": 9}, ["channel is 9", "1 to 8"]),
        ("kmtronic", {"channel": 9}, ["channel is 9"]),
        ("denkovi16", {"channel": 17}, ["1 to 16"]),
        ("lcus", {"pulse_by": "device"}, ["no pulse of its own"]),
        ("r421a", {"pulse_by": "device", "pulse_s": 0.5}, ["pulse_s 0.5", "1 to 255 in steps of 1"]),
        ("modbus", {"pulse_by": "device"}, ["pulse_s 0.5", "the host"]),
        ("modbus", {"modbus": ModbusTable(first=65535), "channel": 2}, ["beyond address 65535"]),
        ("template", {}, ["open is missing"]),
        ("template", {"template": TemplateTable(open="A0")}, ["release is missing"]),
        ("template", {"template": TemplateTable(open="A0 1", release="A1")}, ["'A0 1'", "A0 01 01 A2"]),
        ("template", {"template": TemplateTable(open="A0", release="A1", open_reply="match:(")}, ["no pattern"]),
        ("template", {"template": TemplateTable(open="A0", release="A1", query="A2")}, ["on_reply and off_reply"]),
        ("template", {"template": TemplateTable(open="text:\u20ac", release="A1")}, ["Latin-1"]),
    ],
)
def test_what_a_device_cannot_do_is_named(name: str, more: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        driver(name, **more)
    assert "barrier 'gate'" in str(caught.value)
    for message in messages:
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (with_crc(bytes.fromhex("02 05 00 00 FF 00")), "from address 2"),
        (with_crc(bytes.fromhex("01 06 00 00 FF 00")), "to function 6"),
        (with_crc(bytes.fromhex("01 05 00 01 FF 00")), "to another command"),
        (with_crc(bytes.fromhex("01 05 00 00 00 00")), "to another command"),
        (bytes.fromhex("01 05 00 00 FF 00 8C 3B"), "checksum"),
        (with_crc(bytes.fromhex("01 85 05")), "still working"),
    ],
)
def test_a_modbus_reply_that_is_none(reply: bytes, message: str) -> None:
    with pytest.raises(WrongReply, match=message):
        driver("waveshare").switch_on().check(reply)


@pytest.mark.parametrize(("code", "words"), [(1, "function"), (2, "address"), (3, "value"), (4, "failed"), (9, "own")])
def test_a_modbus_exception_is_told_in_words(code: int, words: str) -> None:
    with pytest.raises(DeviceRefused, match=words):
        driver("waveshare").switch_on().check(with_crc(bytes([1, 0x85, code])))


def test_an_adapter_that_echoes_is_known_by_the_question() -> None:
    request = driver("waveshare").query()
    with pytest.raises(WrongReply, match="the adapter echoes"):
        request.check(request.frame[: request.length_of(b"")])


def test_the_checksum_of_modbus() -> None:
    assert crc16(b"123456789") == 0x4B37


@pytest.mark.parametrize(
    ("name", "channel", "reply", "state"),
    [
        ("waveshare", 1, "01 01 01 01 90 48", RelayState.PULSING),
        ("r421a", 1, "01 03 02 00 01 79 84", RelayState.PULSING),
        ("r421a", 1, "01 03 02 00 07 F9 86", RelayState.UNKNOWN),
        ("lcus8", 3, "00 00 01 00 00 00 00 00", RelayState.PULSING),
        ("kmtronic", 1, "FF 01 00", RelayState.RELEASED),
        ("devantech", 2, "02", RelayState.PULSING),
        ("devantech", 2, "FD", RelayState.RELEASED),
        ("denkovi16", 1, "80 00", RelayState.PULSING),
        ("denkovi16", 16, "00 01", RelayState.PULSING),
        ("denkovi16", 2, "BF FF", RelayState.RELEASED),
        ("numato", 1, b"relay read 0\n\ron\n\r>".hex(), RelayState.PULSING),
        ("numato", 1, b"relay read 0\r\noff\r\n>".hex(), RelayState.RELEASED),
    ],
)
def test_what_a_device_says_of_its_relay(name: str, channel: int, reply: str, state: RelayState) -> None:
    one = driver(name, channel=channel)
    received = bytes.fromhex(reply)
    request = one.query()
    assert request.length_of(received) == len(received)
    request.check(received)
    assert one.read_query(received) is state


def test_inputs_are_numbered_from_one() -> None:
    one = driver("waveshare", inputs=InputsTable(loop=1, closed=10))
    assert sent(one.query_inputs()) == "01 02 00 00 00 0A F8 0D"
    assert one.read_inputs(with_crc(bytes([1, 2, 2, 0b0000_0001, 0b10]))) == (True, *[False] * 8, True)
    assert driver("waveshare").query_inputs() is None


def test_a_template_takes_bytes_texts_and_patterns() -> None:
    table = TemplateTable(open="A0 01 01 A2", open_reply="A0 ?? 01", release="text:OFF\\r\\n",
                          release_reply="match:[a-z]+!", query="3F", on_reply="31", off_reply="30")
    one = driver("template", template=table)
    opening, release = one.switch_on(), one.switch_off()
    assert opening.frame == bytes.fromhex("A0 01 01 A2") and release.frame == b"OFF\r\n"
    opening.check(b"\xa0\x77\x01")
    release.check(b"done!")
    assert release.length_of(b"don") == 4 and release.length_of(b"done!") == 5
    with pytest.raises(WrongReply):
        opening.check(b"\xa0\x77\x02")
    assert one.read_query(b"1") is RelayState.PULSING and one.read_query(b"0") is RelayState.RELEASED
    assert one.pulse() is None


def test_a_template_that_times_itself_is_only_opened() -> None:
    one = driver("template", pulse_by="device", template=TemplateTable(open="A0"))
    assert one.pulse().frame == b"\xa0" and one.switch_on() is None and one.switch_off() is None
