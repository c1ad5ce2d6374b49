"""What does a shopper do who does not care? Any of the actions that are possible, at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import parse_action
from paars_gym.shop.shop import Shop
from paars_gym.shop.state import Detail, State, apply
from paars_gym.shoppers.conditions import check_condition
from paars_gym.shoppers.protocol import some
from paars_gym.shoppers.queries import content_words, draw_query

T = TypeVar("T")
KEEP = 0.7
"""Probability of a word to be in a query."""


class UniformShopper:
    """A `Policy` that draws a kind of action that is possible, then one of that kind; an `Answerer` that draws lots.

    Uses nothing of the persona. Searches for words of the intention, or of any product's title without one.

    Attributes:
        name: ``uniform``.
    """

    name = "uniform"

    def __init__(self, shop: Shop | None = None, condition: Condition = "base") -> None:
        """Args:
        shop: Where it shops; not needed to answer questions.
        condition: Makes no difference.
        """
        check_condition(condition)
        self._shop = shop

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._rng = rng
        self._intention = intention
        self._state = State()

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        assert self._shop is not None, "shopping needs a shop"
        results, open_product, cart = info["results"], info["product"], self._state.cart
        kinds: list[Callable[[], str]] = [
            self._search,
            lambda: "next_page[]",
            lambda: "back[]",
            lambda: "purchase[]",
            lambda: "stop[]",
        ]
        if results:
            kinds.append(lambda: f"view[{self._any(results)}]")
        if results or open_product:
            kinds.append(lambda: f"add_to_cart[{open_product or self._any(results)}]")
        if cart:
            kinds.append(lambda: f"remove_from_cart[{self._any([line.product for line in cart])}]")
        if isinstance(self._state.page, Detail) and self._state.page.origin is not None:
            shown = self._shop.shown(self._state.page.origin).ids
            kinds.append(lambda: f"view[{self._any(shown)}]")
        while True:
            action = self._any(kinds)()
            # The shop's own rules say what is possible: they are pure, so trying costs nothing.
            state, _, error = apply(self._shop, self._state, parse_action(action))
            if error is None:
                self._state = state
                return action

    def write_query(self, product: Product) -> str:
        """Words of the title, at random."""
        return draw_query(content_words(product.title) or (product.title,), KEEP, self._rng.random)

    def choose_item(self, products: Sequence[Product]) -> int:
        """By lot."""
        return int(self._rng.integers(len(some(products))))

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """By lot."""
        return int(self._rng.integers(len(some(results))))

    def _search(self) -> str:
        assert self._shop is not None
        if self._intention is not None:
            text = self._intention.text
        else:
            catalog = self._shop.catalog
            text = catalog.value("title", int(self._rng.integers(len(catalog))))
        return f"search[{draw_query(content_words(text) or ('anything',), KEEP, self._rng.random)}]"

    def _any(self, items: Sequence[T]) -> T:
        return items[int(self._rng.integers(len(items)))]
