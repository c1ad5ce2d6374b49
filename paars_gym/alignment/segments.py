"""Segments of shoppers: every metric for each, and those that agents serve worst (PAARS section 7).

`worst_served` says which are served worst, `group_verdicts` of which agents are near.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.comparison import ScoreSetup, histogram_measures, word_measures
from paars_gym.alignment.group_verdicts import (
    GroupDistance,
    group_distance,
    resamples_for,
    tables_of,
    verdict_of_groups,
)
from paars_gym.alignment.report import LEVEL, Measure, SegmentSummary
from paars_gym.alignment.session_generation import (
    TABLE_2,
    HistogramComparison,
    compare_sessions,
    grouped_shoppers,
    session_histograms,
)
from paars_gym.alignment.session_log import Mask, SessionLog
from paars_gym.alignment.worst_served import Part, segment_p_values

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
            summary = summary.model_copy(update=_verdicts(people, log, grouped, setup))
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


def _verdicts(people: SessionLog, log: SessionLog, grouped: SegmentLabels, setup: ScoreSetup) -> dict[str, Any]:
    """Which segments are near people, and how many shoppers the others, and those not shown, would take."""
    options = setup.options
    draws = resamples_for(len(grouped.labels), options.n_resamples)

    def distance(label: str, human: SessionLog, agent: SessionLog) -> GroupDistance | None:
        rng = setup.rng("verdict", label)
        sides = [tables_of(side, bins=options.bins, rng=rng) for side in (human, agent)]
        if not set(sides[0].tables) & set(sides[1].tables):
            return None
        return group_distance(*sides, panel=options.panel, n_resamples=draws, rng=rng)

    found = {
        label: distance(label, people.where(_is(grouped.human, label)), log.where(_is(grouped.agent, label)))
        for label in grouped.labels
    }
    verdicts = verdict_of_groups({label: each for label, each in found.items() if each is not None})
    everybody = distance("everybody", people, log) if grouped.pooled else None
    alike = None if everybody is None else everybody.people_needed(groups=len(grouped.labels) + 1, best=0.0)
    return {"verdicts": verdicts, "panel": options.panel, "needed_when_alike": alike}


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
