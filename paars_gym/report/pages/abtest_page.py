"""A simulated A/B test as parts of a report's page: what it would do, beside the sizes of real effects."""

from __future__ import annotations

from dataclasses import replace

from paars_gym.abtest.backtest import BacktestResult
from paars_gym.abtest.estimate import is_told
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.result import ABTestResult, OutcomeResult
from paars_gym.estimate import Estimate
from paars_gym.report.abtest import backtest_table, human_effect, notes, real_effects
from paars_gym.report.pages.effect_plots import effects_plot, scatter_plot
from paars_gym.report.pages.page import PagePlot, PageSection, PageTable, ReportPage
from paars_gym.report.pages.printed_page import printed_sections

TELLING = {
    "sales_units": "units sold a session",
    "revenue": "revenue a session",
    "conversion": "the share of sessions that buy",
    "cart_adds": "additions to the cart a session",
    "searches": "searches a session",
    "views": "products opened a session",
    "rank_viewed": "the mean rank of what is opened",
    "abandonment": "the share of filled carts that are left",
}
"""Outcomes in words."""
SHORT = {
    "sales_units": "units sold",
    "cart_adds": "additions to the cart",
    "views": "products opened",
    "rank_viewed": "rank of what is opened",
    "abandonment": "filled carts left",
}
"""What plots call outcomes that have an unclear name."""
ALSO = ("conversion", "views")
"""Outcomes of the headline beside the primary one."""


def abtest_words(result: ABTestResult) -> tuple[str, ...]:
    """What a manager may repeat: the simulated change, what is left of it beside real effects, what is unknown."""
    lines = []
    if result.identical_arms:
        arms = f"“{result.treatment.name}” in place of “{result.control.name}”"
        lines.append(f"With {arms} nothing differs in any session: there is no effect to report.")
    elif PRIMARY in result.outcomes:
        lines.append(_changed(PRIMARY, result.outcomes[PRIMARY], result))
        lines += [_changed(name, result.outcomes[name], result, short=True) for name in ALSO if name in result.outcomes]
        lines += _left(result)
    lines.append(f"What people would do: {human_effect(result.human_effect)}")
    return tuple(lines)


def _changed(name: str, outcome: OutcomeResult, result: ABTestResult, *, short: bool = False) -> str:
    what = TELLING.get(name, name)
    relative = outcome.relative
    if relative.value is None or outcome.difference.value is None:
        return f"{what.capitalize()}: {relative.note or outcome.difference.note or 'not estimable'}."
    ends = "" if relative.low is None or relative.high is None else f" ({relative.low:+.1%} to {relative.high:+.1%})"
    alone = relative.interval is not None and 0.0 not in relative.interval
    among = f" among {len(result.outcomes)} outcomes" if alone else ""
    chance = "" if is_told(relative) else f"; chance alone{among} could explain it"
    if short:
        return f"{what[0].upper()}{what[1:]}: {relative.value:+.1%}{ends}{chance}."
    return (
        f"With “{result.treatment.name}” in place of “{result.control.name}”, {what} change by {relative.value:+.1%}"
        f"{ends} in the simulation: {result.level:.0%} interval, {result.pairs:,} pairs of visits, "
        f"{result.personas:,} personas{chance}."
    )


def _left(result: ABTestResult) -> list[str]:
    lines = real_effects(result)
    shrunken = result.outcomes[PRIMARY].shrunken
    if shrunken.interval is not None and 0.0 in shrunken.interval:
        lines.append("So, taken as news about people, this test tells neither a gain nor a loss.")
    return lines


def abtest_section(result: ABTestResult) -> PageSection:
    """The part of a page."""
    title = f"{result.treatment.name} against {result.control.name}"
    return PageSection(title, (), abtest_plots(result), (_table(result),), tuple(notes(result)))


def abtest_plots(result: ABTestResult) -> tuple[PagePlot, ...]:
    """Forest plots of all outcomes: as simulated, and what is left beside the sizes of real effects."""
    effects = [(SHORT.get(name, name), outcome.relative) for name, outcome in result.outcomes.items()]
    simulated = effects_plot(effects, title="As simulated: relative change by outcome")
    left = [(SHORT.get(name, name), replace(outcome.shrunken, note="")) for name, outcome in result.outcomes.items()]
    plots = [simulated]
    if any(one.value is not None for _, one in left):
        plots.append(effects_plot(left, title="What is left of it beside the sizes of real effects"))
    return tuple(plots)


def backtest_section(result: BacktestResult) -> PageSection:
    """Past tests of people beside simulated ones."""
    return PageSection("Past tests of people", (backtest_words(result),), backtest_plots(result))


def backtest_plots(result: BacktestResult) -> tuple[PagePlot, ...]:
    """The scatter, and every effect with its interval."""
    tests = [(test.name, test.human, test.simulated) for test in result.tests]
    effects = [(f"{test.name}: {whose}", one) for test in result.tests
               for whose, one in (("people", test.human), ("simulated", test.simulated))]  # fmt: skip
    return (
        scatter_plot(tests, title="Simulated effects over those of people"),
        effects_plot(effects, title="Each test: people, then simulated"),
    )


def backtest_words(result: BacktestResult) -> str:
    """Whether simulated and human effects agree at all, in a sentence."""
    verdict = result.falsification.verdict or "cannot be tested with so few"
    return f"Over {len(result.tests)} past tests of people, simulated and human effects: {verdict}."


def backtest_page(result: BacktestResult) -> ReportPage:
    """The page of a backtest: the verdict, the scatter, each test, and every number that is printed."""
    table, *_ = printed_sections([backtest_table(result)])
    errors = result.raw.mean_absolute, result.no_effect.mean_absolute
    headline = (
        backtest_words(result),
        f"Taken as it is, a simulated effect is off by {errors[0]:.2%} on average; saying that nothing changes is off "
        f"by {errors[1]:.2%}.",
    )
    under = f"{result.outcome}; {len(result.tests)} tests"
    return ReportPage("Simulated tests beside past tests of people", under, headline,
                      sections=(backtest_section(result), table))  # fmt: skip


def _table(result: ABTestResult) -> PageTable:
    rows = [["outcome", "unit", "control", "treatment", f"change, {result.level:.0%}", "relative", "p (FDR)",
             "left beside real effects", "sessions saved"]]  # fmt: skip
    for name, outcome in result.outcomes.items():
        difference, relative, shrunken = outcome.difference, outcome.relative, outcome.shrunken
        p_value = difference.number("p_adjusted")
        rows.append([
            name,
            outcome.unit,
            _three(outcome.control),
            _three(outcome.treatment),
            _change(difference),
            "–" if relative.value is None else f"{relative.value:+.1%}",
            "–" if p_value is None else "<0.001" if p_value < 0.001 else f"{p_value:.3f}",
            "–" if shrunken.value is None else f"{shrunken.value:+.2%}",
            "–" if outcome.saves is None else f"{outcome.saves:.1f}×",
        ])  # fmt: skip
    note = "Sessions saved: how many times the sessions a test with different shoppers in its arms would need."
    return PageTable.of("Outcomes", rows, csv=result.to_csv(), note=note)


def _change(difference: Estimate) -> str:
    if difference.value is None:
        return difference.note
    return f"{difference.value:+.3g}{_ends(difference.low, difference.high)}"


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:+.3g}, {high:+.3g}]"
