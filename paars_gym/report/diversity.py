"""Table 4 of the paper with our shoppers: how varied queries and titles are, beside people's own."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from paars_gym.estimate import Detail, Estimate
from paars_gym.report.alignment_tables import number
from paars_gym.report.paper import PAPER, PAPER_SESSIONS
from paars_gym.report.session_generation import as_row, mark
from paars_gym.report.tasks import cell
from paars_gym.tasks.session_results import SESSION_CONDITIONS, SessionResults

VARIETY = {"queries": "Query", "titles viewed": "Product"}
RAREFIED = "TTR rarefied to "
AS_MANY = 0.1
"""Numbers of sessions that differ by less than this share count as equally many."""


def table_4(sessions: Sequence[SessionResults]) -> Table:
    """Diversity of queries and of titles viewed, with the people's own as what a faultless population would show.

    Args:
        sessions: Compared with the same people.
    """
    label = sessions[0].label
    table = Table(title=f"Table 4, diversity: distinct strings over strings, people {label}", title_justify="left")
    table.add_column("who", no_wrap=True)
    shown = [of for of in VARIETY if any(of in varied(results) for results in sessions)]
    for of in shown:
        table.add_column(f"{VARIETY[of]}-TTR", justify="right", no_wrap=True)
        table.add_column("at equal\nnumbers", justify="right", no_wrap=True)
        table.add_column("paper", justify="right")
    for results in sessions:
        names = {role: f"{results.shopper}, {condition}" for role, condition in SESSION_CONDITIONS.items()}
        names["human"] = f"floor: people ({label})" if "," in label else f"floor: {label} people"
        for role, name in names.items():
            cells = []
            for of in shown:
                paper = PAPER[of, "TTR"]
                beside_ours = {"baseline": paper.base, "agents": paper.persona, "human": paper.human}[role]
                if of not in varied(results):
                    cells += ["", "", number(beside_ours)]
                    continue
                equal = cell(rarefied(results, of, role))
                if role == "human":
                    equal += f"\n({common(results, of):,} each)"
                cells += [cell(results.report.find(of, "TTR", population=role)), equal, number(beside_ours)]
            table.add_row(name, *cells, end_section=role == "human")
    marks = [mark(beside_paper(sessions))] * len(shown)
    table.add_row("beside the paper's?", *(text for one in marks for text in (one, "", "")))
    return table


def varied(results: SessionResults) -> list[str]:
    """What of Table 4 both sides record."""
    there = {measure.of for measure in results.report.measures if measure.metric.startswith(RAREFIED)}
    return [of for of in VARIETY if of in there]


def rarefied(results: SessionResults, of: str, role: str) -> Estimate:
    """A population's type-token ratio at the size common to all.

    The smallest population is at that size already: its plain ratio is the rarefied one, and has an interval.
    """
    found = results.report.find(of, f"{RAREFIED}{common(results, of)}", population=role).estimate
    return found if found.interval is not None else results.report.find(of, "TTR", population=role).estimate


def common(results: SessionResults, of: str) -> int:
    """Strings of the smallest population."""
    metrics = [measure.metric for measure in results.report.measures if measure.of == of]
    return int(next(metric for metric in metrics if metric.startswith(RAREFIED)).removeprefix(RAREFIED))


def sessions_compared(results: SessionResults) -> int:
    """Sessions of each population whose words are compared."""
    most = int(results.report.settings["text_sessions"])
    return min(most, *(population.sessions for population in results.report.populations))


def beside_paper(sessions: Sequence[SessionResults]) -> str:
    """Whether the ratios stand beside the paper's: they fall as the sample grows, so at as many sessions only."""
    sizes = sorted({sessions_compared(results) for results in sessions})
    here = " and ".join(f"{size:,}" for size in sizes)
    if all(abs(size - PAPER_SESSIONS) <= AS_MANY * PAPER_SESSIONS for size in sizes):
        return (
            f"In kind: of {here} sessions, as many as the paper's {PAPER_SESSIONS:,}, of other people in another shop."
        )
    return (
        f"No: the ratio falls as the sample grows, and there are {here} sessions here where the paper has "
        f"{PAPER_SESSIONS:,}."
    )


def variety_in_words(results: SessionResults) -> list[str]:
    """What the people's own variety makes of each number of Table 4, one sentence a column."""
    sentences = []
    for of in varied(results):
        people = rarefied(results, of, "human")
        each = [
            f"{results.shopper}, {condition} {number(ratio.value)} {beside(ratio, people)}"
            for role, condition in SESSION_CONDITIONS.items()
            for ratio in [rarefied(results, of, role)]
        ]
        sentences.append(
            f"{VARIETY[of]}-TTR at {common(results, of):,} strings each, where the people have "
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


def table_4_remarks(sessions: Sequence[SessionResults]) -> list[str]:
    """What the floors make of Table 4, and what else its reader has to know."""
    compared = [results for results in sessions if varied(results)]
    compares = [f"Beside the paper's? {beside_paper(compared)}"] if compared else []
    notes = dict.fromkeys(note for results in sessions for note in results.notes)
    return [*(line for results in sessions for line in variety_in_words(results)), *compares, *notes]


def table_4_rows(sessions: Sequence[SessionResults]) -> list[dict[str, Detail]]:
    """Table 4 as data, a row for each number."""
    rows: list[dict[str, Detail]] = []
    for results in sessions:
        conditions = {**SESSION_CONDITIONS, "human": "people"}
        for measure in results.report.measures:
            if "TTR" in measure.metric and measure.of in VARIETY:
                rows.append(
                    {
                        "shopper": results.policy,
                        "condition": conditions[measure.population],
                        "fitted": results.fitted,
                        "people": results.label,
                        "of": measure.of,
                        "metric": measure.metric,
                        **as_row(measure.estimate),
                    }
                )
    return rows
