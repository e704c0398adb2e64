"""Modbus RTU relays: what differs between makes is a map of functions, addresses and values.

Framing and checksum follow "MODBUS over Serial Line" V1.02; a library is not used, since the last check before the
first byte and the pulse values outside FF00 and 0000 must be ours. Nothing here is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Callable

from edge_lpr.barrier.base import RelayState
from edge_lpr.barrier.protocol import DeviceRefused, Request, WrongReply
from edge_lpr.barrier_tables import BarrierTable, ModbusTable
from edge_lpr.errors import ConfigError

COIL_ON, COIL_OFF = 0xFF00, 0x0000
READ_COILS, READ_DISCRETE, READ_REGISTERS, WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS = 1, 2, 3, 5, 6, 16
EXCEPTION_BIT = 0x80
EXCEPTION_BYTES = 5
ECHO_BYTES = 8
ACKNOWLEDGED = 5
"""The exception by which a device says that it is still working on it: no refusal."""
EXCEPTIONS = {1: "it does not know this function", 2: "it has no such address", 3: "it does not allow this value",
              4: "it failed", 6: "it is busy"}
FRAME_GAP_S = 0.005
"""A silence of 3.5 characters parts frames: 4 ms at 9600 baud."""

WAVESHARE = ModbusTable(pulse="coil", pulse_first=0x0200, pulse_most=0x7FFF, inputs="discrete")
R421A = ModbusTable(switch="register", first=1, state="registers", pulse="register", pulse_first=1, pulse_base=0x0600,
                    pulse_unit_s=1.0)
LC = ModbusTable(pulse="registers", pulse_first=3, pulse_step=5, pulse_base=4, pulse_most=0xFFFF, inputs="discrete")
MAKES = {"waveshare": WAVESHARE, "r421a": R421A, "lc": LC}
R421A_MOMENTARY = 0x0500
"""The board's own pulse of one second; its timed values begin at 06 00."""


