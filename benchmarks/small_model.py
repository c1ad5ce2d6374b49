"""What a model of some hundred million parameters needs: short fields in long forms, and choices without writing.

Held to a schema it writes valid JSON, but nothing makes it end a text: without limits it repeats itself until the
answer is cut off. The limits go into the schema, which the server enforces token by token.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from paars_gym.alignment.item_selection import OPTIONS
from paars_gym.catalog.product import Product
from paars_gym.config import Condition, ModelConfig
from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper
from paars_gym.llm.specs import parse_spec
from paars_gym.llm.stack import Stack
from paars_gym.llm.turns import for_any_server
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_prompts import item_question
from paars_gym.shoppers.protocol import GaveUp

TEXT, ITEMS, REASONING = 60, 3, 200
"""Characters of a text, entries of a list, and characters of the reasoning, at most."""
ANSWER_TOKENS = 2000
"""Enough for every limit reached at once, a character a token: 1.1.1.1. is what such a model may well write."""


def bounded(schema: Any, *, name: str = "") -> Any:
    """A JSON schema with limits on every text and list; enumerations stay as they are."""
    if isinstance(schema, list):
        return [bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    limited = {
        key: {field: bounded(part, name=field) for field, part in value.items()}
        if key in ("properties", "$defs") and isinstance(value, dict)
        else bounded(value)
        for key, value in schema.items()
    }
    if limited.get("type") == "string" and "enum" not in limited and "const" not in limited:
        most = REASONING if name == "reasoning" else TEXT
        limited["maxLength"] = min(most, limited.get("maxLength", most))
    if limited.get("type") == "array":
        limited["maxItems"] = min(ITEMS, limited.get("maxItems", ITEMS))
    return limited


class Bounded(Wrapper):
    """A model whose answers are kept short by their schema."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        changes: dict[str, Any] = {"max_tokens": min(request.max_tokens, ANSWER_TOKENS)}
        if request.output_schema is not None:
            changes["output_schema"] = bounded(request.output_schema)
        return await self.model.complete(request.model_copy(update=changes))


class Likeliest:
    """An `Answerer` that writes nothing: of the four numbers it takes the one that is the likeliest next token."""

    name = "likeliest number"

    def __init__(self, model: Stack, *, condition: Condition = "persona", max_tokens: int = 1) -> None:
        """Args:
        model: Behind a server of one's own with /v1/chat/completions, ``openai:NAME@URL``.
        condition: A row of Table 3.
        max_tokens: Of the shopper that answers in words; this one reads the first token alone.
        """
        _, self._model, self._url = parse_spec(model.spec)
        options = {"max_tokens": max_tokens}
        self._asks_like = LLMShopper(None, ModelConfig(spec=model, options=options), condition=condition)

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._persona = persona

    async def choose_item(self, products: Sequence[Product]) -> int:
        """See `Answerer.choose_item`."""
        import openai

        request = self._asks_like.question(self._persona, item_question(products))
        server = openai.AsyncOpenAI(api_key="not-needed", base_url=self._url, max_retries=0, timeout=600)
        async with server:
            answer = await server.chat.completions.create(
                model=self._model,
                messages=[{"role": turn.role, "content": turn.text} for turn in for_any_server(request.messages)],  # type: ignore[misc]
                max_tokens=1,
                temperature=0,
                logprobs=True,
                top_logprobs=20,
            )
        option = likeliest_number(answer.choices[0].logprobs, len(products))
        if option is None:
            raise GaveUp("no number is among the 20 likeliest tokens")
        return option

    def write_query(self, product: Product) -> str:
        """See `Answerer.write_query`."""
        raise GaveUp("it chooses only")

    def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """See `Answerer.choose_view`."""
        raise GaveUp("it chooses only")


def likeliest_number(logprobs: object, options: int = OPTIONS) -> int | None:
    """Index of the option whose number is the likeliest next token; None when no number is among the top tokens."""
    content = getattr(logprobs, "content", None) or []
    likelihood: dict[int, float] = {}
    for top in content[0].top_logprobs if content else []:
        text = top.token.strip()
        if text.isdecimal() and 1 <= int(text) <= options:
            likelihood[int(text) - 1] = max(top.logprob, likelihood.get(int(text) - 1, -math.inf))
    return max(likelihood, key=lambda option: likelihood[option]) if likelihood else None
