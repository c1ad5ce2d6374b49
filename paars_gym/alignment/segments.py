"""Segments of shoppers: every metric for each, and those that agents serve worst (PAARS section 7).

Many segments times several statistics always have a worst one. Each distance is set against those of as many sessions
drawn from all shoppers and all agents, and the p-values are held to the error of one test by Holm's method (1979).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng
from paars_gym.alignment.comparison import ScoreSetup, histogram_measures, word_measures
from paars_gym.alignment.divergences import jensen_shannon
from paars_gym.alignment.histograms import Counts
from paars_gym.alignment.report import LEVEL, Measure, SegmentSummary
from paars_gym.alignment.resampling import random_groups, resample_counts
from paars_gym.alignment.session_generation import (
    TABLE_2,
    HistogramComparison,
    compare_sessions,
    grouped_shoppers,
    session_histograms,
)
from paars_gym.alignment.session_log import Mask, SessionLog

Attributes = Mapping[str, Mapping[str, str]]
OF_INTENTIONS = ("goal", "category")
UNKNOWN = "unknown"
POOLED = "other (pooled)"


class Groups(NamedTuple):
    """Cases by attribute, small groups together.

    Attributes:
        rows: Rows of each group that may be shown, largest group first.
        pooled: Names that went into :data:`POOLED`.
        suppressed: Cases left out, since even pooled they are too few.
    """

    rows: dict[str, NDArray[np.intp]]
    pooled: tuple[str, ...]
    suppressed: int


def groups(labels: ArrayLike, *, minimum: int = 20) -> Groups:
    """Rows by label; labels with fewer than ``minimum`` cases are pooled, and suppressed if even that is too few.

    Small groups say little about alignment and much about the few people in them.

    Args:
        labels: Attribute of each case, shape (n,); converted to text.
        minimum: Least cases of a group shown.
    """
    if minimum < 1:
        raise ValueError(f"minimum == {minimum}, must be >= 1.")
    names, code, sizes = np.unique(np.asarray(labels).ravel().astype(str), return_inverse=True, return_counts=True)
    large = [int(i) for i in np.argsort(-sizes, kind="stable") if sizes[i] >= minimum]
    rows = {str(names[i]): np.flatnonzero(code == i) for i in large}
    rest = np.flatnonzero(sizes[code] < minimum)
    pooled = tuple(str(name) for name in names[sizes < minimum])
    if len(rest) >= minimum:
        return Groups({**rows, POOLED: rest}, pooled, 0)
    return Groups(rows, pooled, len(rest))


def groups_of(labels: ArrayLike | None, cases: int, minimum: int) -> Groups:
    """:func:`groups` of so many cases; none without labels.

    Raises:
        ValueError: Another number of labels than cases.
    """
    if labels is None:
        return Groups({}, (), 0)
    array = np.asarray(labels).ravel()
    if len(array) != cases:
        raise ValueError(f"{len(array)} labels for {cases} cases, must be as many.")
    return groups(array, minimum=minimum)


class SegmentLabels(NamedTuple):
    """Groups that both sides have enough of.

    Attributes:
        labels: The groups shown, the one with most human sessions first; small ones are together in the last.
        pooled: Names that went into :data:`POOLED`.
        suppressed: Human sessions left out, since even pooled they, or the agents', are too few.
        human: Label of each human session, shape (sessions,).
        agent: Label of each agent session.
    """

    labels: tuple[str, ...]
    pooled: tuple[str, ...]
    suppressed: int
    human: NDArray[np.str_]
    agent: NDArray[np.str_]


def segments(
    human: SessionLog, agent: SessionLog, *, by: str, attributes: Attributes | None = None, minimum: int = 20
) -> SegmentLabels:
    """Groups both logs by an attribute of the shopper, or of the session's intention.

    Args:
        human: People's log.
        agent: The agents'.
        by: ``goal`` or ``category`` of the intention, or a name in ``attributes``.
        attributes: Names and values of each shopper.
        minimum: Sessions that a group needs on each side to be shown alone: small groups say little about alignment
            and much about the few people in them.

    Raises:
        ValueError: Nobody has that attribute on one of the sides.
    """
    if minimum < 1:
        raise ValueError(f"minimum == {minimum}, must be >= 1.")
    logs = {"human": human, "agent": agent}
    sides = {side: _labels(log, by, attributes or {}) for side, log in logs.items()}
    for side, log in logs.items():
        if (sides[side][log.keep] == UNKNOWN).all():
            names = sorted({name for row in (attributes or {}).values() for name in row} | set(OF_INTENTIONS))
            # Only what both sides tell: a name that would fail in its turn helps nobody.
            told = [name for name in names if all(_tells(one, name, attributes or {}) for one in logs.values())]
            raise ValueError(
                f"No {side} session has a {by!r}. Available on both sides: {', '.join(told) or 'nothing'}; "
                "others: --attributes FILE."
            )
    counts = [dict(zip(*np.unique(sides[side][log.keep], return_counts=True), strict=True))
              for side, log in (("human", human), ("agent", agent))]  # fmt: skip
    names = sorted({str(name) for count in counts for name in count}, key=lambda name: (-counts[0].get(name, 0), name))
    large = [name for name in names if min(count.get(name, 0) for count in counts) >= minimum]
    small = [name for name in names if name not in large]
    rest = [sum(int(count.get(name, 0)) for name in small) for count in counts]
    for side, labels in sides.items():
        sides[side] = np.where(np.isin(labels, small), POOLED, labels)
    shown = [*large, POOLED] if small and min(rest) >= minimum else large
    return SegmentLabels(
        tuple(shown), tuple(small), rest[0] if POOLED not in shown else 0, sides["human"], sides["agent"]
    )


def _tells(log: SessionLog, by: str, attributes: Attributes) -> bool:
    return bool((_labels(log, by, attributes)[log.keep] != UNKNOWN).any())


def _labels(log: SessionLog, by: str, attributes: Attributes) -> NDArray[np.str_]:
    if any(by in row for row in attributes.values()):
        values = {shopper: str(row[by]) for shopper, row in attributes.items() if row.get(by) is not None}
        labels = log.frame["name"].replace_strict(values, default=UNKNOWN, return_dtype=pl.String)
    elif by in OF_INTENTIONS:
        labels = log.frame["intention"].str.json_path_match(f"$.{by}").fill_null(UNKNOWN)
    else:
        labels = pl.Series([UNKNOWN] * len(log.frame), dtype=pl.String)
    return labels.to_numpy().astype(str)


def score_segments(
    people: SessionLog,
    logs: Mapping[str, SessionLog],
    *,
    by: str,
    attributes: Attributes | None,
    setup: ScoreSetup,
) -> tuple[SegmentSummary, list[Measure]]:
    """Every metric of every segment, for agents and baseline, and the segments that agents serve worst.

    Args:
        people: Their log.
        logs: By role, ``agents`` first.
        by: As for :func:`~paars_gym.alignment.segments.segments`.
        attributes: As for it.
        setup: Of the metrics.

    Raises:
        ValueError: Nobody has that attribute on one of the sides.
    """
    measures: list[Measure] = []
    summary: SegmentSummary | None = None
    for role, log in logs.items():
        grouped = segments(people, log, by=by, attributes=attributes, minimum=setup.options.minimum)
        parts = {}
        for label in grouped.labels:
            human, agent = people.where(_is(grouped.human, label)), log.where(_is(grouped.agent, label))
            rng = setup.rng("segment", role, label)
            compared = compare_sessions(
                human, agent, bins=setup.options.bins, n_resamples=setup.options.n_resamples, rng=rng
            )
            measures += histogram_measures(compared, role, label)
            measures += word_measures(human, {role: agent}, setup, label)[0]
            parts[label] = _part(compared, len(human) / len(people), len(agent) / len(log))
        if summary is None:
            p_values = _p_values(people, log, parts, setup)
            summary = _summary(by, grouped, measures, p_values, setup.options.minimum)
    assert summary is not None
    return summary, measures


def _is(labels: Any, label: str) -> Mask:
    return np.asarray(labels == label)


def _part(compared: Mapping[str, HistogramComparison], human_share: float, agent_share: float) -> Part:
    kept = {name: each for name, each in compared.items() if name in TABLE_2}
    return Part(
        {name: each.human for name, each in kept.items()},
        {name: each.agent for name, each in kept.items()},
        human_share,
        agent_share,
    )


def _p_values(people: SessionLog, log: SessionLog, parts: Mapping[str, Part], setup: ScoreSetup) -> dict[str, float]:
    rng = setup.rng("worst served")
    least = min(people.n_shoppers, log.n_shoppers)
    human, agent = (
        session_histograms(side, bins=setup.options.bins, actions=(), groups=grouped_shoppers(side, least, rng))
        for side in (people, log)
    )
    of_people, of_agents = ({name: side[name] for name in TABLE_2 if name in side} for side in (human, agent))
    return segment_p_values(of_people, of_agents, parts, level=LEVEL, rng=rng)


def _summary(
    by: str, grouped: SegmentLabels, measures: list[Measure], p_values: Mapping[str, float], minimum: int
) -> SegmentSummary:
    excess = {}
    for label in grouped.labels:
        mine = [m for m in measures
                if (m.metric, m.population, m.segment) == ("JS", "agents", label) and m.of in TABLE_2]  # fmt: skip
        beyond = [(m.estimate.value or 0.0) - (m.estimate.floor or 0.0) for m in mine]
        excess[label] = sum(beyond) / len(beyond) if beyond else 0.0
    excess = dict(sorted(excess.items(), key=lambda pair: -pair[1]))
    worst = [label for label in excess if p_values.get(label, 1.0) < LEVEL]
    return SegmentSummary(
        by=by,
        shown=grouped.labels,
        pooled=grouped.pooled,
        suppressed=grouped.suppressed,
        minimum=minimum,
        excess=excess,
        p_values=dict(p_values),
        worst_served=tuple(worst),
    )


class Part(NamedTuple):
    """A segment's histograms by statistic, and which share of all units it holds.

    Attributes:
        human: Sessions in each bin, shape (bins,), by statistic.
        agent: The same.
        human_share: Of the human sessions that are this segment's.
        agent_share: The same of the agents'.
    """

    human: Mapping[str, Counts]
    agent: Mapping[str, Counts]
    human_share: float
    agent_share: float


def segment_p_values(
    human: Mapping[str, Counts],
    agent: Mapping[str, Counts],
    parts: Mapping[str, Part],
    *,
    level: float = 0.05,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Each segment's least p-value over the statistics, by Holm's method over segments times statistics.

    The hypothesis: the segment is drawn from the whole, so that its agents are as unlike it as agents on the whole,
    up to what a sample of its size shows by chance (its floor). Where shoppers repeat they are drawn with all their
    sessions.

    Args:
        human: All people's histograms by statistic, shape (bins,), or one row a shopper.
        agent: All agents'.
        parts: By segment; statistics that one of the sides lacks are left out.
        level: Draws are as many as a p-value of this level needs after the correction.
        rng: Source of the draws.

    Raises:
        TypeError: ``rng`` is no generator.
    """
    check_rng(rng)
    whole = {
        name: (random_groups(human[name], rng), random_groups(agent[name], rng)) for name in human if name in agent
    }
    p_values: list[tuple[float, str]] = []
    tests = [
        (label, name) for label, part in parts.items() for name in whole if name in part.human and name in part.agent
    ]
    n = max(499, min(20_000, round(2 * max(1, len(tests)) / level)))
    for label, name in tests:
        part = parts[label]
        drawn = [
            resample_counts(side, n, rng, size=max(1, round(share * _units(side))))
            for side, share in zip(whole[name], (part.human_share, part.agent_share), strict=True)
        ]
        own = float(jensen_shannon(part.human[name], part.agent[name]))
        chance = jensen_shannon(*drawn)
        p_values.append(((1 + int((chance >= own - 1e-12).sum())) / (1 + n), label))
    return _holm(p_values)


def _units(counts: Counts) -> float:
    return float(counts.sum()) if counts.ndim == 1 else len(counts)


def _holm(p_values: list[tuple[float, str]]) -> dict[str, float]:
    least: dict[str, float] = {}
    highest = 0.0
    for rank, (p_value, label) in enumerate(sorted(p_values)):
        highest = max(highest, min(1.0, p_value * (len(p_values) - rank)))
        least.setdefault(label, highest)
    return least
