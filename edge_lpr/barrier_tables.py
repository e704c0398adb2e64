"""The tables of a site's file that are about barriers; see `config.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_lpr.errors import ConfigError
from edge_lpr.settings_file import NAME, NAME_MEANING, key


@dataclass(frozen=True)
class InputsTable:
    """[barrier.inputs]"""

    loop: int = key(0, low=0, high=32)
    opened: int = key(0, low=0, high=32)
    closed: int = key(0, low=0, high=32)
    inverted: tuple[Literal["loop", "opened", "closed"], ...] = ()
    every_s: float = key(0.2, low=0.05, high=5.0)
    loop_clear_s: float = key(0.5, low=0.0, high=10.0)
    opens_within_s: float = key(10.0, low=0.5, high=120.0)
    passes_within_s: float = key(30.0, low=1.0, high=600.0)
    closes_within_s: float = key(60.0, low=1.0, high=3600.0)
    rearm_after_s: float = key(0.0, low=0.0, high=3600.0)

    def __post_init__(self) -> None:
        taken: dict[int, str] = {}
        for name in ("loop", "opened", "closed"):
            number = getattr(self, name)
            if number and taken.setdefault(number, name) != name:
                raise ConfigError(f"{taken[number]} and {name} are both {number}; allowed: an input of its own for"
                                  " each, 0 for what is not wired")

    @property
    def wired(self) -> bool:
        """Whether any input is."""
        return bool(self.loop or self.opened or self.closed)


@dataclass(frozen=True)
class ModbusTable:
    """[barrier.modbus]"""

    switch: Literal["coil", "register"] = "coil"
    first: int = key(0, low=0, high=65535)
    on_value: int = key(0x0100, low=0, high=65535)
    off_value: int = key(0x0200, low=0, high=65535)
    state: Literal["none", "coils", "registers"] = "coils"
    pulse: Literal["none", "coil", "register", "registers"] = "none"
    pulse_first: int = key(0, low=0, high=65535)
    pulse_step: int = key(1, low=0, high=256)
    pulse_base: int = key(0, low=0, high=65535)
    pulse_unit_s: float = key(0.1, low=0.001, high=60.0)
    pulse_most: int = key(255, low=1, high=65535)
    inputs: Literal["none", "discrete", "coils"] = "none"
    inputs_first: int = key(0, low=0, high=65535)


@dataclass(frozen=True)
class TemplateTable:
    """[barrier.template]"""

    open: str = ""
    open_reply: str = ""
    release: str = ""
    release_reply: str = ""
    query: str = ""
    on_reply: str = ""
    off_reply: str = ""


@dataclass(frozen=True)
class BarrierTable:
    """[[barrier]]"""

    name: str = key("gate", pattern=NAME, meaning=NAME_MEANING)
    driver: str = "dry-run"
    port: str = ""
    channel: int = key(1, low=1, high=32)
    address: int = key(1, low=1, high=255)
    pulse_s: float = key(0.5, low=0.1, high=5.0)
    pulse_by: Literal["auto", "device", "host"] = "auto"
    reply_timeout_s: float = key(0.3, low=0.05, high=2.0)
    cooldown_s: float = key(5.0, low=0.0, high=3600.0)
    most_per_minute: int = key(12, low=1, high=120)
    baud: int = key(0, low=0, high=1_000_000)
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    rs485: Literal["adapter", "rts"] = "adapter"
    inputs: InputsTable = InputsTable()
    modbus: ModbusTable = ModbusTable()
    template: TemplateTable = TemplateTable()
