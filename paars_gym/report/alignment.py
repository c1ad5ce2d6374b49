"""How does an alignment report look in a terminal? Every number with its interval and its floor, the paper's beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from paars_gym.alignment.measure import Measure, paper_values
from paars_gym.alignment.report import AlignmentReport, PopulationSummary

HISTOGRAM_METRICS = ("KL", "JS", "W1")
MARKS = {
    "differs": "differs",
    "not told apart": "not told apart",
    "below people": "below people",
    "not estimable": "not estimable",
    "described": "",
}
FIRST = ("searches", "views", "purchases")


def render(report: AlignmentReport) -> Group:
    """The whole report, for ``rich.console.Console.print``."""
    parts: list[RenderableType] = [_populations(report.populations)]
    counted = [m for m in report.measures if m.metric in HISTOGRAM_METRICS and m.segment is None]
    worded = [m for m in report.measures if m.metric not in HISTOGRAM_METRICS and m.segment is None]
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
        parts += [_segments(report), Text(report.segments.sentence)]
    parts += [Text(line) for line in _sentences(report)]
    return Group(*parts)


def _populations(populations: Iterable[PopulationSummary]) -> Table:
    table = Table("", "population", "who", "sessions", "left out", "shoppers", title="Compared", title_justify="left")
    for found in populations:
        left_out = ", ".join(f"{count:,} {end}" for end, count in found.excluded.items()) or "0"
        who = "SYNTHETIC" if found.synthetic else "real people" if found.role == "human" else "as given"
        shoppers = "?" if found.shoppers is None else f"{found.shoppers:,}"
        table.add_row(found.role, escape(found.name), who, f"{found.sessions:,}", left_out, shoppers)
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
    for found in measures:
        groups.setdefault(found.of, []).append(found)
    for of, rows in groups.items():
        table.add_section()
        table.add_row(Text(of, style="bold"))
        for role in roles:
            theirs = [found for found in rows if found.population == role]
            if theirs and len(roles) > 1:
                table.add_row(Text(f" {role}", style="italic"))
            for found in theirs:
                table.add_row(
                    f"  {found.metric}",
                    number(found.estimate),
                    _interval(found),
                    number(found.null_floor),
                    _verdict(found),
                )
    return table


def _compact(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)


def _verdict(found: Measure) -> str:
    p_value = "" if found.p_value is None else f" p {found.p_value:.2g}"
    return MARKS[found.verdict] + p_value + (" !" if found.warning else "")


def _diversity(measures: list[Measure], populations: Iterable[PopulationSummary]) -> Table:
    table = _compact("Diversity (Table 4); 95% intervals")
    table.add_column("", overflow="fold", min_width=10)
    table.add_column("estimate", justify="right", no_wrap=True)
    table.add_column("interval", justify="right", no_wrap=True)
    cells: dict[tuple[str, str], dict[str, Measure]] = {}
    for found in measures:
        cells.setdefault((found.of, found.metric), {})[found.population] = found
    for (of, metric), row in cells.items():
        table.add_section()
        table.add_row(Text(f"{metric} of {of}", style="bold"))
        for role in (found.role for found in populations if found.role in row):
            table.add_row(f"  {role}", number(row[role].estimate), _interval(row[role]))
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
        sizes = f"{mine[0].n_human:,} human and {mine[0].n_agent:,} agent sessions"
        table.add_row(Text(label, style="bold"))
        table.add_row(Text(f" {sizes}", style="italic"))
        for m in mine:
            table.add_row(f"  {m.of}", number(m.estimate), _interval(m), number(m.null_floor), _verdict(m))
    if report.segments.pooled:
        what = f"Pooled, below {report.segments.minimum} sessions on a side: {', '.join(report.segments.pooled)}"
        table.caption = escape(what + f"; {report.segments.suppressed:,} human sessions not shown.")
    return table


def _sentences(report: AlignmentReport) -> Iterator[str]:
    whole = [m for m in report.measures if m.segment is None]
    judged = sum(m.verdict in ("differs", "not told apart") for m in report.measures)
    yield "\nWhat the floor makes of each:"
    for found in whole:
        if found.verdict != "described":
            yield f"- {found.sentence}"
    yield f"Of {judged} such verdicts, some {max(1, round(0.05 * judged))} would say 'differ' by chance alone."
    if report.improvements:
        yield "\nAgainst the baseline:"
        yield from (f"- {found.sentence}" for found in report.improvements if found.segment is None)
    seen = dict.fromkeys((found.of, found.metric) for found in whole)
    beside = [(of, metric, paper_values(of, metric)) for of, metric in seen if paper_values(of, metric)]
    if beside:
        yield "\nThe paper's values beside:"
        yield from (f"- {metric} of {of}. {told}" for of, metric, told in beside)
    notes = [*report.notes, *(f"{p.name}: {note}" for p in report.populations for note in p.notes)]
    if any(p.synthetic for p in report.populations if p.role == "human"):
        notes.insert(0, "The humans of this report are SYNTHETIC: it says nothing of real people.")
    if notes:
        yield "\nTo be kept in mind:"
        yield from (f"- {note}" for note in notes)


def _is_variety(found: Measure) -> bool:
    return found.metric.startswith(("TTR", "MATTR", "HD-D"))


def _interval(found: Measure) -> str:
    return "" if found.low is None or found.high is None else f"[{number(found.low)}, {number(found.high)}]"


def number(value: float | None) -> str:
    """Three significant digits, none where there is no number."""
    if value is None:
        return ""
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
