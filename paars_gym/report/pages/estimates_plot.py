"""A plot of any estimates: points with their intervals, and marks where a faultless population would lie."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from paars_gym.estimate import Detail, Estimate
from paars_gym.report.pages.drawing import COLOURS, GREY, WIDTH, draw, label_of, points, with_ends
from paars_gym.report.pages.page import PagePlot, PageTable, csv_of
from paars_gym.report.paper import IN_KIND


def estimates_plot(
    estimates: Sequence[tuple[str, Estimate]],
    *,
    title: str,
    note: str = "",
    paper: Mapping[str, float] = {},
    compares: str = "",
) -> PagePlot:
    """Points with intervals, one below the other.

    Args:
        estimates: Name and estimate, all of one unit. Those without a value stand in the table only.
        title: Above it.
        note: Put after the words.
        paper: The paper's values by name: in the words, and as hollow points where they compare.
        compares: Whether they do, and why.
    """
    beside = dict(paper) if compares.startswith(IN_KIND) else {}
    known = [(name, one) for name, one in estimates if one.value is not None]
    values = [
        {"place": place, "of": label_of(name), **with_ends(one), "floor": one.floor}
        for place, (name, one) in enumerate(known)
    ]
    values += [{"place": len(known) + place, "paper": value} for place, value in enumerate(beside.values())]
    unit = next((one.unit for _, one in known), "")
    x: dict[str, Any] = {
        "type": "quantitative",
        "title": unit or None,
        "axis": {"tickCount": 5},
        "scale": {"zero": False},
    }
    labels = [label_of(name) for name in (*(name for name, _ in known), *beside)]
    # Rows that are called alike are still rows of their own: they lie at their places and are labelled by name.
    names = {"labelExpr": f"{_texts(labels)}[datum.value]", "grid": True}
    floor = {"x": {"field": "floor", **x}, "color": {"value": COLOURS[0]}}
    spec = {
        "width": WIDTH - 20,
        "height": {"step": 22},
        "data": {"values": values},
        "encoding": {"y": {"field": "place", "type": "ordinal", "title": None, "axis": names}},
        "layer": [
            *({**layer, "mark": {**layer["mark"], "color": COLOURS[1]}} for layer in points("x", x)),
            *([{"mark": {"type": "tick", "thickness": 3, "size": 13}, "encoding": floor}] if _has_floor(known) else []),
            *([{"mark": HOLLOW, "encoding": {"x": {"field": "paper", **x}}}] if beside else []),
        ],
    }
    rows = [["", "estimate", "95% interval", "floor", "verdict"]]
    rows += [[name, _three(one.value), _ends(one), _three(one.floor), one.verdict] for name, one in estimates]
    rows += [[name, _three(value), "", "", ""] for name, value in paper.items()]
    numbers: list[dict[str, Detail]] = [{"name": name, **one.to_dict()} for name, one in estimates]
    numbers += [{"name": name, "value": value} for name, value in paper.items()]
    told = "; ".join(f"{name} {one}".strip() for name, one in known[:MOST_TOLD])
    more = f"; and {len(known) - MOST_TOLD} more" if len(known) > MOST_TOLD else ""
    papers = ", ".join(f"{name.removeprefix('paper').strip(' (),LM')} {value:g}" for name, value in paper.items())
    said = f" The paper's values: {papers}. Beside these? {compares}" if papers else ""
    floors = " Blue marks: the floor." if _has_floor(known) else ""
    text = f"Points with intervals: {told}{more}.{floors}{said}{note}"
    return PagePlot(title, draw(spec), text, PageTable.of(title, rows, csv=csv_of(numbers)), wide=True)


HOLLOW = {"type": "point", "shape": "diamond", "size": 70, "filled": False, "color": GREY}
"""Marks of the paper's values."""
MOST_TOLD = 12
"""Estimates that the words beside a plot tell."""


def _has_floor(known: Sequence[tuple[str, Estimate]]) -> bool:
    return any(one.floor is not None for _, one in known)


def _texts(labels: Sequence[str]) -> str:
    """The labels as a list in Vega's expression language, whose texts are written as JavaScript's are."""
    return json.dumps(list(labels))


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ends(estimate: Estimate) -> str:
    return "" if estimate.interval is None else f"{_three(estimate.low)} to {_three(estimate.high)}"
