"""Plots of populations: histograms side by side, distances from people with their floors, similarity by difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paars_gym.alignment.report import Histogram, Measure
from paars_gym.estimate import Detail, Estimate
from paars_gym.report.pages.drawing import COLOURS, HEIGHT, WIDTH, colours_of, draw, label_of, points, with_ends
from paars_gym.report.pages.page import PagePlot, PageTable, csv_of


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
        {"bin": label, "share": share, "who": label_of(who)}
        for who, column in shares.items()
        for label, share in zip(bins, column, strict=True)
    ]
    order = [label_of(who) for who in columns]
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
            "color": colours_of(order),
        },
    }
    rows = [[title, *columns]]
    rows += [[label, *(f"{shares[who][place]:.1%}" for who in columns)] for place, label in enumerate(bins)]
    numbers: list[dict[str, Detail]] = [
        {of: label, **{who: shares[who][place] for who in columns}} for place, label in enumerate(bins)
    ]
    table = PageTable.of(f"Shares by {of}", rows, csv=csv_of(numbers))
    most = [f"{who} most often {bins[max(range(last + 1), key=shares[who].__getitem__)]}" for who in columns]
    return PagePlot(title, draw(spec), f"Bars: shares by {of}; {'; '.join(most)}.", table)


def distances_plot(measures: Sequence[Measure], names: Mapping[str, str], *, title: str, unit: str) -> PagePlot:
    """Distances from people, each with its interval, beside what people show among themselves.

    Args:
        measures: Of one metric.
        names: How the plot calls each population, in order.
        title: Above it.
        unit: Of the distances.
    """
    shown = [one for one in measures if one.population in names and one.estimate.value is not None]
    order, things = [label_of(name) for name in names.values()], list(dict.fromkeys(one.of for one in shown))
    values = [
        {
            "of": label_of(one.of),
            "who": label_of(names[one.population]),
            **with_ends(one.estimate),
            "floor": one.estimate.floor,
        }
        for one in shown
    ]
    sort = [label_of(of) for of in things]
    x = {"type": "quantitative", "title": f"distance from people, {unit}"}
    floors = {"x": {"field": "floor", **x}, "color": {"value": COLOURS[0]}}
    spec = {
        "width": WIDTH - 30,
        "height": {"step": 13 if len(names) > 1 else 22},
        "data": {"values": values},
        "encoding": {
            "y": {"field": "of", "type": "ordinal", "sort": sort, "title": None, "axis": {"grid": True}},
            "yOffset": {"field": "who", "sort": order},
            "color": colours_of(order, first=1),
        },
        "layer": [
            *points("x", x),
            {"mark": {"type": "tick", "thickness": 3, "size": 13, "color": COLOURS[0]}, "encoding": floors},
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
    return PagePlot(title, draw(spec), text, PageTable.of(title, rows, csv=csv_of(numbers)), wide=True)


def strata_plot(strata: Sequence[tuple[str, str, Estimate]], *, title: str, of: str) -> PagePlot:
    """A number of each shopper by stratum, with intervals: Figure 2 of the paper.

    Args:
        strata: Shopper, stratum, and the estimate.
        title: Above it.
        of: What is measured.
    """
    order = list(dict.fromkeys(label_of(who) for who, _, _ in strata))
    values = [
        {"who": label_of(who), "stratum": label_of(stratum), **with_ends(one)}
        for who, stratum, one in strata
        if one.value is not None
    ]
    y = {"type": "quantitative", "title": of, "scale": {"zero": False}}
    spec = {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": values},
        "encoding": {
            "x": {"field": "stratum", "type": "ordinal", "sort": None, "title": None, "axis": {"labelAngle": 0}},
            "xOffset": {"field": "who", "sort": order},
            "color": colours_of(order, first=1),
        },
        "layer": points("y", y),
    }
    rows = [["shopper", "stratum", of, "95% interval"]]
    rows += [[who, stratum, _three(one.value), _ends(one)] for who, stratum, one in strata]
    numbers = [{"shopper": who, "stratum": stratum, **one.to_dict()} for who, stratum, one in strata]
    text = f"Points with intervals: {of} of {len(order)} shoppers by difficulty."
    return PagePlot(title, draw(spec), text, PageTable.of(title, rows, csv=csv_of(numbers)), wide=True)


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ends(estimate: Estimate) -> str:
    return "" if estimate.interval is None else f"{_three(estimate.low)} to {_three(estimate.high)}"
