"""How must a JSON schema be written for a provider to enforce it, or for a model that only reads it?"""

from __future__ import annotations

import json
from typing import Any

_BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)
_NOISE = ("default", "title")


def enforceable(schema: dict[str, Any], *, bounds: bool) -> dict[str, Any]:
    """The schema as OpenAI's and Anthropic's structured outputs take it.

    Every object is closed and all its properties are required; defaults, titles and docstrings go; a ``$ref`` stands
    alone; and without ``bounds`` the limits move into the description, where the model reads them.
    """
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    result = {key: value for key, value in schema.items() if key not in _NOISE}
    for name in ("properties", "$defs"):
        if name in result:
            result[name] = {key: enforceable(value, bounds=bounds) for key, value in result[name].items()}
    for name in ("anyOf", "oneOf", "allOf"):
        if name in result:
            result["allOf" if name == "allOf" else "anyOf"] = [
                enforceable(value, bounds=bounds) for value in result.pop(name)
            ]
    if isinstance(result.get("items"), dict):
        result["items"] = enforceable(result["items"], bounds=bounds)
    if result.get("type") == "object":
        # What a class is for is told in the prompt; its docstring is for programmers.
        result.pop("description", None)
        result["additionalProperties"] = False
        result["required"] = list(result.get("properties", {}))
    if not bounds:
        limits = [f"{name} {result.pop(name)}" for name in _BOUNDS if name in result]
        if limits:
            result["description"] = "; ".join([*([result["description"]] if "description" in result else []), *limits])
    return result


def in_words(schema: dict[str, Any]) -> str:
    """A sentence to add to a question for a model that cannot be held to a schema."""
    text = json.dumps(enforceable(schema, bounds=True), separators=(",", ":"), ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It has to fit this JSON schema:\n{text}"
