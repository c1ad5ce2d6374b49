"""Shoppers made for these tests: what they buy is known beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.sessions.event import Intention


class FirstBuyer:
    """Opens the first result; buys it with a chance that is the session's own, if it costs less than 60.

    Fails with the chance ``fails_at`` in sessions that meet a product dearer than ``fails_above`` says for its id.
    """

    name = "first buyer"

    def __init__(self, *, fails_at: float = 0.0, fails_above: Mapping[str, float] | None = None) -> None:
        self.fails_at, self.fails_above = fails_at, fails_above

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        self.fails = rng.random() < self.fails_at
        self.words = "headphones" if intention is None else intention.text
        self.buys = rng.random() < 0.8
        self.step = 0

    def act(self, observation: str, info: dict[str, Any]) -> str:
        self.step += 1
        if self.step == 1:
            return f"search[{self.words}]"
        if self.fails:
            above = self.fails_above
            if above is None or any(product.price > above.get(product.id, math.inf) for product in info["products"]):
                raise RuntimeError("no answer")
        if self.step == 2 and info["results"]:
            self.product = info["results"][0]
            return f"view[{self.product}]"
        if self.step == 3 and info["page"] == "product":
            (product,) = info["products"]
            if self.buys and product.available and (product.price or 0) < 60:
                return f"add_to_cart[{self.product}]"
        if self.step == 4 and info["cart"]:
            return "purchase[]"
        return "stop[]"


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
