"""Words that are no plates, in any face: for signs, shop fronts, vans, captions and pages."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Pixels
from edge_lpr.training.faces import words
from edge_lpr.training.pasting import Cover

Colour = tuple[int, int, int]

_WORD_LIST = """
bakery pharmacy hotel open sale parking entrance exit stop school market bank pizza kebab cafe bar flowers
garage service motors taxi police express transport cleaning plumbing electric heating building delivery fresh
fish meat optics dental clinic travel agency phone repair laundry books music sport shoes jeans beauty nails
hair studio lottery tobacco news post office museum theatre cinema station platform metro bus stadium danger
private no entry keep clear push pull welcome please wait here mind the gap road works detour city centre
airport harbour north south street avenue lane rue strasse calle via piazza ulica gasse plaza apotheke
baeckerei backwaren metzgerei friseur fahrschule zu vermieten boulangerie tabac presse farmacia panaderia
salida entrada gelateria ristorante apteka sklep lekarna potraviny kavarna restaurace farmacie magazin turbo
diesel hybrid sport edition quattro gti tdi limited automatic landscape copyright stock photo images chapter
contents whisky vodka beer wine vintage premium organic milk rice coffee original recipe university institute
company brothers and sons since est
"""
_WORDS = tuple(_WORD_LIST.split())
_ENDINGS = (".com", ".de", ".fr", ".es", ".it", ".pl", ".cz", ".co.uk", ".com.br", ".net", ".org")
_VOWELS, _CONSONANTS = "aeiouaeio", "bcdfghklmnprstvz"


def _name(rng: Generator) -> str:
    """A made-up word that can be said."""
    return "".join(
        _CONSONANTS[rng.integers(len(_CONSONANTS))] + _VOWELS[rng.integers(len(_VOWELS))]
        for _ in range(int(rng.integers(2, 5)))
    )


def random_phrase(rng: Generator, short: bool = False) -> str:
    """One to three words, an address of the web or a telephone number; `short`: one word."""
    kind = rng.random()
    if not short and kind < 0.12:
        groups = [str(int(rng.integers(10, 10 ** int(rng.integers(2, 5))))) for _ in range(int(rng.integers(3, 5)))]
        return ("tel. ", "+", "0", "call ")[rng.integers(4)] + (" ", "-", "/", ".")[rng.integers(4)].join(groups)
    if not short and kind < 0.22:
        return "www." + _name(rng) + _ENDINGS[rng.integers(len(_ENDINGS))]
    count = 1 if short else int(rng.choice([1, 1, 2, 2, 3]))
    parts = [_WORDS[rng.integers(len(_WORDS))] if rng.random() < 0.7 else _name(rng) for _ in range(count)]
    if rng.random() < 0.1:
        parts.append(str(int(rng.integers(1, 2100))))
    case = rng.random()
    phrase = " ".join(parts)
    return phrase.upper() if case < 0.4 else phrase.title() if case < 0.85 else phrase


def text_mask(rng: Generator, text: str, height_px: int) -> Cover:
    """Ink coverage of `text`, uint8 (h, w), about `height_px` high; sometimes stretched, spaced or slanted."""
    mask = words(text, max(5, height_px), rng)
    stretch = float(np.exp(rng.normal(0, 0.15)))
    mask = np.asarray(cv2.resize(mask, None, fx=stretch, fy=1.0, interpolation=cv2.INTER_AREA), np.uint8)
    return mask if mask.size else np.zeros((height_px, height_px), np.uint8)


def random_tint(rng: Generator) -> Colour:
    """Any colour, greys and strong colours most."""
    if rng.random() < 0.35:
        grey = int(rng.integers(10, 250))
        return grey, grey, grey
    hsv = np.array([[[rng.integers(0, 180), rng.integers(60, 256), rng.integers(40, 250)]]], np.uint8)
    r, g, b = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return int(r), int(g), int(b)


def muted_tint(rng: Generator) -> Colour:
    """A colour as walls and stones have it."""
    level, cast = rng.uniform(50, 225), rng.normal(0, 14, 3)
    r, g, b = np.clip(level + cast - cast.mean() + (8, 0, -8), 0, 255)
    return int(r), int(g), int(b)


def ink_of(ground: Pixels | Sequence[int], rng: Generator) -> Colour:
    """A colour that can be read on `ground`."""
    level = float(np.mean(ground))
    colour = random_tint(rng)
    if abs(float(np.mean(colour)) - level) > 70 and rng.random() < 0.5:
        return colour
    grey = int(rng.integers(225, 256)) if level < 135 else int(rng.integers(5, 50))
    return grey, grey, grey
