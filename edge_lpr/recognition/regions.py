"""Which countries a site enables: codes and aliases as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.plate_format import countries

ALIASES = {"UK": "GB"}
EUROPE = "EU"
"""Stands for all European countries that have a format."""
NOT_EUROPEAN = frozenset({"AR", "AU", "BO", "BR", "CA", "CL", "CN", "IN", "JP", "KR", "MX", "PY", "US", "UY", "ZA"})
"""Of the countries that may have a format, those that 'eu' leaves out. TR and UA are counted as European."""


@dataclass(frozen=True)
class Regions:
    """`enabled` two-letter codes, sorted; `named` those that were written out, in the order of their importance."""

    enabled: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    def pick(self, matches: Sequence[str]) -> str:
        """The country to report for a text that `matches` allow: the only one, or the first that was named, or ''."""
        if len(matches) == 1:
            return matches[0]
        return next((code for code in self.named if code in matches), "")


def parse_regions(codes: Sequence[str]) -> Regions:
    """Country codes to regions: upper or lower case, 'uk' for GB, 'eu' for all of Europe, 'us-tx' for US, and several
    in one string with commas.

    Raises ConfigError for a code without a format; its text lists those that have one.
    """
    written = [code.strip().upper() for item in codes for code in item.split(",") if code.strip()]
    if not written:
        return Regions()
    known = countries()
    named: list[str] = []
    enabled: set[str] = set()
    for code in written:
        country = ALIASES.get(code, code.partition("-")[0])
        if code == EUROPE:
            enabled.update(set(known) - NOT_EUROPEAN)
        elif country in known:
            named.append(country)
        else:
            allowed = ", ".join([*known, "UK (GB)", "EU (all of Europe)"])
            raise ConfigError(f"no plate format for region {code!r}; allowed: {allowed}")
    return Regions(tuple(sorted(enabled | set(named))), tuple(dict.fromkeys(named)))
