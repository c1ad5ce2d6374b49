"""Personas and shoppers for probes."""

from __future__ import annotations

import numpy as np

from paars_gym.personas.persona import (
    SCALES,
    ConsumerProfile,
    IncomeBand,
    Interests,
    Persona,
    Score,
    ShoppingPreferences,
    Trait,
)
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.simulation.concurrency import MakePolicy

EAGER = {"attraction": 0.0, "outside": 1.0, "scroll": 4.0}


def people(number: int, income: tuple[IncomeBand, ...] = ("unknown",)) -> list[Persona]:
    """Price-sensitive ones and others in turn."""
    return [
        Persona(
            shopper=f"p{index}",
            profile=ConsumerProfile(income_band=Trait[IncomeBand](value=income[index % len(income)])),
            preferences=ShoppingPreferences(price_sensitivity=Score(value=5.0 if index % 2 else 1.0)),
            source="synthetic",
        )
        for index in range(number)
    ]


def varied_people(number: int, *, brand: str = "", seed: int = 0) -> list[Persona]:
    """People who differ in everything, three in four of whom like a brand."""
    rng = np.random.default_rng(seed)
    return [
        Persona(
            shopper=f"v{index}",
            profile=ConsumerProfile(brands=Interests(values=(brand,) if brand and rng.random() < 0.75 else ())),
            preferences=ShoppingPreferences.model_validate(
                {name: Score(value=float(rng.integers(1, 6))) for name in SCALES}
            ),
            source="synthetic",
        )
        for index in range(number)
    ]


def shoppers(**parameters: float) -> MakePolicy:
    return lambda: BehaviouralShopper(parameters={**EAGER, **parameters})
