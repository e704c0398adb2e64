"""Which free fonts come near which national plate face: family -> font name -> widths it is scaled to."""

from __future__ import annotations

from collections.abc import Mapping

Widths = tuple[float, ...]

_NARROW: Mapping[str, Widths] = {
    "RobotoCondensed-Regular": (1.0,), "RobotoCondensed-Medium": (1.0, 0.9), "NimbusSansNarrow-Regular": (1.0,),
    "NimbusSansNarrow-Bold": (1.0,), "texgyreheroscn-bold": (1.0,),
}
_ROUND: Mapping[str, Widths] = {
    "Mplus1-Medium": (0.85, 0.95), "Mplus1-SemiBold": (0.85,), "Roboto-Medium": (0.85, 0.95),
    "ClearSans-Medium": (0.85,), "OpenSans-Semibold": (0.85,), "NationalPark-Regular": (0.9,),
}
_ROAD: Mapping[str, Widths] = {"RG2014B": (1.0, 1.15), "RG2014C": (1.0, 0.9), "RG2014D": (1.0, 0.85)}

FAMILY_FONTS: Mapping[str, Mapping[str, Widths]] = {
    "fe": {"OSP-DIN": (1.15, 1.3), "osifont": (0.95, 1.05), "B612Mono-Bold": (0.85,), "allerta_stencil": (0.85,),
           "RG2014D": (0.95,)},
    "din1451": {"OSP-DIN": (1.0, 0.9, 1.15), "osifont": (0.9, 1.0), "RG2014C": (1.0,), "RG2014D": (0.95,),
                "B612-Bold": (0.8,), **_NARROW},
    "mandatory": {"RG2014E": (0.8,), "RG2014EM": (0.75,), "Roboto-Bold": (0.85, 0.95), "NimbusSans-Bold": (0.8,),
                  "LiberationSans-Bold": (0.8, 0.9), "InterDisplay-Bold": (0.8,), "Manrope-Bold": (0.8,),
                  "GilliusADF-Bold": (0.9,), "SwitzeraADF-Bold": (0.85,)},
    "cz": {"Play-Regular": (0.8, 0.9), "Play-Bold": (0.75,), "osifont": (0.9,), "GemunuLibre-Medium": (1.1,),
           **_NARROW, "Roboto-Medium": (0.85,)},
    "fr": {**_NARROW, **_ROUND, "RG2014D": (0.95,), "DejaVuSansCondensed-Bold": (0.8,)},
    "es": {"osifont": (0.9, 1.0), "RobotoCondensed-Regular": (1.0, 1.1), "Roboto-Medium": (0.85,),
           "NimbusSans-Regular": (0.8,), "GilliusADF-Regular": (0.9,), **_ROUND},
    "it": {**_ROUND, "Roboto-Regular": (0.95,), "NimbusSans-Regular": (0.85, 0.95), "Mplus2-Medium": (0.95,),
           "InterDisplay-Medium": (0.9,)},
    "pl": {**_ROUND, "osifont": (0.95, 1.05), "OCRB": (0.9,), "Lato-Semibold": (0.9,)},
    "nl": {**_ROUND, **_NARROW, "RG2014D": (0.95,), "B612-Regular": (0.8,), "OCRB": (0.9,)},
    "be": {**_NARROW, "OSP-DIN": (1.0, 1.1), "RG2014C": (1.0,), "osifont": (0.9,)},
    "no": {**_ROUND, "osifont": (0.95,), "RG2014D": (0.9,), "B612-Regular": (0.8,)},
    "se": {**_ROUND, **_NARROW, "RG2014D": (0.9,)},
    "us": {**_ROAD, "NationalPark-Regular": (0.75, 0.85), "NationalPark-Heavy": (0.75,), "Quicksand-Bold": (0.75,),
           "routed-gothic-narrow": (0.75, 0.9), "routed-gothic": (0.65, 0.75), "BebasNeue-Regular": (1.1,),
           "BebasNeue-Bold": (1.1,), "Mplus1-Medium": (0.75,), "OSP-DIN": (1.1,), "Comfortaa-Bold": (0.7,),
           "osifont": (0.85,)},
    "us-narrow": {"RG2014B": (0.85, 1.0), "BebasNeue-Regular": (0.9, 1.0), "BebasNeue-Bold": (1.0,),
                  "YanoneKaffeesatz-SemiBold": (0.95,), "YanoneKaffeesatz-Medium": (1.0,), "OSP-DIN": (0.8, 0.9),
                  "routed-gothic-narrow": (0.6, 0.7), "NationalPark-Regular": (0.62,)},
    "latin": {"RG2014E": (0.85, 1.0), "RG2014EM": (0.85,), "RG2014C": (1.0,), "Roboto-Bold": (0.9, 1.05),
              "NimbusSans-Bold": (0.85, 1.0), "DejaVuSans-Bold": (0.8,), "Inter-SemiBold": (0.85,),
              "osifont": (0.9,), "LiberationSans-Bold": (0.9,)},
}
