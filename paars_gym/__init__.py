"""Simulated shoppers in a text shop, measured against people: PAARS as a Gymnasium package.

Importing registers ``PAARS-Retail-v0``; every public name loads what it needs on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium

from paars_gym.version import __version__ as __version__

if TYPE_CHECKING:
    from paars_gym.catalog.load import load_catalog as load_catalog
    from paars_gym.catalog.product import Product as Product
    from paars_gym.catalog.product import Review as Review
    from paars_gym.catalog.store import Catalog as Catalog
    from paars_gym.personas.mining import mine_persona as mine_persona
    from paars_gym.personas.persona import Persona as Persona
    from paars_gym.ranking.registry import make_ranking as make_ranking
    from paars_gym.sessions.event import Event as Event
    from paars_gym.sessions.event import History as History
    from paars_gym.sessions.event import Intention as Intention
    from paars_gym.sessions.event import Session as Session
    from paars_gym.sessions.step import StepRecord as StepRecord
    from paars_gym.shop.actions import parse_action as parse_action
    from paars_gym.shop.env import RetailEnv as RetailEnv
    from paars_gym.shop.vector_env import RetailVectorEnv as RetailVectorEnv
    from paars_gym.shoppers.llm import LLMShopper as LLMShopper
    from paars_gym.shoppers.registry import make_policy as make_policy


_HOMES = {
    "Catalog": "catalog.store",
    "Event": "sessions.event",
    "History": "sessions.event",
    "Intention": "sessions.event",
    "LLMShopper": "shoppers.llm",
    "Persona": "personas.persona",
    "Product": "catalog.product",
    "RetailEnv": "shop.env",
    "RetailVectorEnv": "shop.vector_env",
    "Review": "catalog.product",
    "Session": "sessions.event",
    "StepRecord": "sessions.step",
    "load_catalog": "catalog.load",
    "make_policy": "shoppers.registry",
    "make_ranking": "ranking.registry",
    "mine_persona": "personas.mining",
    "parse_action": "shop.actions",
}
__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


gymnasium.register(
    id="PAARS-Retail-v0",
    entry_point="paars_gym.shop.env:RetailEnv",
    vector_entry_point="paars_gym.shop.vector_env:RetailVectorEnv",
)
gymnasium.register(id="PAARS-Retail-Discrete-v0", entry_point="paars_gym.shop.discrete_env:DiscreteRetailEnv")
