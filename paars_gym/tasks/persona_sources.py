"""Where the personas come from that a task's questions are asked of: given, counted or mined."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from paars_gym.llm.chat import ChatModel
from paars_gym.personas.mining import mine_persona
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import Redactor
from paars_gym.personas.statistics import count_persona
from paars_gym.sessions.event import History

HISTORY_TOKENS = 6000
"""Of the history in a persona, at most."""


class KnownPersonas:
    """Personas that were there before."""

    source = "given"

    def __init__(self, personas: Mapping[str, Persona]) -> None:
        self._personas = personas

    async def __call__(self, questions: Any, index: int) -> Persona:
        return self._personas[questions.shopper(index)]


class CountedPersonas:
    """Personas from the statistics of the history: no model, no guess about demographics, no reasoning."""

    source = "counted"

    def __init__(self, history_tokens: int = HISTORY_TOKENS) -> None:
        self._tokens = history_tokens

    async def __call__(self, questions: Any, index: int) -> Persona:
        return count_persona(questions.history(index), questions.catalog, token_budget=self._tokens)


class MinedPersonas:
    """Personas mined by a model in two steps, as in the paper, once for all cases that may know the same."""

    source = "mined"

    def __init__(
        self, model: ChatModel, history_tokens: int = HISTORY_TOKENS, redactor: Redactor | None = None
    ) -> None:
        self.model, self.history_tokens = model, history_tokens
        self._redactor = redactor or Redactor()
        self._made: dict[Any, asyncio.Future[Persona]] = {}

    async def __call__(self, questions: Any, index: int) -> Persona:
        key = questions.history_key(index)
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(self._mine(questions.history(index)))
        try:
            return await self._made[key]
        except Exception:
            self._made.pop(key, None)  # the next case tries again
            raise

    async def _mine(self, history: History) -> Persona:
        return await mine_persona(history, self.model, token_budget=self.history_tokens, redactor=self._redactor)
