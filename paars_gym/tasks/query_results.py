"""The numbers of query generation: similarity, Figure 2's strata, gains and group metrics (section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from paars_gym.alignment import relative_gain
from paars_gym.alignment.comparison import embedding_measures
from paars_gym.alignment.query_generation import QueryCondition
from paars_gym.alignment.report import Measure, measure
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.tasks.run_noise import RunNoise

OF = "queries for viewed items"
BY_CHANCE = "cosine with other people's queries"


class QueryStratum(BaseModel):
    """Mean similarity of one shopper in one quartile of difficulty: Figure 2."""

    model_config = ConfigDict(frozen=True)

    shopper: str
    stratum: str
    similarity: Estimate


class QueryGain(BaseModel):
    """By how much one shopper's mean similarity exceeds another's, relative: the paper's is .17 over Base."""

    model_config = ConfigDict(frozen=True)

    shopper: str
    over: str
    gain: Estimate


class QueryResults(Tabular, BaseModel):
    """The task's numbers.

    Attributes:
        headline: What ran, and what did not.
        people: Whose queries they are.
        pairs: How many.
        measures: Similarity and group metrics of each shopper, the shopper as ``population``.
        strata: Figure 2.
        difficulty: What the strata are of.
        gains: Of a persona over the same shopper without it, and of each shopper over the first.
        same: Shoppers who wrote the very queries of another, with that one.
        examples: Table 1: title, the person's query, and each shopper's.
        embedder: What made the vectors.
        notes: What these data cannot say.
        paid: Calls, tokens and dollars of each language model.
        stopped: Why the run ended before all cases were asked; or "".
        noise: What differs between repeats, where there were several; all else is of the first.
    """

    model_config = ConfigDict(frozen=True)
    SHOWN: ClassVar[tuple[str, ...]] = ("shopper", "metric", "estimate", "unit", "floor", "verdict")

    headline: str
    people: str
    pairs: int
    measures: tuple[Measure, ...]
    strata: tuple[QueryStratum, ...]
    difficulty: str
    gains: tuple[QueryGain, ...]
    same: dict[str, str]
    examples: tuple[dict[str, str], ...]
    embedder: str
    notes: tuple[str, ...]
    paid: tuple[dict[str, Any], ...] = ()
    stopped: str = ""
    noise: RunNoise | None = None

    def find(self, shopper: str, metric: str) -> Measure | None:
        """One measure of a shopper, if there is one."""
        return next((m for m in self.measures if (m.population, m.metric) == (shopper, metric)), None)

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for each number of each shopper."""
        rows = [measure_row(each) for each in self.measures]
        rows += [
            {"shopper": s.shopper, "metric": f"mean cosine, {s.stratum}", **s.similarity.to_dict()} for s in self.strata
        ]
        rows += [{"shopper": g.shopper, "metric": f"gain over {g.over}", **g.gain.to_dict()} for g in self.gains]
        return rows

    def summary(self) -> str:
        """Whose queries, and how many."""
        return f"Query generation, {self.pairs:,} pairs, {self.people}"


def measure_row(one: Measure) -> dict[str, Detail]:
    """A measure of a shopper as the row of a table."""
    return {
        "shopper": one.population,
        "metric": f"{one.metric} of {one.of}",
        **one.estimate.to_dict(),
    }


def measures_of(condition: QueryCondition, name: str) -> list[Measure]:
    """One by one and as groups, of one shopper."""
    close = condition.similarity.mean
    by_chance = None if close.floor is None else round(close.floor, 4)
    # Chance is no floor of this number: the higher it is, the better.
    close = replace(close, floor=None, details={BY_CHANCE: by_chance})
    return [
        measure(close, of=OF, metric="mean cosine", population=name),
        *embedding_measures(condition.group, of=OF, population=name),
    ]


def strata_of(condition: QueryCondition, name: str) -> list[QueryStratum]:
    """Figure 2's, of one shopper."""
    strata = []
    for stratum in condition.strata:
        # A cosine has ends; Student's t on two cases does not know.
        interval = stratum.mean.interval
        mean = replace(stratum.mean, interval=None if interval is None else interval.clip(-1.0, 1.0))
        strata.append(QueryStratum(shopper=name, stratum=stratum.label, similarity=mean))
    return strata


def gains_over(conditions: Mapping[str, QueryCondition]) -> list[QueryGain]:
    """Of a persona over the same shopper without it, of every other shopper over the first."""
    first = next(iter(conditions))
    gains = []
    for name, condition in conditions.items():
        over = f"{name.removesuffix(', persona')}, base" if name.endswith(", persona") else first
        if over == name:
            continue
        gain = relative_gain(conditions[over].similarity.values, condition.similarity.values)
        gains.append(QueryGain(shopper=name, over=over, gain=gain))
    return gains
