"""Where the trained networks lie: a source checkout, an editable install and a wheel keep them in different places."""

from __future__ import annotations

import os
from pathlib import Path

from edge_lpr.errors import NetworkError

ENVIRONMENT = "EDGE_LPR_ENGINES"
PACKAGE = Path(__file__).resolve().parent


def engine_folder() -> Path:
    """The folder that holds one folder per network (`lpdnet/`, `lprnet/`), each with its `card.json`.

    The first of: the folder that EDGE_LPR_ENGINES names; `engines/` beside the package (a checkout or an editable
    install); the copy inside an installed wheel. Raises NetworkError when the named folder, or all of them, are absent.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        if not Path(named).is_dir():
            raise NetworkError(f"{ENVIRONMENT} names {named}, which is not a folder")
        return Path(named)
    places = (PACKAGE.parent / "engines", PACKAGE / "_engines")
    for place in places:
        if any(place.glob("*/card.json")):
            return place
    looked = " or ".join(str(place) for place in places)
    raise NetworkError(f"no trained networks in {looked}; set {ENVIRONMENT} to the folder that holds them")
