"""A shopper who takes any of the actions that are possible, at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.shop.state import MAX_LINES, MAX_UNITS, Cart
from paars_gym.shoppers.protocol import check_condition, some
from paars_gym.shoppers.queries import BROWSE, content_words, draw_query

T = TypeVar("T")
KEEP = 0.7
"""Probability of a word to be in a query."""


class UniformShopper:
    """A `Policy` that draws a kind of action that is possible, then one of that kind; an `Answerer` that draws lots.

    Uses nothing of the persona. Searches for words of the intention; without one for what is in stock, and after that
    for words of a product on the page.

    Attributes:
        name: ``uniform``.
    """

    name = "uniform"

    def __init__(self, condition: Condition = "base") -> None:
        """Args:
        condition: Makes no difference.
        """
        check_condition(condition)

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._rng = rng
        self._words = () if intention is None else content_words(intention.text) or ("anything",)
        self._chosen_from: list[tuple[str, ...]] = [()]
        """The results that each page of the visit was chosen from, the page that is open last."""
        self._action = ""

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        self._follow(info)
        results, open_product, cart = info["results"], info["product"], info["cart"]
        kinds: list[Callable[[], str]] = [
            lambda: self._search(info["products"]),
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
        if open_product and (siblings := self._chosen_from[-1]):
            kinds.append(lambda: f"view[{self._any(siblings)}]")
        while True:
            self._action = self._any(kinds)()
            if _possible(self._action, info):
                return self._action

    def write_query(self, product: Product) -> str:
        """Words of the title, at random."""
        return draw_query(content_words(product.title) or (product.title,), KEEP, self._rng.random)

    def choose_item(self, products: Sequence[Product]) -> int:
        """By lot."""
        return int(self._rng.integers(len(some(products))))

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """By lot."""
        return int(self._rng.integers(len(some(results))))

    def _follow(self, info: dict[str, Any]) -> None:
        """Keeps up with the pages of the visit after the last action."""
        if info["action_valid"]:
            if self._action.startswith(("search", "view", "next_page")):
                self._chosen_from.append(self._chosen_from[-1])
            elif self._action == "back[]":
                self._chosen_from.pop()
        if info["page"] == "results":
            self._chosen_from[-1] = info["results"]

    def _search(self, products: Sequence[Product]) -> str:
        words = self._words
        if not words:
            if not products:
                return BROWSE
            words = content_words(self._any(products).title) or ("anything",)
        return f"search[{draw_query(words, KEEP, self._rng.random)}]"

    def _any(self, items: Sequence[T]) -> T:
        return items[int(self._rng.integers(len(items)))]


def _possible(action: str, info: dict[str, Any]) -> bool:
    """Whether the shop will carry out an action on the page as it is."""
    cart: Cart = info["cart"]
    if action.startswith("add_to_cart"):
        added = action[len("add_to_cart[") : -1]
        units = next((line.units for line in cart if line.product == added and not line.options), None)
        room = len(cart) < MAX_LINES if units is None else units < MAX_UNITS
        return room and any(product.id == added and product.available for product in info["products"])
    needed = {"next_page[]": info["more"], "back[]": info["can_back"], "purchase[]": cart}
    return bool(needed.get(action, True))
