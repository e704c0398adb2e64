"""Stroke styles of national plate faces that no font package has. Drawn by us after the look of real plates.

Sizes follow the plate rules where they give them: Germany (FZV annex 4: 75 mm high, letters 47.5 and 40.5 mm wide),
United Kingdom (79 x 50 mm, stroke 14 mm), Brazil (63 mm high, letters 54 mm and figures 36 mm wide).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_lpr.training.stroke_shapes import BASE_PARAMS, usual_shapes, usual_widths
from edge_lpr.training.strokes import StrokeStyle

Words = Mapping[str, str]


def _forms(text: str) -> dict[str, str]:
    """'1=long G=spur' as arguments for `usual_shapes`."""
    pairs = (word.split("=") for word in text.split())
    return {f"_{char}" if char.isdigit() else char: form for char, form in pairs}


_EVEN: Mapping[str, float] = {"M": 1.10, "W": 1.18}
"""Crowded letters take a little more room even where all others are alike."""


def _style(width: float, stroke: float, roundness: float, forms: str = "", *, tall: float = 1.15,
           params: Mapping[str, float] | None = None, shapes: Words | None = None,
           widths: Mapping[str, float] | None = None, even: bool = False, **look: Any) -> StrokeStyle:
    """A style. `roundness`: corner radius as a share of the largest that fits the width; `tall`: its height over its
    width; `even`: all characters but 1 and I equally wide."""
    named = _forms(forms)
    radius = roundness * (width - stroke) / 2
    factors = usual_widths(**named)
    if even:
        factors = {char: factor if char in "1I" else _EVEN.get(char, 1.0) for char, factor in factors.items()}
    return StrokeStyle(width=width, stroke=stroke, round_x=radius, round_y=radius * tall,
                       params={**BASE_PARAMS, **(params or {})}, shapes={**usual_shapes(**named), **(shapes or {})},
                       widths={**factors, **(widths or {})}, **look)


_FE_SHAPES: Words = {
    "0": ".73,0 0,0*.9 0,1* 1,1* 1,0",
    "P": "0,1 0,0 1,0* 1,m+.07* .34,m+.07",
    "R": "0,1 0,0 1,0* 1,m+.02* .36,m+.02 ; .55,m+.02 1,1",
    "Q": ".56,1 0,1* 0,0* 1,0* 1,.72 ; .58,.62 1.02,1.02 !",
    "I": ".5,0 .5,1 ; 0,0 1,0 ; 0,1 1,1",
    "E": ".94,0 0,0 0,1 1,1 ; 0,m .82,m !",
    "J": ".2,0 1,0 1,1* 0,1* 0,.72",
    "W": "0,0 .22,1 .5,.18 .78,1 1,0",
}
"""The odd shapes of the German face: slits in 0, P, R and Q, slabs on I, a bar on J."""
_FE_FORMS = "1=long 3=round 4=open 5=square 6=open 9=open A=flat G=bar K=branch M=half"


def _german() -> tuple[StrokeStyle, ...]:
    widths = dict.fromkeys("023456789", 0.94) | {"1": 0.68, "I": 0.62, "M": 1.08, "W": 1.16}
    look: dict[str, Any] = {"shapes": _FE_SHAPES, "even": True, "side_bearing": 0.06}
    return (
        _style(0.630, 0.140, 0.80, _FE_FORMS, widths=widths, **look),
        _style(0.540, 0.132, 0.85, _FE_FORMS, widths=widths, **look),
        _style(0.615, 0.150, 0.75, _FE_FORMS + " 3=flat 1=flag", widths=widths, **look),
    )


def _din() -> tuple[StrokeStyle, ...]:
    forms = "4=open 6=open 9=open G=bar J=plain Q=inner"
    return (
        _style(0.57, 0.145, 1.0, forms),
        _style(0.42, 0.130, 1.0, forms),
        _style(0.54, 0.125, 0.95, "4=tall 6=curved 3=flat Q=crossed"),
        _style(0.60, 0.150, 0.9, "4=closed 6=open 9=open A=flat M=full R=steep"),
    )


def _british() -> tuple[StrokeStyle, ...]:
    look: dict[str, Any] = {"even": True, "side_bearing": 0.07, "params": {"t": 0.27, "h": 0.72}}
    return (
        _style(0.633, 0.172, 0.85, "1=bar 4=closed A=flat R=steep Q=crossed W=half", **look),
        _style(0.633, 0.177, 0.75, "1=flag 4=closed A=pointed R=diagonal M=half", **look),
        _style(0.72, 0.165, 0.85, "1=hook 4=closed A=flat R=steep W=full", **look),
        _style(0.58, 0.165, 0.6, "1=bar 3=round 4=closed A=flat R=bent G=corner", **look),
    )


def _czech() -> tuple[StrokeStyle, ...]:
    return (
        _style(0.52, 0.118, 0.62, "1=flag 3=round 4=closed 6=straight A=flat M=half W=half", even=True, tall=1.0),
        _style(0.58, 0.130, 0.85, "1=flag 3=flat 4=tall 6=open A=pointed G=bar", even=True),
        _style(0.55, 0.135, 0.70, "1=long 3=round 4=closed 6=curved A=flat G=spur Q=inner", even=True),
    )


def _french() -> tuple[StrokeStyle, ...]:
    return (
        _style(0.58, 0.130, 0.95, "1=flag 4=closed 6=curved G=bar M=half", even=True),
        _style(0.62, 0.145, 0.85, "1=hook 4=closed 6=open A=flat R=steep", even=True, round_caps=True),
        _style(0.50, 0.125, 1.0, "1=long 4=open 6=curved M=full"),
    )


def _spanish() -> tuple[StrokeStyle, ...]:
    return (
        _style(0.56, 0.112, 0.75, "1=flag 3=round 4=closed 5=square 6=curved J=plain", even=True),
        _style(0.60, 0.125, 0.9, "1=long 3=flat 4=closed 6=open J=barred", even=True),
    )


def _italian() -> tuple[StrokeStyle, ...]:
    return (
        _style(0.66, 0.112, 1.0, "1=flag 3=round 4=closed 6=curved A=pointed M=full W=full", tall=1.0),
        _style(0.62, 0.125, 0.9, "1=hook 4=closed 6=curved A=flat M=half G=bar"),
    )


def _polish() -> tuple[StrokeStyle, ...]:
    widths = {"0": 0.84, "O": 1.04}
    return (
        _style(0.60, 0.112, 0.95, "1=long 3=round 4=closed 6=straight 9=straight K=branch M=half", widths=widths),
        _style(0.56, 0.120, 0.9, "1=long 3=flat 4=closed 6=straight 9=straight", widths=widths),
    )


def _dutch() -> tuple[StrokeStyle, ...]:
    return (
        _style(0.60, 0.130, 0.9, "1=flag 4=closed 6=curved J=barred", even=True),
        _style(0.56, 0.125, 0.6, "1=foot 3=flat 4=tall 6=open I=slab J=barred", even=True),
        _style(0.62, 0.145, 1.0, "1=hook 4=closed 6=open R=steep", even=True, round_caps=True),
    )


_SERIFS = ("1=foot 2=ticked 4=footed 5=ticked 7=serif E=ticked F=ticked J=topped L=ticked T=ticked Z=ticked I=slab"
           " G=spur")
"""Virginia's dies: arms end in ticks that nearly close an E to a B."""


