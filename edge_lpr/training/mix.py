"""Which plates are drawn: countries, their shares, formats of the user's own, faces. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.plate_format import formats_of, load_formats
from edge_lpr.training.face_sides import SIDES, faces_of
from edge_lpr.training.plates import PlateMix


@dataclass(frozen=True)
class MixConfig:
    """Of all countries, each by its weight, unless said otherwise."""

    countries: tuple[str, ...] = ()
    """Only these."""
    without: tuple[str, ...] = ()
    """All but these."""
    favoured: tuple[str, ...] = ()
    """These make up `favoured_share` of the plates."""
    favoured_share: float = 0.5
    files: tuple[str, ...] = ()
    """Formats beside the built-in ones: files or folders of them."""
    faces: str = "all"
    """all | source | target, as in `face_sides.py`"""


@lru_cache(maxsize=16)
def mix_of(config: MixConfig) -> PlateMix:
    """The mix; ConfigError for a country without formats or a wrong word."""
    extra = tuple(Path(name) for name in config.files)
    codes = {key: _codes(getattr(config, key), extra) for key in ("countries", "without", "favoured")}
    formats = [f for f in load_formats(extra) if f.country not in codes["without"]]
    if config.faces not in SIDES:
        raise ConfigError(f"faces: {config.faces!r} is not one of {', '.join(SIDES)}")
    kept = tuple(sorted(codes["countries"]))
    chosen = [f for f in formats if not kept or f.country in kept]
    if not chosen:
        raise ConfigError(f"no plate format is left of {', '.join(kept) or 'all countries'}")
    weights: dict[str, float] = {}
    wanted = sum(f.weight for f in chosen if f.country in codes["favoured"])
    others = sum(f.weight for f in chosen) - wanted
    if wanted > 0 and others > 0:
        factor = config.favoured_share / (1.0 - config.favoured_share) * others / wanted
        weights = dict.fromkeys(codes["favoured"], factor)
    return PlateMix(country_weights=weights, formats=chosen, faces=faces_of(config.faces))


def _codes(names: tuple[str, ...], extra: tuple[Path, ...]) -> frozenset[str]:
    return frozenset(f.country for f in formats_of(names, extra)) if names else frozenset()
