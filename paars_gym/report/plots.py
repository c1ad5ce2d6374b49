"""Plots of a report as SVG, drawn by Vega-Lite (vl-convert): histograms, distances with floors, forest plots.

Colours of the light scheme stand in the pictures; the style sheet of the page puts those of the dark one in their
place. Without the extra ``report`` a plot has its words and its numbers, and no picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from paars_gym.alignment.report import Histogram, Measure
from paars_gym.estimate import Detail, Estimate
from paars_gym.printable import clean
from paars_gym.report.page import PagePlot, PageTable, csv_of

COLOURS = ("#2f6db3", "#d2691e", "#6b8e4e", "#8a63a8")
"""Of people, agents, the baseline and a further population; also in ``templates/style.css``."""
INK, LINES = "#222222", "#d9d9d9"
WIDTH, HEIGHT = 290, 150
LONGEST_LABEL = 30
INSTALL = "Pictures need the extra report: python -m pip install 'paars_gym[report]'. The numbers stand below."


def can_draw() -> bool:
    """Whether the plotting library is installed."""
    return find_spec("vl_convert") is not None


def counts_plot(histogram: Histogram, names: Mapping[str, str]) -> PagePlot:
    """Share of sessions by how many searches, views or purchases they have.

    Args:
        histogram: Sessions in each bin, by role.
        names: How the plot calls each role, in order.
    """
    of = histogram.of
    columns = {names[role]: histogram.counts[role] for role in names}
    return shares_plot(f"{of.capitalize()} in a session", of, histogram.bins, columns)


def shares_plot(title: str, of: str, bins: Sequence[str], columns: Mapping[str, Sequence[float]]) -> PagePlot:
    """Bars side by side: shares of each population by bin, up to the last bin that anybody uses.

    Args:
        title: Above it.
        of: What is counted.
        bins: Names of the bins.
        columns: Counts in each bin, by population.
    """
    totals = {who: sum(counts) or 1.0 for who, counts in columns.items()}
    last = max((place for counts in columns.values() for place, count in enumerate(counts) if count), default=0)
    bins = bins[: last + 1]
    shares = {who: [count / totals[who] for count in counts[: last + 1]] for who, counts in columns.items()}
    values = [
        {"bin": label, "share": share, "who": _label(who)}
        for who, column in shares.items()
        for label, share in zip(bins, column, strict=True)
    ]
    order = [_label(who) for who in columns]
    x = {"field": "bin", "type": "ordinal", "sort": list(bins), "title": title.lower()}
    spec = {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": values},
        "mark": {"type": "bar"},
        "encoding": {
            "x": {**x, "axis": {"labelAngle": 0, "labelOverlap": True, "grid": False}},
            "xOffset": {"field": "who", "sort": order},
            "y": {"field": "share", "type": "quantitative", "title": None, "axis": {"format": "%", "tickCount": 4}},
            "color": _colour(order),
        },
    }
    rows = [[title, *columns]]
    rows += [[label, *(f"{shares[who][place]:.1%}" for who in columns)] for place, label in enumerate(bins)]
    numbers: list[dict[str, Detail]] = [
        {of: label, **{who: shares[who][place] for who in columns}} for place, label in enumerate(bins)
    ]
    table = PageTable.of(f"Shares by {of}", rows, csv=csv_of(numbers))
    most = [f"{who} most often {bins[max(range(last + 1), key=shares[who].__getitem__)]}" for who in columns]
    return PagePlot(title, _drawn(spec), f"Bars: shares by {of}; {'; '.join(most)}.", table)


def distances_plot(measures: Sequence[Measure], names: Mapping[str, str], *, title: str, unit: str) -> PagePlot:
    """Distances from people, each with its interval, beside what people show among themselves.

    Args:
        measures: Of one metric.
        names: How the plot calls each population, in order.
        title: Above it.
        unit: Of the distances.
    """
    shown = [one for one in measures if one.population in names and one.estimate.value is not None]
    order, things = [_label(name) for name in names.values()], list(dict.fromkeys(one.of for one in shown))
    values = [
        {
            "of": _label(one.of),
            "who": _label(names[one.population]),
            "value": one.estimate.value,
            "low": one.estimate.low if one.estimate.low is not None else one.estimate.value,
            "high": one.estimate.high if one.estimate.high is not None else one.estimate.value,
            "floor": one.estimate.floor,
        }
        for one in shown
    ]
    y = {"field": "of", "type": "ordinal", "sort": [_label(of) for of in things], "title": None, "axis": {"grid": True}}
    offset = {"field": "who", "sort": order}
    x = {"type": "quantitative", "title": f"distance from people, {unit}"}
    spec = {
        "width": WIDTH - 30,
        "height": {"step": 13 if len(names) > 1 else 22},
        "data": {"values": values},
        "encoding": {"y": y, "yOffset": offset, "color": _colour(order, first=1)},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {"x": {"field": "value", **x}},
            },
            {
                "mark": {"type": "tick", "thickness": 3, "size": 13, "color": COLOURS[0]},
                "encoding": {"x": {"field": "floor", **x}, "color": {"value": COLOURS[0]}},
            },
        ],
    }
    rows = [["", "whose", "distance", "95% interval", "people among themselves", "verdict"]]
    rows += [
        [one.of, names[one.population], _three(one.estimate.value), _ends(one.estimate), _three(one.estimate.floor),
         one.estimate.verdict] for one in shown
    ]  # fmt: skip
    numbers = [{"of": one.of, "population": one.population, **one.estimate.to_dict()} for one in shown]
    differ = [one for one in shown if one.estimate.verdict == "differs"]
    text = (
        f"Points with intervals: distance from people in {unit}, of {', '.join(things)}; blue marks: what people show "
        f"among themselves. {len(differ)} of {len(shown)} differ beyond chance."
    )
    return PagePlot(title, _drawn(spec), text, PageTable.of(title, rows, csv=csv_of(numbers)), wide=True)


def effects_plot(effects: Sequence[tuple[str, Estimate]], *, title: str) -> PagePlot:
    """Relative changes with their intervals around zero: a forest plot.

    Args:
        effects: Name and relative change.
        title: Above it.
    """
    known = [(name, one) for name, one in effects if one.value is not None]
    values = [
        {
            "of": _label(name),
            "value": one.value,
            "low": one.low if one.low is not None else one.value,
            "high": one.high if one.high is not None else one.value,
            "sure": "told apart from no change" if _sure(one) else "not told apart",
        }
        for name, one in known
    ]
    y = {"field": "of", "type": "ordinal", "sort": [_label(name) for name, _ in known], "title": None}
    x = {"type": "quantitative", "title": "relative change", "axis": {"format": "+%", "tickCount": 5}}
    colour = {
        "field": "sure",
        "type": "nominal",
        "scale": {"domain": ["told apart from no change", "not told apart"], "range": [COLOURS[1], "#777777"]},
        "legend": {"title": None, "orient": "top", "columns": 1, "labelLimit": 260},
    }
    spec = {
        "width": WIDTH - 20,
        "height": {"step": 24},
        "data": {"values": values},
        "encoding": {"y": y, "color": colour},
        "layer": [
            {
                "mark": {"type": "rule", "color": INK},
                "encoding": {"x": {"datum": 0, **x}, "y": None, "color": {"value": INK}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"x": {"field": "value", **x}},
            },
        ],
    }
    rows = [["outcome", "relative change", "interval"]]
    rows += [[name, _percent(one.value), _percent_ends(one)] for name, one in effects]
    numbers = [{"outcome": name, **one.to_dict()} for name, one in effects]
    sure = [f"{name} {_percent(one.value)}" for name, one in known if _sure(one)]
    text = (
        f"Points with intervals around zero: {', '.join(sure) or 'nothing'} told apart from no change, of {len(known)}."
    )
    return PagePlot(title, _drawn(spec), text, PageTable.of(title, rows, csv=csv_of(numbers)), wide=True)


def _with_ends(x: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Layers of points with their intervals."""
    return [
        {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}}},
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {"x": {"field": "value", **x}},
        },
    ]


