"""What tests of shoppers need: personas, and a way to shop."""

from __future__ import annotations

import numpy as np

from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, Score, ShoppingPreferences
from paars_gym.sessions.event import End, Intention, Session, session_rng
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.protocol import Policy

MAX_STEPS = 50
FREQUENT_BUYER = {
    "words": 1.2, "attraction": -2.2, "trust": 0.0, "relevance": 2.4, "price": -0.7, "price_level": 0.0, "rating": 0.8,
    "popularity": 0.15, "brand": 0.7, "category": 0.5, "familiarity": 0.8, "over_budget": -1.5, "sentiment": 0.0,
    "price_taste": -0.7, "price_level_taste": 0.0, "rating_taste": 0.6, "popularity_taste": 0.15, "brand_taste": 0.5,
    "familiarity_taste": -0.8, "sentiment_taste": 0.0, "outside": 3.4, "compare": 1.0, "browse": 2.2, "impulse": 0.5,
    "satiation": 0.8, "scroll": 2.6, "decay": 0.15, "after_view": -0.6, "after_add": -2.0, "comparing": 0.5,
    "next_page": 0.2, "reformulate": -0.1, "refinement": 0.8, "impatience": 0.35, "sated": 2.0, "checkout": 0.9,
}  # fmt: skip
"""A behavioural shopper set by hand, fitted to nobody, who buys in every second visit. For tests of what a change of
the package's defaults must not touch."""


def make_persona(
    shopper: str = "ada",
    *,
    brands: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    history: str = "",
    **scales: float,
) -> Persona:
    preferences = ShoppingPreferences.model_validate({name: Score(value=value) for name, value in scales.items()})
    profile = ConsumerProfile(brands=Interests(values=brands), categories=Interests(values=categories))
    return Persona(shopper=shopper, profile=profile, preferences=preferences, history=history, source="synthetic")


def shop_once(
    shop: Shop,
    policy: Policy,
    *,
    key: str = "0",
    seed: int = 0,
    persona: Persona | None = None,
    intention: Intention | None = None,
    max_steps: int = MAX_STEPS,
    refused: list[str] | None = None,
) -> Session:
    """One session, as the simulation would record it; the actions that the shop refused go into ``refused``."""
    env = RetailEnv(shop=shop, max_steps=max_steps)
    policy.reset(persona, intention, session_rng(seed, key))
    observation, info = env.reset(options={"intention": intention})
    events, ended = [], False
    for _ in range(max_steps):
        action = policy.act(observation, info)
        assert isinstance(action, str)
        observation, _, ended, _, info = env.step(action)
        events += info["events"]
        if info["error"] is not None and refused is not None:
            refused.append(f"{action}: {info['error']}")
        if ended:
            break
    shopper = "nobody" if persona is None else persona.shopper
    end: End = "stop" if ended else "max_steps"
    return Session.model_construct(
        shopper=shopper, key=key, start=None, events=tuple(events), intention=intention, end=end
    )


def shop_often(
    shop: Shop, policy: Policy, n: int, personas: dict[str, Persona], intentions: list[Intention], *, seed: int = 0
) -> list[Session]:
    """Sessions of random personas with random intentions."""
    rng = np.random.default_rng(seed)
    names = list(personas)
    return [
        shop_once(
            shop,
            policy,
            key=str(number),
            seed=seed,
            persona=personas[names[int(rng.integers(len(names)))]],
            intention=intentions[int(rng.integers(len(intentions)))],
        )
        for number in range(n)
    ]
