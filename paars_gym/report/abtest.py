"""A/B tests, plans, backtests and fitted populations in the terminal: tables, forest plots, and notes in words."""

from __future__ import annotations

from dataclasses import replace

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.abtest.backtest import BacktestResult
from paars_gym.abtest.estimate import HIGHER, LOWER, direction_of, is_told
from paars_gym.abtest.fit.fitted_population import FittedPopulation
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.planning import TestPlan
from paars_gym.abtest.result import ABTestResult, PopulationFit
from paars_gym.estimate import Estimate, Interval, share_that_may_differ
from paars_gym.llm.prices import cost_in_words
from paars_gym.report.forest import ForestPlot, briefly, percent, percents
from paars_gym.shoppers.registry import UNCALIBRATED

UNKNOWN_EFFECT = (
    "unknown: the intervals are about this simulated population. What people would do needs past tests of people, see "
    "paars backtest."
)


def outcome_table(result: ABTestResult) -> Table:
    """All outcomes, a row each, with the primary estimate and what an unpaired test would have taken."""
    table = Table(title=result.summary(), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("outcome", "control", "treated", f"change, {result.level:.0%}", "p (FDR)", "saves"):
        table.add_column(name, justify="left" if name == "outcome" else "right", no_wrap=True)
    table.caption = (
        "change: as simulated, see below what is left of it; saves: how many times the sessions a test with different "
        "shoppers in its arms would need"
    )
    table.caption_justify = "left"
    for name, outcome in result.outcomes.items():
        difference = outcome.difference
        table.add_row(
            name,
            _number(outcome.control),
            _number(outcome.treatment),
            briefly(difference.note)
            if difference.value is None
            else f"{_number(difference.value, sign=True)} {_interval(difference.interval) or difference.note}",
            _p(difference.number("p_adjusted")),
            "–" if outcome.saves is None else f"{outcome.saves:.1f}×",
        )
    return table


def result_forest(result: ABTestResult) -> ForestPlot:
    """The forest plot of a test: what was simulated, and what is left of it beside the sizes of real effects."""
    rows = [(name, outcome.relative) for name, outcome in result.outcomes.items()]
    beside = [
        "" if outcome.shrunken.value is None else f"→ {_shrunken(outcome.shrunken)}"
        for outcome in result.outcomes.values()
    ]
    below = "As simulated, with its interval → what is left of it by the sizes of real effects."
    return ForestPlot(rows, beside=beside, below=below)


def _run_noise(result: ABTestResult, outcome: str = PRIMARY) -> list[str]:
    """How much of the interval is run-to-run noise; of a model with one draw a pair, that it cannot be told apart."""
    components = None if outcome not in result.outcomes else result.outcomes[outcome].components
    if components is not None:
        error = result.outcomes[outcome].difference.number("standard_error")
        of = f" of a standard error of {error:.2g} in all" if error else ""
        return [
            f"The same pairs played again would move {outcome} by ±{components.noise:.2g} (standard error of "
            f"run-to-run noise alone, by {components.draws} draws){of}: it is in the intervals."
        ]
    if result.draws == 1 and (result.control.calls or result.treatment.calls):
        return ["Run-to-run noise is in the intervals: each pair drew anew. --draws 5 tells how much of them it is."]
    return []


def cost_of_test(result: ABTestResult) -> str:
    """What a language model took in both arms; empty where none was asked."""
    arms = (result.control, result.treatment)
    usd, tokens, calls = (sum(getattr(arm, name) for arm in arms) for name in ("usd", "tokens", "calls"))
    if not (usd or tokens):
        return ""
    unpriced = [sum(getattr(arm, name) for arm in arms) for name in ("unpriced_calls", "unpriced_tokens")]
    return f"{calls:,} calls, {tokens:,} tokens; US dollars: {cost_in_words(usd, calls, *unpriced)}"


def notes(result: ABTestResult) -> list[str]:
    """What a reader has to know beside the numbers."""
    lines = [
        f"{result.pairs:,} pairs × {result.draws} draws in each arm, {result.personas:,} personas, seed {result.seed}; "
        f"the same in both arms{', with noise of their own' if result.independent_noise else ''}."
    ]
    if result.uncalibrated:
        lines.append(UNCALIBRATED)
    if result.needs:
        lines.append(f"Needs: {result.needs}.")
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
    lines += _run_noise(result)
    if cost := cost_of_test(result):
        lines.append(f"Cost, both arms: {cost}.")
    lines += _only_alone(result)
    for name, outcome in result.outcomes.items():
        note = next((one.note for one in (outcome.difference, outcome.relative) if one.value is None and one.note), "")
        if note:
            lines.append(f"{name}: {note}.")
        if unpriced := outcome.difference.number("unpriced_lines"):
            of = unpriced + (outcome.difference.number("priced_lines") or 0)
            lines.append(f"{name}: of lines with a price; {unpriced:,.0f} of {of:,.0f} bought in both arms have none.")
    lines.extend(real_effects(result))
    lines.append(f"Effect on people: {human_effect(result.human_effect)}")
    return lines


def _only_alone(result: ABTestResult) -> list[str]:
    """Outcomes whose intervals leave out 0, as one of several does by chance."""
    alone = [
        f"{name} (p (FDR) {_p(difference.number('p_adjusted'))})"
        for name, outcome in result.outcomes.items()
        if direction_of((difference := outcome.difference).interval) in (HIGHER, LOWER) and not is_told(difference)
    ]
    if not alone:
        return []
    return [
        f"No change is told of {', '.join(alone)}: an interval of one outcome alone leaves out 0, but chance does that "
        f"among {len(result.outcomes)} outcomes."
    ]


def real_effects(result: ABTestResult, outcome: str = PRIMARY) -> list[str]:
    """How large real effects are, and what was assumed of the simulation, in sentences."""
    shrunken = None if outcome not in result.outcomes else result.outcomes[outcome].shrunken
    details = {} if shrunken is None else shrunken.details
    if shrunken is None or "prior" not in details:
        return []
    lines = [
        f"Real effects, {details['prior']}: half of them are below {shrunken.number('real_median'):.2%} on {outcome}, "
        f"nine in ten below {shrunken.number('real_p90'):.2%}."
    ]
    if shrunken.value is not None and shrunken.interval is not None:
        lines.append(
            f"Shrunken by that, the simulated {percent(result.outcomes[outcome].relative.value)} are "
            f"{shrunken.value:+.2%} {percents(shrunken.interval, digits=2)}: a simulation shows "
            f"{shrunken.number('gain'):.2g} times the true effect, and misses by {shrunken.number('misfit'):.1%} "
            f"({details['compared_with']}{f', {n} tests' if (n := details['past_tests']) else ''})."
        )
    return lines


def human_effect(estimate: Estimate) -> str:
    """What is known of the effect on people, as a sentence."""
    if estimate.value is None or estimate.interval is None:
        return UNKNOWN_EFFECT
    right = estimate.number("signs_right") or 0
    return (
        f"{estimate.details['outcome']} {estimate.value:+.2%} {percents(estimate.interval, digits=2)}, "
        f"{estimate.interval.level:.0%}: a prediction from {estimate.sizes['past_tests']} past tests of people, "
        f"{right:.0f} of which the simulation got the sign of; its interval is for this one test."
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
    if plan.uncalibrated:
        table.caption, table.caption_justify = UNCALIBRATED, "left"
    return table


def _shrunken(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:+.2%}"


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
    falsification = result.falsification
    table.add_row("do simulated and human effects agree?", falsification.verdict or "cannot be tested")
    table.add_row("… signs, against a coin", _tested(falsification.signs))
    table.add_row("… order, Kendall's tau, shuffled", _tested(falsification.kendall))
    table.add_row("… order, Spearman's rho, shuffled", _tested(falsification.spearman))
    table.add_row("direction agreement", _share(result.direction))
    table.add_row("… where people's effect is sure", _share(result.direction_significant))
    table.add_row("rank correlation", _with_interval(result.rank_correlation))
    table.add_row("linear correlation", _with_interval(result.correlation))
    table.add_row("magnitude ratio", _number(result.magnitude_ratio.value))
    table.add_row("… calibrated, left out", _number(result.calibrated_magnitude_ratio.value))
    table.add_row("slope of the calibration", _with_interval(result.slope))
    table.add_row(f"coverage of {result.level:.0%} predictions", _share(result.coverage))
    half = result.pilot.number("half_width") or 0.0
    table.add_row(f"draws a visit needs, noise {result.draws.number('share'):.0%}", _count(result.draws))
    table.add_row(f"people's sessions in a pilot, to ± {half:.1%}", _count(result.pilot))
    for errors, name in (*both, (result.mean_effect, "mean of the others")):
        if errors is not None:
            table.add_row(
                f"error, {name}",
                f"{errors.mean_absolute:.2%} mean, {errors.root_mean_square:.2%} rms; "
                f"sign right {errors.direction.details['count']} of {errors.direction.sizes['tests']}",
            )
    return table


def backtest_plot(result: BacktestResult) -> ForestPlot:
    """Each test's human effect, and below it what was simulated and what calibration by the other tests made of it."""
    rows = []
    for test in result.tests:
        rows.append((f"{test.name}: people", test.human))
        rows.append(("  simulated", test.simulated))
        rows.append(("  calibrated", replace(test.calibrated, note="")))
    return ForestPlot(rows)


def population_table(population: FittedPopulation) -> Table:
    """The simulated population before and after its calibration, beside people who judge it."""
    sessions = f"{population.train_sessions:,} sessions of people, judged on {population.held_out_sessions:,} of others"
    table = Table(title=f"Calibrated on {sessions}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("a session")
    for name in ("people", "before", "calibrated"):
        table.add_column(name, justify="right")
    before, after = population.before, population.after
    for moment, human in population.human.items():
        table.add_row(moment, f"{human:.3f}", f"{before.moments[moment]:.3f}", f"{after.moments[moment]:.3f}")
    table.add_row("distance, sd", f"{population.floor:.3f}", f"{before.distance:.3f}", f"{after.distance:.3f}")
    mix = ", ".join(f"{goal} {share:.0%}" for goal, share in population.mix.items())
    table.caption = f"mix: {mix}. Distance under people: between their two halves, the noise of the comparison."
    table.caption_justify = "left"
    return table


def stage_notes(population: FittedPopulation) -> list[str]:
    """What each stage gained on people who were set aside for the choice, or that it was dropped; and the judgement."""
    lines = []
    for stage in population.stages:
        if stage.after is None:
            lines.append(f"{stage.name}: dropped, it cannot be fitted to these people. {stage.note}")
        else:
            what = "kept" if stage.kept else "dropped, it does not bring the population nearer"
            lines.append(
                f"{stage.name}: {what}: distance {stage.before:.3f} → {stage.after:.3f} on people set aside to choose."
            )
    if population.after.distance > population.before.distance:
        lines.append("On the people who judge, the calibrated population is further away than it was before.")
    return lines


def _with_interval(estimate: Estimate) -> str:
    return f"{_number(estimate.value)} {_interval(estimate.interval)}"


def _tested(estimate: Estimate) -> str:
    if estimate.value is None or estimate.p_value is None:
        return estimate.note or "–"
    return f"{estimate.value:.2f}, p = {estimate.p_value:.2g}"


def _count(estimate: Estimate) -> str:
    return estimate.note or "–" if estimate.value is None else f"{estimate.value:,.0f}"


def _share(share: Estimate) -> str:
    if share.value is None:
        return "–"
    low, high = (0.0, 1.0) if share.interval is None else share.interval.ends
    return f"{share.details['count']} of {share.sizes['tests']} ({share.value:.0%} [{low:.0%}, {high:.0%}])"


def _fit_in_words(fit: PopulationFit) -> str:
    mix = ", ".join(f"{goal} {share:.0%}" for goal, share in fit.mix.items())
    fitted = ", choices fitted" * fit.choices_fitted + ", personas weighted" * fit.weighted
    return f"{mix}{fitted}; {fit.train_sessions:,} sessions of people"