def _sure(estimate: Estimate) -> bool:
    return estimate.interval is not None and 0.0 not in estimate.interval


def _colour(order: Sequence[str], *, first: int = 0) -> dict[str, Any]:
    colours = [COLOURS[(first + place) % len(COLOURS)] for place in range(len(order))]
    legend = {"title": None, "orient": "top", "columns": 1, "labelLimit": 260}
    return {"field": "who", "type": "nominal", "sort": list(order), "scale": {"domain": list(order), "range": colours},
            "legend": legend}  # fmt: skip


_CONFIG = {
    "background": None,
    "padding": {"left": 8, "right": 8, "top": 5, "bottom": 5},
    "font": "Arial, Helvetica, Liberation Sans, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "domainColor": LINES, "tickColor": LINES, "gridColor": LINES,
        "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 190,
    },
    "legend": {"labelColor": INK, "labelFontSize": 11},
}  # fmt: skip


def _drawn(spec: dict[str, Any]) -> str:
    if not can_draw() or not spec["data"]["values"]:
        return ""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg({**spec, "config": _CONFIG})
    return drawn


def _label(text: str) -> str:
    text = " ".join(clean(text).split())
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ends(estimate: Estimate) -> str:
    return "" if estimate.interval is None else f"{_three(estimate.low)} to {_three(estimate.high)}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1%}"


def _percent_ends(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return estimate.note
    return f"{estimate.low:+.1%} to {estimate.high:+.1%}"
