"""Personas: who a simulated shopper is, mined from a real shopper's history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paars_gym.config import CONDITIONS, Condition
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences, render

if TYPE_CHECKING:
    from paars_gym.personas.mining import mine_persona

__all__ = ["CONDITIONS", "Condition", "ConsumerProfile", "Persona", "ShoppingPreferences", "mine_persona", "render"]


def __getattr__(name: str) -> Any:
    if name != "mine_persona":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Late: mining brings prompts, schemas and redaction with it.
    from paars_gym.personas.mining import mine_persona

    return mine_persona
