"""Who comes for what: needs by demand over all visits, and by habits and interests within a person.

Of all visits each category gets exactly its share of the catalog's demand; who comes for it is one of those who have
it in mind, the more often the more they shop and the more it means to them. So the needs of a population follow
popularity and assortment however few people there are and however many categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.synthetic.people import Category, Luck, Person

DIFFERENT = 0.15
"""Of visits without a habit: for something that is none of the person's interests."""


class Errand(NamedTuple):
    """What a visit is about, before it is put into words.

    Attributes:
        person: Index of who comes.
        category: Index of what for.
        row: Catalog row of the usual product that a habitual visit is for; None for any other.
    """

    person: int
    category: int
    row: int | None


class _Known(NamedTuple):
    """Who has a category in mind: visits to it, with their cumulative weights."""

    errands: list[Errand]
    weights: npt.NDArray[np.float64]


def habitual_share(person: Person) -> float:
    """Share of a person's visits that are for a usual product; nobody only browses for one."""
    return (1 - person.segment.goals[2]) * person.segment.habit


def draw_errand(index: int, person: Person, categories: Sequence[Category], luck: Luck) -> Errand:
    """What one person comes for, when nothing is known of the others."""
    if luck.chance(habitual_share(person)):
        return Errand(index, *luck.pick(person.usual))
    if luck.chance(DIFFERENT):
        return Errand(index, luck.place(np.cumsum([category.share for category in categories])), None)
    # The first interests are the most important ones.
    return Errand(index, person.categories[int(len(person.categories) * luck.uniform() ** 2)], None)


class Visitors:
    """Draws visits: a category by demand, then who comes for it."""

    def __init__(self, people: Sequence[Person], categories: Sequence[Category]) -> None:
        """Args:
        people: All of them.
        categories: What there is.
        """
        self._shares = np.cumsum([category.share for category in categories])
        self._share = [category.share for category in categories]
        # What anybody may come for now and then needs no list: the weight is the same for all categories.
        others = np.array([person.activity * (1 - habitual_share(person)) * DIFFERENT for person in people])
        self._others = np.cumsum(others)
        known: dict[int, list[tuple[Errand, float]]] = {}
        for index, person in enumerate(people):
            habit, steps = habitual_share(person), np.sqrt(np.arange(len(person.categories) + 1))
            for category, row in person.usual:
                weight = person.activity * habit / len(person.usual)
                known.setdefault(category, []).append((Errand(index, category, row), weight))
            early = np.diff(steps) / steps[-1]
            for category, chance in zip(person.categories, early.tolist(), strict=True):
                weight = person.activity * (1 - habit) * (1 - DIFFERENT) * chance
                known.setdefault(category, []).append((Errand(index, category, None), weight))
        self._known = {
            category: _Known([errand for errand, _ in pairs], np.cumsum([weight for _, weight in pairs]))
            for category, pairs in known.items()
        }

    def draw(self, luck: Luck) -> Errand:
        """One visit."""
        category = min(luck.place(self._shares), len(self._share) - 1)
        other = self._share[category] * float(self._others[-1])
        known = self._known.get(category)
        own = 0.0 if known is None else float(known.weights[-1])
        if known is not None and luck.uniform() * (own + other) < own:
            return known.errands[luck.place(known.weights)]
        return Errand(luck.place(self._others), category, None)
