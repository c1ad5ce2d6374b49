"""What does a page look like in numbers? A bounded vector with documented fields, for classical RL."""

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
from paars_gym.shop.wrappers.discrete import retail_env

_WORD = re.compile(r"\w+")

VISIT_FIELDS = ("home", "results", "product", "steps_used", "cart_units", "bought_lines", "last_action_valid")
"""One-hot page; share of max_steps used; units in the cart / 10 and lines bought / 10, at most 1; validity."""

RESULT_FIELDS = ("present", "words_matched", "price", "within_budget", "rating", "available", "viewed")
"""For each position on the page: whether it holds a result; share of the intention's words in its title; price over
twice the budget (or over 1,000), at most 1, and 1 when unknown; whether the price is known and within the budget;
stars / 5 (0 when unrated); whether it is in stock; whether it was viewed in this visit."""

PRODUCT_FIELDS = ("present", "words_matched", "attributes_matched", "options_offered", "within_budget", "in_cart")
"""For the product shown: whether there is one; share of the intention's words on its page; shares of the intention's
attributes on its page and of its options on offer (1 when it asks for none); as above; whether it is in the cart."""


class FeatureObservation(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Observations as a float32 vector in [0, 1]: `VISIT_FIELDS`, `RESULT_FIELDS` for each position, `PRODUCT_FIELDS`.

    ``fields`` names each entry. It shows nothing that the page does not: an intention's target is not looked at.
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
        )
        self.observation_space = spaces.Box(0.0, 1.0, (len(self.fields),), np.float32)
        self._viewed: set[str] = set()
        self._info: dict[str, Any] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        _, self._info = self.env.reset(seed=seed, options=options)
        self._viewed = set()
        return self._features(), self._info

    def step(self, action: Any) -> tuple[npt.NDArray[np.float32], Any, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, self._info = self.env.step(action)
        if self._info["product"]:
            self._viewed.add(self._info["product"])
        return self._features(), reward, terminated, truncated, self._info

    def _features(self) -> npt.NDArray[np.float32]:
        info, intention = self._info, self._retail.intention
        units = sum(line.units for line in info["cart"])
        values = [float(info["page"] == page) for page in VISIT_FIELDS[:3]]
        values += [min(1.0, info["step"] / self._retail.max_steps), min(1.0, units / 10)]
        values += [min(1.0, len(info["purchases"]) / 10), float(info["action_valid"])]
        for product_id in info["results"]:
            values += self._result(product_id, intention)
        values += [0.0] * (len(RESULT_FIELDS) * (self._slots - len(info["results"])))
        values += self._shown(info["product"], intention)
        return np.array(values, dtype=np.float32)

    def _result(self, product_id: str, intention: Intention | None) -> list[float]:
        product = self._product(product_id)
        price = 1.0
        if product.price is not None:
            scale = 2 * intention.budget if intention and intention.budget else 1_000.0
            price = min(1.0, product.price / scale)
        return [
            1.0,
            _share(_intention_words(intention), _words(product.title)),
            price,
            _affordable(product, intention),
            (product.rating or 0.0) / 5,
            float(product.available),
            float(product_id in self._viewed),
        ]

    def _shown(self, product_id: str | None, intention: Intention | None) -> list[float]:
        if product_id is None:
            return [0.0] * len(PRODUCT_FIELDS)
        product = self._product(product_id)
        words = _page_words(product.title, product.brand, product.bullets, product.description, *_facts(product))
        wanted = intention.attributes if intention else ()
        options = intention.options.items() if intention else ()
        return [
            1.0,
            _share(_intention_words(intention), words),
            _mean([float(_words(attribute) <= words) for attribute in wanted]),
            _mean([float(value in product.options.get(name, ())) for name, value in options]),
            _affordable(product, intention),
            float(any(line.product == product_id for line in self._info["cart"])),
        ]

    def _product(self, product_id: str) -> Product:
        product = self._retail.shop.product(product_id)
        assert product is not None, "pages show known products only"
        return product


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


def _share(wanted: frozenset[str], found: frozenset[str]) -> float:
    return len(wanted & found) / len(wanted) if wanted else 0.0


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 1.0


def _affordable(product: Product, intention: Intention | None) -> float:
    if product.price is None:
        return 0.0
    return float(intention is None or intention.budget is None or product.price <= intention.budget)
