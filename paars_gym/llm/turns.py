"""A conversation as every server takes it, whatever its chat template refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from paars_gym.llm.chat import Message

NOTHING = "(nothing)"
"""In place of a turn without words, which several providers refuse."""


def for_any_server(messages: Sequence[Message]) -> tuple[Message, ...]:
    """One system turn at most, at the beginning, and no two turns of a user or an assistant in a row.

    The templates of Qwen 3.5 and later, Gemma and Mistral refuse everything else ("System message must be at the
    beginning", "roles must alternate"). Answers to the tool calls of one turn stay apart: each has its call.
    """
    system = [turn.text for turn in messages if turn.role == "system" and turn.text]
    others = [turn for turn in messages if turn.role != "system"]
    merged: list[Message] = []
    for turn in others or [Message(role="user", text="\n\n".join(system))]:
        last = merged[-1] if merged else None
        if last is None or turn.role != last.role or turn.role == "tool" or (last.tool_calls and turn.tool_calls):
            merged.append(turn)
            continue
        text = "\n\n".join(part for part in (last.text, turn.text) if part)
        calls = (*last.tool_calls, *turn.tool_calls)
        merged[-1] = last.model_copy(update={"text": text, "tool_calls": calls, "native": ()})
    told = [Message(role="system", text="\n\n".join(system))] if system and others else []
    return (*told, *merged)


def with_instructions(messages: Sequence[Message], words: str) -> tuple[Message, ...]:
    """The conversation with more words at the end of its first system turn; as it is where there are none."""
    if not words:
        return tuple(messages)
    first, *others = messages
    if first.role == "system":
        return first.model_copy(update={"text": f"{first.text}\n\n{words}"}), *others
    return Message(role="system", text=words), *messages


def in_words(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same with calls and their answers as text, for templates that know no turn of a tool."""
    told = []
    for turn in messages:
        if turn.role == "tool":
            told.append(Message(role="user", text=turn.text))
        elif turn.tool_calls:
            calls = [
                json.dumps({"name": call.name, "arguments": json_object(call.arguments)}, ensure_ascii=False)
                for call in turn.tool_calls
            ]
            told.append(Message(role="assistant", text="\n".join([*([turn.text] if turn.text else []), *calls])))
        else:
            told.append(turn)
    return for_any_server(told)


def json_object(arguments: str) -> dict[str, Any]:
    """A call's arguments as an object: servers take no other, and what a model wrote badly goes back under one name."""
    try:
        value = json.loads(arguments or "{}")
        json.dumps(value, allow_nan=False)  # Python reads NaN and 1e999, which no request could carry.
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"malformed": arguments}
