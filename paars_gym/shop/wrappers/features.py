"""Pages as numbers for classical RL: a bounded vector with documented fields."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from paars_gym.catalog.product import Product
from paars_gym.sessions.event import Intention
from paars_gym.shop.wrappers.discrete import CART_SLOTS, in_cart, product_shown, retail_env

_WORD = re.compile(r"\w+")

VISIT_FIELDS = (
    "home", "results", "product", "steps_used", "cart_units", "bought_lines", "last_action_valid", "more", "can_back",
)  # fmt: skip
"""One-hot page; share of max_steps used; units in the cart / 10 and lines bought / 10, at most 1; validity; whether
there is a next page, and a page to go back to."""

RESULT_FIELDS = ("present", "words_matched", "price", "within_budget", "rating", "available", "viewed")
"""For each position on the page: whether it holds a result; share of the intention's words in its title; price over
twice the budget (or over 1,000), at most 1, and 1 when unknown; whether the price is known and within the budget;
stars / 5 (0 when unrated); whether it is in stock; whether it was viewed in this visit."""

PRODUCT_FIELDS = ("present", "words_matched", "attributes_matched", "options_offered", "within_budget", "in_cart")
"""For the product shown: whether there is one; share of the intention's words on its page; shares of the intention's
attributes on its page and of its options on offer (1 when it asks for none); as above; whether it is in the cart."""

CART_FIELDS = ("present", "words_matched", "price", "within_budget", "units")
"""For each of the first five products in the cart: whether there is one; the next three as for results; units / 10."""


class FeatureObservation(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Observations as a float32 vector in [0, 1].

    `VISIT_FIELDS`, then `RESULT_FIELDS` for each position on the page, `PRODUCT_FIELDS`, and `CART_FIELDS` for each of
    the first five products in the cart; ``fields`` names each entry. It shows nothing that the pages do not: an
    intention's target is not looked at.
    """

    def __init__(self, env: gymnasium.Env[str, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gymnasium.Wrapper.__init__(self, env)
        self._retail = retail_env(env)
        self._slots = self._retail.shop.page_size
        self.fields = (
            *VISIT_FIELDS,
            *(f"result_{slot}_{name}" for slot in range(1, self._slots + 1) for name in RESULT_FIELDS),
            *(f"shown_{name}" for name in PRODUCT_FIELDS),
            *(f"cart_{slot}_{name}" for slot in range(1, CART_SLOTS + 1) for name in CART_FIELDS),
        )
        self.observation_space = spaces.Box(0.0, 1.0, (len(self.fields),), np.float32)
        self._viewed: set[str] = set()
        self._seen: dict[str, Product] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        _, info = self.env.reset(seed=seed, options=options)
        self._viewed, self._seen = set(), {}
        return self._features(info), info

    def step(self, action: Any) -> tuple[npt.NDArray[np.float32], Any, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, info = self.env.step(action)
        if info["product"]:
            self._viewed.add(info["product"])
        return self._features(info), reward, terminated, truncated, info

    def snapshot(self) -> tuple[Any, frozenset[str], dict[str, Product]]:
        """This moment, with the products seen; see `RetailEnv.snapshot`."""
        return self.env.get_wrapper_attr("snapshot")(), frozenset(self._viewed), dict(self._seen)

    def restore(
        self, snapshot: tuple[Any, frozenset[str], dict[str, Product]]
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """Returns to a moment that `snapshot` gave: features and info."""
        inner, viewed, seen = snapshot
        _, info = self.env.get_wrapper_attr("restore")(inner)
        self._viewed, self._seen = set(viewed), dict(seen)
        return self._features(info), info

    def _features(self, info: dict[str, Any]) -> npt.NDArray[np.float32]:
        intention = self._retail.intention
        self._seen |= {product.id: product for product in info["products"]}
        units = sum(line.units for line in info["cart"])
        values = [float(info["page"] == page) for page in VISIT_FIELDS[:3]]
        values += [min(1.0, info["step"] / self._retail.max_steps), min(1.0, units / 10)]
        values += [min(1.0, len(info["purchases"]) / 10), float(info["action_valid"])]
        values += [float(info["more"]), float(info["can_back"])]
        results = info["products"] if info["page"] == "results" else ()
        for product in results:
            values += [*_listed(product, intention), (product.rating or 0.0) / 5]
            values += [float(product.available), float(product.id in self._viewed)]
        values += [0.0] * (len(RESULT_FIELDS) * (self._slots - len(results)))
        inside = in_cart(info)
        values += _shown(product_shown(info), intention, inside)
        for product_id in inside[:CART_SLOTS]:
            of_product = sum(line.units for line in info["cart"] if line.product == product_id)
            values += [*_listed(self._seen[product_id], intention), min(1.0, of_product / 10)]
        values += [0.0] * (len(self.fields) - len(values))
        return np.array(values, dtype=np.float32)


def _listed(product: Product, intention: Intention | None) -> list[float]:
    """The first four of `RESULT_FIELDS`."""
    price = 1.0
    if product.price is not None:
        scale = 2 * intention.budget if intention and intention.budget else 1_000.0
        price = min(1.0, product.price / scale)
    return [1.0, _share(_intention_words(intention), _words(product.title)), price, _affordable(product, intention)]


def _shown(product: Product | None, intention: Intention | None, inside: list[str]) -> list[float]:
    if product is None:
        return [0.0] * len(PRODUCT_FIELDS)
    words = _page_words(product.title, product.brand, product.bullets, product.description, *_facts(product))
    wanted = intention.attributes if intention else ()
    options = intention.options.items() if intention else ()
    return [
        1.0,
        _share(_intention_words(intention), words),
        _mean([float(_words(attribute) <= words) for attribute in wanted]),
        _mean([float(value in product.options.get(name, ())) for name, value in options]),
        _affordable(product, intention),
        float(product.id in inside),
    ]


@lru_cache(maxsize=65_536)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


@lru_cache(maxsize=65_536)
def _page_words(title: str, brand: str, bullets: tuple[str, ...], description: str, *facts: str) -> frozenset[str]:
    return _words(" ".join([title, brand, *bullets, description, *facts]))


def _facts(product: Product) -> list[str]:
    return [f"{name} {value}" for name, value in product.attributes.items()]


def _intention_words(intention: Intention | None) -> frozenset[str]:
    return _words(intention.text) if intention else frozenset()


def _share(wanted: frozenset[str], offered: frozenset[str]) -> float:
    return len(wanted & offered) / len(wanted) if wanted else 0.0


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 1.0


def _affordable(product: Product, intention: Intention | None) -> float:
    if product.price is None:
        return 0.0
    return float(intention is None or intention.budget is None or product.price <= intention.budget)
