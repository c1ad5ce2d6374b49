"""A fitted shopper in the terminal: estimates beside the defaults, and what the fit gains on people it has not seen."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.parameters import BehaviouralParameters

LITTLE_LEARNT = 0.8
"""Share of the prior's standard deviation from which on a log has said next to nothing."""


def fit_table(fitted: FittedShopper) -> Table:
    """Each parameter that was estimated, with its standard error and its default."""
    table = Table(
        title=f"Behavioural shopper ({fitted.condition}) fitted to {fitted.fitting.sessions:,} sessions of "
        f"{fitted.people} in {fitted.catalog}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("parameter")
    for name in ("default", "estimate", "std. error"):
        table.add_column(name, justify="right")
    table.add_column("")
    for name, error in fitted.standard_errors.items():
        little = error > LITTLE_LEARNT * fitted.prior_errors[name]
        default = getattr(BehaviouralParameters(), name)
        told = "the logs say little" if little else ""
        table.add_row(name, f"{default:.2f}", f"{fitted.parameters[name]:.2f}", f"{error:.2f}", told)
    return table


def fit_notes(fitted: FittedShopper) -> Iterator[str]:
    """What else must be said: the gain on other people, the prior, past tests, and what was not estimated."""
    judging = fitted.judging
    yield (
        f"On {judging.sessions:,} sessions of people set aside: {judging.fitted:.3f} nats a session, the defaults "
        f"{judging.default:.3f}: the fit {'gains' if judging.gain > 0 else 'loses'} {abs(judging.gain):.3f}."
    )
    chosen = "chosen by people set aside within the fitting half" if fitted.strength_chosen else "as set"
    yield f"Ridge prior around the defaults: standard deviation {fitted.strength:g} in log odds, {chosen}."
    if fitted.tests:
        yield (
            f"Tastes are learnt from {fitted.test_sessions:,} sessions of past tests too: {', '.join(fitted.tests)}. "
            f"Those customers' tastes are {fitted.tastes_apart:.2f} standard deviations of the ridge prior from these "
            "people's; the further, the less they count."
        )
    if fitted.unexplained:
        yield f"{fitted.unexplained:,} events are left out, such as a product opened twice: the model makes none such."
    if fitted.held:
        yield f"Nothing in these logs depends on {', '.join(fitted.held)}: they stay at their defaults."
