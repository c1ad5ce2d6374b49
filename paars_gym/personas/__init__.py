"""Personas: who a simulated shopper is, mined by a model or counted. Names load when they are first used."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.personas.mining import mine_persona as mine_persona
    from paars_gym.personas.persona import ConsumerProfile as ConsumerProfile
    from paars_gym.personas.persona import Persona as Persona
    from paars_gym.personas.persona import ShoppingPreferences as ShoppingPreferences
    from paars_gym.personas.persona import render as render
    from paars_gym.personas.statistics import count_persona as count_persona
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "ConsumerProfile": "persona",
            "Persona": "persona",
            "ShoppingPreferences": "persona",
            "count_persona": "statistics",
            "mine_persona": "mining",
            "render": "persona",
        },
    )
