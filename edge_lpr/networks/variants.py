"""Float and INT8 of one network in one folder: `card.json` and, beside it, `card.int8.json`. Which one runs."""

from __future__ import annotations

import logging
import platform
from pathlib import Path
from typing import Literal

from edge_lpr.errors import NetworkError
from edge_lpr.networks.card import ModelCard, load_card

log = logging.getLogger(__name__)

Precision = Literal["auto", "float32", "int8"]
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "int8")
DEFAULT_PRECISION: Precision = "auto"
FLOAT_CARD, INT8_CARD = "card.json", "card.int8.json"


def choose_card(folder: Path, precision: str = DEFAULT_PRECISION) -> Path:
    """The model card to run: `folder` is a network's folder, or a card itself, which is given back as it is.

    'float32' and 'int8' are what they say. 'auto' takes INT8 where its card says that it is as good as the float
    network and faster on this kind of processor, and float32 else. Raises NetworkError for an unknown precision, and
    for 'int8' where there is none, or one that was made from other float weights.
    """
    if precision not in PRECISIONS:
        raise NetworkError(f"precision is {precision!r}; allowed: {', '.join(PRECISIONS)}")
    if not folder.is_dir() or precision == "float32":
        return folder if not folder.is_dir() else folder / FLOAT_CARD
    path = folder / INT8_CARD
    if not path.is_file():
        if precision == "int8":
            raise NetworkError(f"{folder}: has no INT8 variant; make one with `edge-lpr calibrate`")
        return folder / FLOAT_CARD
    card = load_card(path)
    if card.quantisation.get("float_sha256", "") != load_card(folder).sha256:
        message = f"{path}: was calibrated from other float weights; run `edge-lpr calibrate` again"
        if precision == "int8":
            raise NetworkError(message)
        log.warning("%s; the float network runs", message)
        return folder / FLOAT_CARD
    return path if precision == "int8" or is_preferred(card) else folder / FLOAT_CARD


def is_preferred(card: ModelCard, machine: str = "") -> bool:
    """Whether an INT8 card says that it is as good as the float network, and faster on `machine` (this one's kind)."""
    speed_up = card.quantisation.get("speed_up", {}).get(machine or platform.machine(), 0.0)
    return bool(card.quantisation.get("within_bound")) and float(speed_up) > 1.0
