"""How close did each shopper come to people's own queries? The numbers of query generation (PAARS section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from paars_gym.alignment import relative_gain
from paars_gym.alignment.comparison import embedding_measures
from paars_gym.alignment.query_generation import QueryCondition
from paars_gym.alignment.report import Measure, measure

OF = "queries for viewed items"
BY_CHANCE = "cosine with other people's queries"


class StratumResult(BaseModel):
    """Mean similarity of one shopper in one quartile of difficulty."""

    model_config = ConfigDict(frozen=True)

    shopper: str
    stratum: str
    cases: int
    similarity: float | None
    low: float | None
    high: float | None


class GainResult(BaseModel):
    """By how much one shopper's mean similarity exceeds another's, relative: the paper's is .17 over Base."""

    model_config = ConfigDict(frozen=True)

    shopper: str
    over: str
    gain: float | None
    low: float | None
    high: float | None


class QueryResults(BaseModel):
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
        second_query: Mean cosine of people's second query for a goal with their first; None without second ones.
        examples: Table 1: title, the person's query, and each shopper's.
        embedder: What made the vectors.
        notes: What these data cannot say.
    """

    model_config = ConfigDict(frozen=True)

    headline: str
    people: str
    pairs: int
    measures: tuple[Measure, ...]
    strata: tuple[StratumResult, ...]
    difficulty: str
    gains: tuple[GainResult, ...]
    same: dict[str, str]
    second_query: float | None
    examples: tuple[dict[str, str], ...]
    embedder: str
    notes: tuple[str, ...]


def measures_of(condition: QueryCondition, name: str) -> list[Measure]:
    """One by one and as groups, of one shopper."""
    close = condition.similarity.mean
    by_chance = None if close.floor is None else round(close.floor, 4)
    close = replace(close, floor=None, details={BY_CHANCE: by_chance})
    return [
        measure(close, of=OF, metric="mean cosine", population=name),
        *embedding_measures(condition.group, of=OF, population=name),
    ]


def strata_of(condition: QueryCondition, name: str) -> list[StratumResult]:
    """Figure 2's, of one shopper."""
    return [
        StratumResult(
            shopper=name,
            stratum=stratum.label,
            cases=stratum.mean.sizes["cases"],
            similarity=stratum.mean.value,
            # A cosine has ends; Student's t on two cases does not know.
            low=stratum.mean.interval.clip(-1.0, 1.0).low if stratum.mean.interval else None,
            high=stratum.mean.interval.clip(-1.0, 1.0).high if stratum.mean.interval else None,
        )
        for stratum in condition.strata
    ]


def gains_of(conditions: Mapping[str, QueryCondition]) -> list[GainResult]:
    """Of a persona over the same shopper without it, of every other shopper over the first."""
    first = next(iter(conditions))
    found = []
    for name, condition in conditions.items():
        over = f"{name.removesuffix(', persona')}, base" if name.endswith(", persona") else first
        if over == name:
            continue
        gain = relative_gain(conditions[over].similarity.values, condition.similarity.values)
        found.append(
            GainResult(
                shopper=name,
                over=over,
                gain=gain.value,
                low=gain.low,
                high=gain.high,
            )
        )
    return found
