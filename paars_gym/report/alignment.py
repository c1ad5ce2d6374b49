"""An alignment report in a terminal: every number with its interval and its floor, the paper's beside, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from paars_gym.alignment.kde import BANDWIDTHS
from paars_gym.alignment.report import AlignmentReport, Improvement, Measure, PopulationSummary, SegmentSummary
from paars_gym.estimate import Estimate
from paars_gym.report.headlines import headlines
from paars_gym.report.paper import PAPER

HISTOGRAM_METRICS = ("KL", "JS", "W1")
FIRST = ("searches", "views", "purchases")
SWEPT = tuple(f"KDE-KL h = {bandwidth:g}" for bandwidth in BANDWIDTHS if bandwidth != 0.1)
"""Bandwidths beside that of Table 2, which have no floor."""


def render(report: AlignmentReport, *, explain: bool = False) -> Group:
    """The report, to be printed: three lines of what tells most, then tables, then what has to be kept in mind.

    Args:
        report: What was measured.
        explain: Also a sentence for every number, and the bandwidths that have no floor.
    """
    first = [Text(line) for line in (*headlines(report), "")]
    parts: list[RenderableType] = [*first, _populations(report.populations)]
    counted = [m for m in report.measures if m.metric in HISTOGRAM_METRICS and m.segment is None]
    worded = [m for m in report.measures if m.metric not in HISTOGRAM_METRICS and m.segment is None]
    worded = [m for m in worded if explain or m.metric not in SWEPT]
    by_title = (
        ("Sessions: counts (Table 2)", [m for m in counted if m.of in FIRST]),
        ("Sessions: together, in order, depth and time", [m for m in counted if m.of not in FIRST]),
        ("Queries and titles as groups (Table 2, Appendix D)", [m for m in worded if not _is_variety(m)]),
    )
    parts += [_table(title, measures) for title, measures in by_title if measures]
    varied = [m for m in worded if _is_variety(m)]
    if varied:
        parts.append(_diversity(varied, report.populations))
    if report.segments is not None:
        parts += [_segments(report), Text(segments_sentence(report.segments))]
    parts += [Text(line) for line in _sentences(report, explain=explain)]
    return Group(*parts)


def _populations(populations: Iterable[PopulationSummary]) -> Table:
    table = Table("", "population", "who", "sessions", "left out", "shoppers", title="Compared", title_justify="left")
    for log in populations:
        left_out = ", ".join(f"{count:,} {end}" for end, count in log.excluded.items()) or "0"
        who = "SYNTHETIC" if log.synthetic else "real people" if log.role == "human" else "as given"
        shoppers = "?" if log.shoppers is None else f"{log.shoppers:,}"
        table.add_row(log.role, log.name, who, f"{log.sessions:,}", left_out, shoppers)
    return table


def _table(title: str, measures: list[Measure]) -> Table:
    """One row a number, under a row that says of what. No number and no verdict is ever cut: at 80 columns it fits."""
    roles = list(dict.fromkeys(m.population for m in measures))
    table = _compact(f"{title}; 95% intervals")
    table.add_column("", overflow="fold", min_width=10)
    for column in ("estimate", "interval", "floor"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    groups: dict[str, list[Measure]] = {}
    for measure in measures:
        groups.setdefault(measure.of, []).append(measure)
    for of, rows in groups.items():
        table.add_section()
        table.add_row(Text(of, style="bold"))
        for role in roles:
            theirs = [measure for measure in rows if measure.population == role]
            if theirs and len(roles) > 1:
                table.add_row(Text(f" {role}", style="italic"))
            for measure in theirs:
                table.add_row(Hanging(measure.metric), *_cells(measure.estimate))
    return table


class Hanging:
    """The name of a row below a head: indented, and further where it has to be wrapped."""

    INDENT = 2

    def __init__(self, name: str) -> None:
        self._name = name.replace(" = ", "\u00a0=\u00a0")  # stays on one line

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, deeper = max(options.max_width, 8), " " * (self.INDENT + 1)
        lines = wrap(self._name, width, initial_indent=deeper[1:], subsequent_indent=deeper, break_on_hyphens=False)
        yield Text("\n".join(lines))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        longest = max(map(cell_len, self._name.split(" ")))
        return Measurement(longest + self.INDENT + 1, cell_len(self._name) + self.INDENT)


def _compact(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)


def _cells(estimate: Estimate) -> tuple[str, str, str, str]:
    """Value, interval, floor and verdict."""
    return number(estimate.value), _interval(estimate), number(estimate.floor), _verdict(estimate)


def _verdict(estimate: Estimate) -> str:
    p_value = "" if estimate.p_value is None else f" p {estimate.p_value:.2g}"
    verdict = "" if estimate.verdict == "described" else estimate.verdict
    return verdict + p_value + (" !" if estimate.details.get("warning") else "")


def _diversity(measures: list[Measure], populations: Iterable[PopulationSummary]) -> Table:
    table = _compact("Diversity (Table 4); 95% intervals")
    table.add_column("", overflow="fold", min_width=10)
    table.add_column("estimate", justify="right", no_wrap=True)
    table.add_column("interval", justify="right", no_wrap=True)
    cells: dict[tuple[str, str], dict[str, Measure]] = {}
    for measure in measures:
        cells.setdefault((measure.of, measure.metric), {})[measure.population] = measure
    for (of, metric), row in cells.items():
        table.add_section()
        table.add_row(Text(f"{metric} of {of}", style="bold"))
        for role in (log.role for log in populations if log.role in row):
            table.add_row(f"  {role}", *_cells(row[role].estimate)[:2])
        for paper in filter(None, [paper_values(of, metric).partition(". Compares?")[0]]):
            table.add_row(Text(f"  {paper}", style="italic"))
    return table


def _segments(report: AlignmentReport) -> Table:
    assert report.segments is not None
    shown = [
        m for m in report.measures if m.segment and m.metric == "JS" and m.of in FIRST and m.population == "agents"
    ]
    table = _compact(f"By {report.segments.by}, JS (worst first); 95% intervals")
    table.add_column("", overflow="fold", min_width=10)
    for column in ("estimate", "interval", "floor"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for label in report.segments.excess:
        mine = [m for m in shown if m.segment == label]
        if not mine:
            continue
        table.add_section()
        sizes = "{human:,} human and {agent:,} agent sessions".format(**mine[0].estimate.sizes)
        table.add_row(Text(label, style="bold"))
        table.add_row(Text(f" {sizes}", style="italic"))
        for m in mine:
            table.add_row(f"  {m.of}", *_cells(m.estimate))
    if report.segments.pooled:
        what = f"Pooled, below {report.segments.minimum} sessions on a side: {', '.join(report.segments.pooled)}"
        table.caption = what + f"; {report.segments.suppressed:,} human sessions not shown."
    return table


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


def segments_sentence(segments: SegmentSummary) -> str:
    """Which segments are served worst."""
    if not segments.worst_served:
        return f"No segment by {segments.by} is clearly served worse than shoppers on the whole."
    return (
        f"Worst served by {segments.by}: {', '.join(segments.worst_served)}; their agents are less like them than "
        "agents on the whole, beyond what so many segments show by chance."
    )


def paper_values(of: str, metric: str) -> str:
    """The paper's figures, and whether ours compare; empty when it has none."""
    paper = PAPER.get((of, metric))
    if paper is None:
        return ""
    human = "" if paper.human is None else f", people {paper.human:g}"
    values = f"base {_figure(paper.base)}, persona {_figure(paper.persona)}{human}"
    return f"{paper.table}: {values}. Compares? {paper.compares}"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:g}"


def _is_variety(measure: Measure) -> bool:
    return measure.metric.startswith(("TTR", "MATTR", "HD-D"))


def _interval(estimate: Estimate) -> str:
    return "" if estimate.interval is None else f"[{number(estimate.low)}, {number(estimate.high)}]"


def number(value: float | None) -> str:
    """Three significant digits, none where there is no number."""
    if value is None:
        return ""
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
