"""How does an alignment report look in a terminal? Every number with its interval and its floor, the paper's beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from paars_gym.alignment.measure import Measure, paper_values
from paars_gym.alignment.report import AlignmentReport, Population

HISTOGRAM_METRICS = ("KL", "JS", "W1")
MARKS = {
    "differs": "differs",
    "not told apart": "not told apart",
    "below people": "below people",
    "not estimable": "–",
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


def _populations(populations: Iterable[Population]) -> Table:
    table = Table("", "population", "who", "sessions", "left out", "shoppers", title="Compared", title_justify="left")
    for found in populations:
        left_out = ", ".join(f"{count:,} {end}" for end, count in found.excluded.items()) or "0"
        who = "SYNTHETIC" if found.synthetic else "real people" if found.role == "human" else "as given"
        shoppers = "?" if found.shoppers is None else f"{found.shoppers:,}"
        table.add_row(found.role, escape(found.name), who, f"{found.sessions:,}", left_out, shoppers)
    return table


def _table(title: str, measures: list[Measure]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("of", overflow="fold")
    for column in ("who", "metric"):
        table.add_column(column, no_wrap=True)
    for column in ("estimate", "95% interval", "floor"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict")
    before = ""
    for found in sorted(measures, key=lambda m: ([n.of for n in measures].index(m.of), m.population)):
        note = " !" if found.warning else ""
        p_value = "" if found.p_value is None else f" (p {found.p_value:.3g})"
        verdict = MARKS[found.verdict] + p_value + note
        row = (found.population, found.metric, number(found.estimate), _interval(found), number(found.null_floor))
        table.add_row(found.of if found.of != before else "", *row, verdict)
        before = found.of
    return table


def _diversity(measures: list[Measure], populations: Iterable[Population]) -> Table:
    roles = [found.role for found in populations]
    table = Table("of", "metric", *roles, "paper", title="Diversity (Table 4)", title_justify="left")
    cells: dict[tuple[str, str], dict[str, Measure]] = {}
    for found in measures:
        cells.setdefault((found.of, found.metric), {})[found.population] = found
    for (of, metric), row in cells.items():
        shown = [f"{number(row[role].estimate)} {_interval(row[role])}" if role in row else "" for role in roles]
        table.add_row(
            of, metric, *shown, paper_values(of, metric).partition(". Compares?")[0].removeprefix("Table 4: ")
        )
    return table


def _segments(report: AlignmentReport) -> Table:
    assert report.segments is not None
    shown = [
        m for m in report.measures if m.segment and m.metric == "JS" and m.of in FIRST and m.population == "agents"
    ]
    table = Table(title=f"By {report.segments.by}, JS (worst first)", title_justify="left")
    for column in ("segment", "of", "sessions", "estimate", "95% interval", "floor", "verdict"):
        table.add_column(column)
    for label in report.segments.excess:
        for m in shown:
            if m.segment == label:
                sizes = f"{m.n_human:,} / {m.n_agent:,}"
                row = (number(m.estimate), _interval(m), number(m.null_floor), MARKS[m.verdict])
                table.add_row(escape(label), m.of, sizes, *row)
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
