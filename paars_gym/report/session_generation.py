"""Tables 2 and 4 of the paper with our shoppers, and in words what the floors make of each number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.table import Table

from paars_gym.alignment.rank_selection import RANK_CHOSEN
from paars_gym.alignment.report import Measure, improvement
from paars_gym.estimate import Estimate
from paars_gym.report.alignment import number
from paars_gym.report.paper import PAPER, PaperValue
from paars_gym.report.tasks import cell
from paars_gym.tasks.query_generation import OF, QueryResults
from paars_gym.tasks.session_generation import SESSION_CONDITIONS, SessionResults
from paars_gym.tasks.view_selection import ViewResults

COUNTS = {"searches": "#searches", "views": "#clicks", "purchases": "#purchases"}
VERDICTS = {
    "differs": "more than chance makes",
    "not told apart": "not told apart from people",
    "below people": "closer than people are to each other, which copying one's own pair explains",
    "not estimable": "not estimable",
    "described": "no floor at this size",
}
JOURNEY = "real, Journey"
GROCER = "No: these people are households of a grocer, and the paper does not name its smoothing."
VARIETY = {"queries": "Query", "titles viewed": "Product"}
RAREFIED = "TTR rarefied to "


class Column(NamedTuple):
    """One column of Table 2.

    Attributes:
        head: The quantity.
        people: Whether they are real or synthetic.
        base: Of the shopper without its persona.
        persona: Of the shopper with it.
        paper: The paper's numbers; None where it has none.
        compares: Whether those stand beside ours, and why not.
        remark: What else its sentence has to say.
    """

    head: str
    people: str
    base: Measure
    persona: Measure
    paper: PaperValue | None
    compares: str
    remark: str = ""

    @property
    def floor(self) -> float | None:
        """What people show among themselves."""
        return self.persona.estimate.floor


def columns(
    policy: str,
    *,
    queries: QueryResults | None = None,
    views: ViewResults | None = None,
    sessions: Sequence[SessionResults] = (),
) -> list[Column]:
    """The columns that were run, in the paper's order; query generation also by halves, which have a floor."""
    columns: list[Column] = []
    base, persona = f"{policy}, base", f"{policy}, persona"
    if queries is not None:
        for metric, head in (("KDE-KL h = 0.1", "query\nKDE-KL"), ("KDE-KL of halves", "query,\nhalves")):
            alone, with_persona = queries.find(base, metric), queries.find(persona, metric)
            if alone is None or with_persona is None:
                continue
            paper = PAPER.get((OF, metric))
            compares = PAPER[OF, "KDE-KL h = 0.1"].compares if paper else "No: the paper has no halves."
            twin = queries.same.get(persona)
            remark = f"{persona} writes the very queries of {twin}" if twin else ""
            columns.append(Column(head, "synthetic", alone, with_persona, paper, compares, remark))
    if views is not None:
        paper = PAPER[RANK_CHOSEN, "KL"]
        both = views.find(base, "KL"), views.find(persona, "KL")
        columns.append(Column("item\nrank", "synthetic", *both, paper, paper.compares))
    for results in sessions:
        there = {measure.of for measure in results.report.measures if measure.metric == "KL"}
        for of, head in COUNTS.items():
            if of not in there:
                continue
            paper = PAPER[of, "KL"]
            both = results.report.find(of, "KL", population="baseline"), results.report.find(of, "KL")
            if results.label == JOURNEY:
                columns.append(Column(head, results.label, *both, None, GROCER))
            else:
                columns.append(Column(head, results.label, *both, paper, paper.compares))
    return columns


def table_2(policy: str, columns: Sequence[Column]) -> Table:
    """Rows name their shopper, columns whether their people are real; the floor and the paper's rows below."""
    shown = Table(title="Table 2: KL(people‖agents), nats, with 95% intervals", title_justify="left")
    shown.add_column("shopper \\ people", no_wrap=True)
    for column in columns:
        shown.add_column(f"{column.head}\n{column.people}", justify="right", no_wrap=True)
    shown.add_row(f"{policy}, base", *(_cell(column.base) for column in columns))
    shown.add_row(f"{policy}, persona", *(_cell(column.persona) for column in columns))
    shown.add_row("floor: people", *(number(column.floor) or "see halves" for column in columns), end_section=True)
    for condition in ("base", "persona"):
        values = (None if column.paper is None else getattr(column.paper, condition) for column in columns)
        shown.add_row(f"paper (LLM), {condition}", *("" if value is None else f"{value:.2f}" for value in values))
    shown.add_row("beside the paper's?", *(mark(column.compares) for column in columns))
    return shown


def _cell(measure: Measure) -> str:
    head, newline, tail = cell(measure).partition("\n")
    return f"{head}{'*' if _warns(measure) else ''}{newline}{tail}"


def mark(compares: str) -> str:
    """The first word or two of whether a number stands beside the paper's."""
    return compares.partition(":")[0].lower()


def table_2_remarks(columns: Sequence[Column]) -> list[str]:
    """What the floors make of each column, and whether it stands beside the paper's."""
    starred = any(_warns(measure) for column in columns for measure in (column.base, column.persona))
    star = "* Smoothing decides the number: people use bins that these agents never do."
    return [*floors(columns), *([star] if starred else []), *reasons(columns)]


def floors(columns: Sequence[Column]) -> Iterator[str]:
    """One sentence a column: what the floor makes of both its numbers, and of the one against the other."""
    for column in columns:
        yield f"{_named(column)}: {_sentence(column)}"


