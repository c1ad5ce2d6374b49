"""Tests of people as tables: what one takes, and what one came to."""

from __future__ import annotations

from rich.table import Table

from paars_gym.abtest.people_planning import PeoplePlan
from paars_gym.abtest.people_test import PeopleTest


def people_plan_table(plan: PeoplePlan) -> Table:
    """Visits that it takes, a line each for the mean itself and for a test by its power."""
    table = Table(
        title=f"Visits of people for {plan.mde:.1%} of {plan.outcome} ({plan.mean:.4g})", title_justify="left"
    )
    again = plan.sessions / plan.shoppers
    table.add_column("to")
    for name in (
        "visits, one a person",
        f"{plan.level:.0%} interval",
        f"or people with {again:.1f} visits each",
        "visits",
    ):
        table.add_column(name, justify="right")
    for row in (plan.mean_itself, *plan.test):
        purpose = (
            f"know the mean to ±{plan.mde:.1%}"
            if row.power is None
            else f"find a change of {plan.mde:.1%} in an A/B test, power {row.power:.0%}, both arms"
        )
        interval = f"{row.low:,} – {row.high:,}"
        table.add_row(purpose, f"{row.visits:,}", interval, f"{row.shoppers:,}", f"{row.visits_of_shoppers:,}")
    return table


def people_plan_notes(plan: PeoplePlan) -> list[str]:
    """What it was worked out from."""
    kind = "synthetic sessions" if plan.synthetic else "visits of people"
    return [
        f"From how {plan.shoppers:,} shoppers differ in {plan.sessions:,} {kind}, {plan.people}; the interval is a "
        "bootstrap over these shoppers. Your own people, tasks and shop may differ more or less: plan again after some "
        "dozens of visits."
    ]


def people_test_table(result: PeopleTest) -> Table:
    """By how much the arms of a test of people differ, a line an outcome."""
    shoppers = f"{result.shoppers[0]:,} and {result.shoppers[1]:,} shoppers"
    table = Table(title=f"An A/B test of {'synthetic ' * result.synthetic}people: {shoppers}", title_justify="left")
    table.add_column("outcome")
    for name in ("control", "treatment", "difference", "interval", "relative", "p"):
        table.add_column(name, justify="right")
    for name, one in result.outcomes.items():
        relative = one.relative.value
        table.add_row(
            name,
            *("–" if mean is None else f"{mean:.3g}" for mean in (one.control, one.treatment)),
            one.difference.note or "–" if one.difference.value is None else f"{one.difference.value:+.3g}",
            "" if (around := one.difference.interval) is None else f"[{around.low:+.3g}, {around.high:+.3g}]",
            "–" if relative is None else f"{relative:+.1%}",
            "–" if (p := one.difference.p_value) is None else "<0.001" if p < 0.001 else f"{p:.3f}",
        )
    return table


def people_test_notes(result: PeopleTest) -> list[str]:
    """What a reader has to know beside the numbers."""
    lines = [
        f"{result.sessions[0]:,} and {result.sessions[1]:,} visits; Welch's t-test on shoppers, each in one arm, "
        "so that visits of one person count as one. The intervals are of one outcome each, not of all at once."
    ]
    if result.split_p_value < 0.01:
        lines.append(
            f"The arms have very different numbers of shoppers (p = {result.split_p_value:.2g}): find out why before "
            "you trust this test."
        )
    return lines
