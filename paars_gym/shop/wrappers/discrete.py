"""Actions as numbers for agents that only pick numbers, with a mask of those that are possible now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from paars_gym.catalog.product import Product
from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import MAX_QUERY_CHARS, AddToCart, Search, to_text
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.state import MAX_LINES, MAX_UNITS

QUERIES = ("{text}", "{category}", "{text} | max_price={budget}")
CART_SLOTS = 5
"""Products of the cart, in its order, that can be seen and taken out by number."""
_PLACE = re.compile(r"\{(text|category|budget)\}")


class DiscreteActions(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Actions as numbers: searches, a view for each result on the page, removals from the cart, then `FIXED`.

    With ``q`` queries and pages of ``n`` results:

    | number | action |
    |---|---|
    | 0 … q-1 | search for query i |
    | q … q+n-1 | view the result at position i on the page |
    | q+n … q+n+4 | take the i-th product in the cart out of it |
    | q+n+5 | put one unit of the product shown into the cart, with the intention's options where it has them |
    | q+n+6 … q+n+9 | next page, back, purchase, stop |

    ``info["action_mask"]`` (int8, at reset and at every step) says which are possible now, as in Gymnasium's Taxi:
    ``env.action_space.sample(info["action_mask"])`` draws one of them. `action_masks` gives it as booleans, by the name
    that sb3-contrib's MaskablePPO looks for. An action that is not possible is a step that changes nothing.
    """

    FIXED = ("add_to_cart", "next_page", "back", "purchase", "stop")

    def __init__(self, env: gymnasium.Env[Any, str], queries: Sequence[str] = QUERIES) -> None:
        """Args:
            env: A `RetailEnv`, wrapped or not.
            queries: Searches on offer, as between the brackets of ``search[…]``, filters and order included;
                ``{text}``, ``{category}`` and ``{budget}`` stand for the intention's. A search is not possible
                where the intention lacks what it names.

        Raises:
            ValueError: No query, or one that is no search.
        """
        if not queries:
            raise ValueError("queries is empty; a shopper needs at least one search.")
        for query in queries:
            _search(query, Intention(text="anything", category="anything", budget=1.0))
        RecordConstructorArgs.__init__(self, queries=queries)
        gymnasium.Wrapper.__init__(self, env)
        self._queries = tuple(queries)
        self._retail = retail_env(env)
        self._slots = self._retail.shop.page_size
        self._count = len(self._queries) + self._slots + CART_SLOTS + len(self.FIXED)
        self.action_space = spaces.Discrete(self._count)
        self._searches: list[str] = []
        self._info: dict[str, Any] = {}
        self._mask = np.zeros(self._count, dtype=np.bool_)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._begun(info)

    def step(self, action: int) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(self.text(int(action)))
        return observation, reward, terminated, truncated, self._masked(info)

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Which actions are possible now, shape (n,). ``stop`` always is, after the end of an episode too."""
        return self._mask.copy()

    def snapshot(self) -> Any:
        """This moment, of the environment below too; see `RetailEnv.snapshot`."""
        return self.env.get_wrapper_attr("snapshot")()

    def restore(self, snapshot: Any) -> tuple[Any, dict[str, Any]]:
        """Returns to a moment that `snapshot` gave: observation and info, its mask included."""
        observation, info = self.env.get_wrapper_attr("restore")(snapshot)
        return observation, self._begun(info)

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
        position -= self._slots
        if position < CART_SLOTS:
            inside = in_cart(self._info)
            return f"remove_from_cart[{inside[position] if position < len(inside) else 'no such product'}]"
        name = self.FIXED[position - CART_SLOTS]
        if name != "add_to_cart":
            return f"{name}[]"
        product = product_shown(self._info)
        if product is None:
            return "add_to_cart[no product shown]"
        return to_text(AddToCart(product_id=product.id, options=self._options(product)))

    def _begun(self, info: dict[str, Any]) -> dict[str, Any]:
        self._searches = [_search(query, self._retail.intention) for query in self._queries]
        return self._masked(info)

    def _masked(self, info: dict[str, Any]) -> dict[str, Any]:
        product, inside = product_shown(info), len(in_cart(info))
        possible = {
            "add_to_cart": product is not None and self._can_add(product, info),
            "next_page": info["more"],
            "back": info["can_back"],
            "purchase": inside > 0,
            "stop": True,
        }
        searches = [search != "search[]" for search in self._searches]
        views = [position < len(info["results"]) for position in range(self._slots)]
        removals = [position < inside for position in range(CART_SLOTS)]
        self._mask = np.array([*searches, *views, *removals, *map(possible.get, self.FIXED)], dtype=np.bool_)
        self._info = info | {"action_mask": self._mask.astype(np.int8)}
        return self._info

    def _can_add(self, product: Product, info: dict[str, Any]) -> bool:
        options = tuple(sorted(self._options(product).items()))
        units = [line.units for line in info["cart"] if (line.product, line.options) == (product.id, options)]
        return product.available and (units[0] < MAX_UNITS if units else len(info["cart"]) < MAX_LINES)

    def _options(self, product: Product) -> dict[str, str]:
        wanted = self._retail.intention.options if self._retail.intention else {}
        return {name: value for name, value in wanted.items() if value in product.options.get(name, ())}


def retail_env(env: gymnasium.Env[Any, Any]) -> RetailEnv:
    """The `RetailEnv` under any wrappers.

    Raises:
        TypeError: Another environment is.
    """
    inner = env.unwrapped
    if not isinstance(inner, RetailEnv):
        raise TypeError(f"This wrapper shops in PAARS-Retail-v0 only, not in {inner!r}.")
    return inner


def product_shown(info: dict[str, Any]) -> Product | None:
    """The product whose page is shown."""
    return next((product for product in info["products"] if product.id == info["product"]), None)


def in_cart(info: dict[str, Any]) -> list[str]:
    """Ids of the products in the cart, each once, in its order."""
    return list(dict.fromkeys(line.product for line in info["cart"]))


def _search(query: str, intention: Intention | None) -> str:
    """A search on offer as text; ``search[]``, which the shop refuses, where the intention lacks what it names."""
    budget = None if intention is None or intention.budget is None else f"{intention.budget:g}"
    values = {
        "text": intention.text if intention else None,
        "category": intention.category if intention else None,
        "budget": budget,
    }
    if not all(values[name] for name in _PLACE.findall(query)):
        return "search[]"
    # Split first: a bar in an intention's text is no filter.
    words, *filters = (_PLACE.sub(lambda place: str(values[place[1]]), part).strip() for part in query.split("|"))
    pairs = (pair.partition("=") for pair in filters)
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    return to_text(Search.model_validate({"query": words[:MAX_QUERY_CHARS], **fields}))
