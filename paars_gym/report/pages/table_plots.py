"""Tables 2, 3 and 4 and Figures 2 and 3 of the paper as plots, with the paper's values where they compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from paars_gym.report.diversity import VARIETY, beside_paper, common, rarefied, varied
from paars_gym.report.item_bars import ON
from paars_gym.report.pages.estimates_plot import estimates_plot
from paars_gym.report.pages.page import PagePlot
from paars_gym.report.pages.plots import shares_plot, strata_plot
from paars_gym.report.paper import PAPER
from paars_gym.report.session_generation import Column, rows_of
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.query_results import OF, QueryResults
from paars_gym.tasks.session_results import SESSION_CONDITIONS, SessionResults
from paars_gym.tasks.view_selection import PEOPLE_ROW, ViewResults

PAPERS = {"base": "paper (LLM), base", "persona": "paper (LLM), persona", "human": "paper, people"}
"""How plots call the paper's values."""


def table_2_plots(columns: Iterable[Column]) -> Iterator[PagePlot]:
    """A picture a column of Table 2: each shopper's distance with its interval, and what people show themselves."""
    for column in columns:
        rows = [(row.name, column.cells[row].estimate) for row in rows_of([column]) if row in column.cells]
        paper = column.paper
        values = {} if paper is None else {PAPERS[one]: getattr(paper, one) for one in ("base", "persona")}
        title = f"{column.name[0].upper()}{column.name[1:]} (people: {column.people})"
        yield estimates_plot(rows, title=title, paper=values, compares=column.compares)


def table_3_plots(results: ItemResults) -> Iterator[PagePlot]:
    """A picture for each way of drawing distractors: each shopper's accuracy, chance as the floor."""
    for counts in results.cases:
        rows = [row for row in results.rows if row.protocol == counts.protocol]
        accuracies = [(row.shopper, row.accuracy) for row in sorted(rows, key=lambda row: not row.bar)]
        paper = {f"paper (LLM), {row.condition}": row.paper for row in rows if row.paper is not None}
        title = f"Right item of four, on {ON[counts.protocol]}"
        yield estimates_plot(accuracies, title=title, paper=paper, compares=PAPER["items", "accuracy"].compares)


def table_4_plots(sessions: Sequence[SessionResults]) -> Iterator[PagePlot]:
    """Distinct strings over strings at equal numbers, of people and of shoppers with and without personas.

    Args:
        sessions: Compared with the same people.
    """
    for of, name in VARIETY.items():
        those = [results for results in sessions if of in varied(results)]
        if not those:
            continue
        rows = [(f"people ({those[0].label})", rarefied(those[0], of, "human"))]
        rows += [
            (f"{results.shopper}, {condition}", rarefied(results, of, role))
            for results in those
            for role, condition in SESSION_CONDITIONS.items()
        ]
        paper = {label: value for one, label in PAPERS.items() if (value := getattr(PAPER[of, "TTR"], one)) is not None}
        title = f"{name}-TTR at {common(those[0], of):,} strings each"
        yield estimates_plot(rows, title=title, paper=paper, compares=beside_paper(those))


def figure_2_plot(results: QueryResults) -> PagePlot:
    """Similarity with the person's own query by difficulty; of shoppers with the same queries one."""
    shown = [(one.shopper, one.stratum, one.similarity) for one in results.strata if one.shopper not in results.same]
    title = f"Mean cosine with the person's own query, by {results.difficulty}"
    plot = strata_plot(shown, title=title, of="mean cosine")
    paper = PAPER[OF, "mean cosine"]
    return plot.saying(
        f"The paper's over all: base {paper.base:g}, persona {paper.persona:g}. Beside these? {paper.compares}"
    )


def figure_3_plot(results: ViewResults) -> PagePlot:
    """Ranks opened by people, and by the last two shoppers, without and with personas."""
    shown = [PEOPLE_ROW, *[name for name in results.ranks if name != PEOPLE_ROW][-2:]]
    bins = [str(rank + 1) for rank in range(len(results.ranks[PEOPLE_ROW]))]
    return shares_plot("Rank opened", "rank", bins, {name: results.ranks[name] for name in shown})
