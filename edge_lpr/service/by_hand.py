"""What a person does with a barrier: through the gate where that runs, else straight, by the same rules."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from edge_lpr.barrier import make_barrier
from edge_lpr.barrier.base import Order, OrderKind, SystemTimer
from edge_lpr.barrier.health import BarrierHealth
from edge_lpr.barrier.opener import Opener, OpenerOptions
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.config import SiteConfig
from edge_lpr.errors import BarrierError, ConfigError, EdgeLprError
from edge_lpr.platelog.store import PlateLog
from edge_lpr.service.health import GateHealth, GateState, is_gone, read_health
from edge_lpr.service.orders import EXPIRES_S, Answer, OrderFile, give_order, person
from edge_lpr.service.site import log_options
from edge_lpr.settings_file import from_table

TURN_S = 0.2


def barrier_table(config: SiteConfig, name: str) -> BarrierTable:
    """The barrier of that name, or the only one. Raises ConfigError."""
    names = [one.name for one in config.barrier]
    if not name and len(names) == 1:
        return config.barrier[0]
    for one in config.barrier:
        if one.name == name:
            return one
    asked = f"no barrier {name!r}" if name else "which barrier? --barrier NAME"
    raise ConfigError(f"{asked}; there are: {', '.join(names)}")


def running_gate(runtime_folder: Path) -> GateHealth | None:
    """What the gate that runs says of itself; None where none does, or where one cannot start yet: it holds no port."""
    try:
        health = read_health(runtime_folder)
    except EdgeLprError:
        return None
    has_ended = health.state is GateState.STOPPED or is_gone(health, time.monotonic())
    return health if health.barriers and not has_ended else None


@contextmanager
def opened(config: SiteConfig, table: BarrierTable) -> Iterator[Opener]:
    """A barrier without a gate, connected; the log is written as the gate would. Raises BarrierError, LogError."""
    plate_log = PlateLog.open(config.log.folder, log_options(config.log, config.access.trust_unsynced_clock))
    try:
        opener = Opener(table.name, make_barrier(table), plate_log, OpenerOptions.of(table))
        try:
            opener.turn()
            if not opener.health().connected:
                raise BarrierError(f"barrier {table.name!r}: {opener.health().fault}")
            yield opener
        finally:
            opener.close("the command ended")
    finally:
        plate_log.close()


def order(config: SiteConfig, table: BarrierTable, kind: OrderKind, reason: str, hold_s: float = 0.0,
          tell: Callable[[str], None] = print) -> Answer:
    """Have an order carried out. Without a gate a hold lasts as long as this call.

    Raises ConfigError where it is none (no reason), BarrierError, LogError.
    """
    behind = os.environ.get("SUDO_USER", "")
    said = from_table(OrderFile, asdict(OrderFile(table.name, kind, reason, hold_s, time.monotonic(), behind)), "order")
    if running_gate(config.service.runtime_folder) is not None:
        return give_order(config.service.runtime_folder, said)
    with opened(config, table) as opener:
        expires_at_s = SystemTimer().now_s() + EXPIRES_S
        who = person(os.getuid(), behind)
        reply = opener.obey(Order(secrets.token_hex(8), kind, who, reason, expires_at_s, hold_s))
        if opener.health().held_by:
            tell(f"held open for {hold_s:.0f} s; Ctrl-C releases it")
            wait_while_held(opener)
        return Answer(reply.outcome, reply.detail)


def wait_while_held(opener: Opener) -> None:
    """Until the time of a hold is over, or its device lost."""
    while opener.health().held_by:
        time.sleep(min(opener.next_turn_s, TURN_S))
        opener.turn()


def look(config: SiteConfig, table: BarrierTable) -> BarrierHealth | None:
    """How a barrier does, as the gate that runs says; None where none does. Raises ConfigError."""
    gate = running_gate(config.service.runtime_folder)
    if gate is None:
        return None
    if table.name not in gate.barriers:
        raise ConfigError(f"the gate that runs has no barrier {table.name!r}: restart it with this configuration")
    known = set(BarrierHealth.__dataclass_fields__)
    return BarrierHealth(**{name: value for name, value in gate.barriers[table.name].items() if name in known})
