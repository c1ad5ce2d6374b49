"""The actions as tool definitions for language models, from the pydantic models that parse them."""

from __future__ import annotations

from typing import Any, Literal

from paars_gym.shop.actions import ACTIONS

_NOT_NEEDED = ("title", "default", "minLength", "maxLength", "minimum", "maximum")
ToolStyle = Literal["openai", "anthropic"]


def tool_schemas(style: ToolStyle = "openai") -> list[dict[str, Any]]:
    """The actions as tool definitions for a provider's API.

    Args:
        style: ``openai`` (function tools of chat completions) or ``anthropic`` (messages).

    Raises:
        ValueError: Another style.
    """
    if style not in ("openai", "anthropic"):
        raise ValueError(f"style == {style!r}, must be 'openai' or 'anthropic'.")
    tools = []
    for name, model in ACTIONS.items():
        schema = _inlined(model.model_json_schema())
        description = " ".join((model.__doc__ or "").split())
        if style == "openai":
            function = {"name": name, "description": description, "parameters": schema}
            tools.append({"type": "function", "function": function})
        else:
            tools.append({"name": name, "description": description, "input_schema": schema})
    return tools


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as short as it can be: no titles, defaults or bounds, and ``number or null`` as an optional number.

    It is sent with every turn of a session, and what breaks a bound comes back as an error that says so.
    """

    def simpler(node: Any) -> Any:
        if isinstance(node, list):
            return [simpler(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = {
            key: simpler(value)
            for key, value in node.items()
            if not (key in _NOT_NEEDED and not isinstance(value, dict))
            and (key, value) != ("additionalProperties", False)
        }
        choices = node.get("anyOf")
        if choices and {"type": "null"} in choices and len(choices) == 2:
            node = {
                **next(c for c in choices if c != {"type": "null"}),
                **{k: v for k, v in node.items() if k != "anyOf"},
            }
        return node

    simplified: dict[str, Any] = simpler(schema)
    simplified.pop("description", None)
    return simplified
