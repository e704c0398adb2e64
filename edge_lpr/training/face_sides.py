"""The faces in two halves that share none, so that plates can be tested in faces that no training saw.

The `source` side has the faces of American plates, parametric faces drawn anew for each plate, and half of the
installed fonts; the `target` side has our faces of all other countries and the other half of the fonts. Which half a
font file is in hangs on its name alone.
"""

from __future__ import annotations

import zlib
from functools import lru_cache, partial

from numpy.random import Generator

from edge_lpr.recognition.plate_format import Look
from edge_lpr.training.faces import ANY, FIRST_FAMILY_SHARE, OWN_SHARE, face_table, stroke_face
from edge_lpr.training.glyphs import Face, FontFace, StrokeFace
from edge_lpr.training.plates import FaceChoice

SIDES = ("all", "source", "target")
SOURCE_FAMILIES = frozenset({"us", "us-narrow", "latin"})
FRESH_SHARE = 0.5
"""Share of newly drawn parametric faces on the source side."""


def faces_of(side: str) -> FaceChoice | None:
    """What picks the faces of a plate on a side; None (the usual choice) for 'all'. ValueError for another word."""
    if side not in SIDES:
        raise ValueError(f"faces: {side!r} is not one of {', '.join(SIDES)}")
    return None if side == "all" else partial(_choose, side=side)


def side_of(face: Face) -> str:
    """The side that a face is on."""
    if isinstance(face, FontFace):
        return ("source", "target")[zlib.crc32(face.path.name.encode()) % 2]
    return "source" if face.family in SOURCE_FAMILIES or face.family == ANY else "target"


def _choose(look: Look, rng: Generator, side: str) -> Face:
    if side == "source" and rng.random() < FRESH_SHARE:
        return stroke_face(rng)
    family = ANY
    for candidate in look.faces:
        family = candidate
        if rng.random() < FIRST_FAMILY_SHARE:
            break
    own, fonts = _groups(family, side)
    if not own and not fonts:
        own, fonts = _groups(ANY, side)
    group = own if own and (not fonts or rng.random() < OWN_SHARE) else fonts
    return group[int(rng.integers(len(group)))]


@lru_cache(maxsize=64)
def _groups(family: str, side: str) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """Our own faces and the fonts of a family that are on a side."""
    faces = [face for face in face_table().get(family, ()) if side_of(face) == side]
    own = tuple(face for face in faces if isinstance(face, StrokeFace))
    return own, tuple(face for face in faces if not isinstance(face, StrokeFace))
