"""Drawing by Vega-Lite (vl-convert): colours, sizes and what all plots of a page share.

Colours of the light scheme stand in the pictures; the style sheet of the page puts those of the dark one in their
place. Without the extra ``report`` a plot has its words and its numbers, and no picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from paars_gym.estimate import Estimate
from paars_gym.printable import clean

COLOURS = ("#2f6db3", "#d2691e", "#6b8e4e", "#8a63a8")
"""Of people, agents, the baseline and a further population; also in ``templates/style.css``."""
INK, LINES, GREY = "#222222", "#d9d9d9", "#777777"
WIDTH, HEIGHT = 290, 150
LONGEST_LABEL = 30
INSTALL = "Pictures need the extra report: python -m pip install 'paars_gym[report]'. The numbers stand below."


def can_draw() -> bool:
    """Whether the plotting library is installed."""
    return find_spec("vl_convert") is not None


_CONFIG = {
    "background": None,
    "padding": {"left": 14, "right": 8, "top": 5, "bottom": 5},
    "font": "Arial, Helvetica, Liberation Sans, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "domainColor": LINES, "tickColor": LINES, "gridColor": LINES,
        "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 190,
    },
    "legend": {"labelColor": INK, "labelFontSize": 11},
}  # fmt: skip


def draw(spec: dict[str, Any]) -> str:
    """A Vega-Lite specification as SVG; empty without data, or without the library."""
    if not can_draw() or not spec["data"]["values"]:
        return ""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg({**spec, "config": _CONFIG})
    return drawn


def label_of(text: str) -> str:
    """A name on one line, short enough for a plot."""
    text = " ".join(clean(text).split())
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def colours_of(order: Sequence[str], *, first: int = 0) -> dict[str, Any]:
    """The encoding of the field ``who`` as colours, with a legend.

    Args:
        order: The populations.
        first: Place of the first one's colour in `COLOURS`.
    """
    colours = [COLOURS[(first + place) % len(COLOURS)] for place in range(len(order))]
    scale = {"domain": list(order), "range": colours}
    return {"field": "who", "type": "nominal", "sort": list(order), "scale": scale, "legend": LEGEND}


LEGEND = {"title": None, "orient": "top", "columns": 1, "labelLimit": 260}


def with_ends(estimate: Estimate) -> dict[str, float | None]:
    """Value, low and high of an estimate; both ends at the value where there is no interval."""
    value = estimate.value
    low, high = (value if end is None else end for end in (estimate.low, estimate.high))
    return {"value": value, "low": low, "high": high}


def points(axis: str, scale: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Layers of points with their intervals, of data `with_ends`.

    Args:
        axis: ``x`` or ``y``, along which they lie.
        scale: The rest of that axis's encoding.
    """
    ends = {axis: {"field": "low", **scale}, f"{axis}2": {"field": "high"}}
    return [
        {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": ends},
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {axis: {"field": "value", **scale}},
        },
    ]
