"""Shapes of 0-9 and A-Z in the language of `shape_text.py`, with the forms a character takes from plate to plate.

Names in the shapes: m waist, t length of the terminals of round strokes, i inset of an upper bowl, h bar of 4 and A,
b top of the bowl of 6, l left and r right end of the bar of A, x the stem of 4, k crotch of M and W, v waist of Y.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FORMS: Mapping[str, Mapping[str, str]] = {
    "0": {
        "plain": "0,0* 1,0* 1,1* 0,1* z",
        "slashed": "0,0* 1,0* 1,1* 0,1* z ; .1,.85 .9,.15 !",
        "dotted": "0,0* 1,0* 1,1* 0,1* z ; .5,.44 .5,.56 !",
    },
    "1": {
        "flag": "0,.27 .92,0 ! ; 1,0 1,1",
        "long": "0,.42 .92,0 ! ; 1,0 1,1",
        "hook": "0,.2 1,0 1,1",
        "level": "0,0 1,0 1,1",
        "foot": "0,.27 .46,0 ! ; .5,0 .5,1 ; 0,1 1,1",
        "slab": "0,0 .5,0 .5,1 ; 0,1 1,1",
        "bar": ".5,0 .5,1",
    },
    "2": {
        "round": "0,t 0,0* 1,0* 1,m+.06* 0,1 1,1",
        "low": "0,t 0,0* 1,0* 1,m* 0,m+.22* 0,1 1,1",
        "boxed": "0,t*.7 0,0*.7 1,0*.7 1,m*.7 0,m*.7 0,1 1,1",
        "ticked": "0,t 0,0* 1,0* 1,m+.06* 0,1 1,1 1,.84",
    },
    "3": {
        "round": "0,t-.02 0,0* 1-i,0* 1-i,m* .36,m ! ; .36,m 1,m* 1,1* 0,1* 0,1-t+.02 !",
        "flat": "0,0 1,0 .42,.4 .5,.4 1,.4* 1,1* 0,1* 0,1-t+.02",
    },
    "4": {
        "closed": "x,1 x,0 0,h 1,h",
        "open": "x-.2,0 0,h 1,h ; x,.36 x,1",
        "tall": "x-.08,0 0,h 1,h ; x,.3 x,1",
        "low": "x+.08,1 x+.08,0 0,h+.1 1.04,h+.1",
        "die": "x-.2,0 0,h+.13 1.04,h+.13 ; x+.08,.52 x+.08,1",
        "arched": "x,1 x,0* x-.34,0* 0,h 1,h",
        "blunt": "x,1 x,0 x-.26,0 0,h 1,h",
        "footed": "x,1 x,0 0,h 1,h ; x-.22,1 x+.2,1",
    },
    "5": {
        "round": "1,0 .06,0 0,.48 ! ; 0,.47 0,.37* 1,.37* 1,1* 0,1* 0,1-t",
        "square": "1,0 0,0 0,.4 1,.4* 1,1* 0,1* 0,1-t",
        "ticked": "1,.16 1,0 .06,0 0,.48 ! ; 0,.47 0,.37* 1,.37* 1,1* 0,1* 0,1-t",
    },
    "6": {
        "curved": "1,t 1,0* 0,0* 0,1* 1,1* 1,b* 0,b* 0,b+.25",
        "straight": ".72,0 0,.58* 0,1* 1,1* 1,b* 0,b* 0,b+.3",
        "open": ".85,0 0,0*1.6 0,1* 1,1* 1,b* 0,b* 0,b+.25",
    },
    "7": {
        "plain": "0,0 1,0 .28,1",
        "curved": "0,0 1,0 1,.08 .36,.55* .36,1",
        "serif": "0,.16 0,0 1,0 .28,1",
        "barred": "0,0 1,0 .28,1 ; .22,.5 .95,.5 !",
    },
    "8": {
        "stacked": "i,0*1.2 1-i,0*1.2 1-i,m*1.2 i,m*1.2 z ; 0,m*1.2 1,m*1.2 1,1*1.2 0,1*1.2 z",
    },
    "A": {
        "pointed": "0,1 .5,0 1,1 ; l,h r,h !",
        "flat": "0,1 .4,0 .6,0 1,1 ; l,h r,h !",
    },
    "B": {
        "plain": "0,m 0,0 1-i,0* 1-i,m* 0,m ^ ; 0,m 1,m* 1,1* 0,1 0,m ^",
    },
    "C": {"round": "1,t 1,0* 0,0* 0,1* 1,1* 1,1-t"},
    "D": {"plain": "0,0 1,0*1.2 1,1*1.2 0,1 z ^"},
    "E": {
        "plain": "1,0 0,0 0,1 1,1 ; 0,m .88,m !",
        "even": "1,0 0,0 0,1 1,1 ; 0,m 1,m !",
        "round": "1,0 0,0* 0,1* 1,1 ; 0,m .94,m !",
        "ticked": "1,.2 1,0 0,0 0,1 1,1 1,.8 ; 0,m .72,m ! ; .72,m-.08 .72,m+.08 !",
    },
    "F": {
        "plain": "1,0 0,0 0,1 ; 0,m+.02 .86,m+.02 !",
        "even": "1,0 0,0 0,1 ; 0,m 1,m !",
        "ticked": "1,.2 1,0 0,0 0,1 ; 0,m+.02 .7,m+.02 !",
    },
    "G": {
        "bar": "1,t 1,0* 0,0* 0,1* 1,1* 1,m+.06 .55,m+.06",
        "spur": "1,t 1,0* 0,0* 0,1* 1,1* 1,m+.06 ; .5,m+.06 1,m+.06 1,1",
        "corner": "1,t 1,0* 0,0* 0,1* 1,1 1,m+.06 .5,m+.06",
        "cross": "1,t 1,0* 0,0* 0,1* 1,1* 1,m+.06 ; .5,m+.06 1.12,m+.06 !",
    },
    "H": {"plain": "0,0 0,1 ; 1,0 1,1 ; 0,m 1,m"},
    "I": {
        "plain": ".5,0 .5,1",
        "slab": ".5,0 .5,1 ; 0,0 1,0 ; 0,1 1,1",
    },
    "J": {
        "plain": "1,0 1,1* 0,1* 0,.7",
        "barred": ".2,0 1,0 1,1* 0,1* 0,.7",
        "short": "1,0 1,1* 0,1*",
        "topped": ".3,0 1,0 ; .78,0 .78,1* 0,1* 0,.74",
    },
    "K": {
        "branch": "0,0 0,1 ; 1,0 0,.62 ! ; .34,.42 1,1",
        "star": "0,0 0,1 ; 1,0 .04,.52 1,1",
        "arm": "0,0 0,1 ; 0,.5 .25,.5 1,0 ; .25,.5 1,1",
    },
    "L": {"plain": "0,0 0,1 1,1", "ticked": "0,0 0,1 1,1 1,.8"},
    "M": {
        "half": "0,1 0,0 .5,k 1,0 1,1",
        "full": "0,1 0,0 .5,.97 1,0 1,1",
        "splayed": "0,1 .1,0 .5,k+.1 .9,0 1,1",
    },
    "N": {"plain": "0,1 0,0 1,1 1,0"},
    "O": {"plain": "0,0* 1,0* 1,1* 0,1* z"},
    "P": {"plain": "0,1 0,0 1,0* 1,m+.06* 0,m+.06"},
    "Q": {
        "crossed": "0,0* 1,0* 1,1* 0,1* z ; .54,.64 1.1,1.08 !",
        "inner": "0,0* 1,0* 1,1* 0,1* z ; .48,.62 1.02,1.0 !",
        "outer": "0,0* 1,0* 1,1* 0,1* z ; .68,.74 1.2,1.08 !",
        "upright": "0,0* 1,0* 1,1* 0,1* z ; .58,.62 .94,1.1 !",
    },
    "R": {
        "diagonal": "0,1 0,0 1,0* 1,m+.03* 0,m+.03 ; .42,m+.03 1,1",
        "steep": "0,1 0,0 1,0* 1,m+.03* 0,m+.03 ; .62,m+.03 1,1",
        "bent": "0,1 0,0 1,0* 1,m* 0,m ; .5,m .96,m*.8 .96,1",
    },
    "S": {
        "round": "1,t 1,0* 0,0* 0,m-.01* 1,m-.01* 1,1* 0,1* 0,1-t",
        "oblique": "1,t 1,0* 0,0* 0,m-.1* 1,m+.1* 1,1* 0,1* 0,1-t",
    },
    "T": {"plain": "0,0 1,0 ; .5,0 .5,1", "ticked": "0,.17 0,0 1,0 1,.17 ; .5,0 .5,1"},
    "U": {"plain": "0,0 0,1* 1,1* 1,0"},
    "V": {"plain": "0,0 .5,1 1,0", "flat": "0,0 .44,1 .56,1 1,0"},
    "W": {
        "half": "0,0 .22,1 .5,1-k .78,1 1,0",
        "full": "0,0 .26,1 .5,.03 .74,1 1,0",
        "upright": "0,0 0,1 .5,1-k 1,1 1,0",
    },
    "X": {"plain": "0,0 1,1 ; 1,0 0,1"},
    "Y": {"plain": "0,0 .5,v 1,0 ; .5,v .5,1"},
    "Z": {"plain": "0,0 1,0 0,1 1,1", "ticked": "0,.17 0,0 1,0 0,1 1,1 1,.83"},
}
"""Character -> name of a form -> shape. The first form is the usual one."""

WIDTHS: Mapping[str, float] = {
    "0": 0.94, "1": 0.56, "I": 0.30, "J": 0.86, "L": 0.90, "E": 0.92, "F": 0.90, "M": 1.22, "W": 1.40, "A": 1.08,
    "V": 1.06, "X": 1.04, "Y": 1.04, "T": 0.98, "O": 1.04, "Q": 1.04, "G": 1.02, "4": 1.05,
}
"""Usual widths as factors of the face's; 1 where not named."""

