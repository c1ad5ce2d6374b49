"""A/B tests, plans, backtests and fitted populations in the terminal: tables, forest plots, and notes in words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from paars_gym.abtest.backtest import BacktestResult
from paars_gym.abtest.fit.fitted_population import FittedPopulation
from paars_gym.abtest.planning import TestPlan
from paars_gym.abtest.result import ABTestResult, PopulationFit
from paars_gym.estimate import Estimate, Interval, share_that_may_differ

UNKNOWN_EFFECT = (
    "unknown: the intervals are about this simulated population. What people would do needs past tests of people, see "
    "paars backtest."
)
WIDTH = 41
"""Characters of a forest plot; odd, so that zero has one."""


def outcome_table(result: ABTestResult) -> Table:
    """All outcomes, a row each, with the primary estimate and what an unpaired test would have taken."""
    table = Table(title=result.summary(), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("outcome", "control", "treated", f"change, {result.level:.0%}", "p (FDR)", "saves"):
        table.add_column(name, justify="left" if name == "outcome" else "right", no_wrap=True)
    table.caption = "saves: how many times the sessions a test with different shoppers in its arms would need"
    table.caption_justify = "left"
    for name, outcome in result.outcomes.items():
        difference = outcome.difference
        table.add_row(
            name,
            _number(outcome.control),
            _number(outcome.treatment),
            _briefly(difference.note)
            if difference.value is None
            else f"{_number(difference.value, sign=True)} {_interval(difference.interval) or difference.note}",
            _p(difference.number("p_adjusted")),
            "–" if outcome.saves is None else f"{outcome.saves:.1f}×",
        )
    return table


def forest_plot(rows: Iterable[tuple[str, Estimate]], *, width: int = WIDTH) -> Text:
    """Relative changes with their intervals, a line each, around a common zero; a mark alone has no interval.

    Args:
        rows: Name and relative change.
        width: Characters of the plot itself.
    """
    rows = list(rows)
    marks = [mark for _, estimate in rows for mark in (estimate.low, estimate.high, estimate.value) if mark]
    reach = max([*(abs(mark) for mark in marks if math.isfinite(mark)), 1e-9])
    half = width // 2
    names = max((len(name) for name, _ in rows), default=0)
    text = Text()
    for name, estimate in rows:
        line = [" "] * width
        line[half] = "│"
        style = "dim"
        words = _briefly(estimate.note) or "–"
        if estimate.value is not None:
            middle, around = half + round(estimate.value / reach * half), estimate.interval
            if around is not None:
                low, high = (half + round(end / reach * half) for end in around.ends)
                line[low : high + 1] = "─" * (high - low + 1)
                style = "green" if around.low > 0 else "red" if around.high < 0 else "default"
            line[middle] = "●"
            words = f"{percent(estimate.value)} {_percents(around) or estimate.note or 'interval unknown'}".rstrip()
        text.append(f"{name:<{names}} ").append("".join(line), style=style).append(f" {words}\n")
    text.append(f"{'':<{names}} {percent(-reach):<{half}}0{percent(reach):>{half}}")
    return text


def result_forest(result: ABTestResult) -> Text:
    """The forest plot of a test."""
    return forest_plot((name, outcome.relative) for name, outcome in result.outcomes.items())


def notes(result: ABTestResult) -> list[str]:
    """What a reader has to know beside the numbers."""
    lines = [
        f"{result.pairs:,} pairs × {result.draws} draws in each arm, {result.personas:,} personas, seed {result.seed}; "
        f"the same in both arms{', with noise of their own' if result.independent_noise else ''}."
    ]
    if result.population is not None:
        lines.append(f"Calibrated population: {_fit_in_words(result.population)}.")
    if result.identical_arms:
        lines.append(
            "identical_arms: no session differs between the arms. Check that they differ at all; of "
            f"{result.personas:,} personas {share_that_may_differ(result.personas, result.level):.1%} may do so unseen."
        )
    if result.excluded:
        lines.append(
            f"{result.excluded:,} pairs left out because a session failed "
            f"({result.control.failed:,} in control, {result.treatment.failed:,} in treatment)."
        )
    if result.sample_ratio.p_value < 0.01:
        lines.append(
            f"The arms did not lose sessions alike (p = {result.sample_ratio.p_value:.2g}): do not trust this test."
        )
    for arm in (result.control, result.treatment):
        if arm.queries_fell_back is not None:
            lines.append(
                f"{arm.name}: {arm.queries_fell_back:.1%} of searches had no recorded list, the fallback answered."
            )
        if arm.unknown_products:
            lines.append(f"{arm.name}: {arm.unknown_products:,} recorded results are not in the catalog, and left out.")
        if arm.patch:
            lines.append(f"{arm.name}: {arm.patched_products:,} products changed.")
    if result.control.usd + result.treatment.usd:
        lines.append(f"Cost: ${result.control.usd + result.treatment.usd:.2f}.")
    for name, outcome in result.outcomes.items():
        note = next((one.note for one in (outcome.difference, outcome.relative) if one.value is None and one.note), "")
        if note:
            lines.append(f"{name}: {note}.")
    lines.append(f"Effect on people: {human_effect(result.human_effect)}")
    return lines


def _briefly(note: str) -> str:
    """Without the reason, which stands among the notes: cells of a table are cut where the terminal is narrow."""
    return note.partition(":")[0]


def human_effect(estimate: Estimate) -> str:
    """What is known of the effect on people, as a sentence."""
    if estimate.value is None or estimate.interval is None:
        return UNKNOWN_EFFECT
    return (
        f"{estimate.details['outcome']} {estimate.value:+.2%} {_percents(estimate.interval, digits=2)}, "
        f"{estimate.interval.level:.0%}: a prediction from {estimate.sizes['past_tests']} past tests of people, "
        f"{estimate.details['signs_right']} of which the simulation got the sign of; its interval is for this one test."
    )


def plan_table(plan: TestPlan) -> Table:
    """What it takes to find an effect, by power."""
    table = Table(
        title=f"To find a change of {plan.mde:.1%} in {plan.outcome} ({plan.effect:.4g})", title_justify="left"
    )
    for name in ("power", "personas", "--sessions", "sessions, both arms", "tokens", "cost"):
        table.add_column(name, justify="right")
    for row in plan.needed:
        cost = f"${row.usd:,.2f}" if row.usd else "–"
        numbers = (row.personas, row.pairs, row.sessions, row.tokens)
        table.add_row(f"{row.power:.0%}", *(f"{number:,}" if number else "–" for number in numbers), cost)
    return table


def percent(value: float | None) -> str:
    """A relative change."""
    return "–" if value is None else f"{value:+.1%}"


def _percents(interval: Interval | None, *, digits: int = 1) -> str:
    return "" if interval is None else f"[{interval.low:+.{digits}%}, {interval.high:+.{digits}%}]"


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f"[{interval.low:+.3g}, {interval.high:+.3g}]"


def _number(value: float | None, *, sign: bool = False) -> str:
    return "–" if value is None else f"{value:+.3g}" if sign else f"{value:.3g}"


def _p(value: float | None) -> str:
    return "–" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def backtest_table(result: BacktestResult, *, title: str = "Backtest") -> Table:
    """How far simulated tests agree with past tests of people, and what calibration makes of them."""
    table = Table(title=title, title_justify="left", show_header=False, box=SIMPLE_HEAD, pad_edge=False)
    both = [(result.raw, "simulated"), (result.calibrated, "calibrated, left out"), (result.no_effect, "no effect")]
    table.add_row("direction agreement", _share(result.direction))
    table.add_row("… where people's effect is sure", _share(result.direction_significant))
    table.add_row("rank correlation", _with_interval(result.rank_correlation))
    table.add_row("linear correlation", _with_interval(result.correlation))
    table.add_row("magnitude ratio", _number(result.magnitude_ratio.value))
    table.add_row("… calibrated, left out", _number(result.calibrated_magnitude_ratio.value))
    table.add_row("slope of the calibration", _with_interval(result.slope))
    table.add_row(f"coverage of {result.level:.0%} predictions", _share(result.coverage))
    for errors, name in (*both, (result.mean_effect, "mean of the others")):
        if errors is not None:
            table.add_row(
                f"error, {name}",
                f"{errors.mean_absolute:.2%} mean, {errors.root_mean_square:.2%} rms; "
                f"sign right {errors.direction.details['count']} of {errors.direction.sizes['tests']}",
            )
    return table


def backtest_plot(result: BacktestResult) -> Text:
    """Each test's human effect, and below it what was simulated and what calibration by the other tests made of it."""
    rows = []
    for test in result.tests:
        rows.append((f"{test.name}: people", test.human))
        rows.append(("  simulated", test.simulated))
        rows.append(("  calibrated", replace(test.calibrated, note="")))
    return forest_plot(rows)


