"""How do agents compare with people group by group, and who is served worst (PAARS section 7)?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paars_gym.alignment.collect import Options, histogram_measures, word_measures
from paars_gym.alignment.measure import Measure
from paars_gym.alignment.report import SegmentSummary
from paars_gym.alignment.segments import Attributes, Segments, segments
from paars_gym.alignment.session_generation import (
    TABLE_2,
    HistogramComparison,
    compare_sessions,
    random_groups,
    session_histograms,
)
from paars_gym.alignment.session_log import Mask, SessionLog
from paars_gym.alignment.worst_served import Part, segment_p_values

LEVEL = 0.05


def score_segments(
    people: SessionLog,
    logs: Mapping[str, SessionLog],
    *,
    by: str,
    attributes: Attributes | None,
    options: Options,
) -> tuple[SegmentSummary, list[Measure]]:
    """Every metric of every segment, for agents and baseline, and the segments that agents serve worst.

    Args:
        people: Their log.
        logs: By role, ``agents`` first.
        by: As for :func:`~paars_gym.alignment.segments.segments`.
        attributes: As for it.
        options: Of the metrics.

    Raises:
        ValueError: Nobody has that attribute on one of the sides.
    """
    measures: list[Measure] = []
    summary: SegmentSummary | None = None
    for role, log in logs.items():
        made = segments(people, log, by=by, attributes=attributes, minimum=options.minimum)
        parts = {}
        for label in made.labels:
            human, agent = people.where(_is(made.human, label)), log.where(_is(made.agent, label))
            rng = options.rng("segment", role, label)
            found = compare_sessions(human, agent, bins=options.bins, n_resamples=options.n_resamples, rng=rng)
            measures += histogram_measures(found, role, label)
            measures += word_measures(human, {role: agent}, options, label)[0]
            parts[label] = _part(found, len(human) / len(people), len(agent) / len(log))
        if summary is None:
            p_values = _p_values(people, log, parts, options)
            summary = _summary(by, made, measures, p_values, options.minimum)
    assert summary is not None
    return summary, measures


def _is(labels: Any, label: str) -> Mask:
    return np.asarray(labels == label)


def _part(found: Mapping[str, HistogramComparison], human_share: float, agent_share: float) -> Part:
    kept = {name: each for name, each in found.items() if name in TABLE_2}
    return Part(
        {name: each.human for name, each in kept.items()},
        {name: each.agent for name, each in kept.items()},
        human_share,
        agent_share,
    )


def _p_values(people: SessionLog, log: SessionLog, parts: Mapping[str, Part], options: Options) -> dict[str, float]:
    rng = options.rng("worst served")
    least = min(people.n_shoppers, log.n_shoppers)
    human, agent = (
        session_histograms(side, bins=options.bins, actions=(), groups=random_groups(side, least, rng))
        for side in (people, log)
    )
    people_told, agents_told = ({name: side[name] for name in TABLE_2 if name in side} for side in (human, agent))
    return segment_p_values(people_told, agents_told, parts, level=LEVEL, rng=rng)


def _summary(
    by: str, made: Segments, measures: list[Measure], p_values: Mapping[str, float], minimum: int
) -> SegmentSummary:
    excess = {}
    for label in made.labels:
        mine = [m for m in measures
                if (m.metric, m.population, m.segment) == ("JS", "agents", label) and m.of in TABLE_2]  # fmt: skip
        beyond = [(m.estimate or 0.0) - (m.null_floor or 0.0) for m in mine]
        excess[label] = sum(beyond) / len(beyond) if beyond else 0.0
    excess = dict(sorted(excess.items(), key=lambda pair: -pair[1]))
    worst = [label for label in excess if p_values.get(label, 1.0) < LEVEL]
    if worst:
        sentence = (
            f"Worst served by {by}: {', '.join(worst)}; their agents are less like them than agents on the whole, "
            "beyond what so many segments show by chance."
        )
    else:
        sentence = f"No segment by {by} is clearly served worse than shoppers on the whole."
    return SegmentSummary(
        by=by,
        shown=made.labels,
        pooled=made.pooled,
        suppressed=made.suppressed,
        minimum=minimum,
        excess=excess,
        p_values=dict(p_values),
        worst_served=tuple(worst),
        sentence=sentence,
    )
