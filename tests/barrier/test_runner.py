"""The one that tells the barrier: at most once for a decision, never late, and with its outcome in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pytest

from edge_lpr.barrier import make_barrier
from edge_lpr.barrier.base import Command, Inputs, Order, OrderKind, RelayState, Reply
from edge_lpr.barrier.dry_run import DryRunBarrier
from edge_lpr.barrier.opener import OpenerOptions
from edge_lpr.barrier.rules import OpeningLimits
from edge_lpr.barrier.runner import MOST_WAITING, BarrierRunner
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import BarrierError, ConfigError, LogError
from edge_lpr.records import Action, CommandOutcome, Decision, Direction, Outcome, PlateRead, Reason


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at_s = 10.0

    def monotonic_s(self) -> float:
        return self.at_s


class FakeLog:
    """Remembers intents and outcomes; `fails` at the intent or at the outcome."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.said: list[tuple[str, int, str]] = []

    def begin_command(self, decision_id: int) -> None:
        if self.fails == "begin":
            raise LogError("not on disk")
        self.said.append(("begin", decision_id, ""))

    def finish_command(self, outcome: CommandOutcome) -> None:
        self.said.append(("finish", outcome.decision_id, outcome.outcome.value))
        if self.fails == "finish":
            raise LogError("full")

    def begin_manual(self, detail: str) -> None:
        if self.fails == "begin":
            raise LogError("not on disk")
        self.said.append(("begin by hand", 0, detail))

    def finish_manual(self, detail: str) -> None:
        self.said.append(("finish by hand", 0, detail))


@dataclass
class FakeBarrier:
    """A barrier that does what it is told to do badly."""

    connects: list[Exception | None] = field(default_factory=list)
    reply: Reply | Exception = Reply(Outcome.DONE, "ok")
    pulses: int = 0
    closed: bool = False
    before_send: Callable[[], None] = lambda: None
    blocked: threading.Event | None = None

    def connect(self) -> None:
        fault = self.connects.pop(0) if self.connects else None
        if fault is not None:
            raise fault

    def pulse(self, may_send: Callable[[], bool]) -> Reply:
        if self.blocked is not None:
            self.blocked.wait(5.0)
        self.before_send()
        if isinstance(self.reply, BarrierError):
            raise self.reply
        if not may_send():
            return Reply(Outcome.EXPIRED)
        self.pulses += 1
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def hold(self, may_send: Callable[[], bool]) -> Reply:
        return self.pulse(may_send)

    def release(self) -> None:
        pass

    def check(self) -> None:
        pass

    def hurry(self) -> None:
        pass

    def state(self) -> RelayState:
        return RelayState.RELEASED

    def inputs(self) -> Inputs:
        return Inputs()

    def close(self) -> None:
        self.closed = True


def command(decision_id: int = 1, arrival: str = "a-1", clock: Clock | None = None, action: Action = Action.OPEN,
            expires_at_s: float = 12.0) -> Command:
    plate = arrival.replace("-", "").upper()
    read = PlateRead(arrival, "entry", plate, 0.99, (), 3, "", Direction.APPROACHING, 9.0, 9.5,
                     datetime(2026, 1, 1, tzinfo=timezone.utc), True)
    decision = Decision(action, Reason.ALLOWED, "", read, 10.0, expires_at_s)
    return Command(decision_id, decision, clock or Clock())


class Bench:
    """A runner with what is around it."""

    def __init__(self, barrier: FakeBarrier, log: FakeLog, cooldown_s: float = 5.0) -> None:
        self.barrier, self.log = barrier, log
        self.ended: list[tuple[int, Outcome, str]] = []
        options = OpenerOptions(OpeningLimits(cooldown_s))
        self.runner = BarrierRunner("gate", barrier, log, options, self._heard)
        self.runner.start()

    def _heard(self, one: Command, outcome: CommandOutcome) -> None:
        self.ended.append((one.decision_id, outcome.outcome, outcome.detail))

    def wait(self, count: int) -> list[Outcome]:
        until_s = time.monotonic() + 5.0
        while len(self.ended) < count and time.monotonic() < until_s:
            time.sleep(0.005)
        return [outcome for _, outcome, _ in self.ended]


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    benches: list[Bench] = []

    def make(barrier: FakeBarrier | None = None, log: FakeLog | None = None, cooldown_s: float = 5.0) -> Bench:
        benches.append(Bench(barrier or FakeBarrier(), log or FakeLog(), cooldown_s))
        return benches[-1]

    yield make
    for bench in benches:
        bench.runner.stop(1.0)