def population_table(population: FittedPopulation) -> Table:
    """The simulated population before and after each step of its calibration, beside people who were held out."""
    sessions = f"{population.train_sessions:,} sessions of people, judged on {population.held_out_sessions:,} of others"
    table = Table(title=f"Calibrated on {sessions}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("a session")
    for name in ("people", *(stage.name for stage in population.stages)):
        table.add_column(name, justify="right")
    for moment, human in population.human.items():
        table.add_row(moment, f"{human:.3f}", *(f"{stage.moments[moment]:.3f}" for stage in population.stages))
    far = (f"{stage.distance:.3f}" for stage in population.stages)
    table.add_row("distance, sd", f"{population.floor:.3f}", *far)
    mix = ", ".join(f"{goal} {share:.0%}" for goal, share in population.mix.items())
    table.caption = f"mix: {mix}. Distance under people: that of the training part, the noise of the comparison."
    table.caption_justify = "left"
    return table


def _with_interval(estimate: Estimate) -> str:
    return f"{_number(estimate.value)} {_interval(estimate.interval)}"


def _share(share: Estimate) -> str:
    if share.value is None:
        return "–"
    low, high = (0.0, 1.0) if share.interval is None else share.interval.ends
    return f"{share.details['count']} of {share.sizes['tests']} ({share.value:.0%} [{low:.0%}, {high:.0%}])"


def _fit_in_words(fit: PopulationFit) -> str:
    mix = ", ".join(f"{goal} {share:.0%}" for goal, share in fit.mix.items())
    fitted = ", choices fitted" * fit.choices_fitted + ", personas weighted" * fit.weighted
    return f"{mix}{fitted}; {fit.train_sessions:,} sessions of people"
