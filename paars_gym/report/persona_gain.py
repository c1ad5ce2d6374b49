"""What the persona adds: the paired differences under Table 2, as a table, in words and as data."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from paars_gym.estimate import Detail, Estimate
from paars_gym.report.alignment_tables import number
from paars_gym.report.session_generation import NO_NEEDS, Column, as_row, named, rows_of
from paars_gym.report.tasks import stacked
from paars_gym.tasks.shoppers import fitted_name

SOURCES = {"own": "own needs", "same": "the same needs", NO_NEEDS: "no need told"}
EXPLAINED = (
    "KL(people‖persona) less KL(people‖base); below 0 the persona is closer to people. People, and shoppers with and "
    "without persona, are resampled together. Own needs: base is told the population's needs, the persona its own; the "
    "same needs: both are told the same ones, the persona's, or in another shop than the people's the population's."
)


def gains(columns: Sequence[Column]) -> dict[tuple[str, str], dict[tuple[str, str], Estimate]]:
    """By shopper and source of needs: the difference of each column that has one, by its quantity and people.

    Tasks that tell no need stand with a shopper's own needs.
    """
    shoppers = dict.fromkeys(row.name.rpartition(", ")[0] for row in rows_of(columns))
    found: dict[tuple[str, str], dict[tuple[str, str], Estimate]] = {}
    for shopper in shoppers:
        for source in ("own", "same"):
            wanted = (source, NO_NEEDS) if source == "own" else (source,)
            row = {
                (column.name, column.people): one
                for column in columns
                for (whose, needs), one in column.paired.items()
                if whose == shopper and needs in wanted
            }
            if row:
                found[shopper, source] = row
    return found


def persona_table(columns: Sequence[Column]) -> Table | None:
    """A row for each shopper and source of needs; None where nothing can be compared."""
    found = gains(columns)
    if not found:
        return None
    shown = Table(
        title="Does the persona help? KL with it less KL without it, nats, with 95% intervals", title_justify="left"
    )
    shown.add_column("shopper", no_wrap=True)
    shown.add_column("needs", no_wrap=True)
    paired = [column for column in columns if column.paired]
    for column in paired:
        shown.add_column(f"{column.head}\n{column.people}", justify="right", no_wrap=True)
    for (shopper, source), row in found.items():
        shown.add_row(
            shopper,
            SOURCES[source].removesuffix(" needs"),
            *(_cell(row.get((column.name, column.people))) for column in paired),
        )
    return shown


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    text = stacked(estimate.value, estimate.low, estimate.high)
    return text if (estimate.value or 0) <= 0 else f"+{text}"


def persona_answers(columns: Sequence[Column]) -> list[str]:
    """The answer in words, a sentence for each shopper and source of needs."""
    found, names = gains(columns), named([column for column in columns if column.paired])
    sentences = []
    for (shopper, source), row in found.items():
        parts = {"closer": "helps in", "further": "hurts in", "not told apart": "makes no sure difference in"}
        said = []
        for verdict, words in parts.items():
            those = [
                f"{names[of]} (by {number(abs(one.value or 0.0))})" if verdict != "not told apart" else names[of]
                for of, one in row.items()
                if one.verdict == verdict
            ]
            if those:
                said.append(f"{words} {', '.join(those)}")
        sentences.append(f"{shopper}, {SOURCES[source]}: the persona {'; '.join(said)}.")
    return [*sentences, EXPLAINED] if sentences else []


def paired_rows(columns: Sequence[Column]) -> list[dict[str, Detail]]:
    """The differences as data, a row for each."""
    rows: list[dict[str, Detail]] = []
    for column in columns:
        for (whose, needs), estimate in column.paired.items():
            policy = whose.removesuffix(fitted_name(""))
            rows.append(
                {
                    "shopper": policy,
                    "fitted": policy != whose,
                    "needs": needs,
                    "column": column.name,
                    "people": column.people,
                    **as_row(estimate),
                }
            )
    return rows
