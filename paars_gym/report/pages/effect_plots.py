"""Plots of effects: forest plots, and simulated effects over those of people."""

from __future__ import annotations

from collections.abc import Sequence

from paars_gym.abtest.estimate import is_told
from paars_gym.estimate import Estimate
from paars_gym.report.pages.drawing import COLOURS, GREY, INK, LEGEND, WIDTH, draw, label_of, points, with_ends
from paars_gym.report.pages.page import PagePlot, PageTable, csv_of


def effects_plot(effects: Sequence[tuple[str, Estimate]], *, title: str) -> PagePlot:
    """Relative changes with their intervals around zero: a forest plot.

    Args:
        effects: Name and relative change.
        title: Above it.
    """
    known = [(name, one) for name, one in effects if one.value is not None]
    sure, unsure = "told apart from no change", "not told apart"
    values = [{"of": label_of(name), **with_ends(one), "sure": sure if is_told(one) else unsure} for name, one in known]
    x = {"type": "quantitative", "title": "relative change", "axis": {"format": "+%", "tickCount": 5}}
    scale = {"domain": [sure, unsure], "range": [COLOURS[1], GREY]}
    zero = {"x": {"datum": 0, **x}, "y": None, "color": {"value": INK}}
    spec = {
        "width": WIDTH - 20,
        "height": {"step": 24},
        "data": {"values": values},
        "encoding": {
            "y": {"field": "of", "type": "ordinal", "sort": [label_of(name) for name, _ in known], "title": None},
            "color": {"field": "sure", "type": "nominal", "scale": scale, "legend": LEGEND},
        },
        "layer": [{"mark": {"type": "rule", "color": INK}, "encoding": zero}, *points("x", x)],
    }
    rows = [["outcome", "relative change", "interval"]]
    rows += [[name, _percent(one.value), _ends(one)] for name, one in effects]
    numbers = [{"outcome": name, **one.to_dict()} for name, one in effects]
    told = ", ".join(f"{name} {_percent(one.value)}" for name, one in known if is_told(one))
    text = f"Points with intervals around zero. Told apart from no change, of {len(known)}: {told or 'none'}."
    return PagePlot(title, draw(spec), text, PageTable.of(title, rows, csv=csv_of(numbers)), wide=True)


def scatter_plot(tests: Sequence[tuple[str, Estimate, Estimate]], *, title: str) -> PagePlot:
    """Simulated effects over people's, a point a test; on the dashed line they are equal.

    Args:
        tests: Name, effect on people, simulated effect.
        title: Above it.
    """
    known = [(name, a.value, b.value) for name, a, b in tests if a.value is not None and b.value is not None]
    values = [{"test": label_of(name), "people": people, "simulated": simulated} for name, people, simulated in known]
    reach = 1.08 * max([*(abs(one) for _, *both in known for one in both), 1e-6])
    axis = {"format": "+%", "tickCount": 5}
    x = {"type": "quantitative", "title": "effect on people", "axis": axis, "scale": {"domain": [-reach, reach]}}
    y = {**x, "title": "simulated effect"}
    ends = {"x": {"datum": -reach, **x}, "x2": {"datum": reach}, "y": {"datum": -reach, **y}, "y2": {"datum": reach}}
    spec = {
        "width": WIDTH - 40,
        "height": WIDTH - 40,
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY}, "encoding": ends},
            {"mark": {"type": "rule", "color": INK}, "encoding": {"x": {"datum": 0, **x}}},
            {"mark": {"type": "rule", "color": INK}, "encoding": {"y": {"datum": 0, **y}}},
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": COLOURS[1]},
                "encoding": {"x": {"field": "people", **x}, "y": {"field": "simulated", **y}},
            },
        ],
    }
    rows = [["test", "people", "interval", "simulated", "interval"]]
    for name, people, simulated in tests:
        rows.append([name, _percent(people.value), _ends(people), _percent(simulated.value), _ends(simulated)])
    numbers = [
        {"test": name, **{f"people_{key}": value for key, value in people.to_dict().items()},
         **{f"simulated_{key}": value for key, value in simulated.to_dict().items()}}
        for name, people, simulated in tests
    ]  # fmt: skip
    alike = sum(people * simulated > 0 for _, people, simulated in known)
    text = f"Points: simulated effects over people's in {len(values)} tests; the sign is the same in {alike}."
    return PagePlot(title, draw(spec), text, PageTable.of(title, rows, csv=csv_of(numbers)), wide=True)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1%}"


def _ends(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return estimate.note
    return f"{estimate.low:+.1%} to {estimate.high:+.1%}"
