"""The record of a comparison: measures, improvements, segments and histograms, and a table of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from paars_gym.estimate import Detail, Estimate, Interval, Tabular

SCHEMA_VERSION = 2
LEVEL = 0.05

Verdict = Literal["differs", "not told apart", "below people", "not estimable", "described"]
Change = Literal["closer", "further", "not told apart"]
TELLING = ("searches", "views", "purchases", "first queries", "first titles viewed", "queries", "titles viewed")
"""What the first rows of a report's table are of, where it has them."""
HEADLINES = ("JS", "energy distance", "C2ST AUC", "coverage", "TTR", "KL", "W1")
"""Metrics of those rows, in their order; the others come after."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(_Record):
    """One number of a report: what it is of, and the estimate.

    Attributes:
        population: Whose it is: ``agents``, ``baseline`` or ``human``; in the benchmarks the name of a shopper.
        of: What was looked at, such as ``searches``.
        metric: How, such as ``KL``.
        segment: Which shoppers; None for all.
        estimate: The number with its interval, its floor, its test and its verdict.
    """

    population: str
    of: str
    metric: str
    segment: str | None = None
    estimate: Estimate


class PopulationSummary(_Record):
    """One of the logs compared.

    Attributes:
        role: ``human``, ``agents`` or ``baseline``.
        name: What its log calls it.
        synthetic: True when no person made these sessions.
        sessions: Scored.
        excluded: Counted but never scored, by how they ended: a failed session is none with 0 purchases.
        shoppers: Who made the scored ones; None when a reference does not tell.
        known: What its log records.
        notes: What a reader has to know.
        settings: Of the run that made it.
    """

    role: str
    name: str
    synthetic: bool
    sessions: int
    excluded: dict[str, int] = {}
    shoppers: int | None = None
    known: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: dict[str, Any] = {}


class Histogram(_Record):
    """Sessions in each bin, for plots.

    Attributes:
        of: What was counted.
        bins: Names of the bins; empty for combinations and sequences.
        counts: By role.
    """

    of: str
    bins: tuple[str, ...]
    counts: dict[str, tuple[float, ...]]


class Improvement(_Record):
    """Whether the agents are closer to people than the baseline is.

    Attributes:
        of: What was looked at.
        metric: How.
        segment: Which shoppers; None for all.
        estimate: Baseline's distance less the agents': above 0 the agents are closer. Of counted statistics all three
            logs are resampled together (`paired_difference`); otherwise the interval comes from those of both distances
            as if they were independent, and is on the wide side. Its verdict is ``closer``, ``further`` or
            ``not told apart``.
    """

    of: str
    metric: str
    segment: str | None
    estimate: Estimate


class GroupVerdict(_Record):
    """Whether the agents of a segment are near its people.

    Attributes:
        segment: Its name.
        estimate: Mean JS divergence of searches, views and purchases, with its upward bias taken off, so that people
            show 0. The p-value is corrected for the number of segments (Holm), the verdict ``near people``, ``far from
            people`` or ``cannot tell yet``. Among the details ``panel``: what a panel of people would show by chance,
            below which agents are near; ``as_measured`` and ``floor_as_measured``: the distance with its bias, and
            what as many people show among themselves.
        leaning: The verdict that is nearer.
        needed: Shoppers of the segment, in all, that a verdict would take, agents growing in proportion; None where
            there is one, or no number will do.
        too_few_agents: Whether there are people enough, and what lacks are agents.
    """

    segment: str
    estimate: Estimate
    leaning: str
    needed: int | None = None
    too_few_agents: bool = False


class SegmentSummary(_Record):
    """How a segmentation came out.

    Attributes:
        by: The attribute.
        shown: Segments, that with most human sessions first.
        pooled: Names too small to be shown alone.
        suppressed: Human sessions left out, too few even when pooled.
        minimum: Sessions that a segment needs on each side.
        excess: Mean JS divergence of searches, views and purchases beyond its floor, by segment: the worst first.
        p_values: By segment, of "as on the whole", corrected for segments and statistics (Holm).
        worst_served: Segments whose agents are less like them than agents are on the whole, beyond chance.
        verdicts: Near people, far from them, or not to be told yet: of each segment shown.
        panel: Shoppers of the panel that the verdicts are read against.
        needed_when_alike: Shoppers of a segment that a verdict would take whose agents are as people are, if it varies
            as everybody does: for those too small to be shown.
    """

    by: str
    shown: tuple[str, ...]
    pooled: tuple[str, ...]
    suppressed: int
    minimum: int
    excess: dict[str, float]
    p_values: dict[str, float] = {}
    worst_served: tuple[str, ...]
    verdicts: tuple[GroupVerdict, ...] = ()
    panel: int = 0
    needed_when_alike: int | None = None


class AlignmentReport(Tabular, BaseModel):
    """Everything that `score` measured; as a table, a row a number, the most telling ones first.

    Attributes:
        schema_version: Of this record.
        paars_gym: Version of the package that computed it.
        populations: Humans first, then agents, then the baseline if there is one.
        settings: Bins, seed and whatever else the numbers depend on.
        measures: Every number, each with its interval and its floor.
        histograms: What the counts were.
        improvements: Agents against the baseline.
        segments: When shoppers were told apart.
        notes: What is missing here, and what to beware of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    SHOWN: ClassVar[tuple[str, ...]] = ("population", "of", "metric", "segment", "estimate", "floor", "verdict")

    schema_version: int = SCHEMA_VERSION
    paars_gym: str
    populations: tuple[PopulationSummary, ...]
    settings: dict[str, Any]
    measures: tuple[Measure, ...]
    histograms: tuple[Histogram, ...] = ()
    improvements: tuple[Improvement, ...] = ()
    segments: SegmentSummary | None = None
    notes: tuple[str, ...] = ()

    def find(self, of: str, metric: str, *, population: str = "agents", segment: str | None = None) -> Measure:
        """One measure.

        Raises:
            KeyError: It is not in the report; the message names what is.
        """
        for measure in self.measures:
            if (measure.of, measure.metric, measure.population, measure.segment) == (of, metric, population, segment):
                return measure
        there = sorted({f"{measure.metric} of {measure.of}" for measure in self.measures})
        raise KeyError(f"No {metric} of {of} ({population}, segment {segment}). There are: {', '.join(there)}.")

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a number: its labels, then the estimate."""
        return [
            {**measure.model_dump(exclude={"estimate"}), **measure.estimate.to_dict()}
            for measure in sorted(self.measures, key=_place)
        ]

    def summary(self) -> str:
        """Who is compared, and how many numbers differ."""
        sides = {each.role: f"{each.name}{' (SYNTHETIC)' * each.synthetic}" for each in self.populations}
        judged = [m.estimate.verdict for m in self.measures if m.population == "agents" and m.segment is None]
        judged = [verdict for verdict in judged if verdict in ("differs", "not told apart", "below people")]
        differ = sum(verdict == "differs" for verdict in judged)
        who = f"{sides.get('agents', '?')} against {sides.get('human', '?')}"
        return f"{who}: {differ} of {len(judged)} numbers differ beyond chance"


def _place(measure: Measure) -> tuple[bool, int, int, int]:
    """Where a measure stands in the table: whole before segments, agents before others, the most telling first."""
    roles, metrics = ("agents", "baseline", "human"), HEADLINES
    telling = measure.of in TELLING and measure.metric in metrics
    metric = metrics.index(measure.metric) if telling else len(metrics)
    role = roles.index(measure.population) if measure.population in roles else len(roles)
    return measure.segment is not None, role, metric, TELLING.index(measure.of) if telling else len(TELLING)


def measure(
    estimate: Estimate,
    *,
    of: str,
    metric: str,
    population: str = "agents",
    segment: str | None = None,
    worse: Literal["higher", "lower"] = "higher",
) -> Measure:
    """An estimate as a record of a report, with its verdict.

    Args:
        estimate: Of any metric.
        of: What was looked at.
        metric: How.
        population: Whose.
        segment: Of which shoppers.
        worse: On which side of the floor agents are unlike people.
    """
    verdict = _verdict(estimate, worse)
    below = estimate.value is not None and estimate.value < (estimate.floor or 0.0)
    if verdict == "differs" and metric.startswith("KDE-KL") and below:
        verdict = "below people"
    return Measure(
        population=population, of=of, metric=metric, segment=segment, estimate=replace(estimate, verdict=verdict)
    )


def _verdict(estimate: Estimate, worse: Literal["higher", "lower"]) -> Verdict:
    if estimate.value is None or estimate.note.startswith("Not estimable"):
        return "not estimable"
    if estimate.p_value is not None:
        return "differs" if estimate.p_value < LEVEL else "not told apart"
    if estimate.floor is None or estimate.interval is None:
        return "described"
    interval = estimate.interval
    beyond = interval.low > estimate.floor if worse == "higher" else interval.high < estimate.floor
    return "differs" if beyond else "not told apart"


def improvement(agents: Measure, baseline: Measure) -> Improvement | None:
    """Baseline's distance less the agents', None where one cannot be told. Their samples are independent."""
    mine, other = agents.estimate, baseline.estimate
    if mine.value is None or other.value is None or mine.interval is None or other.interval is None:
        return None
    difference = other.value - mine.value
    low = difference - math.hypot(other.value - other.interval.low, mine.interval.high - mine.value)
    high = difference + math.hypot(other.interval.high - other.value, mine.value - mine.interval.low)
    # Basic intervals may lie below their estimate; the difference stays inside its own.
    interval = Interval(min(low, difference), max(high, difference), method="from both intervals, independent")
    verdict: Change = "closer" if interval.low > 0 else "further" if interval.high < 0 else "not told apart"
    sizes: Mapping[str, int] = {"agents": mine.sizes.get("agent", 0), "baseline": other.sizes.get("agent", 0)}
    return Improvement(
        of=agents.of,
        metric=agents.metric,
        segment=agents.segment,
        estimate=Estimate(difference, interval, unit=mine.unit, sizes=sizes, floor=0.0, verdict=verdict),
    )
