"""Shoppers made for these tests: what they buy is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.sessions.event import Intention
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.protocol import Policy


class FirstBuyer:
    """Opens the first result; buys it with a chance that is the session's own, if it costs less than 60."""

    name = "first buyer"

    def __init__(self, shop: Shop, *, fails_at: float = 0.0) -> None:
        self.shop, self.fails_at = shop, fails_at

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        if rng.random() < self.fails_at:
            raise RuntimeError("no answer")
        self.words = "headphones" if intention is None else intention.text
        self.buys = rng.random() < 0.8
        self.step = 0

    def act(self, observation: str, info: dict[str, Any]) -> str:
        self.step += 1
        if self.step == 1:
            return f"search[{self.words}]"
        if self.step == 2 and info["results"]:
            self.product = info["results"][0]
            return f"view[{self.product}]"
        if self.step == 3 and info["page"] == "product":
            product = self.shop.product(self.product)
            if self.buys and product is not None and product.available and (product.price or 0) < 60:
                return f"add_to_cart[{self.product}]"
        if self.step == 4 and info["cart"]:
            return "purchase[]"
        return "stop[]"


def first_buyers(shop: Shop) -> Callable[[], Policy]:
    return lambda: FirstBuyer(shop)


def headphones(persona: Persona | None, rng: np.random.Generator) -> Intention:
    return Intention(text="headphones")


def people(number: int) -> list[Persona]:
    return [
        Persona(
            shopper=f"p{index:03d}",
            profile=ConsumerProfile(),
            preferences=ShoppingPreferences(),
            history="\n".join("- 10:00 bought a; b" for _ in range(index % 4)),
            source="synthetic",
        )
        for index in range(number)
    ]
