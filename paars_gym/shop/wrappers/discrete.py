"""How does an agent that only picks numbers shop? A fixed table of actions, and a mask of those possible now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import MAX_QUERY_CHARS, AddToCart, Search, to_text
from paars_gym.shop.env import RetailEnv


class DiscreteActions(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Actions as numbers: the queries, a view for each result on the page, then `FIXED`.

    With ``q`` queries and pages of ``n`` results:

    | number | action |
    |---|---|
    | 0 … q-1 | search for query i |
    | q … q+n-1 | view the result at position i on the page |
    | q+n | put the product shown into the cart, with the intention's options where it has them |
    | q+n+1 … q+n+4 | next page, back, purchase, stop |

    `action_masks` says which are possible now (the name that sb3-contrib's MaskablePPO looks for).
    """

    FIXED = ("add_to_cart", "next_page", "back", "purchase", "stop")

    def __init__(self, env: gymnasium.Env[Any, str], queries: Sequence[str] = ("{text}", "{category}")) -> None:
        """Args:
            env: A `RetailEnv`, wrapped or not.
            queries: Searches on offer; ``{text}`` and ``{category}`` stand for the intention's (empty without one).

        Raises:
            ValueError: No query.
        """
        if not queries:
            raise ValueError("queries is empty; a shopper needs at least one search.")
        RecordConstructorArgs.__init__(self, queries=queries)
        gymnasium.Wrapper.__init__(self, env)
        self._queries = tuple(queries)
        self._retail = retail_env(env)
        self._slots = self._retail.shop.page_size
        self._count = len(self._queries) + self._slots + len(self.FIXED)
        self.action_space = spaces.Discrete(self._count)
        self._searches: list[str] = []
        self._info: dict[str, Any] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._info = info
        self._searches = [_fill(query, self._retail.intention) for query in self._queries]
        return observation, info

    def step(self, action: int) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        result = self.env.step(self.text(int(action)))
        self._info = result[4]
        return result

    def text(self, action: int) -> str:
        """The text action that a number stands for on the page as it is now.

        Raises:
            ValueError: No such number.
        """
        if not 0 <= action < self._count:
            raise ValueError(f"action == {action}, must be from 0 to {self._count - 1}.")
        position = action - len(self._queries)
        if position < 0:
            return self._searches[action]
        if position < self._slots:
            results = self._info["results"]
            return f"view[{results[position]}]" if position < len(results) else "view[no such result]"
        name = self.FIXED[position - self._slots]
        return self._add() if name == "add_to_cart" else f"{name}[]"

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which actions are possible now, shape (n,)."""
        info, state = self._info, self._retail.snapshot().state
        shelves = self._retail.shop
        product = shelves.product(info["product"]) if info["product"] else None
        possible = {
            "add_to_cart": product is not None and product.available,
            "next_page": self._retail.can_page,
            "back": bool(state.trail),
            "purchase": bool(state.cart),
            "stop": True,
        }
        views = [position < len(info["results"]) for position in range(self._slots)]
        searches = [search != "search[]" for search in self._searches]
        return np.array([*searches, *views, *(possible[name] for name in self.FIXED)], dtype=np.bool_)

    def _add(self) -> str:
        product_id = self._info["product"]
        product = self._retail.shop.product(product_id) if product_id else None
        if product is None:
            return "add_to_cart[no product shown]"
        intention = self._retail.intention
        wanted = intention.options if intention else {}
        options = {name: value for name, value in wanted.items() if value in product.options.get(name, ())}
        return to_text(AddToCart(product_id=product.id, options=options))


def retail_env(env: gymnasium.Env[Any, Any]) -> RetailEnv:
    """The `RetailEnv` under any wrappers.

    Raises:
        TypeError: Another environment is.
    """
    inner = env.unwrapped
    if not isinstance(inner, RetailEnv):
        raise TypeError(f"This wrapper shops in PAARS-Retail-v0 only, not in {inner!r}.")
    return inner


def _fill(query: str, intention: Intention | None) -> str:
    text = query.replace("{text}", intention.text if intention else "")
    text = text.replace("{category}", (intention.category or "") if intention else "")
    return to_text(Search(query=text[:MAX_QUERY_CHARS]))