def reasons(columns: Sequence[Column]) -> Iterator[str]:
    """Why our numbers do or do not stand beside the paper's, each reason once."""
    named: dict[str, list[str]] = {}
    for column in columns:
        named.setdefault(column.compares, []).append(_named(column))
    for why, which in named.items():
        yield f"Beside the paper's? {', '.join(which)}: {why[0].lower()}{why[1:]}"


def _named(column: Column) -> str:
    return f"{' '.join(column.head.split())} ({column.people})"


def _sentence(column: Column) -> str:
    base, persona, floor = column.base, column.persona, column.floor
    numbers = f"base {_starred(base)} and persona {_starred(persona)}"
    if floor is None:
        sentence = f"{numbers} have no floor at this size, their halves have"
    else:
        verdicts = [VERDICTS[each.estimate.verdict] for each in (base, persona)]
        if base.estimate.verdict == persona.estimate.verdict:
            verdict = f"both {verdicts[0]}"
        else:
            verdict = f"base {verdicts[0]}, persona {verdicts[1]}"
        sentence = f"{numbers}, where people among themselves show {number(floor)}: {verdict}"
    against = column.remark or _against(column)
    return f"{sentence}; {against}." if against else f"{sentence}."


def _starred(measure: Measure) -> str:
    return number(measure.estimate.value) + ("*" if _warns(measure) else "")


def _warns(measure: Measure) -> bool:
    return bool(measure.estimate.details.get("warning"))


def _against(column: Column) -> str:
    difference = improvement(column.persona, column.base)
    if difference is None:
        return ""
    if difference.estimate.verdict == "closer":
        return "persona is closer to people than base"
    further = difference.estimate.verdict == "further"
    return f"persona is {'further from people than' if further else 'not told apart from'} base"


def table_4(results: SessionResults) -> Table:
    """Diversity of queries and of titles viewed, with the people's own as what a faultless population would show."""
    title = f"Table 4, diversity: distinct strings over strings, people {results.label}"
    table = Table(title=title, title_justify="left")
    table.add_column("who", no_wrap=True)
    for of in varied(results):
        table.add_column(f"{VARIETY[of]}-TTR", justify="right", no_wrap=True)
        table.add_column(f"rarefied\nto {_common(results, of):,}", justify="right", no_wrap=True)
        table.add_column("paper", justify="right")
    names = {
        "baseline": f"{results.policy}, base",
        "agents": f"{results.policy}, persona",
        "human": f"floor: {results.label} people",
    }
    for role, name in names.items():
        cells = []
        for of in varied(results):
            paper = PAPER[of, "TTR"]
            beside = {"baseline": paper.base, "agents": paper.persona, "human": paper.human}[role]
            plain = results.report.find(of, "TTR", population=role)
            cells += [cell(plain), cell(rarefied(results, of, role)), number(beside)]
        table.add_row(name, *cells, end_section=role == "human")
    marks = [[mark(PAPER[of, "TTR"].compares), "", ""] for of in varied(results)]
    table.add_row("beside the paper's?", *(text for three in marks for text in three))
    return table


def varied(results: SessionResults) -> list[str]:
    """What of Table 4 both sides record."""
    there = {measure.of for measure in results.report.measures if measure.metric.startswith(RAREFIED)}
    return [of for of in VARIETY if of in there]


def rarefied(results: SessionResults, of: str, role: str) -> Estimate:
    """A population's type-token ratio at the size common to all.

    The smallest population is at that size already: its plain ratio is the rarefied one, and has an interval.
    """
    common = results.report.find(of, f"{RAREFIED}{_common(results, of)}", population=role).estimate
    return common if common.interval is not None else results.report.find(of, "TTR", population=role).estimate


def _common(results: SessionResults, of: str) -> int:
    metrics = [measure.metric for measure in results.report.measures if measure.of == of]
    return int(next(metric for metric in metrics if metric.startswith(RAREFIED)).removeprefix(RAREFIED))


def variety_in_words(results: SessionResults) -> list[str]:
    """What the people's own variety makes of each number of Table 4, one sentence a column."""
    sentences = []
    for of in varied(results):
        people = rarefied(results, of, "human")
        each = [
            f"{condition} {number(ratio.value)} {beside(ratio, people)}"
            for role, condition in SESSION_CONDITIONS.items()
            for ratio in [rarefied(results, of, role)]
        ]
        sentences.append(
            f"{VARIETY[of]}-TTR at {_common(results, of):,} strings each, where the people have "
            f"{number(people.value)}: {', '.join(each)}."
        )
    return sentences


def beside(agents: Estimate, people: Estimate) -> str:
    """Whether the difference of two independent ratios is beyond chance."""
    difference = (agents.value or 0.0) - (people.value or 0.0)
    margin = math.hypot(*(((each.high or 0.0) - (each.low or 0.0)) / 2 for each in (agents, people)))
    if abs(difference) <= margin:
        return "is not told apart from them"
    return f"is {'less' if difference < 0 else 'more'} varied, beyond chance"


def table_4_remarks(results: SessionResults) -> list[str]:
    """What the floors make of Table 4, and what else its reader has to know."""
    compares = [f"Beside the paper's? {PAPER['queries', 'TTR'].compares}"] if varied(results) else []
    return [*variety_in_words(results), *compares, *results.notes]
