"""The bounds that simulated A/B tests must keep: a verdict a bar, with Monte-Carlo error told apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from rich.table import Table

SALES_FALSE_POSITIVES, FALSE_POSITIVES = (0.04, 0.06), (0.035, 0.065)
SEQUENTIAL, MISSES, POWER, SAVINGS = 0.05, 0.06, 0.03, 5.0
SURE = 2.0
"""Standard errors by which a bound may be passed without being broken."""


class Verdict(NamedTuple):
    """A bar and what was measured.

    Attributes:
        bar: What must hold.
        measured: In numbers.
        holds: Whether it does.
        broken: Whether it fails by more than Monte-Carlo error.
    """

    bar: str
    measured: str
    holds: bool
    broken: bool


class Rate(NamedTuple):
    """How often something happened in how many tests."""

    hits: int
    tests: int

    @property
    def share(self) -> float:
        """As a number."""
        return self.hits / self.tests

    def error(self, share: float) -> float:
        """Standard error of the share, if it is ``share`` in truth."""
        return float((share * (1 - share) / self.tests) ** 0.5)


Rates = Mapping[tuple[str, str], Rate]
"""By outcome and estimator."""


def false_positive_bars(rates: Rates) -> Iterator[Verdict]:
    """A/A tests: the paired estimate on sales, every other estimator and outcome, the sequential one."""
    sales = ("sales_units", "paired")
    yield within("A/A, paired on sales", {sales: rates[sales]}, SALES_FALSE_POSITIVES)
    others = {key: rate for key, rate in rates.items() if key != sales and key[1] != "sequential"}
    yield within("A/A, every other estimator and outcome", others, FALSE_POSITIVES)
    sequential = {key: rate for key, rate in rates.items() if key[1] == "sequential"}
    yield within("A/A, sequential with a look after each persona", sequential, (0.0, SEQUENTIAL))


def coverage_bars(rates: Rates) -> Iterator[Verdict]:
    """A/B tests: how often intervals hold the truth, those of the primary estimate and those beside it."""
    for estimators, name in ((("paired",), "paired"), (("welch", "cuped"), "Welch and CUPED")):
        of = {key: rate for key, rate in rates.items() if key[1] in estimators}
        yield within(f"A/B, misses of {name} intervals", of, (0.0, MISSES))


def within(bar: str, rates: Rates, bounds: tuple[float, float]) -> Verdict:
    """Whether all rates lie within bounds; the worst one decides and is named."""
    low, high = bounds
    beyond = {key: max(low - rate.share, rate.share - high) for key, rate in rates.items()}
    worst = max(beyond, key=lambda key: beyond[key])
    rate = rates[worst]
    bound = low if rate.share < low else high
    spread = f"{min(one.share for one in rates.values()):.2%} to {max(one.share for one in rates.values()):.2%}"
    text = f"{rate.share:.2%}" if len(rates) == 1 else f"{spread}, nearest the edge {' '.join(worst)}"
    return Verdict(
        f"{bar}: {low:.1%} to {high:.1%}" if low else f"{bar}: at most {high:.1%}",
        text,
        beyond[worst] <= 0,
        beyond[worst] > SURE * rate.error(bound),
    )


def power_bar(planned: Mapping[int, float], reached: Mapping[int, Rate]) -> Verdict:
    """Whether power is as planned, by the number of personas."""
    off = {personas: abs(rate.share - planned[personas]) for personas, rate in reached.items()}
    worst = max(off, key=lambda personas: off[personas])
    return Verdict(
        f"power as planned within {POWER:.0%}",
        f"at most {off[worst]:.1%} off, with {worst} personas",
        off[worst] <= POWER,
        off[worst] > POWER + SURE * reached[worst].error(planned[worst]),
    )


class Saved(NamedTuple):
    """How many times the sessions an unpaired test takes, and the degrees of freedom of the paired variance."""

    times: float
    degrees: float

    @property
    def error(self) -> float:
        """Standard error, nearly all of it the paired variance's: a relative one of ``sqrt(2 / degrees)``."""
        return self.times * float((2 / self.degrees) ** 0.5)


def savings_bars(saved: Mapping[int, Saved]) -> Iterator[Verdict]:
    """Whether a test with different shoppers in its arms takes several times the sessions, by sessions a persona."""
    for visits, saving in saved.items():
        yield Verdict(
            f"bm25 against bm25+rating:0.3, sales, {visits} sessions a persona: saves {SAVINGS:g} times the sessions",
            f"{saving.times:.1f} ± {saving.error:.1f}",
            saving.times >= SAVINGS,
            saving.times + SURE * saving.error < SAVINGS,
        )


def verdict_table(verdicts: Iterable[Verdict]) -> Table:
    """A line a bar."""
    table = Table(title="Verdicts", title_justify="left")
    for head in ("bar", "found", ""):
        table.add_column(head)
    for verdict in verdicts:
        state = "holds" if verdict.holds else "BROKEN" if verdict.broken else "off, within Monte-Carlo error"
        table.add_row(verdict.bar, verdict.measured, state)
    return table
