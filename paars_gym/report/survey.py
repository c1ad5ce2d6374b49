"""Surveys in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.probes.answers import SurveyResult

LONGEST = 160
"""Characters of an open answer that are shown; --json and --out have it whole."""


def survey_tables(result: SurveyResult) -> Iterator[Table]:
    """Shares of closed questions, answers to open ones, and the distance from people; those that there are."""
    if result.shares:
        table = _table("question", "segment", "answer", "share, 95%", "people")
        for one in result.shares:
            share = one.share
            text = f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}] of {share.sizes['answered']:,}"
            people = "" if one.human is None else f"{one.human:.0%}"
            table.add_row(one.question, one.segment, one.answer, text, people)
        yield table
    if result.open:
        table = _table("question", "segment", "answers", "distinct", "such as")
        for answers in result.open:
            examples = "\n".join(f"“{_cut(text)}”" for text in answers.examples)
            row = (answers.question, answers.segment, f"{answers.answered:,}", f"{answers.distinct:.0%}", examples)
            table.add_row(*row)
        yield table
    if result.divergences:
        table = _table("question", "segment", "answers", "JS from people, nats, 95%", "total variation")
        for divergence in result.divergences:
            around = (
                f"({divergence.js.note})"
                if divergence.js.interval is None
                else "[{:.3f}, {:.3f}]".format(*divergence.js.interval.ends)
            )
            answered, text = divergence.js.sizes["answered"], f"{divergence.js.value:.3f} {around}"
            row = (divergence.question, divergence.segment, f"{answered:,}", text, f"{divergence.total_variation:.2f}")
            table.add_row(*row)
        yield table


def survey_notes(result: SurveyResult) -> Iterator[str]:
    """What else must be said."""
    if result.failed:
        why = ", ".join(f"{name} {count:,}" for name, count in result.failures.items())
        yield f"{result.failed:,} of {result.questions * result.personas:,} questions got no usable answer: {why}."
    yield from result.notes


def _table(*columns: str) -> Table:
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