def _american() -> tuple[StrokeStyle, ...]:
    """Embossed figures of the states; the 4 of most dies is open above, its bar low and its stem short."""
    caps: dict[str, Any] = {"round_caps": True, "even": True, "side_bearing": 0.08}
    return (
        _style(0.50, 0.120, 0.75, "1=flag 3=round 4=die 6=curved I=slab G=spur M=half", **caps),
        _style(0.56, 0.130, 0.95, "1=foot 3=flat 4=die 6=open I=slab W=half", **caps),
        _style(0.60, 0.140, 0.6, "1=bar 3=round 4=closed I=slab G=bar Q=outer", **caps),
        _style(0.53, 0.135, 1.0, "1=flag 4=die 6=straight I=slab 7=curved", even=True, soft=0.02),
        _style(0.54, 0.125, 0.55, "0=slashed 1=slab 3=round 4=die I=slab R=bent", **caps),
        _style(0.58, 0.115, 0.9, "1=hook 3=round 4=closed G=corner J=barred I=slab", even=True),
        _style(0.50, 0.110, 0.95, _SERIFS, even=True, contrast=1.2, soft=0.012, side_bearing=0.08),
    )


def _american_narrow() -> tuple[StrokeStyle, ...]:
    caps: dict[str, Any] = {"round_caps": True, "even": True, "side_bearing": 0.07}
    return (
        _style(0.40, 0.105, 0.85, "1=flag 3=round 4=die 6=curved I=slab", **caps),
        _style(0.44, 0.115, 0.7, "1=foot 3=flat 4=die 6=open I=slab W=full", **caps),
        _style(0.42, 0.120, 1.0, "1=hook 4=die 6=straight I=slab", even=True, soft=0.02),
        _style(0.38, 0.098, 0.85, "1=bar 3=round 4=closed I=slab G=spur", **caps),
        _style(0.42, 0.100, 0.95, _SERIFS + " M=half W=half", even=True, contrast=1.2, soft=0.012, side_bearing=0.07),
    )


