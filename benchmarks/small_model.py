"""Short fields, which a model of some hundred million parameters needs to answer a long form at all.

Held to a schema it writes valid JSON, but nothing makes it end a text: without limits it repeats itself until the
answer is cut off. The limits go into the schema, which the server enforces token by token.
"""

from __future__ import annotations

from typing import Any

from paars_gym.llm.chat import ChatModel, Reply, Request, Wrapper

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