FORM_WIDTHS: Mapping[tuple[str, str], float] = {
    ("1", "foot"): 0.80, ("1", "slab"): 0.80, ("I", "slab"): 0.66, ("M", "full"): 1.26, ("W", "full"): 1.46,
    ("W", "upright"): 1.24, ("M", "splayed"): 1.30, ("1", "level"): 0.50, ("1", "bar"): 0.30,
}

BASE_PARAMS: Mapping[str, float] = {
    "m": 0.49, "t": 0.28, "i": 0.07, "h": 0.70, "b": 0.42, "l": 0.18, "r": 0.82, "x": 0.74, "k": 0.62, "v": 0.52,
}


PLAIN_ZERO_SHARE = 0.75
"""Slashed and dotted noughts are rare on plates."""
USUAL_SHARE = 0.4
"""Share of the usual form in a random face; the others come up alike."""


def usual_shapes(**forms: str) -> dict[str, str]:
    """One shape a character: the form named for it, else the first. A digit is named with a leading '_': `_1`."""
    named = {key.lstrip("_"): form for key, form in forms.items()}
    shapes = {char: variants[named[char]] if char in named else next(iter(variants.values()))
              for char, variants in FORMS.items()}
    shapes["9"] = turned(FORMS["6"][named.get("9", named.get("6", "curved"))])
    return shapes


