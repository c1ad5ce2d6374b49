"""The three lines that a comparison with people opens with: what is furthest, what is nearest, and what limits it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paars_gym.alignment.report import AlignmentReport, Measure

DISTANCES = ("JS", "KL", "W1", "energy distance")
"""Metrics whose floor is a distance above 0, so that one can say how many times the floor a number is."""
JUDGED = ("differs", "not told apart", "below people")
FEW_SESSIONS = 400
"""Sessions of a side below which only large differences show."""


def headlines(report: AlignmentReport) -> tuple[str, str, str]:
    """The most telling of a report, each in a sentence or two."""
    judged = [
        m for m in report.measures if m.population == "agents" and m.segment is None and m.estimate.verdict in JUDGED
    ]
    ranked = sorted((m for m in judged if m.metric in DISTANCES and m.estimate.floor), key=_times_floor)
    # What the smoothing constant decides tells least.
    ranked = [m for m in ranked if not m.estimate.details.get("warning")] or ranked
    return _furthest(judged, ranked), _nearest(judged, ranked), _limits(report, judged)


def _times_floor(measure: Measure) -> float:
    return (measure.estimate.value or 0.0) / (measure.estimate.floor or 1.0)


def _said(measure: Measure) -> str:
    value, floor = measure.estimate.value or 0.0, measure.estimate.floor or 0.0
    return f"{measure.of} by {measure.metric}, {value:.3g} where people among themselves show {floor:.3g}"


def _furthest(judged: Sequence[Measure], ranked: Sequence[Measure]) -> str:
    differ = [measure for measure in judged if measure.estimate.verdict == "differs"]
    if not judged:
        return "Nothing here can be judged: no number has a floor."
    count = f"{len(differ)} of {len(judged)} numbers differ beyond chance"
    far = [measure for measure in ranked if measure in differ]
    if far:
        return f"Furthest from people: {_said(far[-1])} ({_times_floor(far[-1]):.1f} times as much). {count}."
    if differ:
        names = ", ".join(dict.fromkeys(f"{measure.of} by {measure.metric}" for measure in differ))
        return f"Furthest from people: {names}. {count}."
    if ranked:
        return f"Nothing differs from people beyond chance; furthest is {_said(ranked[-1])}."
    return "Nothing differs from people beyond chance."


def _nearest(judged: Sequence[Measure], ranked: Sequence[Measure]) -> str:
    near = [measure for measure in ranked if measure.estimate.verdict != "differs"]
    alike = sum(measure.estimate.verdict != "differs" for measure in judged)
    if near:
        return f"Nearest to people: {_said(near[0])}. {alike} of {len(judged)} numbers are not told apart from theirs."
    if ranked:
        return f"Nearest to people, though told apart from them: {_said(ranked[0])}."
    return "No distance can be ranked."


def _limits(report: AlignmentReport, judged: Sequence[Measure]) -> str:
    """What a reader must know before either of the others is believed, the worst first."""
    parts = [*_failures(report), *_sizes(report)]
    if any(one.synthetic for one in report.populations if one.role == "human"):
        parts.append("the people are SYNTHETIC")
    if smoothed := sum(bool(measure.estimate.details.get("warning")) for measure in judged):
        parts.append(f"the smoothing constant decides {smoothed} numbers (marked !)")
    parts.append(
        f"some {max(1, round(0.05 * len(judged)))} of {len(judged)} verdicts would say 'differs' by chance alone"
    )
    return f"What limits this: {'; '.join(parts)}."


def _failures(report: AlignmentReport) -> Iterable[str]:
    for one in report.populations:
        lost = sum(one.excluded.values())
        if lost:
            ends = ", ".join(f"{count:,} {end}" for end, count in one.excluded.items())
            yield f"{lost / (lost + one.sessions):.0%} of the {one.role} sessions are left out ({ends})"


def _sizes(report: AlignmentReport) -> Iterable[str]:
    sides = [one for one in report.populations if one.role in ("human", "agents")]
    small = min(sides, key=lambda one: one.sessions, default=None)
    if small is not None:
        few = ", so few that only large differences show" if small.sessions < FEW_SESSIONS else ""
        yield f"the smaller side has {small.sessions:,} sessions ({small.role}){few}"
