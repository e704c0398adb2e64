"""A relay on a serial line: how requests of any driver are sent, and that what was switched on is switched off."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from edge_lpr.barrier.base import Inputs, MaySend, RelayState, Reply, SystemTimer, Timer
from edge_lpr.barrier.link import Link
from edge_lpr.barrier.protocol import NO_REPLY, DeviceRefused, Driver, Request, WrongReply
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import BarrierError
from edge_lpr.records import Outcome

log = logging.getLogger(__name__)

RELEASE_TRIES = 3
"""Releasing may be sent again and again: it moves nothing that should stay."""
SHORTEST_PULSE_S = 0.2
"""A pulse that is cut short since the gate stops still has so long: controllers overlook shorter ones."""
WAIT_SLICE_S = 0.02


class SerialBarrier:
    """See Barrier. The one place where a frame that opens is written, for all drivers.

    Such a frame is written at most once a call. Whatever happens after it, the relay is told to release: right after a
    pulse that the host times; by the device itself where it times the pulse, and by a release frame too, after the
    pulse's time, where its reply was not good.
    """

    def __init__(self, table: BarrierTable, driver: Driver, link: Link, timer: Timer | None = None) -> None:
        self._table = table
        self._driver = driver
        self._link = link
        self._timer = timer or SystemTimer()
        self._hurry = threading.Event()
        self._must_release = True
        """Whether the relay may be on and nobody but us will release it."""
        self._sent_s = 0.0

    def connect(self) -> None:
        self._must_release = True
        self._link.open()
        try:
            self.release()
            if self.state() is RelayState.PULSING:
                raise BarrierError("the relay stays on though it was released")
        except BaseException:
            self._link.close()
            raise

    def pulse(self, may_send: MaySend) -> Reply:
        timed = self._driver.pulse()
        return self._open(timed or self._on_request(), may_send, self._table.pulse_s, is_timed=timed is not None)

    def hold(self, may_send: MaySend) -> Reply:
        return self._open(self._on_request(), may_send, 0.0, is_timed=True, is_held=True)

    def release(self) -> None:
        request = self._driver.switch_off()
        if request is None:
            self._must_release = False
            return
        fault = BarrierError("not tried")
        for _ in range(RELEASE_TRIES):
            try:
                self._exchange(request)
                self._must_release = False
                return
            except DeviceRefused as error:
                fault = BarrierError(f"releasing: {error}")
            except BarrierError as error:
                fault = BarrierError(f"releasing: {error}")
        raise fault

    def state(self) -> RelayState:
        request = self._driver.query()
        if request is None:
            return RelayState.UNKNOWN
        return self._driver.read_query(self._asked(request))

    def inputs(self) -> Inputs:
        wired = self._table.inputs
        request = self._driver.query_inputs() if wired.wired else None
        if request is None:
            return Inputs()
        values = self._driver.read_inputs(self._asked(request))

        def value(name: str, number: int) -> bool | None:
            return None if not number else values[number - 1] is not (name in wired.inverted)

        return Inputs(value("loop", wired.loop), value("opened", wired.opened), value("closed", wired.closed))

    def check(self) -> None:
        self._link.check()

    def hurry(self) -> None:
        self._hurry.set()

    def close(self) -> None:
        if self._must_release:
            self._try_release()
        self._link.close()

    def _open(self, request: Request, may_send: MaySend, pulse_s: float, is_timed: bool,
              is_held: bool = False) -> Reply:
        """Send what opens, and leave the relay on only where all went well and somebody will release it: the device
        after a pulse of its own (`is_timed`), the caller of `hold` (`is_held`)."""
        sent, fault = Reply(Outcome.EXPIRED, "too late"), ""
        is_left_on = False
        try:
            sent = self._send_opening(request, may_send)
            if sent.outcome is Outcome.EXPIRED:
                return sent
            sent = self._confirmed(sent)
            is_left_on = is_timed and not sent.fault
            if is_left_on:
                self._must_release = is_held
            else:
                self._wait_until(self._sent_s + pulse_s)
        finally:
            if self._must_release and not is_left_on:
                fault = self._try_release()
        return replace(sent, fault="; ".join(one for one in (sent.fault, fault) if one))

    def _on_request(self) -> Request:
        request = self._driver.switch_on()
        if request is None:
            raise BarrierError("this device times every opening itself: it cannot be held")
        return request

    def _send_opening(self, request: Request, may_send: MaySend) -> Reply:
        """Write what opens, once, if it still may be; what the device says."""
        self._link.settle(self._driver.gap_s)
        if not may_send():
            return Reply(Outcome.EXPIRED, "too late")
        self._must_release = True
        self._sent_s = self._timer.now_s()
        try:
            self._link.write(request.frame)
            reply = self._reply_to(request)
        except DeviceRefused as error:
            return Reply(Outcome.REFUSED, str(error), str(error))
        except BarrierError as error:
            return Reply(Outcome.UNKNOWN, str(error), str(error))
        if reply is None:
            return Reply(Outcome.SENT, "sent; this device confirms nothing")
        return Reply(Outcome.DONE, "confirmed by the device")

    def _confirmed(self, sent: Reply) -> Reply:
        """Where the device does not answer an opening but can be asked, ask it."""
        if sent.outcome is not Outcome.SENT or self._driver.query() is None:
            return sent
        try:
            state = self.state()
        except BarrierError as error:
            return Reply(Outcome.UNKNOWN, f"asked for its relay: {error}", str(error))
        if state is RelayState.PULSING:
            return Reply(Outcome.DONE, "the device says that the relay is on")
        return Reply(Outcome.UNKNOWN, "the device says that the relay is off", "the relay did not switch on")

    def _asked(self, request: Request) -> bytes:
        """A question, which may be asked again and moves nothing."""
        try:
            return self._exchange(request) or b""
        except DeviceRefused as error:
            raise BarrierError(str(error)) from error

    def _exchange(self, request: Request) -> bytes | None:
        self._link.settle(self._driver.gap_s)
        self._link.write(request.frame)
        return self._reply_to(request)

    def _reply_to(self, request: Request) -> bytes | None:
        """The reply, checked; None where there is none to come. Raises DeviceRefused, BarrierError."""
        if request.length_of(b"") == NO_REPLY:
            return None
        reply = self._link.read(request.length_of, self._table.reply_timeout_s)
        try:
            if not reply:
                raise WrongReply("no reply")
            if len(reply) < request.length_of(reply):
                raise WrongReply(f"half a reply: {reply.hex(' ')}")
            request.check(reply)
        except WrongReply as error:
            self._link.note_bad()
            raise BarrierError(str(error)) from error
        return reply

    def _wait_until(self, at_s: float) -> None:
        """The length of a pulse, less when the gate stops."""
        shortest_s = self._timer.now_s() + SHORTEST_PULSE_S
        while (now_s := self._timer.now_s()) < at_s:
            if self._hurry.is_set() and now_s >= shortest_s:
                return
            self._timer.wait(min(WAIT_SLICE_S, at_s - now_s))

    def _try_release(self) -> str:
        """Release; what went wrong, '' for nothing."""
        try:
            self.release()
        except BarrierError as error:
            log.warning("barrier %s: %s", self._table.name, error)
            return str(error)
        return ""
