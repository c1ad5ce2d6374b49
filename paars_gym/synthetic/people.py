"""The invented people of the reference population: segments that differ, and persons that differ within them.

Everything here is assumed, none of it estimated. No utility is computed anywhere: what the people do follows from
habits and chances of their segment, so that a choice model fitted to their sessions cannot simply find itself again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import tee
from typing import NamedTuple, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from paars_gym.catalog.assortment import sold_categories
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import (
    SCALES,
    AgeRange,
    ConsumerProfile,
    DecisionStyle,
    Gender,
    Home,
    HouseholdSize,
    IncomeBand,
    Interests,
    Score,
    ShoppingPreferences,
    Trait,
)
from paars_gym.sessions.event import session_rng

T = TypeVar("T")


class Segment(NamedTuple):
    """A kind of shopper.

    Attributes:
        name: What it is called.
        share: Of the people.
        goals: Chances of buy, compare and browse.
        words: Mean number of words in a first query.
        typo: Chance of a slip in a query.
        habit: Chance that a visit begins with a usual query, or with a usual product.
        views: Mean number of products opened on a page of results.
        on: Chance of going on to the next page.
        again: Chance of another search after a page.
        return_to: Chance of opening a product a second time.
        add: Chance that a product opened goes into the cart when the goal is to buy.
        abandon: Chance that a filled cart is left behind.
        dear: Preferred place in the range of prices, from 0 to 1.
        style: Decision style of its personas.
        scales: Where its preferences lie away from 3.
        ages: Most usual age ranges.
        incomes: Most usual incomes.
        hour: Usual hour of shopping.
    """

    name: str
    share: float
    goals: tuple[float, float, float]
    words: float
    typo: float
    habit: float
    views: float
    on: float
    again: float
    return_to: float
    add: float
    abandon: float
    dear: float
    style: DecisionStyle
    scales: dict[str, float]
    ages: tuple[AgeRange, ...]
    incomes: tuple[IncomeBand, ...]
    hour: float


SEGMENTS = (
    Segment("errand runner", 0.28, (0.75, 0.15, 0.10), 2.2, 0.07, 0.45, 0.9, 0.06, 0.22, 0.05, 0.17, 0.45, 0.5,
            "routine", {"brand_loyalty": 1.1, "novelty_seeking": -1.2, "comparison": -1.0, "price_sensitivity": -0.2},
            ("35-44", "45-54", "55-64"), ("50-74K", "75-99K"), 18.5),
    Segment("researcher", 0.20, (0.25, 0.65, 0.10), 3.4, 0.03, 0.10, 1.9, 0.28, 0.55, 0.35, 0.07, 0.65, 0.6,
            "deliberate", {"comparison": 1.4, "review_reliance": 1.2, "quality_focus": 0.9, "impulsiveness": -1.1},
            ("25-34", "35-44", "45-54"), ("75-99K", "100-149K"), 21.0),
    Segment("bargain hunter", 0.20, (0.45, 0.40, 0.15), 2.4, 0.10, 0.15, 1.3, 0.30, 0.40, 0.18, 0.09, 0.68, 0.15,
            "bargain hunting", {"price_sensitivity": 1.5, "deal_seeking": 1.4, "brand_reputation": -1.0,
                                "quality_focus": -0.7},
            ("under 25", "25-34", "65+"), ("under 25K", "25-49K"), 12.5),
    Segment("window shopper", 0.24, (0.08, 0.22, 0.70), 1.4, 0.12, 0.15, 1.5, 0.25, 0.50, 0.12, 0.04, 0.80, 0.55,
            "exploring", {"novelty_seeking": 1.2, "impulsiveness": 0.6, "brand_loyalty": -0.8},
            ("under 25", "25-34", "35-44"), ("25-49K", "50-74K"), 22.0),
    Segment("brand devotee", 0.08, (0.55, 0.25, 0.20), 2.6, 0.05, 0.35, 1.1, 0.12, 0.30, 0.15, 0.15, 0.45, 0.85,
            "impulsive", {"brand_loyalty": 1.6, "brand_reputation": 1.5, "price_sensitivity": -1.2,
                          "impulsiveness": 0.9},
            ("25-34", "45-54", "55-64"), ("100-149K", "150K+"), 16.0),
)  # fmt: skip


class Luck:
    """Cheap draws from one generator: a scalar draw from numpy costs ten times as much."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._uniform = self._draws(rng)

    def _draws(self, rng: np.random.Generator) -> Iterator[float]:
        while True:
            yield from rng.random(64).tolist()

    def again(self) -> Luck:
        """The draws that are still to come, once more."""
        fresh = copy(self)
        self._uniform, fresh._uniform = tee(self._uniform)
        return fresh

    def uniform(self) -> float:
        """From 0 to 1."""
        return next(self._uniform)

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return next(self._uniform) < probability

    def below(self, size: int) -> int:
        """A whole number from 0 to size - 1."""
        return int(next(self._uniform) * size)

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def count(self, mean: float) -> int:
        """A geometric number from 0 on: many small ones, few large."""
        return int(math.log(1 - next(self._uniform)) / math.log(mean / (1 + mean)))

    def normal(self) -> float:
        """Standard normal (Box and Muller)."""
        return math.sqrt(-2 * math.log(1 - next(self._uniform))) * math.cos(2 * math.pi * next(self._uniform))

    def place(self, cumulative: npt.NDArray[np.float64]) -> int:
        """An index, by cumulative weights."""
        return int(np.searchsorted(cumulative, next(self._uniform) * cumulative[-1], side="right"))


