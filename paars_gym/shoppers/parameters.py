"""The parameters of the behavioural shopper, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class BehaviouralParameters:
    """Coefficients of the logit decisions of `BehaviouralShopper`.

    The defaults are those of invented people of three kinds together, rounded: `python -m benchmarks.default_shopper`.

    The utility of a product is the sum of the ten tastes times what the shopper sees of it. It decides the click, and
    again, with everything that the detail page says, the purchase. A ``_taste`` is added to its coefficient in
    proportion to the persona's leaning in [-1, 1].

    Attributes:
        words: Log odds that a word of the intention is in the query.
        attraction: Log odds of a click on a product of utility 0 that is looked at.
        trust: Taken off them times the log of the place on the page, from 1: results further down are trusted less
            (Joachims et al. 2005).
        relevance: For the share of the intention's words that the title (on the detail page: all text) has.
        price: For the log of the price over the median price of the page.
        price_level: For the log of the price over the reference price of its category, which the shopper remembers.
        rating: For the stars above 4, shrunk towards 4 by ten ratings.
        popularity: For the log of the number of ratings, less the page's mean of it.
        brand: For a brand that the profile names.
        category: For a category that the profile names.
        familiarity: For the share of the title's word pairs that the history has.
        over_budget: For a price above the intention's budget.
        sentiment: For the mean stars above 4 of the reviews that the detail page shows; no part of the click.
        price_taste: Added to ``price`` by the mean of price sensitivity and deal seeking.
        price_level_taste: Added to ``price_level`` by price sensitivity.
        rating_taste: Added to ``rating`` by the mean of quality focus and review reliance.
        popularity_taste: Added to ``popularity`` by brand reputation.
        brand_taste: Added to ``brand`` by brand loyalty.
        familiarity_taste: Added to ``familiarity`` by novelty seeking.
        sentiment_taste: Added to ``sentiment`` by review reliance.
        outside: Utility of not buying the product that is looked at, for who came to buy.
        compare: Added to ``outside`` for who came to compare.
        browse: Added to ``outside`` for who came to browse.
        impulse: Taken off ``outside`` by impulsiveness.
        satiation: Added to ``outside`` for each line in the cart.
        scroll: Log odds of looking at the second result after the first.
        decay: Taken off them for each further position.
        after_view: Added to them after a product was opened and not taken.
        after_add: Added to them after one was put into the cart.
        comparing: Added to them after a product was opened and not taken, by the leaning to comparison.
        next_page: Utility of the next page over leaving, when done with a page.
        reformulate: Utility of another query over leaving.
        refinement: Added to ``reformulate`` times the share of the intention's words that the best title lacks.
        impatience: Taken off both for each page of results seen before.
        sated: Taken off both when something is in the cart.
        checkout: Log odds that a cart is bought, not abandoned, on leaving.
    """

    words: float = 3.35
    attraction: float = -1.35
    trust: float = 0.4
    relevance: float = 0.55
    price: float = -0.3
    price_level: float = -0.25
    rating: float = 1.05
    popularity: float = -0.05
    brand: float = 0.25
    category: float = 0.1
    familiarity: float = 0.05
    over_budget: float = -0.65
    sentiment: float = 0.05
    price_taste: float = -0.35
    price_level_taste: float = 0.0
    rating_taste: float = 0.3
    popularity_taste: float = 0.05
    brand_taste: float = 0.35
    familiarity_taste: float = -0.05
    sentiment_taste: float = 0.3
    outside: float = 2.6
    compare: float = 0.95
    browse: float = 2.25
    impulse: float = 0.05
    satiation: float = 0.2
    scroll: float = 1.25
    decay: float = -0.1
    after_view: float = -0.2
    after_add: float = -2.55
    comparing: float = 0.25
    next_page: float = -1.95
    reformulate: float = -0.9
    refinement: float = 0.5
    impatience: float = -0.15
    sated: float = 0.55
    checkout: float = 1.45

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All parameters, in order."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def of(cls, values: Self | Mapping[str, float] | None) -> Self:
        """The parameters that a setting means: themselves, or the defaults with some numbers replaced.

        Raises:
            ValueError: No such parameter, or not a finite number.
        """
        if isinstance(values, cls):
            return values
        given: dict[str, float] = dict(values) if isinstance(values, Mapping) else {}
        unknown = sorted(given.keys() - set(cls.names()))
        if unknown:
            raise ValueError(f"Unknown parameter {unknown[0]!r}. Available: {', '.join(cls.names())}.")
        for name, value in given.items():
            if not isinstance(value, int | float) or not abs(value) < float("inf"):
                raise ValueError(f"{name} == {value!r}, must be a finite number.")
        return replace(cls(), **given)
