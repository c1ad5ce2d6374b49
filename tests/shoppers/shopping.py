"""What tests of shoppers need: personas, and a way to shop."""

from __future__ import annotations

import numpy as np

from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, Score, ShoppingPreferences
from paars_gym.sessions.event import End, Intention, Session, session_rng
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.protocol import Policy

MAX_STEPS = 50


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
