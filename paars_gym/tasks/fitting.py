"""Fitted shoppers of a task, by condition: fitted to the half of its people that does not judge, or given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paars_gym.config import Condition
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.fitting import DEFAULT_STRENGTH, FitSettings, fit_shopper
from paars_gym.tasks.reference_people import ReferencePeople

CONDITIONS: tuple[Condition, ...] = ("base", "persona")


def fit_conditions(
    people: ReferencePeople,
    *,
    strength: float | None = DEFAULT_STRENGTH,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[Condition, FittedShopper]:
    """A fit for either condition.

    Args:
        people: Both halves of them; `fit_shopper` keeps the half that judges out of the fit.
        strength: Of the prior, see `FitSettings`; None lets people who are set aside choose.
        progress: Told what is going on.

    Raises:
        ValueError: Their log shows no decisions, see `fit_shopper`.
    """
    people.require("Fitting a shopper", "searches", "results", "views", "purchases")
    fitted: dict[Condition, FittedShopper] = {}
    for condition in CONDITIONS:
        progress(f"fitting to one half of {people.name}, {condition}")
        fitted[condition] = fit_shopper(
            people.source,
            people.catalog,
            personas=people.personas,
            condition=condition,
            people=people.full_name,
            settings=FitSettings(strength=strength),
        )
    return fitted


def by_condition(shoppers: Sequence[FittedShopper]) -> dict[Condition, FittedShopper]:
    """The fitted shopper of either condition.

    Args:
        shoppers: One for ``base``, one for ``persona``.

    Raises:
        ValueError: One of them is missing, or there is another.
    """
    found = {shopper.condition: shopper for shopper in shoppers}
    if len(shoppers) != len(CONDITIONS) or set(found) != set(CONDITIONS):
        given = ", ".join(shopper.condition for shopper in shoppers) or "none"
        raise ValueError(
            f"Fitted shoppers are given for: {given}. Sessions are played with and without personas: give one fitted "
            "for each (paars fit --condition base, paars fit --condition persona)."
        )
    return found
