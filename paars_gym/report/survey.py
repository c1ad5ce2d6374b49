"""How does a survey look in the terminal?"""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from paars_gym.probes.answers import SurveyResult

LONGEST = 160
"""Characters of an open answer that are shown; --json and --out have it whole."""


def survey_tables(result: SurveyResult) -> Iterator[Table]:
    """Shares of closed questions, answers to open ones, and the distance from people; those that there are."""
    if result.shares:
        table = _table("question", "segment", "answer", "share, 95%", "people")
        for share in result.shares:
            low, high = share.interval or (0.0, 1.0)
            told = f"{share.given / share.answered:.0%} [{low:.0%}, {high:.0%}] of {share.answered:,}"
            people = "" if share.human is None else f"{share.human:.0%}"
            table.add_row(*map(escape, (share.question, share.segment, share.answer, told, people)))
        yield table
    if result.open:
        table = _table("question", "segment", "answers", "distinct", "such as")
        for one in result.open:
            examples = "\n".join(f"“{_cut(text)}”" for text in one.examples)
            row = (one.question, one.segment, f"{one.answered:,}", f"{one.distinct:.0%}", examples)
            table.add_row(*map(escape, row))
        yield table
    if result.divergences:
        table = _table("question", "segment", "answers", "JS from people, nats, 95%", "total variation")
        for found in result.divergences:
            around = f"({found.note})" if found.interval is None else "[{:.3f}, {:.3f}]".format(*found.interval)
            told = f"{found.js:.3f} {around}"
            row = (found.question, found.segment, f"{found.answered:,}", told, f"{found.total_variation:.2f}")
            table.add_row(*map(escape, row))
        yield table


def survey_notes(result: SurveyResult) -> Iterator[str]:
    """What else must be said."""
    if result.failed:
        why = ", ".join(f"{name} {count:,}" for name, count in result.failures.items())
        yield f"{result.failed:,} of {result.questions * result.personas:,} questions got no usable answer: {why}."


def _table(*columns: str) -> Table:
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