class ModbusRelay:
    """See Driver."""

    baud = 9600
    gap_s = FRAME_GAP_S

    def __init__(self, table: BarrierTable) -> None:
        self._map = MAKES.get(table.driver, table.modbus)
        self._unit = table.address
        self._channel = table.channel - 1
        self._relay = _address(table, "first", self._map.first, self._channel)
        self._pulse_at = _address(table, "pulse_first", self._map.pulse_first, self._channel * self._map.pulse_step)
        self._inputs = max(table.inputs.loop, table.inputs.opened, table.inputs.closed)
        self._pulse_units = _pulse_units(table, self._map)

    def pulse(self) -> Request | None:
        units, kind = self._pulse_units, self._map.pulse
        if not units:
            return None
        if kind == "coil":
            return self._write(WRITE_COIL, self._pulse_at, units)
        if kind == "register":
            value = R421A_MOMENTARY if self._map is R421A and units == 1 else self._map.pulse_base + units
            return self._write(WRITE_REGISTER, self._pulse_at, value)
        body = _words(self._pulse_at, 2) + bytes([4]) + _words(self._map.pulse_base, units)
        return self._request(WRITE_REGISTERS, body, _words(self._pulse_at, 2))

    def switch_on(self) -> Request | None:
        return self._switch(COIL_ON, self._map.on_value)

    def switch_off(self) -> Request | None:
        return self._switch(COIL_OFF, self._map.off_value)

    def query(self) -> Request | None:
        if self._map.state == "none":
            return None
        function = READ_COILS if self._map.state == "coils" else READ_REGISTERS
        return self._read(function, self._relay, 1)

    def read_query(self, reply: bytes) -> RelayState:
        value = reply[3] & 1 if self._map.state == "coils" else int.from_bytes(reply[3:5], "big")
        return {0: RelayState.RELEASED, 1: RelayState.PULSING}.get(value, RelayState.UNKNOWN)

    def query_inputs(self) -> Request | None:
        if self._map.inputs == "none" or not self._inputs:
            return None
        function = READ_DISCRETE if self._map.inputs == "discrete" else READ_COILS
        return self._read(function, self._map.inputs_first, self._inputs)

    def read_inputs(self, reply: bytes) -> tuple[bool, ...]:
        return tuple(bool(reply[3 + at // 8] >> at % 8 & 1) for at in range(self._inputs))

    def _switch(self, coil: int, register: int) -> Request:
        if self._map.switch == "coil":
            return self._write(WRITE_COIL, self._relay, coil)
        return self._write(WRITE_REGISTER, self._relay, register)

    def _write(self, function: int, address: int, value: int) -> Request:
        """A single write: the right reply is its echo."""
        return self._request(function, _words(address, value), _words(address, value))

    def _read(self, function: int, address: int, count: int) -> Request:
        data = 2 * count if function == READ_REGISTERS else (count + 7) // 8
        return self._request(function, _words(address, count), bytes([data]), data)

    def _request(self, function: int, body: bytes, answer: bytes, data: int = 0) -> Request:
        """`answer` must begin the body of the reply, `data` bytes follow it."""
        frame = with_crc(bytes([self._unit, function]) + body)
        size = 2 + len(answer) + data + 2
        return Request(frame, _length(size), _checker(frame, answer))


def with_crc(body: bytes) -> bytes:
    """A frame with its checksum (CRC-16/MODBUS, low byte first)."""
    return body + crc16(body).to_bytes(2, "little")


def crc16(body: bytes) -> int:
    """CRC-16/MODBUS: polynomial A001 reflected, begun with FFFF."""
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def _length(size: int) -> Callable[[bytes], int]:
    def length_of(received: bytes) -> int:
        is_exception = len(received) > 1 and received[1] & EXCEPTION_BIT
        return EXCEPTION_BYTES if is_exception else size

    return length_of


def _checker(frame: bytes, answer: bytes) -> Callable[[bytes], None]:
    def check(reply: bytes) -> None:
        if crc16(reply[:-2]) != int.from_bytes(reply[-2:], "little"):
            hint = ": its own bytes came back, the adapter echoes" if frame.startswith(reply) else ""
            raise WrongReply(f"wrong checksum in {reply.hex(' ')}{hint}")
        if reply[0] != frame[0]:
            raise WrongReply(f"the reply is from address {reply[0]}, not {frame[0]}")
        if reply[1] == frame[1] | EXCEPTION_BIT:
            code = reply[2]
            if code == ACKNOWLEDGED:
                raise WrongReply("the device is still working on it (exception 5)")
            raise DeviceRefused(f"the device refused: {EXCEPTIONS.get(code, 'for a reason of its own')}"
                                f" (exception {code})")
        if reply[1] != frame[1]:
            raise WrongReply(f"the reply is to function {reply[1]}, not {frame[1]}")
        if not reply[2:-2].startswith(answer):
            raise WrongReply(f"the reply is to another command: {reply.hex(' ')}")

    return check


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def _address(table: BarrierTable, name: str, first: int, offset: int) -> int:
    if first + offset > 0xFFFF:
        raise ConfigError(f"barrier {table.name!r}: channel {table.channel} lies beyond address 65535"
                          f" ({name} is {first})")
    return first + offset


def _pulse_units(table: BarrierTable, relay: ModbusTable) -> int:
    """How many of its units the device's own pulse has; 0 where the host times it."""
    units = round(table.pulse_s / relay.pulse_unit_s)
    fits = abs(units * relay.pulse_unit_s - table.pulse_s) < 1e-6 and 1 <= units <= relay.pulse_most
    can = relay.pulse != "none" and fits
    if table.pulse_by == "device" and not can:
        allowed = "the host (pulse_by = \"host\")" if relay.pulse == "none" else \
            f"{relay.pulse_unit_s:g} to {relay.pulse_unit_s * relay.pulse_most:g} in steps of {relay.pulse_unit_s:g}"
        raise ConfigError(f"barrier {table.name!r}: pulse_s {table.pulse_s:g} cannot be timed by the device;"
                          f" allowed: {allowed}")
    return units if can and table.pulse_by != "host" else 0