def test_a_command_is_sent_once_between_its_intent_and_its_outcome(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    bench.runner.submit(command())
    assert bench.wait(1) == [Outcome.DONE]
    assert bench.barrier.pulses == 1
    assert bench.log.said == [("begin", 1, ""), ("finish", 1, "done")]
    assert bench.runner.health().pulses == 1 and bench.runner.health().fault == ""


def test_one_decision_has_one_opening(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(cooldown_s=0.0)
    for _ in range(3):
        bench.runner.submit(command())
    assert bench.wait(3) == [Outcome.DONE, Outcome.REFUSED, Outcome.REFUSED]
    assert bench.barrier.pulses == 1


def test_an_arrival_is_not_opened_for_twice_in_a_moment(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    bench.runner.submit(command(1))
    bench.runner.submit(command(2))
    bench.runner.submit(command(3, arrival="a-2"))
    assert bench.wait(3) == [Outcome.DONE, Outcome.REFUSED, Outcome.DONE]


def test_a_command_that_expired_before_its_turn_is_not_sent(make_bench: Callable[..., Bench]) -> None:
    bench, clock = make_bench(), Clock()
    clock.at_s = 12.0
    bench.runner.submit(command(clock=clock))
    assert bench.wait(1) == [Outcome.EXPIRED]
    assert bench.barrier.pulses == 0 and ("begin", 1, "") not in bench.log.said


def test_expiry_is_checked_right_before_the_write(make_bench: Callable[..., Bench]) -> None:
    clock = Clock()
    bench = make_bench(FakeBarrier(before_send=lambda: setattr(clock, "at_s", 12.0)))
    bench.runner.submit(command(clock=clock))
    assert bench.wait(1) == [Outcome.EXPIRED]
    assert bench.barrier.pulses == 0


def test_without_an_intent_on_disk_nothing_is_sent(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(log=FakeLog("begin"))
    bench.runner.submit(command())
    assert bench.wait(1) == [Outcome.REFUSED]
    assert bench.barrier.pulses == 0
    assert "not on disk" in bench.ended[0][2]


def test_an_outcome_that_cannot_be_written_stops_nothing(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(log=FakeLog("finish"))
    bench.runner.submit(command(1))
    bench.runner.submit(command(2, "a-2"))
    assert bench.wait(2) == [Outcome.DONE, Outcome.DONE]


@pytest.mark.parametrize(
    ("reply", "outcome", "fault"),
    [
        (Reply(Outcome.UNKNOWN, "garbage"), Outcome.UNKNOWN, "unknown outcome: garbage"),
        (BarrierError("unplugged"), Outcome.REFUSED, "unplugged"),
        (ZeroDivisionError("a defect"), Outcome.UNKNOWN, "a defect"),
    ],
)
def test_a_device_that_misbehaves_is_told_and_nothing_is_sent_again(
    make_bench: Callable[..., Bench], reply: Reply | Exception, outcome: Outcome, fault: str
) -> None:
    bench = make_bench(FakeBarrier(reply=reply))
    bench.runner.submit(command())
    assert bench.wait(1) == [outcome]
    assert fault in bench.runner.health().fault
    sent = bench.barrier.pulses
    bench.runner.submit(command())
    assert bench.wait(2)[1] is Outcome.REFUSED and bench.barrier.pulses == sent
    bench.barrier.reply = Reply(Outcome.DONE)
    bench.runner.submit(command(2, "a-2"))
    assert bench.wait(3)[2] is Outcome.DONE
    assert bench.runner.health().fault == ""


def test_a_device_that_is_not_there_is_told_and_tried_again(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(FakeBarrier(connects=[BarrierError("no such device")]))
    until_s = time.monotonic() + 5.0
    while not bench.runner.health().fault and time.monotonic() < until_s:
        time.sleep(0.005)
    assert "no such device" in bench.runner.health().fault
    bench.runner.submit(command())
    assert bench.wait(1) == [Outcome.REFUSED]
    while bench.runner.health().fault and time.monotonic() < until_s:
        time.sleep(0.01)
    assert bench.runner.health().fault == ""


def test_a_stop_carries_out_what_waits_and_refuses_what_comes_later(make_bench: Callable[..., Bench]) -> None:
    hold = threading.Event()
    bench = make_bench(FakeBarrier(blocked=hold))
    bench.runner.submit(command(1))
    bench.runner.submit(command(2, "a-2"))
    bench.runner.refuse()
    bench.runner.submit(command(3, "a-3"))
    hold.set()
    bench.runner.stop(2.0)
    assert {(one, outcome) for one, outcome, _ in bench.ended} == {
        (1, Outcome.DONE), (2, Outcome.DONE), (3, Outcome.REFUSED)
    }
    assert bench.barrier.closed


def test_a_barrier_that_hangs_delays_no_camera_and_not_the_end(make_bench: Callable[..., Bench]) -> None:
    hold = threading.Event()
    bench = make_bench(FakeBarrier(blocked=hold))
    began_s = time.monotonic()
    for number in range(1, MOST_WAITING + 4):
        bench.runner.submit(command(number, f"a-{number}"))
    bench.runner.stop(0.2)
    assert time.monotonic() - began_s < 2.0
    assert Outcome.REFUSED in [outcome for _, outcome, _ in bench.ended], "the queue is bounded"
    hold.set()


@pytest.mark.parametrize("one", [command(0), command(-3), command(action=Action.STAY_CLOSED)])
def test_only_an_opening_that_is_in_the_log_goes_to_the_barrier(make_bench: Callable[..., Bench], one: Command) -> None:
    bench = make_bench()
    with pytest.raises(ValueError, match="in the log"):
        bench.runner.submit(one)
    assert bench.barrier.pulses == 0


def test_an_order_is_answered_between_its_two_entries_in_the_log(make_bench: Callable[..., Bench]) -> None:
    bench, answers = make_bench(), []
    bench.runner.order(Order("o-1", OrderKind.OPEN, "anna", "a delivery", time.monotonic() + 5.0), answers.append)
    until_s = time.monotonic() + 5.0
    while not answers and time.monotonic() < until_s:
        time.sleep(0.005)
    assert answers[0].outcome is Outcome.DONE and bench.barrier.pulses == 1
    assert [what for what, _, _ in bench.log.said] == ["begin by hand", "finish by hand"]
    assert all("anna" in said and "a delivery" in said for _, _, said in bench.log.said)
    bench.runner.refuse()
    bench.runner.order(Order("o-2", OrderKind.OPEN, "anna", "", time.monotonic() + 5.0), answers.append)
    assert answers[1].outcome is Outcome.REFUSED


def test_the_dry_run_moves_nothing() -> None:
    barrier = make_barrier(BarrierTable())
    assert isinstance(barrier, DryRunBarrier)
    barrier.connect()
    barrier.check()
    barrier.hurry()
    assert barrier.hold(lambda: False).outcome is Outcome.EXPIRED
    assert barrier.pulse(lambda: False).outcome is Outcome.EXPIRED
    assert barrier.pulse(lambda: True).outcome is Outcome.DRY_RUN
    assert barrier.pulses == 1
    assert barrier.state() is RelayState.RELEASED and barrier.inputs() == Inputs()
    barrier.release()
    barrier.close()
    barrier.close()


def test_an_unknown_driver_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="'mudbus'; allowed: denkovi16, devantech, dry-run"):
        make_barrier(BarrierTable(driver="mudbus"))
