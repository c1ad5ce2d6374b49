"""Small runs for pages: a wanderer in the shop of twelve products, as one of a few personas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from paars_gym.personas.persona import ConsumerProfile, Persona, Score, ShoppingPreferences, Trait
from paars_gym.sessions.event import Intention
from paars_gym.simulation.run import run
from tests.simulation.shoppers import WORDS, Wanderer

PERSONAS = tuple(
    Persona(
        shopper=f"shopper {number}",
        profile=ConsumerProfile(age_range=Trait(value="35-44", confidence=0.9)),
        preferences=ShoppingPreferences(price_sensitivity=Score(value=4.5), notes=f"Likes number {number}."),
        source="synthetic",
    )
    for number in range(9)
)


def need(persona: Persona | None, rng: Any) -> Intention:
    return Intention(text=f"a good {WORDS[int(rng.integers(len(WORDS)))]}", goal="compare", budget=60.0)


def config(sessions: int = 60, **changed: Any) -> RunConfig:
    values = {"policy": Wanderer, "personas": PERSONAS, "intentions": need, "record": "none"}
    return RunConfig(sessions=sessions, **{**values, **changed})  # type: ignore[arg-type]


def play(folder: Path, catalog: Catalog, sessions: int = 60, **changed: Any) -> Path:
    run(folder, config(sessions, **changed), ShopConfig(catalog=catalog))
    return folder
