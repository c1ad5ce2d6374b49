"""An alignment report in a terminal: every number with its interval and its floor, the paper's beside, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from paars_gym.alignment.kde import BANDWIDTHS
from paars_gym.alignment.navigation import NAVIGATION
from paars_gym.alignment.report import AlignmentReport, Improvement, Measure, SegmentSummary
from paars_gym.report.alignment_tables import (
    FIRST,
    diversity_table,
    measures_table,
    navigation_table,
    populations_table,
    segments_table,
    verdicts_table,
)
from paars_gym.report.headlines import headlines
from paars_gym.report.paper import paper_values

HISTOGRAM_METRICS = ("KL", "JS", "W1")
SWEPT = tuple(f"KDE-KL h = {bandwidth:g}" for bandwidth in BANDWIDTHS if bandwidth != 0.1)
"""Bandwidths beside that of Table 2, which have no floor."""


def render(report: AlignmentReport, *, explain: bool = False) -> Group:
    """The report, to be printed: three lines of what tells most, then tables, then what has to be kept in mind.

    Args:
        report: What was measured.
        explain: Also a sentence for every number, and the bandwidths that have no floor.
    """
    first = [Text(line) for line in (*headlines(report), "")]
    parts: list[RenderableType] = [*first, populations_table(report.populations)]
    whole = [m for m in report.measures if m.segment is None]
    navigated = [m for m in whole if m.of in NAVIGATION]
    counted = [m for m in whole if m.metric in HISTOGRAM_METRICS and m.of not in NAVIGATION]
    worded = [m for m in whole if m.metric not in HISTOGRAM_METRICS and m.of not in NAVIGATION]
    worded = [m for m in worded if explain or m.metric not in SWEPT]
    by_title = (
        ("Sessions: counts (Table 2)", [m for m in counted if m.of in FIRST]),
        ("Sessions: together, in order, depth and time", [m for m in counted if m.of not in FIRST]),
        ("Queries and titles as groups (Table 2, Appendix D)", [m for m in worded if not _is_variety(m)]),
    )
    tables = [measures_table(title, measures) for title, measures in by_title if measures]
    parts += [*tables[:2], navigation_table(navigated, report.populations), *tables[2:]]
    varied = [m for m in worded if _is_variety(m)]
    if varied:
        parts.append(diversity_table(varied, report.populations))
    if report.segments is not None:
        verdicts = [verdicts_table(report.segments)] if report.segments.verdicts else []
        parts += [*verdicts, segments_table(report), *map(Text, segments_sentences(report.segments))]
    parts += [Text(line) for line in _sentences(report, explain=explain)]
    return Group(*parts)


def _sentences(report: AlignmentReport, *, explain: bool) -> Iterator[str]:
    whole = [m for m in report.measures if m.segment is None]
    if explain:
        judged = sum(m.estimate.verdict in ("differs", "not told apart") for m in report.measures)
        yield "\nWhat the floor makes of each:"
        for measure in whole:
            if measure.estimate.verdict != "described":
                yield f"- {measure_sentence(measure)}"
        yield f"Of {judged} such verdicts, some {max(1, round(0.05 * judged))} would say 'differ' by chance alone."
    else:
        yield from _in_short(whole)
    if report.improvements:
        yield "\nAgainst the baseline:"
        whole_ones = [each for each in report.improvements if each.segment is None]
        told = [each for each in whole_ones if explain or each.estimate.verdict != "not told apart"]
        yield from (f"- {improvement_sentence(each)}" for each in told)
        rest = ", ".join(f"{each.metric} of {each.of}" for each in whole_ones if each not in told)
        if rest:
            yield f"- The agents are not told apart from the baseline by {rest if told else 'any number'}."
    beside = list(_beside(dict.fromkeys((m.of, m.metric) for m in whole if explain or m.metric not in SWEPT)))
    if beside:
        yield "\nThe paper's values beside:"
        yield from beside
    notes = [*report.notes, *(f"{p.name}: {note}" for p in report.populations for note in p.notes)]
    if any(p.synthetic for p in report.populations if p.role == "human"):
        notes.insert(0, "The humans of this report are SYNTHETIC: it says nothing of real people.")
    if notes:
        yield "\nTo be kept in mind:"
        yield from (f"- {note}" for note in notes)


def _in_short(measures: Iterable[Measure]) -> Iterator[str]:
    """What the tables leave open: why a number is missing, and what a mark means."""
    unknown = [m for m in measures if m.estimate.value is None or m.estimate.verdict == "not estimable"]
    for reason in dict.fromkeys(m.estimate.note for m in unknown):
        names = ", ".join(f"{m.metric} of {m.of}" for m in unknown if m.estimate.note == reason)
        yield f"{names}: not estimable. {reason}".strip()
    if any(m.estimate.details.get("warning") for m in measures):
        yield "! The smoothing constant decides the number: people use bins that these agents never do."
    yield "A sentence for every number: --explain."


def _beside(seen: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The paper's values, those together that compare, or do not, for one reason."""
    reasons: dict[str, list[str]] = {}
    for of, metric in seen:
        values, compares, why = paper_values(of, metric).partition(" Compares? ")
        if compares:
            reasons.setdefault(why, []).append(f"{metric} of {of}: {values.rstrip('.')}")
    for why, values_of in reasons.items():
        yield f"- {'; '.join(values_of)}. Compares? {why}"