def usual_widths(**forms: str) -> dict[str, float]:
    """Width factors that go with `usual_shapes` of the same arguments."""
    widths = dict(WIDTHS)
    for key, form in forms.items():
        char = key.lstrip("_")
        if (char, form) in FORM_WIDTHS:
            widths[char] = FORM_WIDTHS[char, form]
    return widths


def random_forms(rng: np.random.Generator) -> dict[str, str]:
    """A form for each character that has several, as arguments for `usual_shapes`."""
    forms = {}
    for char, variants in FORMS.items():
        if len(variants) > 1:
            names = list(variants)
            usual = PLAIN_ZERO_SHARE if char == "0" else USUAL_SHARE
            form = names[0] if rng.random() < usual else names[int(rng.integers(len(names)))]
            if (char, form) == ("1", "bar"):
                forms["I"] = "slab"
            forms.setdefault(f"_{char}" if char.isdigit() else char, form)
    forms["_9"] = forms["_6"] if rng.random() < 0.9 else "curved"
    return forms


def turned(shape: str) -> str:
    """The shape turned by half a turn, for 9 out of 6."""
    words = []
    for word in shape.split():
        if "," not in word:
            words.append(word)
            continue
        place, star, factor = word.partition("*")
        words.append(",".join(f"~{c}" for c in place.split(",")) + star + factor)
    return " ".join(words)
