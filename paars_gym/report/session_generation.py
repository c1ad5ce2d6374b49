"""Table 2 of the paper with our shoppers, and in words what the floors make of each number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rich.table import Table

from paars_gym.alignment.rank_selection import RANK_CHOSEN
from paars_gym.alignment.report import Measure, improvement
from paars_gym.alignment.session_generation import JOINT, ORDER
from paars_gym.estimate import Detail, Estimate
from paars_gym.report.alignment_tables import number
from paars_gym.report.paper import PAPER, PaperValue
from paars_gym.report.tasks import cell
from paars_gym.tasks.query_results import OF, QueryResults
from paars_gym.tasks.session_results import NEEDS, SESSION_CONDITIONS, SessionResults
from paars_gym.tasks.shoppers import fitted_name
from paars_gym.tasks.view_selection import PEOPLE_ROW, ViewResults

COUNTS = {"searches": "#searches", "views": "#clicks", "purchases": "#purchases"}
FURTHER = {JOINT: "counts\ntogether", ORDER: "order of\nactions"}
"""What the paper's table has not."""
CONDITIONS = ("base", "persona")
VERDICTS = {
    "differs": "more than chance makes",
    "not told apart": "not told apart from people",
    "below people": "closer than people are to each other, which copying one's own pair explains",
    "not estimable": "not estimable",
    "described": "no floor at this size",
}
JOURNEY = "real, Journey"
GROCER = "No: these people are households of a grocer, and the paper does not name its smoothing."
NOT_IN_IT = "No: the paper's table has no such column."
STAR = "* Smoothing decides the number: people use bins that these agents never do."
NO_NEEDS = "none told"
"""Where a task gives the title or the page, and no need."""


class TableRow(NamedTuple):
    """A row of Table 2.

    Attributes:
        shopper: Its policy.
        fitted: Whether it was fitted to the other half of the people.
        condition: ``base`` or ``persona``.
    """

    shopper: str
    fitted: bool
    condition: str

    @classmethod
    def of(cls, name: str) -> TableRow:
        """The row of a shopper as the tasks name them, such as ``behavioural, fitted, base``."""
        whose, _, condition = name.rpartition(", ")
        policy = whose.removesuffix(fitted_name(""))
        return cls(policy, policy != whose, condition)

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"{fitted_name(self.shopper) if self.fitted else self.shopper}, {self.condition}"


class Column(NamedTuple):
    """One column of Table 2.

    Attributes:
        head: The quantity.
        people: Whether they are real or synthetic.
        cells: By row; a row that could not differ from another is absent.
        paired: The persona's distance less that without it, by shopper as tables call it and source of needs.
        paper: The paper's numbers; None where it has none.
        compares: Whether those stand beside ours, and why not.
        empty: Why rows are absent, each once.
        needs: Where the needs of each condition come from; empty for tasks, which tell none.
    """

    head: str
    people: str
    cells: Mapping[TableRow, Measure]
    paired: Mapping[tuple[str, str], Estimate]
    paper: PaperValue | None
    compares: str
    empty: tuple[str, ...] = ()
    needs: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """The quantity, in a line."""
        return " ".join(self.head.split())

    @property
    def floor(self) -> float | None:
        """What people show among themselves: that of the first row, for it hardly depends on the agents."""
        return next((measure.estimate.floor for measure in self.cells.values()), None)


def columns(
    *,
    queries: Sequence[QueryResults] = (),
    views: Sequence[ViewResults] = (),
    sessions: Sequence[SessionResults] = (),
    policies: Sequence[str] | None = None,
) -> list[Column]:
    """The columns that were run, in the paper's order; query generation also by halves, which have a floor.

    Args:
        queries: Of several sets of shoppers.
        views: The same.
        sessions: Of several shoppers; those of one kind of people stand together.
        policies: Whose rows; None for all.
    """
    found: list[Column] = []
    for metric, head in (("KDE-KL h = 0.1", "query\nKDE-KL"), ("KDE-KL of halves", "query,\nhalves")):
        cells, empty = _query_cells(queries, metric, policies)
        if cells:
            paper = PAPER.get((OF, metric))
            compares = PAPER[OF, "KDE-KL h = 0.1"].compares if paper else "No: the paper has no halves."
            found.append(Column(head, "synthetic", cells, _apart(cells), paper, compares, empty))
    if views:
        paper = PAPER[RANK_CHOSEN, "KL"]
        shown = {
            TableRow.of(name): results.find(name, "KL")
            for results in views
            for name in results.ranks
            if name != PEOPLE_ROW
        }
        paired = {(name, NO_NEEDS): one for results in views for name, one in results.paired.items()}
        found.append(Column("item\nrank", "synthetic", _of(shown, policies), paired, paper, paper.compares))
    for those in by_people(sessions):
        found += _session_columns(those, COUNTS)
    return found


