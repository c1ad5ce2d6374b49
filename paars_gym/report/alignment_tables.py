"""The tables of an alignment report: who is compared, counts, navigation, words, variety, segments."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from paars_gym.alignment.navigation import NAVIGATION, missing
from paars_gym.alignment.report import AlignmentReport, Measure, PopulationSummary, SegmentSummary
from paars_gym.estimate import Estimate
from paars_gym.report.paper import paper_values

FIRST = ("searches", "views", "purchases")


def populations_table(populations: Iterable[PopulationSummary]) -> Table:
    """Whose sessions, how many, and of how many shoppers."""
    table = Table("", "population", "who", "sessions", "left out", "shoppers", title="Compared", title_justify="left")
    for log in populations:
        left_out = ", ".join(f"{count:,} {end}" for end, count in log.excluded.items()) or "0"
        who = "SYNTHETIC" if log.synthetic else "real people" if log.role == "human" else "as given"
        shoppers = "?" if log.shoppers is None else f"{log.shoppers:,}"
        table.add_row(log.role, log.name, who, f"{log.sessions:,}", left_out, shoppers)
    return table


def measures_table(title: str, measures: list[Measure]) -> Table:
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


def navigation_table(measures: list[Measure], populations: Iterable[PopulationSummary]) -> Table:
    """What both sides record of moving about the shop; for the rest, a row says why there is nothing."""
    table = measures_table("Sessions: navigation", measures)
    for of in NAVIGATION:
        if not any(measure.of == of for measure in measures):
            without = [log.role for log in populations if missing(of, log.known)]
            table.add_section()
            table.add_row(Text(of, style="bold"))
            why = f" not recorded: {', '.join(without)}" if without else " nobody does it"
            table.add_row(Text(why, style="italic"))
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


def diversity_table(measures: list[Measure], populations: Iterable[PopulationSummary]) -> Table:
    """Table 4: how varied the words of each population are."""
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


def segments_table(report: AlignmentReport) -> Table:
    """How far the agents of each segment are from its people, the worst first."""
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


def verdicts_table(segments: SegmentSummary) -> Table:
    """Of which segments the agents are near people, and how many people the others would take."""
    table = _compact(f"By {segments.by}: are agents near people? Mean JS, 95% intervals")
    table.add_column("", overflow="fold", min_width=8)
    for column in ("people", "JS", "interval", "panel"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("people\nneeded", justify="right", no_wrap=True)
    for each in segments.verdicts:
        estimate, settled = each.estimate, each.estimate.verdict == each.leaning
        needed = "?" if each.needed is None else f"~{each.needed:,}"
        needed = "" if settled else "agents" if each.too_few_agents else needed
        table.add_row(
            Text(each.segment),
            f"{estimate.sizes['human']:,}",
            number(estimate.value),
            _interval(estimate),
            number(estimate.number("panel")),
            estimate.verdict.removesuffix(" people"),
            needed,
        )
    return table


def _interval(estimate: Estimate) -> str:
    return "" if estimate.interval is None else f"[{number(estimate.low)}, {number(estimate.high)}]"


def number(value: float | None) -> str:
    """Three significant digits, none where there is no number."""
    if value is None:
        return ""
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
