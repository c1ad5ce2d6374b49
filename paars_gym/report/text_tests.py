"""Predictions of past tests of texts in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.estimate import Estimate
from paars_gym.tasks.text_results import TextResults


def text_table(results: TextResults) -> Table:
    """A row a predictor."""
    table = Table(
        "row",
        title=f"Which of two texts do people open? {results.pairs:,} tests, {results.sure:,} with a sure effect",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in ("direction", "confident", "recovered", "explained", "covered"):
        table.add_column(column, justify="right", no_wrap=True)
    for score in results.scores:
        recovered = f"{score.recovered.value:.2f}"
        table.add_row(
            score.name,
            _percent(score.direction),
            "" if score.confident is None else _percent(score.confident),
            recovered,
            _whole(score.explained),
            _whole(score.coverage),
        )
    return table


def text_remarks(results: TextResults) -> Iterator[str]:
    """How to read it."""
    yield (
        "direction: share of the sure effects whose sign is predicted; confident: of the third with the largest "
        "predictions. recovered: slope of predicted on true effects, on the row's own scale. explained: share of the "
        "variance of true effects, and covered: share of 95% intervals that hold the effect, both once predictions are "
        "scaled as the other half of the tests says. Intervals in brackets: 95%, tests resampled."
    )
    yield f"True effects have a standard deviation of {results.spread:.2f} (logarithm of the ratio of click rates)."
    widths = [
        (score.name, score.coverage.number("width"), score.coverage.number("width_none")) for score in results.scores
    ]
    width, name = min((width / none, name) for name, width, none in widths if width is not None and none)
    if width < 0.995:
        yield f"The narrowest intervals are those of {name}: {1 - width:.0%} less wide than without a prediction."
    yield from results.notes


def _whole(estimate: Estimate) -> str:
    return f"{round(100 * (estimate.value or 0.0))}%"


def _percent(estimate: Estimate) -> str:
    ends = "" if estimate.interval is None else " [{:.0f}, {:.0f}]".format(*(100 * x for x in estimate.interval.ends))
    return f"{_whole(estimate)}{ends}"
