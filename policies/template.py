"""A policy of your own in twenty lines: copy, change, and name it ``module:Class`` wherever a policy can be chosen.

::

    paars simulate --policy policies.template:FirstFit --sessions 100 --out RUN
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention


class FirstFit:
    """Searches for what it needs, puts the first result into the cart, buys it and leaves."""

    name = "first fit"

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """Begins a session: who, what for, and a generator for every random draw."""
        self.need = intention.text if intention else "anything"

    def act(self, observation: str, info: dict[str, Any]) -> str:
        """The next action, from the page as text and its structured side; it may also be ``async``."""
        if info["purchases"] or not info["action_valid"]:
            return "stop[]"
        if info["cart"]:
            return "purchase[]"
        return f"add_to_cart[{info['results'][0]}]" if info["results"] else f"search[{self.need}]"
