"""Rewards of a step, and how well what was bought fits what the shopper came for.

PAARS itself needs none: its suite reads sessions, not returns. The goal's score follows WebShop (Yao et al. 2022,
"WebShop: Towards Scalable Real-World Web Interaction with Grounded Language Agents", section 3.1). Its product types
are replaced by category paths and title words, which every catalog has, and as a visit may buy more than one line here,
lines too many cost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.sessions.event import Intention
from paars_gym.shop.state import Bought, State

_WORD = re.compile(r"\w+")


class Reward(Protocol):
    """Worth of a transition. Pure: the same states and intention always give the same number."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        """The reward of the step from one state to the next."""
        ...


class NoReward:
    """Always 0: for simulation, where a shopper is no optimiser."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        return 0.0


class UnitsBought:
    """Units bought in the step: sum of units over the lines purchased; range [0, 500]."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        return float(sum(line.units for line in _new(before, after)))


class RevenueBought:
    """Money spent in the step: sum of units x price over the lines purchased, in the catalog's currency; range
    [0, inf). A line without a known price counts 0."""

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        return float(sum(line.units * (line.price or 0.0) for line in _new(before, after)))


class GoalReward:
    """By how much the visit's `goal_score` changes: step rewards sum to that of everything bought, in [0, 1].

    ``score = fit of the line that fits best / lines bought``, where the budget is that of all lines together; see
    `goal_score`. A step is worth -1 to 1: one that buys what was not wanted costs. In the manner of
    WebShop (Yao et al. 2022, section 3.1), where a visit buys one thing. Without an intention to measure by, 0.
    """

    def __call__(self, catalog: Catalog, intention: Intention | None, before: State, after: State) -> float:
        if intention is None or len(after.bought) == len(before.bought):
            return 0.0
        return goal_score(catalog, intention, after.bought) - goal_score(catalog, intention, before.bought)


REWARDS: dict[str, type[Reward]] = {
    "none": NoReward,
    "units": UnitsBought,
    "revenue": RevenueBought,
    "goal": GoalReward,
}


def make_reward(reward: str | Reward) -> Reward:
    """A reward by name, or the object itself.

    Raises:
        ValueError: Unknown name.
    """
    if not isinstance(reward, str):
        return reward
    if reward not in REWARDS:
        raise ValueError(f"Unknown reward {reward!r}. Available: {', '.join(REWARDS)}, or any Reward object.")
    return REWARDS[reward]()


def _new(before: State, after: State) -> tuple[Bought, ...]:
    return after.bought[len(before.bought) :]


def goal_score(catalog: Catalog, intention: Intention, bought: Sequence[Bought]) -> float:
    """Fit of everything bought in a visit to an intention to buy one thing, in [0, 1].

    ``score = max over lines of r_type · (|attributes matched| + |options matched| + [within budget])
    / (|attributes| + |options| + 1) / lines``

    Every line beyond the one that fits best is wrong, and costs: two lines have half of the score of one, forty a
    fortieth. The budget is the whole purchase's: the sum of units × price over all lines, each price known, is at most
    the budget (always, without a budget).

    r_type compares a line's product with the intention's target (or its category): 1 in the same category or when at
    least half of the target's title words are in the product's title, 0.5 when a category above is shared (but not the
    root alone), 0.1 when any title word is, else 0. An attribute is matched when its words occur in the product's text,
    an option when it was chosen so.

    Args:
        catalog: Where all these products are.
        intention: Its target, category, attributes, options and budget are used.
        bought: The lines, of all purchases of the visit; 0 without any.
    """
    if not bought:
        return 0.0
    within = intention.budget is None or _spent(bought) <= intention.budget
    return max(_fit(catalog, intention, line, within) for line in bought) / len(bought)


def _spent(bought: Sequence[Bought]) -> float:
    """What was paid; infinite where a price is unknown."""
    return sum(math.inf if line.price is None else line.units * line.price for line in bought)


def _fit(catalog: Catalog, intention: Intention, line: Bought, within_budget: bool) -> float:
    product = catalog[line.product]
    words = set(_words(_text(product)))
    attributes = sum(set(_words(attribute)) <= words for attribute in intention.attributes)
    options = sum((name, value) in line.options for name, value in intention.options.items())
    asked = len(intention.attributes) + len(intention.options) + 1
    return _type_fit(catalog, intention, product) * (attributes + options + within_budget) / asked


def sample_goal(catalog: Catalog, rng: np.random.Generator) -> Intention:
    """An intention to buy some available product, in the words of its own page: category, up to two attributes, one
    choice an option, and a budget a little above its price."""
    rows = np.flatnonzero(catalog.available)
    product = catalog.product(int(rng.choice(rows if len(rows) else np.arange(len(catalog)))))
    names = sorted(product.attributes)
    chosen = rng.choice(names, size=min(2, len(names)), replace=False).tolist() if names else []
    attributes = tuple(product.attributes[name] for name in sorted(chosen))
    options = {name: str(rng.choice(values)) for name, values in sorted(product.options.items()) if values}
    category = product.category[-1] if product.category else None
    budget = None if product.price is None else float(np.ceil(product.price * rng.uniform(1.0, 1.3)))
    text = ", ".join([category or product.title, *attributes, *(f"{k} {v}" for k, v in options.items())])
    return Intention(
        text=text, budget=budget, category=category, target=product.id, attributes=attributes, options=options
    )


def _type_fit(catalog: Catalog, intention: Intention, product: Product) -> float:
    target = catalog[intention.target] if intention.target is not None and intention.target in catalog else None
    if target is None:
        path = {name.casefold() for name in product.category}
        return 1.0 if intention.category is None or intention.category.casefold() in path else 0.0
    wanted, title = set(_words(target.title)), set(_words(product.title))
    shared = wanted & title
    if product.category == target.category or 2 * len(shared) >= len(wanted):
        return 1.0
    if len(product.category) > 1 and product.category[:2] == target.category[:2]:
        return 0.5
    return 0.1 if shared else 0.0


def _text(product: Product) -> str:
    facts = (f"{name} {value}" for name, value in product.attributes.items())
    return " ".join([product.title, product.brand, *product.bullets, product.description, *facts])


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
