"""Barriers by driver name. A driver's module is imported when it is picked, so a missing one harms nobody else."""

from __future__ import annotations

import importlib
from typing import Any, cast

from edge_lpr.barrier.base import Barrier
from edge_lpr.barrier.ports import check_port
from edge_lpr.barrier.protocol import Driver
from edge_lpr.barrier_tables import BarrierTable
from edge_lpr.errors import BackendUnavailable, ConfigError

_DRIVERS = "edge_lpr.barrier.drivers"
BARRIERS = {
    "dry-run": ("edge_lpr.barrier.dry_run", "DryRunBarrier"),
    "simulated": ("edge_lpr.barrier.simulated", "SimulatedBarrier"),
}
"""Driver name -> (module, class) of what is a whole barrier by itself."""
DRIVERS = {
    "waveshare": (f"{_DRIVERS}.modbus", "ModbusRelay"),
    "r421a": (f"{_DRIVERS}.modbus", "ModbusRelay"),
    "lc": (f"{_DRIVERS}.modbus", "ModbusRelay"),
    "modbus": (f"{_DRIVERS}.modbus", "ModbusRelay"),
    "lcus": (f"{_DRIVERS}.lcus", "LcusRelay"),
    "lcus8": (f"{_DRIVERS}.lcus", "Lcus8Relay"),
    "kmtronic": (f"{_DRIVERS}.kmtronic", "KmtronicRelay"),
    "devantech": (f"{_DRIVERS}.devantech", "DevantechRelay"),
    "numato": (f"{_DRIVERS}.numato", "NumatoRelay"),
    "denkovi16": (f"{_DRIVERS}.denkovi", "DenkoviRelay"),
    "template": (f"{_DRIVERS}.template", "TemplateRelay"),
}
"""Driver name -> (module, class) of a device on a serial line."""
HARMLESS = tuple(BARRIERS)
"""Drivers that move nothing."""


def make_barrier(table: BarrierTable) -> Barrier:
    """The barrier as configured, not yet connected.

    Raises ConfigError for an unknown driver or what does not fit it, BackendUnavailable when pyserial is missing.
    """
    if table.driver in BARRIERS:
        return cast(Barrier, _class_of(table, *BARRIERS[table.driver])(table))
    driver = make_driver(table)
    check_port(table.port, f"barrier {table.name!r}")
    if table.inputs.wired and driver.query_inputs() is None:
        raise ConfigError(f"barrier {table.name!r}: {table.driver} has no inputs; allowed with it: loop, opened and"
                          " closed 0")
    link = _class_of(table, "edge_lpr.barrier.link", "SerialLink")(table, driver.baud)
    return cast(Barrier, _class_of(table, "edge_lpr.barrier.device", "SerialBarrier")(table, driver, link))


def make_driver(table: BarrierTable) -> Driver:
    """What knows the bytes of a device. Raises ConfigError."""
    if table.driver not in DRIVERS:
        allowed = ", ".join(sorted((*BARRIERS, *DRIVERS)))
        raise ConfigError(f"barrier {table.name!r}: driver is {table.driver!r}; allowed: {allowed}")
    return cast(Driver, _class_of(table, *DRIVERS[table.driver])(table))


def _class_of(table: BarrierTable, module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise BackendUnavailable(f"barrier driver {table.driver!r} cannot run here ({error}):"
                                 " pip install pyserial") from error