def _latin() -> tuple[StrokeStyle, ...]:
    broad = dict.fromkeys("023456789", 0.72)
    return (
        _style(0.72, 0.150, 0.8, "1=bar 4=closed A=flat R=steep G=corner", even=True, widths=broad, tall=1.0),
        _style(0.66, 0.155, 0.9, "1=flag 4=closed A=flat G=spur", even=True, widths=dict.fromkeys(broad, 0.85)),
        _style(0.50, 0.115, 0.8, "1=flag 3=round 4=closed 6=curved A=flat", even=True),
        _style(0.46, 0.125, 0.95, "1=hook 3=flat 4=open 6=open", even=True, soft=0.015),
    )


def _argentine() -> tuple[StrokeStyle, ...]:
    """Narrow letters and figures of the plates of 1995 to 2016, widely set; 1 and I on feet, 4 with an arched or blunt
    top and a low bar."""
    low = {"params": {"h": 0.78, "x": 0.80}, "even": True, "side_bearing": 0.05}
    return (
        _style(0.42, 0.112, 0.85, "1=foot 3=round 4=arched 6=curved I=slab A=flat J=plain", soft=0.015, **low),
        _style(0.46, 0.122, 0.75, "1=flag 3=round 4=low 6=curved I=slab A=flat G=bar", soft=0.02, **low),
        _style(0.40, 0.128, 0.95, "1=slab 3=flat 4=arched 6=open I=slab A=flat E=even", **low),
        _style(0.50, 0.130, 0.80, "1=foot 3=round 4=low 6=straight I=plain A=pointed M=full", **low),
        _style(0.43, 0.120, 0.85, "1=foot 3=round 4=blunt 6=curved I=slab A=flat J=plain", soft=0.015, **low),
        _style(0.47, 0.130, 0.80, "1=foot 3=round 4=blunt 6=curved I=slab A=flat G=bar", **low),
    )


def _nordic() -> dict[str, tuple[StrokeStyle, ...]]:
    return {
        "be": (_style(0.52, 0.130, 0.95, "1=long 4=closed 6=curved M=half", even=True),
               _style(0.48, 0.125, 0.7, "1=flag 4=closed 6=open A=flat", even=True, round_caps=True)),
        "no": (_style(0.60, 0.125, 0.85, "1=flag 4=closed 6=curved G=bar", even=True),
               _style(0.56, 0.140, 0.6, "1=hook 3=flat 4=closed 6=curved A=flat", even=True)),
        "se": (_style(0.58, 0.125, 0.9, "1=flag 4=closed 6=open M=half", even=True),
               _style(0.54, 0.145, 1.0, "1=long 3=round 4=closed 6=curved R=steep", even=True)),
    }


def national_styles() -> dict[str, tuple[StrokeStyle, ...]]:
    """Family -> its styles, the most usual first."""
    return {
        "fe": _german(), "din1451": _din(), "mandatory": _british(), "cz": _czech(), "fr": _french(),
        "es": _spanish(), "it": _italian(), "pl": _polish(), "nl": _dutch(), "us": _american(),
        "us-narrow": _american_narrow(), "latin": _latin(), "ar": _argentine(), **_nordic(),
    }
