"""Barriers by driver name. A driver's module is imported when it is picked, so a missing one harms nobody else."""

from __future__ import annotations

import importlib
from typing import cast

from edge_lpr.barrier.base import Barrier
from edge_lpr.config import BarrierTable
from edge_lpr.errors import BackendUnavailable, ConfigError

DRIVERS = {"dry-run": ("edge_lpr.barrier.dry_run", "DryRunBarrier", "it comes with edge_lpr")}
"""Driver name -> (module, class, what installs it)."""


def make_barrier(table: BarrierTable) -> Barrier:
    """The barrier as configured, not yet connected.

    Raises ConfigError for an unknown driver, BackendUnavailable when what it needs is not installed.
    """
    if table.driver not in DRIVERS:
        allowed = ", ".join(sorted(DRIVERS))
        raise ConfigError(f"barrier {table.name!r}: driver is {table.driver!r}; allowed: {allowed}")
    module_name, class_name, install = DRIVERS[table.driver]
    try:
        barrier_class = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise BackendUnavailable(f"barrier driver {table.driver!r} cannot run here ({error}): {install}") from error
    return cast(Barrier, barrier_class(table))
