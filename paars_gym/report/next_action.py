"""Predictions of next actions in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.estimate import Estimate
from paars_gym.report.tasks import paid_in_words
from paars_gym.tasks.next_actions.results import NextResults

BESIDE = (("GPT-4.1", 21.3), ("fine-tuned", 35.1), ("fine-tuned and with RL", 39.6), ("that, persona shuffled", 28.9))
"""Exact match in %, as published of language models on the whole of OPeRA."""


def next_table(results: NextResults) -> Table:
    """A row a predictor."""
    table = Table(
        "row",
        title=f"What comes next? {results.cases:,} actions of {results.sessions:,} sessions of {results.persons:,} "
        f"persons: {results.people}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in ("exact, %", "less commonest", "F1 of the type", "F1 of the outcome"):
        table.add_column(column, justify="right", no_wrap=True)
    for score in results.scores:
        cells = (_cell(score.exact), _cell(score.gained, sign=True), _cell(score.type_f1), _cell(score.outcome_f1))
        table.add_row(score.name, *cells)
    return table


def next_remarks(results: NextResults) -> Iterator[str]:
    """How to read it."""
    yield (
        "exact: share of the actions predicted, F1 of the type: mean of the types that people took, F1 of the outcome: "
        "of the session's last action, purchase or leaving, weighted by their numbers. Every session counts the same. "
        "In brackets: 95%, people resampled with all their sessions."
    )
    types = ", ".join(f"{count:,} {kind}" for kind, count in results.types.items())
    ends = ", ".join(f"{count:,} {kind}" for kind, count in results.outcomes.items())
    yield f"Actions: {types}. Last actions: {ends or 'unknown'}."
    if results.persons < 30:
        yield (
            f"Only {results.persons} persons, one of them with {results.most_of_one:,} of {results.sessions:,} "
            "sessions: intervals of so few are rather too narrow."
        )
    for name, differences in results.paired.items():
        said = "; ".join(f"{what}: {_cell(one, sign=True)}" for what, one in differences.items())
        yield f"{name}, exact match with the person's own persona, in points, {said}."
    if results.paired:
        yield "What a persona adds over none, but not over another person's, is not the person."
    for score in results.scores:
        if score.unanswered:
            yield f"{score.name}: no usable answer in {score.unanswered:,} cases, which count as wrong."
    if "opera" in results.people:
        said = ", ".join(f"{name} {value}" for name, value in BESIDE)
        yield (
            f"Published exact match on the whole of OPeRA: {said}. Not comparable: there a click has to hit the very "
            "button, and a search the very words."
        )
    yield from map(paid_in_words, results.paid)
    yield from results.notes


def _cell(estimate: Estimate | None, *, sign: bool = False) -> str:
    if estimate is None or estimate.value is None:
        return ""
    form = "+.1f" if sign else ".1f"
    ends = "" if estimate.interval is None else f" [{', '.join(format(100 * x, form) for x in estimate.interval.ends)}]"
    return f"{100 * estimate.value:{form}}{ends}"
