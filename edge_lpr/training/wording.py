"""Random words that are no plates: dealers, van lettering, signs; a bank of masks drawn once a process.

The words stand below plates and on negatives. They are made up or generic; capitals with digits in a plate's style are
left to the plate renderer, since such a word could not be told from a plate's text.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from edge_lpr.records import Pixels
from edge_lpr.training.textures import between, pick

WORD_COUNT = 240
WORD_HEIGHT_PX = 30
_FACES = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)  # fmt: skip
_WORDS = (
    "Autohaus", "Garage", "Motors", "Automobile", "Service", "Center", "Cars", "Transport", "Express", "Logistik",
    "Taxi", "Bakery", "Plumbing", "Electric", "Heating", "Fresh Fish", "Flowers", "Cleaning", "Builders", "Rent a Car",
    "Sales", "Leasing", "Diesel", "Turbo", "hybrid", "sport", "Concession", "Concesionario", "Agence", "Vendita",
    "Ricambi", "Salon", "Serwis", "Autoservis", "Dealer", "Bilar", "Forhandler", "Auto", "Ford", "Toyota", "Honda",
    "Skoda", "Peugeot", "Fiat", "Opel", "Parking", "Exit", "Stop", "Private", "No entry", "Open", "School", "Police",
    "Ambulance", "Fire", "Caution", "Wide load", "How is my driving?", "Baby on board", "Welcome", "Hotel", "Pizza",
    "Market", "Bank", "Pharmacy", "Bus", "Tours", "Reisen", "Viajes", "Moving", "Delivery", "est. ", "& Sons", "GmbH",
    "s.r.o.", "Ltd", "S.A.", "Inc.",
)  # fmt: skip


def word_mask(rng: np.random.Generator) -> Pixels:
    """Ink coverage of one to three words, uint8 (h, w) 0..255, about WORD_HEIGHT_PX high."""
    return pick(rng, _bank())


@lru_cache(maxsize=1)
def _bank() -> tuple[Pixels, ...]:
    rng = np.random.default_rng(31)
    return tuple(_draw(_phrase(rng), rng) for _ in range(WORD_COUNT))


def _phrase(rng: np.random.Generator) -> str:
    """Words, a web address or a telephone number."""
    kind = rng.random()
    if kind < 0.12:
        groups = [str(int(rng.integers(10, 10 ** int(rng.integers(2, 5))))) for _ in range(int(rng.integers(3, 5)))]
        return pick(rng, ("tel. ", "+", "0", "(0)")) + pick(rng, (" ", "-", "/")).join(groups)
    if kind < 0.3:
        return (
            "www." + _syllables(rng) + pick(rng, (".com", ".de", ".fr", ".es", ".co.uk", ".cz", ".com.ar", ".com.br"))
        )
    words = [
        pick(rng, _WORDS) if rng.random() < 0.6 else _syllables(rng).title() for _ in range(int(rng.integers(1, 4)))
    ]
    phrase = " ".join(words)
    return phrase.upper() if rng.random() < 0.3 else phrase


def _syllables(rng: np.random.Generator) -> str:
    """A made-up name of two to four syllables."""
    count = int(rng.integers(2, 5))
    return "".join(
        pick(rng, "bcdfghjklmnprstvwz") + pick(rng, ("a", "e", "i", "o", "u", "er", "an")) for _ in range(count)
    )


def _draw(phrase: str, rng: np.random.Generator) -> Pixels:
    """The phrase's mask, cropped to its ink, WORD_HEIGHT_PX high."""
    face, weight = pick(rng, _FACES), int(rng.integers(1, 5))
    (width, height), base = cv2.getTextSize(phrase, face, 1.3, weight)
    mask = np.zeros((height + base + 16, width + 16), np.uint8)
    cv2.putText(mask, phrase, (8, height + 8), face, 1.3, 255, weight, cv2.LINE_AA)
    columns, lines = np.flatnonzero(mask.max(0)), np.flatnonzero(mask.max(1))
    ink = mask[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1]
    wide = max(8, int(ink.shape[1] * between(rng, 0.6, 1.1) * WORD_HEIGHT_PX / ink.shape[0]))
    return cv2.resize(ink, (wide, WORD_HEIGHT_PX), interpolation=cv2.INTER_AREA)
