"""Who is a case's shopper? The persona as of before the held-out basket, mined or counted (PAARS section 5)."""

from __future__ import annotations

from typing import Literal, Protocol

from paars_gym.alignment.item_selection import ItemCases
from paars_gym.llm.chat import ChatModel
from paars_gym.personas.mining import mine_persona
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor
from paars_gym.personas.statistics import count_persona

Source = Literal["mined", "counted"]
HISTORY_TOKENS = 6000
"""Of the history in a persona, at most."""


class PersonaSource(Protocol):
    """Makes the persona of a case, from a history without any of the four items."""

    source: Source

    async def __call__(self, cases: ItemCases, index: int) -> Persona:
        """The persona; raises a ModelError where there is none."""
        ...


class Counted:
    """Personas from the statistics of the history: no model, no guess about demographics, no reasoning."""

    source: Source = "counted"

    def __init__(self, history_tokens: int = HISTORY_TOKENS) -> None:
        self._tokens = history_tokens

    async def __call__(self, cases: ItemCases, index: int) -> Persona:
        return count_persona(cases.history(index), cases.log.catalog, token_budget=self._tokens)


class Mined:
    """Personas mined by a model in two steps, as in the paper; it is asked again for the same case by nobody else."""

    source: Source = "mined"

    def __init__(self, model: ChatModel, history_tokens: int = HISTORY_TOKENS) -> None:
        self._model, self._tokens = model, history_tokens
        self._redactor = Redactor()

    async def __call__(self, cases: ItemCases, index: int) -> Persona:
        history = cases.history(index)
        return await mine_persona(history, self._model, token_budget=self._tokens, redactor=self._redactor)
