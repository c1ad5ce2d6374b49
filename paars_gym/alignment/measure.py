"""How is any metric's result kept in a report, and what does its null floor make of it?"""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.paper import PAPER
from paars_gym.alignment.result import Interval

Worse = Literal["higher", "lower"]
Verdict = Literal["differs", "not told apart", "below people", "not estimable", "described"]
DETAILS = (
    "unsupported_mass", "novel_mass", "sensitivity", "mc_error", "unbiased", "paired", "spread", "distinct",
)  # fmt: skip


class Measure(BaseModel):
    """One number, with all it must be read with. None stands for what does not exist or cannot be estimated.

    Attributes:
        population: Whose it is: ``agents``, ``baseline`` or ``human``.
        of: What was looked at, such as ``searches``.
        metric: How, such as ``KL``.
        segment: Which shoppers; None for all.
        estimate: The number.
        low: Lower end of its interval.
        high: Upper end.
        interval: How the interval was made.
        unit: Of the number.
        n_human: Observations on the human side.
        n_agent: Observations on the agents' side.
        null_floor: What a faultless population of these sizes would show.
        p_value: Of the hypothesis that nothing differs, where there is a test.
        settings: What it was computed with.
        details: Whatever else the metric tells.
        warning: When the number must not be read alone.
        note: What is missing, and why.
        verdict: What the floor makes of it.
        sentence: The same in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    population: str
    of: str
    metric: str
    segment: str | None = None
    estimate: float | None
    low: float | None = None
    high: float | None = None
    interval: str | None = None
    unit: str = ""
    n_human: int | None = None
    n_agent: int | None = None
    null_floor: float | None = None
    p_value: float | None = None
    settings: dict[str, Any] = {}
    details: dict[str, Any] = {}
    warning: str | None = None
    note: str | None = None
    verdict: Verdict = "described"
    sentence: str = ""


def measure(
    result: Any,
    *,
    of: str,
    metric: str,
    population: str = "agents",
    segment: str | None = None,
    unit: str = "",
    worse: Worse = "higher",
) -> Measure:
    """Any NamedTuple of the suite as a record of a report.

    Args:
        result: With ``estimate``, ``interval``, ``sizes``, ``settings``, ``null_floor`` and perhaps more.
        of: What was looked at.
        metric: How.
        population: Whose.
        segment: Of which shoppers.
        unit: Of the number.
        worse: On which side of the floor a population is unlike people.
    """
    told: dict[str, Any] = result._asdict()
    interval: Interval | None = told["interval"]
    sizes = told["sizes"]
    n_human, n_agent = (sizes[0], sizes[1]) if isinstance(sizes, tuple) else (None, None)
    if isinstance(sizes, int):
        n_human, n_agent = (sizes, None) if population == "human" else (None, sizes)
    estimate, floor, p_value = (_finite(told.get(name)) for name in ("estimate", "null_floor", "p_value"))
    verdict = _verdict(estimate, interval, floor, p_value, worse)
    if verdict == "differs" and metric.startswith("KDE-KL") and estimate is not None and estimate < (floor or 0.0):
        verdict = "below people"
    if (told.get("note") or "").startswith("Not estimable"):
        verdict = "not estimable"
    name = f"{metric} of {of}" + (f" ({segment})" if segment else "")
    return Measure(
        population=population,
        of=of,
        metric=metric,
        segment=segment,
        estimate=estimate,
        low=None if interval is None else _finite(interval.low),
        high=None if interval is None else _finite(interval.high),
        interval=None if interval is None else interval.method,
        unit=unit or str(told["settings"].get("unit", "")),
        n_human=n_human,
        n_agent=n_agent,
        null_floor=floor,
        p_value=p_value,
        settings=dict(told["settings"]),
        details={key: _plain(told[key]) for key in DETAILS if key in told},
        warning=told.get("warning"),
        note=told.get("note"),
        verdict=verdict,
        sentence=_sentence(
            name,
            population,
            verdict,
            estimate,
            floor,
            p_value,
            told.get("note"),
            told.get("warning"),
            paired=bool(told["settings"].get("paired")),
        ),
    )


def paper_values(of: str, metric: str) -> str:
    """The paper's figures, and whether ours compare; empty when it has none."""
    found = PAPER.get((of, metric))
    if found is None:
        return ""
    human = "" if found.human is None else f", people {found.human:g}"
    told = f"base {_plainly(found.base)}, persona {_plainly(found.persona)}{human}"
    return f"{found.table}: {told}. Compares? {found.compares}"


def _verdict(
    estimate: float | None,
    interval: Interval | None,
    floor: float | None,
    p_value: float | None,
    worse: Worse,
) -> Verdict:
    if estimate is None:
        return "not estimable"
    if p_value is not None:
        return "differs" if p_value < 0.05 else "not told apart"
    if floor is None:
        return "described"
    if interval is not None:
        beyond = interval.low > floor if worse == "higher" else interval.high < floor
        return "differs" if beyond else "not told apart"
    return "described"


def _sentence(
    name: str,
    population: str,
    verdict: Verdict,
    estimate: float | None,
    floor: float | None,
    p_value: float | None,
    note: str | None,
    warning: str | None,
    *,
    paired: bool,
) -> str:
    if verdict == "not estimable" or estimate is None:
        return f"{name}: not estimable. {note or ''}".strip()
    shown = f"{estimate:.3g}" if floor is None else f"{estimate:.3g}, where people among themselves show {floor:.3g}"
    who = {"agents": "the agents", "baseline": "the baseline's agents"}.get(population, f"agents of {population!r}")
    explained = "which copying one's own pair explains" if paired else "and closer than chance allows"
    told = {
        "differs": f"{who} differ from people beyond chance",
        "not told apart": f"{who} cannot be told from people at this size",
        "below people": f"{who} come closer to people than people do to each other, {explained}",
        "described": "it has no floor of its own, read it beside the others",
    }[verdict]
    test = "" if p_value is None else f" (p = {p_value:.3g})"
    return f"{name} is {shown}: {told}{test}." + (f" {warning}" if warning else "")


def _plainly(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:g}"


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return _finite(value)
    return value
