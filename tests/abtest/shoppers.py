"""Shoppers made for these tests: what they buy is known beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np

from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.sessions.event import Intention
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.shop import Shop


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


class Spender(FirstBuyer):
    """Says that each session cost a cent, and remembers what each arm's shoppers were allowed."""

    allowed: ClassVar[list[float | None]] = []

    def __init__(self, *, model: ModelConfig | None = None, budget: BudgetConfig | None = None) -> None:
        super().__init__()
        assert model is not None
        assert budget is not None
        self.allowed.append(budget.max_usd)

    def telemetry(self) -> dict[str, float]:
        return {"usd": 0.01}


class DearPages(gymnasium.Wrapper):  # type: ignore[type-arg]
    """Shows each price as ten times what it is."""

    def reset(self, **options: Any) -> Any:
        observation, info = self.env.reset(**options)
        return observation, self._dear(info)

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, self._dear(info)

    def _dear(self, info: dict[str, Any]) -> dict[str, Any]:
        dear = (one.model_copy(update={"price": 10 * (one.price or 0)}) for one in info["products"])
        return {**info, "products": tuple(dear)}


def dear_pages(shop: Shop, max_steps: int) -> DearPages:
    return DearPages(RetailEnv(shop=shop, max_steps=max_steps))


def headphones(persona: Persona | None, rng: np.random.Generator) -> Intention:
    return Intention(text="headphones")


def people(number: int) -> list[Persona]:
    return [
        Persona(
            shopper=f"p{index:03d}",
            profile=ConsumerProfile(),
            preferences=ShoppingPreferences(),
            history="\n".join("- 10:00 bought a; b" for _ in range(index % 4)),
            purchases_before=2 * (index % 4),
            source="synthetic",
        )
        for index in range(number)
    ]