def further_columns(sessions: Sequence[SessionResults]) -> list[Column]:
    """The counts of a session taken together, and the order of its actions, for each kind of people."""
    return [column for those in by_people(sessions) for column in _session_columns(those, FURTHER)]


def by_people(sessions: Sequence[SessionResults]) -> list[list[SessionResults]]:
    """The results that were compared with the same people stand together, in the order of their first."""
    whom = dict.fromkeys((results.label, results.people) for results in sessions)
    return [[one for one in sessions if (one.label, one.people) == people] for people in whom]


def _session_columns(sessions: Sequence[SessionResults], heads: Mapping[str, str]) -> Iterator[Column]:
    for of, head in heads.items():
        cells: dict[TableRow, Measure] = {}
        paired: dict[tuple[str, str], Estimate] = {}
        for results in sessions:
            if not any((measure.of, measure.metric) == (of, "KL") for measure in results.report.measures):
                continue
            for role, condition in SESSION_CONDITIONS.items():
                row = TableRow(results.policy, results.fitted, condition)
                cells[row] = results.report.find(of, "KL", population=role)
            for one in results.report.improvements:
                if (one.of, one.metric, one.segment) == (of, "KL", None):
                    paired[results.shopper, "same" if results.same_only else "own"] = persona_less_base(one.estimate)
            if of in results.same:
                paired[results.shopper, "same"] = results.same[of]
        if cells:
            grocer = sessions[0].label == JOURNEY
            paper = None if grocer else PAPER.get((of, "KL"))
            compares = GROCER if grocer else NOT_IN_IT if paper is None else paper.compares
            needs = dict.fromkeys(NEEDS, NEEDS["base"]) if sessions[0].same_only else NEEDS
            yield Column(head, sessions[0].label, cells, paired, paper, compares, needs=needs)


def _query_cells(
    queries: Sequence[QueryResults], metric: str, policies: Sequence[str] | None
) -> tuple[dict[TableRow, Measure], tuple[str, ...]]:
    cells: dict[TableRow, Measure] = {}
    empty: list[str] = []
    for results in queries:
        for name in dict.fromkeys(measure.population for measure in results.measures):
            measured = results.find(name, metric)
            if name in results.same:
                empty.append(f"{name} writes the very queries of {results.same[name]}")
            elif measured is not None:
                cells[TableRow.of(name)] = measured
    return _of(cells, policies), tuple(empty)


def _of(cells: dict[TableRow, Measure], policies: Sequence[str] | None) -> dict[TableRow, Measure]:
    return {row: one for row, one in cells.items() if policies is None or row.shopper in policies}


def _apart(cells: Mapping[TableRow, Measure]) -> dict[tuple[str, str], Estimate]:
    """From both intervals: densities are not resampled."""
    found = {}
    for row, measure in cells.items():
        alone = cells.get(row._replace(condition="base"))
        if row.condition == "persona" and alone is not None and (better := improvement(measure, alone)) is not None:
            found[row.name.removesuffix(", persona"), NO_NEEDS] = persona_less_base(better.estimate)
    return found


def persona_less_base(estimate: Estimate) -> Estimate:
    """An improvement (the baseline's distance less the persona's) with its sign turned."""
    interval = estimate.interval
    turned = None if interval is None else replace(interval, low=-interval.high, high=-interval.low)
    return replace(estimate, value=None if estimate.value is None else -estimate.value, interval=turned)


def rows_of(columns: Sequence[Column]) -> list[TableRow]:
    """All rows: a policy as it is, then fitted, each without and with its persona."""
    found = dict.fromkeys(row for column in columns for row in column.cells)
    wanted = {row._replace(condition=condition): None for row in found for condition in CONDITIONS}
    policies = list(dict.fromkeys(row.shopper for row in wanted))
    return sorted(wanted, key=lambda row: (policies.index(row.shopper), row.fitted, CONDITIONS.index(row.condition)))


def table_2(columns: Sequence[Column]) -> Table:
    """Rows name their shopper, columns whether their people are real; the floor and the paper's rows below."""
    return _table("Table 2: KL(people‖agents), nats, with 95% intervals", columns)


def further_table(columns: Sequence[Column]) -> Table:
    """The same of what the paper's table has not, see `further_columns`."""
    return _table("Beside Table 2: KL(people‖agents) of whole sessions, nats, with 95% intervals", columns)


def _table(title: str, columns: Sequence[Column]) -> Table:
    shown = Table(title=title, title_justify="left")
    shown.add_column("shopper \\ people", no_wrap=True)
    for column in columns:
        shown.add_column(f"{column.head}\n{column.people}", justify="right", no_wrap=True)
    for row in rows_of(columns):
        shown.add_row(row.name, *(_cell(column.cells.get(row)) for column in columns))
    shown.add_row("floor: people", *(number(column.floor) or "see halves" for column in columns), end_section=True)
    if not any(column.paper for column in columns):
        return shown
    for condition in CONDITIONS:
        values = (None if column.paper is None else getattr(column.paper, condition) for column in columns)
        shown.add_row(f"paper (LLM), {condition}", *("" if value is None else f"{value:.2f}" for value in values))
    shown.add_row("beside the paper's?", *(mark(column.compares) for column in columns))
    return shown


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return ""
    head, newline, tail = cell(measure).partition("\n")
    return f"{head}{'*' if _warns(measure) else ''}{newline}{tail}"


