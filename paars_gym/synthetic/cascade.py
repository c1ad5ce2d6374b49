"""People whose attention falls from place to place and who abandon lists: a cascade click model.

The list is read from the top (Craswell et al. 2008). A result that is looked at attracts or does not; what is opened
satisfies or does not; who is satisfied is done. Everybody else goes on to the next result with a chance of their own
and abandons the list otherwise (the dynamic Bayesian network of Chapelle & Zhang 2009, with abandonment). So a product
further down is seen only by those who got there, and being first is worth more than being good.

That chance differs widely from person to person: most look at one or two results, some at whole pages. It is what makes
the shares of clicks fall steeply at first and slowly afterwards, as in logs of displayed lists.

Attraction and satisfaction are products of factors, no utilities: how many of the wanted words a title has, whether it
is the wanted kind of thing, its price against the category's usual one, its stars. Whether a product attracts a visitor
is settled before the visit, so that an arm changes what is seen and nothing about anyone's mind.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.personas.intentions import Goal
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention, session_rng
from paars_gym.synthetic.prices import UsualPrices, usual_price

GOING_ON = (0.22, 0.32)
"""Parameters of the beta distribution of the chance to look at the next result, over people."""
TURNS_PAGE = 0.6
"""Of those who would go on, how many do where a click is needed for it."""
ATTRACTS, SATISFIES = 0.5, 0.3
"""Chances of a product that is all that was wanted, at the usual price, with four stars."""
OTHER_KIND = 0.12
"""Of the chance that is left to a product of another category than the wanted one."""
OVER_BUDGET = 0.25
"""Of the chance that is left to a product beyond the budget."""
WILLING: dict[Goal, float] = {"buy": 0.45, "compare": 0.15, "browse": 0.04}
"""How often somebody who came for that would buy at all today."""
REWORDS = 0.35
"""How often an abandoned list is followed by another search, rather than by leaving."""
MOST_SEARCHES, MOST_PAGES, MOST_RESULTS = 4, 8, 80
"""Of a visit, of a search."""


class Attention(NamedTuple):
    """How one person looks at lists.

    Attributes:
        going_on: Chance to look at the next result.
        thrift: Exponent of the price, as a share of the category's usual one.
        stars: Change of a chance by a star more or less, relative.
    """

    going_on: float
    thrift: float
    stars: float


def attention_of(persona: Persona | None) -> Attention:
    """A person's own, always the same: thrift and stars lean on the persona, attention is known to nobody."""
    rng = session_rng(0, f"attention of {'nobody' if persona is None else persona.shopper}")
    quality, thrift = (
        0.0 if persona is None else (getattr(persona.preferences, name).value or 3.0) - 3.0
        for name in ("quality_focus", "price_sensitivity")
    )
    luck = rng.normal(size=2)
    return Attention(
        going_on=float(rng.beta(*GOING_ON)),
        thrift=float(np.clip(0.6 + 0.2 * thrift + 0.25 * luck[0], 0.0, 2.0)),
        stars=float(np.clip(0.35 + 0.1 * quality + 0.1 * luck[1], 0.0, 0.9)),
    )


class CascadePerson:
    """A `Policy` that reads a list from the top until satisfied or tired of it."""

    name = "cascade"

    def __init__(self, usual: UsualPrices) -> None:
        """Args:
        usual: Prices by category that people remember; `paars_gym.synthetic.prices.usual_prices`.
        """
        self._usual = usual

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Policy.reset`."""
        self._rng = rng
        self._who = attention_of(persona)
        self._words = ("gift" if intention is None else intention.text).lower().split()
        self._wanted = frozenset(self._words)
        self._budget = None if intention is None else intention.budget
        self._category = None if intention is None else intention.category
        self._buys = bool(rng.random() < WILLING["buy" if intention is None else intention.goal])
        self._mind = rng.bytes(16)
        # Drawn ahead, by search and place: the same visitor gets equally far down the list in any shop.
        self._rewords = rng.random(MOST_SEARCHES).tolist()
        self._searches = 0
        self._place = self._first = 0
        self._opened: set[str] = set()
        self._done = False
        self._expected = 0.0

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        if self._done:
            return "purchase[]" if info["cart"] else "stop[]"
        if not self._searches:
            return self._search()
        if info["page"] == "product":
            product = info["products"][0]
            chance = SATISFIES * self._worth(product)
            self._expected += min(chance, 1.0) if self._buys and product.available else 0.0
            satisfies = self._drawn(product.id, "satisfies") < chance
            if satisfies and not self._buys:
                return "stop[]"
            if satisfies and product.available:
                self._done = True
                return f"add_to_cart[{product.id}]"
            return "back[]" if self._goes_on() else self._abandon()
        results = info["products"]
        while self._place - self._first < len(results):
            product = results[self._place - self._first]
            self._place += 1
            attracts = self._drawn(product.id, "attracts") < ATTRACTS * self._worth(product)
            if attracts and product.id not in self._opened:
                self._opened.add(product.id)
                return f"view[{product.id}]"
            if not self._goes_on():
                return self._abandon()
        if not info["more"] or self._turns[min(self._place // info["page_size"], MOST_PAGES) - 1] >= TURNS_PAGE:
            return self._abandon()
        self._first = self._place
        return "next_page[]"

    @property
    def expected_units(self) -> float:
        """Units bought, expected given the products that were opened: what is counted is their chances to satisfy."""
        return self._expected

    @property
    def buys(self) -> bool:
        """Whether this visit would buy what satisfies it; known since `reset`, and the same in any arm."""
        return self._buys

    def _search(self) -> str:
        self._depth = self._rng.random(MOST_RESULTS).tolist()
        self._turns = self._rng.random(MOST_PAGES).tolist()
        self._searches += 1
        self._place = self._first = 0
        return f"search[{' '.join(self._words)}]"

    def _goes_on(self) -> bool:
        """Whether to look at the next result."""
        return self._place < len(self._depth) and self._depth[self._place] < self._who.going_on

    def _abandon(self) -> str:
        """Leaves the list: for another one, with a word less, or for good."""
        again = self._searches < MOST_SEARCHES and self._rewords[self._searches] < REWORDS
        if again and len(self._words) > 1:
            del self._words[0]
            return self._search()
        return "stop[]"

    def _worth(self, product: Product) -> float:
        """How much of a chance the product has, 1 for what is all that was wanted; nothing adds up, all multiplies."""
        title = product.title.lower().replace(",", " ").split()
        worth = 0.3 + 0.7 * len(self._wanted.intersection(title)) / len(self._wanted) if self._wanted else 1.0
        if self._category is not None and self._category not in product.category:
            worth *= OTHER_KIND
        usual = usual_price(self._usual, product)
        if usual and product.price:
            worth *= min((usual / product.price) ** self._who.thrift, 1.5)
        if self._budget is not None and (product.price or math.inf) > self._budget:
            worth *= OVER_BUDGET
        return worth * max(1 + self._who.stars * ((product.rating or 3.0) - 4.0), 0.1)

    def _drawn(self, product: str, what: str) -> float:
        """A chance of the visit's own for a product, whenever and wherever it is met."""
        digest = blake2b(product.encode(), key=self._mind, person=what.encode(), digest_size=4).digest()
        return int.from_bytes(digest, "little") / 2**32
