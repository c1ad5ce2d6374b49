"""Which action did a model's reply name? A tool call, a JSON object, or text of the grammar."""

from __future__ import annotations

import json

from paars_gym.llm.chat import Message, Reply
from paars_gym.shop.actions import ACTIONS, Mistake, parse_action, to_text


def read_action(reply: Reply) -> tuple[str, Message]:
    """The action for the shop, and the model's turn as it is sent back.

    Only a reply that is an action as a whole is one: a model that quotes "purchase[]" from a review buys nothing. What
    parses as none goes to the shop as it is, whose error tells the model what is possible.
    """
    if not reply.tool_calls:
        text = _sound(reply.text)
        return _from_text(text), reply.message().model_copy(update={"text": text})
    call = reply.tool_calls[0]
    parsed = parse_action({"name": call.name, "arguments": call.arguments})
    if isinstance(parsed, Mistake):
        action = json.dumps({"name": call.name, "arguments": call.arguments})
    else:
        action = to_text(parsed)
    if all(call.name in ACTIONS for call in reply.tool_calls):
        calls = tuple(call.model_copy(update={"arguments": _sound(call.arguments)}) for call in reply.tool_calls)
        return action, reply.message().model_copy(update={"text": _sound(reply.text), "tool_calls": calls})
    # Providers refuse a conversation with a call of a tool that they do not know: it goes back in words.
    words = [reply.text, *(f"{call.name}({call.arguments})" for call in reply.tool_calls)]
    return action, Message(role="assistant", text=_sound("\n".join(words).strip()))


def _from_text(text: str) -> str:
    text = text.strip().strip("`").strip()
    if not text.startswith("{"):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not (isinstance(value, dict) and isinstance(value.get("inside"), str) and isinstance(value.get("name"), str)):
        return text
    model = ACTIONS.get(value["name"])
    # The schema wants the field always; for an action that takes nothing it says nothing.
    return f"{value['name']}[{'' if model is not None and model.main is None else value['inside']}]"


def _sound(text: str) -> str:
    """Text without lone halves of surrogate pairs, which no request could carry."""
    return text.encode("utf-8", "replace").decode()
