"""Run-to-run noise as tables, and the line that says that it was not measured."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from paars_gym.report.alignment_tables import number
from paars_gym.report.tasks import interval, stacked
from paars_gym.tasks.items.results import ItemResults
from paars_gym.tasks.query_results import QueryResults
from paars_gym.tasks.run_noise import BEYOND, RunNoise
from paars_gym.tasks.session_results import SessionResults
from paars_gym.tasks.view_selection import ViewResults

UNMEASURED = "Run-to-run noise was not measured: --repeats 5 asks the same again five times."


def noise_tables(noise: RunNoise | None) -> Iterator[Table]:
    """The spread of each number, and the differences of two rows; nothing without repeats."""
    if noise is None:
        return
    shown = Table(title=f"Run-to-run noise: {noise.repeats} repeats of the same cases and people", title_justify="left")
    for name in ("row", "number", "first run\n(95%)", "mean", "SD between\nrepeats (95%)"):
        shown.add_column(name, justify="left" if name in ("row", "number") else "right")
    for row in noise.rows:
        mean = sum(row.values) / len(row.values)
        once, spread = row.once, row.spread
        shown.add_row(
            row.row,
            row.measure,
            stacked(once.value, once.low, once.high),
            number(mean),
            stacked(spread.value, spread.low, spread.high),
        )
    yield shown
    if noise.differences:
        yield _differences(noise)


def _differences(noise: RunNoise) -> Table:
    shown = Table(
        title=f"Do rows differ by more than run-to-run noise? Means of {noise.repeats} repeats", title_justify="left"
    )
    for name in ("rows", "number", "difference", "95%, noise\nalone", "SD of one\nrun's", "verdict"):
        shown.add_column(name, justify="left" if name in ("rows", "number", "verdict") else "right")
    for each in noise.differences:
        apart = each.difference
        shown.add_row(
            f"{each.second}\n− {each.first}",
            each.measure,
            number(apart.value),
            interval(apart.low, apart.high),
            number(apart.number("sd")),
            apart.verdict.removesuffix(" the noise"),
        )
    return shown


def noise_remarks(results: ItemResults | QueryResults | SessionResults | ViewResults) -> Iterator[str]:
    """How to read the noise; of a model asked once, that it was not measured."""
    if results.noise is not None:
        differences = results.noise.differences
        beyond = sum(each.difference.verdict == BEYOND for each in differences)
        yield (
            f"{beyond} of {len(differences)} differences between rows exceed run-to-run noise, as one in twenty would "
            "by chance. All other tables are of the first run. The noise says nothing of other people or cases, whose "
            "intervals stand there: a difference has to exceed both."
        )
        if not isinstance(results, SessionResults) and results.paid:
            yield (
                "Single answers are asked at temperature 0 unless --temperature says otherwise: what differs between "
                "repeats is then the server's own."
            )
    elif _asked_a_model(results):
        yield UNMEASURED


def _asked_a_model(results: ItemResults | QueryResults | SessionResults | ViewResults) -> bool:
    if isinstance(results, SessionResults):
        account = results.account
        return bool(account.calls or account.from_cache or results.usd)
    return bool(results.paid)
