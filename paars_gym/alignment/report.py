"""What does a comparison of two populations say, as one record that can be kept and read by others?"""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.measure import Measure

SCHEMA_VERSION = 1


class PopulationSummary(BaseModel):
    """One of the populations compared.

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

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    name: str
    synthetic: bool
    sessions: int
    excluded: dict[str, int] = {}
    shoppers: int | None = None
    known: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: dict[str, Any] = {}


class Histogram(BaseModel):
    """Sessions in each bin, for plots.

    Attributes:
        of: What was counted.
        bins: Names of the bins; empty for combinations and sequences.
        counts: By role.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    bins: tuple[str, ...]
    counts: dict[str, tuple[float, ...]]


class Improvement(BaseModel):
    """Are the agents closer to people than the baseline is?

    Attributes:
        of: What was looked at.
        metric: How.
        segment: Which shoppers; None for all.
        difference: Baseline's distance less the agents': above 0 the agents are closer.
        low: Lower end of its 95% interval. Both share the humans, so that it is on the wide side.
        high: Upper end.
        sentence: The same in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    metric: str
    segment: str | None
    difference: float
    low: float
    high: float
    sentence: str


class SegmentSummary(BaseModel):
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
        sentence: The same in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str
    shown: tuple[str, ...]
    pooled: tuple[str, ...]
    suppressed: int
    minimum: int
    excess: dict[str, float]
    p_values: dict[str, float] = {}
    worst_served: tuple[str, ...]
    sentence: str


class AlignmentReport(BaseModel):
    """Everything that ``paars score`` found.

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
        for found in self.measures:
            if (found.of, found.metric, found.population, found.segment) == (of, metric, population, segment):
                return found
        there = sorted({f"{found.metric} of {found.of}" for found in self.measures})
        raise KeyError(f"No {metric} of {of} ({population}, segment {segment}). There are: {', '.join(there)}.")


def improvement(agents: Measure, baseline: Measure) -> Improvement | None:
    """Baseline's distance less the agents', None where one cannot be told. Their samples are independent."""
    numbers = (agents.estimate, agents.low, agents.high, baseline.estimate, baseline.low, baseline.high)
    if any(number is None for number in numbers):
        return None
    a, a_low, a_high, b, b_low, b_high = (number for number in numbers if number is not None)
    difference = b - a
    low = difference - math.hypot(b - b_low, a_high - a)
    high = difference + math.hypot(b_high - b, a - a_low)
    # Basic intervals may lie below their estimate; the difference stays inside its own.
    low, high = min(low, difference), max(high, difference)
    told = "closer to people than" if low > 0 else "further from people than" if high < 0 else "not told apart from"
    where = f" ({agents.segment})" if agents.segment else ""
    sentence = (
        f"{agents.metric} of {agents.of}{where}: the agents are {told} the baseline, by {difference:.3g} "
        f"[{low:.3g}, {high:.3g}]."
    )
    return Improvement(
        of=agents.of,
        metric=agents.metric,
        segment=agents.segment,
        difference=difference,
        low=low,
        high=high,
        sentence=sentence,
    )
