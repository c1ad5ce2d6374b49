"""What does Table 2 of PAARS look like with our shoppers, whole, and what do the floors make of each of its numbers?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.table import Table

from benchmarks import rank_selection
from benchmarks.queries.results import OF, QueryResults
from benchmarks.report.cells import cell
from benchmarks.settings import SHOPPERS
from paars_gym.alignment.paper import PAPER, PaperValue
from paars_gym.alignment.report import AlignmentReport, Measure, improvement
from paars_gym.report.alignment import number

COUNTS = {"searches": "#searches", "views": "#clicks", "purchases": "#purchases"}
VERDICTS = {
    "differs": "more than chance makes",
    "not told apart": "not told apart from people",
    "below people": "closer than people are to each other, which copying one's own pair explains",
    "not estimable": "not estimable",
    "described": "no floor at this size",
}


class Column(NamedTuple):
    """One column of the table.

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
    *,
    queries: QueryResults | None = None,
    ranks: rank_selection.RankResults | None = None,
    mini: AlignmentReport | None = None,
    journey: AlignmentReport | None = None,
) -> list[Column]:
    """The columns that were run, in the paper's order; query generation also by halves, which have a floor."""
    found: list[Column] = []
    base, persona = f"{SHOPPERS}, base", f"{SHOPPERS}, persona"
    if queries is not None:
        told = {(m.population, m.metric): m for m in queries.measures}
        for metric, head in (("KDE-KL h = 0.1", "query\nKDE-KL"), ("KDE-KL of halves", "query,\nhalves")):
            if (base, metric) not in told:
                continue
            paper = PAPER.get((OF, metric))
            compares = PAPER[OF, "KDE-KL h = 0.1"].compares if paper else "No: the paper has no halves."
            twin = queries.same.get(persona)
            remark = f"{persona} writes the very queries of {twin}" if twin else ""
            found.append(Column(head, "synthetic", told[base, metric], told[persona, metric], paper, compares, remark))
    if ranks is not None:
        paper = PAPER[rank_selection.OF, "KL"]
        both = ranks.find(base, "KL"), ranks.find(persona, "KL")
        found.append(Column("item\nrank", "synthetic", *both, paper, paper.compares))
    if mini is not None:
        for of, head in COUNTS.items():
            paper = PAPER[of, "KL"]
            found.append(Column(head, "synthetic", *_both(mini, of), paper, paper.compares))
    if journey is not None:
        both = _both(journey, "purchases")
        why = "No: these people are households of a grocer, and the paper does not name its smoothing."
        found.append(Column("#purchases", "real, Journey", *both, None, why))
    return found


def _both(report: AlignmentReport, of: str) -> tuple[Measure, Measure]:
    return report.find(of, "KL", population="baseline"), report.find(of, "KL")


def table(found: Sequence[Column]) -> Table:
    """Rows name their shopper, columns whether their people are real; the floor and the paper's rows below."""
    shown = Table(title="Table 2: KL(people‖agents), nats, with 95% intervals", title_justify="left")
    shown.add_column("shopper \\ people", no_wrap=True)
    for column in found:
        shown.add_column(f"{column.head}\n{column.people}", justify="right", no_wrap=True)
    shown.add_row(f"{SHOPPERS}, base", *(_cell(column.base) for column in found))
    shown.add_row(f"{SHOPPERS}, persona", *(_cell(column.persona) for column in found))
    shown.add_row("floor: people", *(number(column.floor) or "see halves" for column in found), end_section=True)
    for condition in ("base", "persona"):
        values = (None if column.paper is None else getattr(column.paper, condition) for column in found)
        shown.add_row(f"paper (LLM), {condition}", *("" if value is None else f"{value:.2f}" for value in values))
    shown.add_row("beside the paper's?", *(mark(column.compares) for column in found))
    return shown


def _cell(found: Measure) -> str:
    head, newline, tail = cell(found).partition("\n")
    return f"{head}{'*' if found.estimate.details.get('warning') else ''}{newline}{tail}"


def mark(compares: str) -> str:
    """The first word or two of whether a number stands beside the paper's."""
    return compares.partition(":")[0].lower()


def remarks(found: Sequence[Column]) -> list[str]:
    """What the floors make of each column, and whether it stands beside the paper's."""
    starred = any(
        measure.estimate.details.get("warning") for column in found for measure in (column.base, column.persona)
    )
    star = "* Smoothing decides the number: people use bins that these agents never do."
    return [*floors(found), *([star] if starred else []), *reasons(found)]


def floors(found: Sequence[Column]) -> Iterator[str]:
    """One sentence a column: what the floor makes of both its numbers, and of the one against the other."""
    for column in found:
        yield f"{_named(column)}: {_sentence(column)}"


def reasons(found: Sequence[Column]) -> Iterator[str]:
    """Why our numbers do or do not stand beside the paper's, each reason once."""
    named: dict[str, list[str]] = {}
    for column in found:
        named.setdefault(column.compares, []).append(_named(column))
    for why, which in named.items():
        yield f"Beside the paper's? {', '.join(which)}: {why[0].lower()}{why[1:]}"


def _named(column: Column) -> str:
    return f"{' '.join(column.head.split())} ({column.people})"


def _sentence(column: Column) -> str:
    base, persona, floor = column.base, column.persona, column.floor
    numbers = f"base {_told(base)} and persona {_told(persona)}"
    if floor is None:
        told = f"{numbers} have no floor at this size, their halves have"
    else:
        verdicts = [VERDICTS[each.estimate.verdict] for each in (base, persona)]
        if base.estimate.verdict == persona.estimate.verdict:
            verdict = f"both {verdicts[0]}"
        else:
            verdict = f"base {verdicts[0]}, persona {verdicts[1]}"
        told = f"{numbers}, where people among themselves show {number(floor)}: {verdict}"
    against = column.remark or _against(column)
    return f"{told}; {against}." if against else f"{told}."


def _told(found: Measure) -> str:
    return number(found.estimate.value) + ("*" if found.estimate.details.get("warning") else "")


def _against(column: Column) -> str:
    difference = improvement(column.persona, column.base)
    if difference is None:
        return ""
    if difference.estimate.verdict == "closer":
        return "persona is closer to people than base"
    further = difference.estimate.verdict == "further"
    return f"persona is {'further from people than' if further else 'not told apart from'} base"