def mark(compares: str) -> str:
    """The first word or two of whether a number stands beside the paper's."""
    return compares.partition(":")[0].lower()


def table_2_remarks(columns: Sequence[Column], sessions: Sequence[SessionResults] = ()) -> list[str]:
    """What the floors make of each column, who buys, why cells are empty, and whether it stands beside the paper's."""
    starred = any(_warns(measure) for column in columns for measure in column.cells.values())
    empty = dict.fromkeys(why for column in columns for why in column.empty)
    said = [f"Empty cells: {'; '.join(empty)}: nothing of the persona goes into them."] if empty else []
    judges = [judged_on(those[0]) for those in by_people(sessions)]
    choices = list(dict.fromkeys(choice for results in sessions for choice in results.choices))
    lines = [*floors(columns), *([STAR] if starred else []), *buying(sessions), *said, *reasons(columns)]
    return [*judges, *choices, *lines]


def further_remarks(columns: Sequence[Column]) -> list[str]:
    """What the floors make of each column of `further_table`."""
    starred = any(_warns(measure) for column in columns for measure in column.cells.values())
    return [*floors(columns), *([STAR] if starred else [])]


def judged_on(results: SessionResults) -> str:
    """Which people judge, where needs and fits come from, and what the floor is."""
    if results.judged:
        return results.judged
    people = next(one for one in results.report.populations if one.role == "human")
    return (
        f"Judged on one half of the people by shopper ({people.sessions:,} sessions of {people.shoppers:,}). Fits, and "
        "the needs that shoppers are told, come from the other half; a persona's own needs from its other visits or "
        "interests. Floor: the judging half against resamples of itself, as many sessions as the shoppers have; of "
        "queries its own two halves."
    )


def floors(columns: Sequence[Column]) -> Iterator[str]:
    """One sentence a column: what the floor makes of its numbers."""
    for column in columns:
        yield f"{_named(column)}: {_sentence(column)}."


def buying(sessions: Sequence[SessionResults]) -> Iterator[str]:
    """Which share of visits buys, of people and of each shopper."""
    for results in sessions:
        shares = results.buying
        if shares:
            each = ", ".join(f"{condition} {shares[role]:.0%}" for role, condition in SESSION_CONDITIONS.items())
            yield f"Visits that buy: people ({results.label}) {shares['human']:.0%}; {results.shopper}: {each}."


def reasons(columns: Sequence[Column]) -> Iterator[str]:
    """Why our numbers do or do not stand beside the paper's, each reason once."""
    named: dict[str, list[str]] = {}
    for column in columns:
        named.setdefault(column.compares, []).append(_named(column))
    for why, which in named.items():
        yield f"Beside the paper's? {', '.join(which)}: {why[0].lower()}{why[1:]}"


def _named(column: Column) -> str:
    return f"{column.name} ({column.people})"


def named(columns: Sequence[Column]) -> dict[tuple[str, str], str]:
    """How sentences call columns, by quantity and people: with the people only where there are several kinds."""
    kinds = {column.people for column in columns}
    return {(column.name, column.people): column.name if len(kinds) == 1 else _named(column) for column in columns}


def _sentence(column: Column) -> str:
    if column.floor is None:
        return "no floor at this size, its halves have"
    by_verdict: dict[str, list[str]] = {}
    for row, measure in column.cells.items():
        said = f"{row.name} {number(measure.estimate.value)}{'*' * _warns(measure)}"
        by_verdict.setdefault(VERDICTS[measure.estimate.verdict], []).append(said)
    parts = [f"{', '.join(rows)}: {verdict}" for verdict, rows in by_verdict.items()]
    return f"people among themselves show {number(column.floor)}; {'; '.join(parts)}"


def _warns(measure: Measure) -> bool:
    return bool(measure.estimate.details.get("warning"))


def table_2_rows(columns: Sequence[Column]) -> list[dict[str, Detail]]:
    """Table 2 as data, a row for each number: whose it is, of what, and the estimate with its interval."""
    return [
        {
            "shopper": row.shopper,
            "condition": row.condition,
            "fitted": row.fitted,
            "needs": column.needs.get(row.condition, NO_NEEDS),
            "column": column.name,
            "people": column.people,
            **as_row(column.cells[row].estimate),
        }
        for column in columns
        for row in rows_of([column])
        if row in column.cells
    ]


def as_row(estimate: Estimate) -> dict[str, Detail]:
    """An estimate as a row under stable names."""
    row = estimate.to_dict()
    return {"estimate": row.pop("value"), **row}
