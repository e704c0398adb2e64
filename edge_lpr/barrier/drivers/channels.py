"""The check that every driver makes of its channel: one too many is another command, or all relays at once."""

from __future__ import annotations

from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import ConfigError


def channel_up_to(most: int, table: BarrierTable) -> int:
    """The channel, 1 the first. Raises ConfigError for one that the device does not have, and for a pulse that it
    cannot time."""
    if not 1 <= table.channel <= most:
        raise ConfigError(f"barrier {table.name!r}: channel is {table.channel}; allowed with {table.driver}: 1 to"
                          f" {most}")
    if table.pulse_by == "device":
        raise ConfigError(f"barrier {table.name!r}: {table.driver} has no pulse of its own; allowed: pulse_by \"auto\","
                          " \"host\"")
    return table.channel