def measure_sentence(measure: Measure) -> str:
    """What the floor makes of a measure."""
    estimate = measure.estimate
    name = f"{measure.metric} of {measure.of}" + (f" ({measure.segment})" if measure.segment else "")
    if estimate.value is None or estimate.verdict == "not estimable":
        return f"{name}: not estimable. {estimate.note}".strip()
    floor = "" if estimate.floor is None else f", where people among themselves show {estimate.floor:.3g}"
    whose = measure.population
    who = {"agents": "the agents", "baseline": "the baseline's agents"}.get(whose, f"agents of {whose!r}")
    paired = bool(estimate.details.get("paired"))
    explained = "which copying one's own pair explains" if paired else "and closer than chance allows"
    verdict = {
        "differs": f"{who} differ from people beyond chance",
        "not told apart": f"{who} cannot be told from people at this size",
        "below people": f"{who} come closer to people than people do to each other, {explained}",
        "described": "it has no floor of its own, read it beside the others" if not estimate.note else estimate.note,
    }[estimate.verdict]
    test = "" if estimate.p_value is None else f" (p = {estimate.p_value:.3g})"
    warning = estimate.details.get("warning")
    return f"{name} is {estimate.value:.3g}{floor}: {verdict}{test}." + (f" {warning}" if warning else "")


def improvement_sentence(improvement: Improvement) -> str:
    """Whether the agents are closer to people than the baseline."""
    estimate = improvement.estimate
    where = f" ({improvement.segment})" if improvement.segment else ""
    ends = "" if estimate.interval is None else f" [{estimate.low:.3g}, {estimate.high:.3g}]"
    change = {
        "closer": "closer to people than",
        "further": "further from people than",
        "not told apart": "not told apart from",
    }[estimate.verdict]
    return (
        f"{improvement.metric} of {improvement.of}{where}: the agents are {change} the baseline, by "
        f"{estimate.value:.3g}{ends}."
    )


def segments_sentences(segments: SegmentSummary) -> Iterator[str]:
    """Which segments are served worst, how the verdicts were made, and what those too small to be shown would take."""
    if segments.verdicts:
        yield (
            "JS: mean of searches, views and purchases, its upward bias taken off. Near: below what a panel of "
            f"{segments.panel} of the segment's people would show by chance; far: above it, and beyond what people of "
            f"this number show among themselves; Holm's correction over {len(segments.verdicts)} segments, 5%. People "
            "needed: shoppers in all, agents growing in proportion, if the distance is as measured (of the error, "
            "chance falls as 1/n, the rest as 1/√n)."
        )
    if any(each.too_few_agents for each in segments.verdicts):
        yield "agents: there are people enough, and agents of too few different shoppers; simulate more."
    if any(each.estimate.verdict != each.leaning and not each.too_few_agents and each.needed is None
           for each in segments.verdicts):  # fmt: skip
        yield "?: the distance is so near to that of a panel that no number of people is likely to tell."
    if segments.pooled and segments.needed_when_alike is not None:
        yield (
            f"A segment whose agents are as its people are would take some {segments.needed_when_alike:,} shoppers, if "
            "it varies as everybody does."
        )
    yield segments_sentence(segments)


def segments_sentence(segments: SegmentSummary) -> str:
    """Which segments are served worst."""
    if not segments.worst_served:
        return f"No segment by {segments.by} is clearly served worse than shoppers on the whole."
    return (
        f"Worst served by {segments.by}: {', '.join(segments.worst_served)}; their agents are less like them than "
        "agents on the whole, beyond what so many segments show by chance."
    )


def _is_variety(measure: Measure) -> bool:
    return measure.metric.startswith(("TTR", "MATTR", "HD-D"))
