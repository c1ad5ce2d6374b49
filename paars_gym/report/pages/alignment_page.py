"""A comparison with people as parts of a report's page: its headline in plain words, its plots, its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from paars_gym.alignment.report import AlignmentReport, Improvement, Measure
from paars_gym.alignment.session_generation import RANK
from paars_gym.estimate import Estimate, in_words
from paars_gym.report.alignment import SWEPT, segments_sentence
from paars_gym.report.alignment_tables import number
from paars_gym.report.headlines import FEW_SESSIONS, headlines
from paars_gym.report.pages.estimates_plot import estimates_plot
from paars_gym.report.pages.page import PagePlot, PageSection, PageTable, csv_of
from paars_gym.report.pages.plots import counts_plot, distances_plot, shares_plot
from paars_gym.report.paper import paper_values

MAIN = ("searches", "views", "purchases")
"""What a session is counted in, first of all."""
MEANS = {
    "searches": "searches a session",
    "views": "products opened a session",
    "purchases": "product lines bought a session",
}
ONE_EACH = ("JS", "energy distance")
"""The metric that speaks for a thing where several are of it, so that nothing is counted twice."""
CHANGES = {"closer": "nearer to people", "further": "further from people", "not told apart": "not told apart"}


def roles(report: AlignmentReport) -> dict[str, str]:
    """How a page calls the populations, by role; no two alike."""
    names: dict[str, str] = {}
    for one in report.populations:
        name = ("people" if one.role == "human" else one.name) + " (synthetic)" * (
            one.synthetic and one.role == "human"
        )
        names[one.role] = f"{name} ({one.role})" if name in names.values() else name
    return names


def alignment_words(report: AlignmentReport, names: Mapping[str, str]) -> tuple[str, ...]:
    """What a manager may repeat: how far from people, on what, who is nearer, how sure, and what limits it."""
    names = {role: f"“{name}”" for role, name in names.items()}
    agents = names["agents"]
    judged = [one for one in _of(report, "agents") if one.metric in ONE_EACH and one.estimate.verdict != "described"]
    differ = [one for one in judged if one.estimate.verdict == "differs"]
    lines: list[str] = []
    if "baseline" in names:
        lines += _nearer(report, names)
    if judged:
        what = f": {'; '.join(one.of for one in differ)}" if differ else ""
        few = _smaller(report) < FEW_SESSIONS
        caution = " With so few sessions only large differences show." * few
        lines.append(f"{agents} can be told from people on {len(differ)} of {len(judged)} things{what}.{caution}")
    lines += [line for of in MAIN if (line := _moved(report, of, agents))]
    return (*lines, headlines(report)[2])


def _nearer(report: AlignmentReport, names: Mapping[str, str]) -> Iterator[str]:
    mine = [one for one in report.improvements if one.segment is None and one.metric in ONE_EACH]
    if not mine:
        return
    by = {verdict: [one for one in mine if one.estimate.verdict == verdict] for verdict in CHANGES}
    agents, baseline = names["agents"], names["baseline"]
    if not by["closer"] and not by["further"]:
        yield (
            f"Which is nearer to people, {agents} or {baseline}? These sessions do not tell: on none of {len(mine)} "
            "things does the difference exceed chance."
        )
        return
    ahead = agents if len(by["closer"]) >= len(by["further"]) else baseline
    behind = baseline if ahead == agents else agents
    won, lost = sorted((len(by["closer"]), len(by["further"])), reverse=True)
    against = f", further on {lost}" if lost else ""
    yield (
        f"{ahead} is nearer to people than {behind} on {won} of {len(mine)} things{against}; on "
        f"{len(by['not told apart'])} chance alone could explain the difference."
    )
    for verdict, nearer in (("closer", agents), ("further", baseline)):
        if by[verdict]:
            told = (f"{one.of} by {_plain(one.estimate)}" for one in by[verdict])
            yield f"Nearer: {nearer}, in {'; '.join(told)} (distance {by[verdict][0].metric}; 95% intervals)."


def _plain(estimate: Estimate) -> str:
    value = abs(estimate.value or 0.0)
    if estimate.low is None or estimate.high is None:
        return f"{number(value)} {estimate.unit}"
    low, high = sorted((abs(estimate.low), abs(estimate.high)))
    return f"{number(value)} {estimate.unit} [{number(low)}, {number(high)}]"


def _moved(report: AlignmentReport, of: str, agents: str) -> str:
    """How far the sessions would have to move, from the Wasserstein distance, in the unit that is counted."""
    found = [
        one for one in _of(report, "agents") if one.of == of and one.metric == "W1" and one.estimate.value is not None
    ]
    if not found:
        return ""
    estimate = found[0].estimate
    ends = "" if estimate.interval is None else f" [{number(estimate.low)}, {number(estimate.high)}]"
    floor = "" if estimate.floor is None else f"; two samples of people differ by {number(estimate.floor)}"
    sure = {"differs": "more than chance explains", "not told apart": "not told apart from people"}
    verdict = sure.get(estimate.verdict, "")
    return (
        f"{MEANS[of].capitalize()}: to match people, those of {agents} would have to change by {number(estimate.value)}"
        f"{ends} on average{floor}{f' ({verdict})' if verdict else ''}."
    )


def alignment_section(report: AlignmentReport, title: str = "Beside people") -> PageSection:
    """The part of a page."""
    names = roles(report)
    whole = [one for one in report.measures if one.segment is None]
    tables = [_populations(report), _measures(whole, names, report)]
    if report.improvements:
        tables.append(_improvements(report, names))
    if report.segments is not None:
        tables.append(_segments(report))
    if beside := _paper(whole):
        tables.append(beside)
    words = [] if report.segments is None else [segments_sentence(report.segments)]
    notes = [*report.notes, *(f"{one.name}: {note}" for one in report.populations for note in one.notes)]
    if any(one.synthetic for one in report.populations if one.role == "human"):
        notes.insert(0, "These people are SYNTHETIC: nothing here is said of real ones.")
    notes.append(
        "Read no number without its floor: two samples of the same people differ too, by what stands under “people "
        "among themselves”. “Not told apart” does not mean “the same”."
    )
    return PageSection(title, tuple(words), alignment_plots(report), tuple(tables), tuple(dict.fromkeys(notes)))


def alignment_plots(report: AlignmentReport) -> tuple[PagePlot, ...]:
    """Histograms of all populations side by side, then distances from people."""
    names = roles(report)
    by_of = {histogram.of: histogram for histogram in report.histograms}
    plots = [counts_plot(by_of[of], _present(by_of[of].counts, names)) for of in MAIN if of in by_of]
    if RANK in by_of:
        ranks = by_of[RANK]
        columns = {name: ranks.counts[role] for role, name in _present(ranks.counts, names).items()}
        plots.append(shares_plot("Rank of what is opened (Figure 3)", "rank", ranks.bins, columns))
    distances = _distances([one for one in report.measures if one.segment is None], names)
    return (*plots, *distances, *_segment_plots(report))


def _segment_plots(report: AlignmentReport) -> Iterator[PagePlot]:
    """How far agents are from the people of each segment, that with the worst served first."""
    if report.segments is None:
        return
    by, order = report.segments.by, list(report.segments.excess)
    for of in MAIN:
        mine = {
            one.segment: one.estimate
            for one in report.measures
            if (one.of, one.metric, one.population) == (of, "JS", "agents") and one.segment in order
        }
        if mine:
            estimates = [(label, mine[label]) for label in order if label in mine]
            yield estimates_plot(
                estimates, title=f"How far from people, by {by}: {of}", note=" The worst served first."
            )


def _present(counts: Mapping[str, object], names: Mapping[str, str]) -> dict[str, str]:
    return {role: name for role, name in names.items() if role in counts}


def _distances(whole: Sequence[Measure], names: Mapping[str, str]) -> Iterator[PagePlot]:
    agents = {role: name for role, name in names.items() if role != "human"}
    for metric, title, unit in (
        ("JS", "How far from people: what sessions do", "JS divergence in nats"),
        ("energy distance", "How far from people: words", "energy distance"),
    ):
        mine = [one for one in whole if one.metric == metric]
        if mine:
            yield distances_plot(mine, agents, title=title, unit=unit)


def _populations(report: AlignmentReport) -> PageTable:
    rows = [["", "population", "who", "sessions", "left out", "shoppers"]]
    for one in report.populations:
        who = "synthetic" if one.synthetic else "real people" if one.role == "human" else "as given"
        out = ", ".join(f"{count:,} {end}" for end, count in one.excluded.items()) or "0"
        rows.append(
            [one.role, one.name, who, f"{one.sessions:,}", out, "?" if one.shoppers is None else f"{one.shoppers:,}"]
        )
    return PageTable.of("Who is compared", rows)


def _measures(whole: Sequence[Measure], names: Mapping[str, str], report: AlignmentReport) -> PageTable:
    shown = [one for one in whole if one.metric not in SWEPT]
    rows = [["what", "by", "whose", "estimate", "95% interval", "people among themselves", "p", "verdict"]]
    for one in sorted(shown, key=lambda one: (one.of not in MAIN, one.of, one.metric)):
        estimate = one.estimate
        ends = "" if estimate.interval is None else f"{number(estimate.low)} to {number(estimate.high)}"
        mark = " !" if estimate.details.get("warning") else ""
        verdict = estimate.verdict if estimate.verdict != "described" else ""
        rows.append(
            [one.of, one.metric, names.get(one.population, one.population), in_value(estimate), ends,
             number(estimate.floor), "" if estimate.p_value is None else f"{estimate.p_value:.2g}", verdict + mark]
        )  # fmt: skip
    note = "! The smoothing constant decides the number." if any(row[-1].endswith("!") for row in rows) else ""
    table = PageTable.of("Every number, with its interval and its floor", rows, csv=report.to_csv(), note=note)
    return replace(table, folded=True)


def in_value(estimate: Estimate) -> str:
    """The value with its unit, or why there is none."""
    return in_words(estimate) if estimate.value is None else f"{number(estimate.value)} {estimate.unit}".rstrip()


def _improvements(report: AlignmentReport, names: Mapping[str, str]) -> PageTable:
    rows = [["what", "by", "nearer by", "95% interval", f"{names['agents']} is"]]
    whole = [one for one in report.improvements if one.segment is None]
    rows += [_improvement(one) for one in whole]
    numbers = [{**one.model_dump(exclude={"estimate"}), **one.estimate.to_dict()} for one in report.improvements]
    note = f"Above 0: {names['agents']} is nearer to people than {names['baseline']}."
    table = PageTable.of(f"Is {names['agents']} nearer than {names['baseline']}?", rows, csv=csv_of(numbers), note=note)
    return replace(table, folded=True)


def _improvement(one: Improvement) -> list[str]:
    estimate = one.estimate
    ends = "" if estimate.interval is None else f"{number(estimate.low)} to {number(estimate.high)}"
    return [one.of, one.metric, in_value(estimate), ends, CHANGES.get(estimate.verdict, estimate.verdict)]


def _segments(report: AlignmentReport) -> PageTable:
    assert report.segments is not None
    rows = [[report.segments.by, "what", "people's sessions", "agents' sessions", "JS", "95% interval",
             "people among themselves", "verdict"]]  # fmt: skip
    mine = [one for one in report.measures if one.metric == "JS" and one.of in MAIN and one.population == "agents"]
    for label in report.segments.excess:
        for one in (one for one in mine if one.segment == label):
            estimate = one.estimate
            ends = "" if estimate.interval is None else f"{number(estimate.low)} to {number(estimate.high)}"
            sizes = (f"{estimate.sizes.get(side, 0):,}" for side in ("human", "agent"))
            rows.append([label, one.of, *sizes, number(estimate.value), ends, number(estimate.floor), estimate.verdict])
    numbers = [
        {"segment": one.segment, "of": one.of, "population": one.population, **one.estimate.to_dict()}
        for one in report.measures
        if one.segment is not None
    ]
    note = ""
    if report.segments.pooled:
        note = (
            f"Pooled, below {report.segments.minimum} sessions on a side: {', '.join(report.segments.pooled)}; "
            f"{report.segments.suppressed:,} sessions of people not shown."
        )
    return PageTable.of(f"By {report.segments.by}, the worst served first", rows, csv=csv_of(numbers), note=note)


def _paper(whole: Iterable[Measure]) -> PageTable | None:
    rows = [["what", "by", "the paper's values, and whether they compare"]]
    for of, metric in dict.fromkeys((one.of, one.metric) for one in whole):
        if values := paper_values(of, metric):
            rows.append([of, metric, values])
    table = PageTable.of("The paper's values beside", rows)
    return replace(table, folded=True) if len(rows) > 1 else None


def _of(report: AlignmentReport, role: str) -> list[Measure]:
    return [one for one in report.measures if one.population == role and one.segment is None]


def _smaller(report: AlignmentReport) -> int:
    return min((one.sessions for one in report.populations if one.role in ("human", "agents")), default=0)
