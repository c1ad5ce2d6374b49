"""Shoppers: who shops in the environment and answers the suite's questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.shoppers.behavioural import BehaviouralShopper as BehaviouralShopper
    from paars_gym.shoppers.llm import LLMShopper as LLMShopper
    from paars_gym.shoppers.parameters import BehaviouralParameters as BehaviouralParameters
    from paars_gym.shoppers.protocol import Answerer as Answerer
    from paars_gym.shoppers.protocol import Policy as Policy
    from paars_gym.shoppers.registry import make_answerer as make_answerer
    from paars_gym.shoppers.registry import make_policy as make_policy

_HOMES = {"BehaviouralShopper": "behavioural", "BehaviouralParameters": "parameters", "LLMShopper": "llm"}
_HOMES |= {"Answerer": "protocol", "Policy": "protocol", "make_answerer": "registry", "make_policy": "registry"}
__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Loads a public name when it is asked for: the registry brings the shop with it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
