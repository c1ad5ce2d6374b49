"""Satisficers: "people" without utility or logit, for tests in which shoppers with utilities must not judge themselves.

Simon's (1955) satisficing with elimination by aspects (Tversky 1972): each person has a least number of stars and a
highest price, in an order of importance; looks down the list; opens what passes the first of them; takes the first
product of the wanted kind that passes the other as well; and lowers the aspirations a little from page to page
(aspiration adaptation, Selten 1998). What counts as dear is remembered: the usual price of the category, times what
this person would pay.

So they react to prices, stars and the order of results, by thresholds that differ from person to person. Half of what
they want is in their personas (quality focus, price sensitivity), the other half nobody knows.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.personas.intentions import Goal
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention, session_rng
from paars_gym.synthetic.prices import UsualPrices, usual_price

GOALS: dict[Goal, float] = {"buy": 0.30, "compare": 0.25, "browse": 0.45}
"""What they come for; most, as in any shop, do not come to buy."""
WILLING: dict[Goal, float] = {"buy": 0.36, "compare": 0.12, "browse": 0.03}
"""How often somebody who came for that would buy at all today."""
OVERLOOKS, CURIOUS = 0.15, 0.08
"""Chances to pass over a result unread, and to open one that does not meet the aspirations."""
REWORDS = 0.4
"""How often somebody who found nothing searches with a word less, rather than turn the page."""
STARS_A_PAGE, PRICE_A_PAGE = 0.15, 1.12
"""How aspirations give way from page to page."""


class Aspirations(NamedTuple):
    """What one person holds out for.

    Attributes:
        stars: Least average rating.
        price: Highest price, as a multiple of the category's usual one.
        stars_first: Which aspect eliminates first; what fails it on the list is not even opened.
        results: Results looked at on a page.
        pages: Pages, and other searches, before giving up.
        opened: Products opened before giving up.
    """

    stars: float
    price: float
    stars_first: bool
    results: int
    pages: int
    opened: int


def aspirations_of(persona: Persona | None) -> Aspirations:
    """A person's own, always the same: half by the persona's preferences, half by what nobody knows."""
    rng = session_rng(0, f"aspirations of {'nobody' if persona is None else persona.shopper}")
    quality, thrift = (
        0.0 if persona is None else (getattr(persona.preferences, name).value or 3.0) - 3.0
        for name in ("quality_focus", "price_sensitivity")
    )
    luck = rng.normal(size=2)
    return Aspirations(
        stars=float(np.clip(4.1 + 0.12 * quality + 0.25 * luck[0], 3.0, 4.7)),
        price=float(np.clip(math.exp(-0.15 * thrift + 0.3 * luck[1]), 0.4, 3.0)),
        stars_first=bool(rng.random() < 0.5 + 0.1 * (quality - thrift)),
        results=1 + int(rng.geometric(0.2)),
        pages=int(rng.geometric(0.6)),
        opened=1 + int(rng.geometric(0.4)),
    )


class Satisficer:
    """A `Policy` that takes the first product that is good enough."""

    name = "satisficer"

    def __init__(self, usual: UsualPrices) -> None:
        """Args:
        usual: Of `usual_prices`, before any test.
        """
        self._usual = usual

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Policy.reset`."""
        self._rng = rng
        self._who = aspirations_of(persona)
        self._words = ("gift" if intention is None else intention.text).split()
        self._budget = None if intention is None else intention.budget
        self._category = None if intention is None else intention.category
        goal = "buy" if intention is None else intention.goal
        self._buys = bool(rng.random() < WILLING[goal])
        self._mood = math.exp(0.1 * rng.normal())
        self._page = -1
        self._place = 0
        self._bought = False
        self._viewed: set[str] = set()

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        if self._bought:
            return "purchase[]" if info["cart"] else "stop[]"
        if self._page < 0:
            # Drawn ahead, by page and place: the same visitor meets the same chances in any shop.
            self._chances = self._rng.random((self._who.pages + 1, 2, info["page_size"]))
            self._again = self._rng.random(self._who.pages + 1)
            return self._turn(f"search[{' '.join(self._words)}]")
        if info["page"] == "product":
            product = info["products"][0]
            if self._buys and product.available and all(self._passes(product)):
                self._bought = True
                return f"add_to_cart[{product.id}]"
            return "back[]"
        results = info["products"]
        end = 0 if len(self._viewed) >= self._who.opened else min(len(results), self._who.results)
        for place in range(self._place, end):
            product = results[place]
            overlooks, curious = self._chances[self._page, :, place]
            if product.id in self._viewed or overlooks < OVERLOOKS:
                continue
            if self._passes(product)[0] or curious < CURIOUS:
                self._place = place + 1
                self._viewed.add(product.id)
                return f"view[{product.id}]"
        if self._page + 1 >= self._who.pages or len(self._viewed) >= self._who.opened:
            return "stop[]"
        again = self._again[self._page] < REWORDS or len(results) < info["page_size"]
        if again and len(self._words) > 1:
            del self._words[-1]
            return self._turn(f"search[{' '.join(self._words)}]")
        return "stop[]" if len(results) < info["page_size"] else self._turn("next_page[]")

    @property
    def buys(self) -> bool:
        """Whether this visit would buy what satisfies it; known since `reset`, and the same in any arm."""
        return self._buys

    def _turn(self, action: str) -> str:
        self._page, self._place = self._page + 1, 0
        return action

    def _passes(self, product: Product) -> tuple[bool, bool]:
        """The more important aspect, and the other; nothing makes up for either, another kind of thing fails both."""
        who, page = self._who, max(self._page, 0)
        highest = (usual_price(self._usual, product) or math.inf) * who.price * self._mood * PRICE_A_PAGE**page
        if self._budget is not None:
            highest = min(highest, self._budget)
        wanted = self._category is None or self._category in product.category
        good = wanted and (product.rating or 0.0) >= who.stars - STARS_A_PAGE * page
        cheap = wanted and (product.price or math.inf) <= highest
        return (good, cheap) if who.stars_first else (cheap, good)
