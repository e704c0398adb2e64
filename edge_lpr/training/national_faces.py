"""Stroke styles of national plate faces that no font package has. Drawn from scratch after the look of real plates."""

from __future__ import annotations

from collections.abc import Mapping

from edge_lpr.training.stroke_shapes import BASE_PARAMS, usual_shapes, usual_widths
from edge_lpr.training.strokes import StrokeStyle


def _style(forms: Mapping[str, str] | None = None, params: Mapping[str, float] | None = None,
           shapes: Mapping[str, str] | None = None, widths: Mapping[str, float] | None = None,
           **look: float) -> StrokeStyle:
    named = dict(forms or {})
    return StrokeStyle(params={**BASE_PARAMS, **(params or {})},
                       shapes={**usual_shapes(**named), **(shapes or {})},
                       widths={**usual_widths(**named), **(widths or {})}, **look)  # type: ignore[arg-type]


def national_styles() -> dict[str, tuple[StrokeStyle, ...]]:
    """Family -> its styles before jitter."""
    return {
        "din1451": (
            _style({"_4": "open", "_6": "open", "_9": "open", "G": "bar", "M": "half"}, width=0.56, stroke=0.145, round_x=0.21, round_y=0.23),
            _style({"_4": "open", "_6": "open", "_9": "open"}, width=0.40, stroke=0.13, round_x=0.14, round_y=0.16),
        ),
    }
