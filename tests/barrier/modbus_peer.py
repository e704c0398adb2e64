"""pymodbus's own server as a Waveshare-like board, in a process of its own: `modbus_peer.py PORT [INPUT...]`.

Prints `rx` and `tx` with every frame. Coils 0 to 7, discrete inputs 0 to 7 (those named are on), holding registers 0 to
31; all else is an exception. Function 5 at 0x0200 and on is the flash of a coil, in tenths of a second.
"""

from __future__ import annotations

import asyncio
import struct
import sys

from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import WriteSingleCoilRequest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice


class Echo(ModbusPDU):
    """The answer to a flash."""

    function_code = 5
    rtu_frame_size = 8
    body = b""

    def encode(self) -> bytes:
        return self.body


class FlashCoil(WriteSingleCoilRequest):
    """Function 5 with the board's own addresses."""

    body = b""

    def decode(self, data: bytes) -> None:
        self.body = data[:4]
        super().decode(data)

    async def datastore_update(self, context, device_id):  # type: ignore[no-untyped-def]
        address, value = struct.unpack(">HH", self.body)
        if not 0x200 <= address < 0x208:
            return await super().datastore_update(context, device_id)
        await context.async_setValues(device_id, 5, address - 0x200, [True])

        async def end() -> None:
            await asyncio.sleep(value / 10)
            await context.async_setValues(device_id, 5, address - 0x200, [False])

        self.ending = asyncio.create_task(end())
        answer = Echo(dev_id=self.dev_id, transaction_id=self.transaction_id)
        answer.body = self.body
        return answer


def traced(sending: bool, data: bytes) -> bytes:
    print("tx" if sending else "rx", data.hex(" "), flush=True)
    return data


async def main() -> None:
    on = {int(number) for number in sys.argv[2:]}
    device = SimDevice(1, simdata=(
        [SimData(0, values=[False] * 8, datatype=DataType.BITS)],
        [SimData(0, values=[at in on for at in range(8)], datatype=DataType.BITS)],
        [SimData(0, count=32, values=0, datatype=DataType.REGISTERS)],
        [SimData(0, count=1, values=0, datatype=DataType.REGISTERS)],
    ))
    server = ModbusSerialServer(device, framer=FramerType.RTU, port=sys.argv[1], baudrate=9600, trace_packet=traced,
                                custom_pdu=[FlashCoil])
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
