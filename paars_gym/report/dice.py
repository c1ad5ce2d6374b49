"""Table 5 of the paper: what individual metrics make of two systems that guess dice, and what group metrics do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from paars_gym.alignment.dice import PUBLISHED_EPSILON, SIDES, DiceRow
from paars_gym.report.pages.estimates_plot import estimates_plot
from paars_gym.report.pages.page import PagePlot
from paars_gym.report.paper import IN_KIND
from paars_gym.report.tasks import cell

PAPER_DICE = ((1.97, 0.206, 10.04), (3.96, 0.203, 0.0095))
"""The paper's squared error, accuracy and KL of A and of B."""
DICE_COMPARE = f"{IN_KIND}: the same game with other tosses."
DICE_SMOOTHING = (
    f"The paper does not name its smoothing; in the last column ours have the form that gives its values (ε = "
    f"{PUBLISHED_EPSILON:g}, mean of both directions)."
)


def table_5(rows: Sequence[DiceRow]) -> Table:
    """A row a system, the paper's below."""
    tosses = rows[0].accuracy.sizes["tosses"]
    shown = Table(title=f"Table 5: dice of {SIDES} sides guessed, {tosses:,} tosses", title_justify="left")
    for name in ("system", "squared\nerror", "right", "KL(dice‖guesses),\nnats", "KL in the\npaper's form"):
        shown.add_column(name, justify="left" if name == "system" else "right")
    for row in rows:
        shown.add_row(row.system, *map(cell, row[1:]), end_section=row is rows[-1])
    for row, (squared_error, accuracy, divergence) in zip(rows, PAPER_DICE, strict=True):
        shown.add_row(f"paper, {row.system[0]}", f"{squared_error:g}", f"{accuracy:g}", "", f"{divergence:g}")
    return shown


def table_5_plots(rows: Sequence[DiceRow]) -> Iterator[PagePlot]:
    """A picture a metric, with the paper's values."""
    systems = [f"paper, {row.system[0]}" for row in rows]
    columns = ("squared_error", "accuracy", "as_published")
    titles = ("Squared error of single guesses", "Share of right guesses", "KL of the two groups, in the paper's form")
    for place, (column, title) in enumerate(zip(columns, titles, strict=True)):
        values = dict(zip(systems, (paper[place] for paper in PAPER_DICE), strict=True))
        estimates = [(row.system, getattr(row, column)) for row in rows]
        yield estimates_plot(estimates, title=title, paper=values, compares=DICE_COMPARE)


def table_5_remarks(rows: Sequence[DiceRow]) -> list[str]:
    """What the table is there for."""
    first, second = rows
    return [
        f"Guess by guess {first.system[0]} looks no worse than {second.system[0]} (right {first.accuracy.value:.1%} "
        f"and {second.accuracy.value:.1%}, squared error {first.squared_error.value:.2f} and "
        f"{second.squared_error.value:.2f}); as a group it is nothing like the dice. That is why groups are compared.",
        f"The divergence of {first.system[0]} depends on the smoothing, for it uses one side of {SIDES}. "
        f"{DICE_SMOOTHING}",
    ]