class Category(NamedTuple):
    """A category of the catalog, as its shoppers know it.

    Attributes:
        name: Last part of the path; empty for products without a category.
        share: Of the catalog's demand.
        rows: Catalog rows for sale, cheapest first, shape (n,).
        demand: Cumulative square roots of demand, shape (n,).
        brands: Of each row; empty where it has none.
    """

    name: str
    share: float
    rows: npt.NDArray[np.int64]
    demand: npt.NDArray[np.float64]
    brands: tuple[str, ...]


class Person(NamedTuple):
    """One of the invented people.

    Attributes:
        name: Unique.
        segment: Of which kind.
        categories: Indices of the categories of interest, most important first.
        brands: Liked.
        dear: Preferred place in the range of prices, from 0 to 1.
        typo: Chance of a slip in a query.
        words: Mean number of words in a first query.
        usual: Products bought again and again: the index of each one's category, and its catalog row.
        hour: Usual hour of shopping.
        activity: How often this person shops, relative to others.
        scales: Each preference, 1 to 5.
    """

    name: str
    segment: Segment
    categories: tuple[int, ...]
    brands: tuple[str, ...]
    dear: float
    typo: float
    words: float
    usual: tuple[tuple[int, int], ...]
    hour: float
    activity: float
    scales: dict[str, float]


def categories_for_sale(catalog: Catalog) -> list[Category]:
    """The catalog's categories with what is for sale in each; see `sold_categories`."""
    sold = sold_categories(catalog)
    total = sum(float(category.demand.sum()) for category in sold)
    brands = catalog.frame("brand")["brand"].fill_null("")
    categories = []
    for path, rows, demand in sold:
        by_price = np.lexsort((rows, np.nan_to_num(catalog.price[rows])))
        ordered = rows[by_price]
        categories.append(
            Category(
                name=path[-1] if path else "",
                share=float(demand.sum()) / total,
                rows=ordered,
                demand=np.cumsum(np.sqrt(demand[by_price])),
                brands=tuple(brands.gather(ordered).to_list()),
            )
        )
    return categories


def make_person(index: int, categories: Sequence[Category], seed: int) -> Person:
    """The person with a number; it depends on number, categories and seed alone."""
    name = f"synthetic-{index:05d}"
    luck = Luck(session_rng(seed, f"person {name}"))
    segment = SEGMENTS[luck.place(np.cumsum([segment.share for segment in SEGMENTS]))]
    # A category that is wanted more is in more people's minds, and is sooner the first of them.
    shares = np.cumsum([category.share for category in categories])
    chosen = list(dict.fromkeys(luck.place(shares) for _ in range(min(2 + luck.count(1.5), 6))))
    dear = min(max(segment.dear + 0.18 * luck.normal(), 0.02), 0.98)
    liked = [categories[category].brands[_draw_place(categories[category], dear, luck)] for category in chosen[:2]]
    usual = []
    for _ in range(1 + luck.below(4)):
        category = luck.pick(chosen)
        usual.append((category, draw_product(categories[category], dear, luck)))
    scales = {key: segment.scales.get(key, 0.0) + 3 + 0.6 * luck.normal() for key in SCALES}
    return Person(
        name=name,
        segment=segment,
        categories=tuple(chosen),
        brands=tuple(dict.fromkeys(filter(None, liked))),
        dear=dear,
        typo=min(segment.typo * math.exp(0.6 * luck.normal()), 0.5),
        words=max(segment.words * math.exp(0.25 * luck.normal()), 1.0),
        usual=tuple(usual),
        hour=(segment.hour + 2 * luck.normal()) % 24,
        activity=math.exp(0.9 * luck.normal()),
        scales={key: round(2 * min(max(value, 1.0), 5.0)) / 2 for key, value in scales.items()},
    )


def draw_product(category: Category, dear: float, luck: Luck) -> int:
    """A catalog row of a category: by demand, or near the preferred place in its range of prices."""
    return int(category.rows[_draw_place(category, dear, luck)])


def _draw_place(category: Category, dear: float, luck: Luck) -> int:
    if luck.chance(0.4):
        return luck.place(category.demand)
    return int(min(max(dear + 0.15 * luck.normal(), 0.0), 0.999) * len(category.rows))


def profile_of(person: Person, categories: Sequence[Category], seed: int) -> ConsumerProfile:
    """The person's profile: all invented, and certain, for nobody had to guess it."""
    luck = Luck(session_rng(seed, f"profile of {person.name}"))

    def mostly(usual: tuple[T, ...], every: tuple[T, ...]) -> T:
        return luck.pick(usual if luck.chance(0.8) else every)

    ages, incomes = get_args(AgeRange)[:-1], get_args(IncomeBand)[:-1]
    day = "weekend" if luck.chance(0.35) else "weekday"
    hour = person.hour
    part = "mornings" if 5 <= hour < 12 else "afternoons" if hour < 17 else "evenings" if hour < 22 else "nights"
    names = [categories[category].name for category in person.categories]
    return ConsumerProfile(
        age_range=Trait[AgeRange](value=mostly(person.segment.ages, ages), confidence=1.0),
        gender=Trait[Gender](value=luck.pick(("female", "male")), confidence=1.0),
        household_size=Trait[HouseholdSize](value=luck.pick(("1", "2", "2", "3", "4", "5+")), confidence=1.0),
        income_band=Trait[IncomeBand](value=mostly(person.segment.incomes, incomes), confidence=1.0),
        home=Trait[Home](value=luck.pick(("owner", "renter")), confidence=1.0),
        categories=Interests(values=tuple(dict.fromkeys(filter(None, names))), confidence=1.0),
        brands=Interests(values=person.brands, confidence=1.0 if person.brands else 0.0),
        times=Interests(values=(f"{day} {part if hour >= 5 else 'nights'}",), confidence=1.0),
    )


def preferences_of(person: Person) -> ShoppingPreferences:
    """The person's preferences, known exactly."""
    scores = {name: Score(value=value, confidence=1.0) for name, value in person.scales.items()}
    style = Trait[DecisionStyle](value=person.segment.style, confidence=1.0)
    return ShoppingPreferences.model_validate({**scores, "decision_style": style})
