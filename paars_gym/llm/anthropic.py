"""Requests to Anthropic's Messages API and its answers, in the form of `ChatModel`."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable
from typing import Any, TypeVar

from paars_gym.llm.chat import Finish, Message, Reply, Request, ToolCall, Usage, fit
from paars_gym.llm.errors import BrokenReplyError, MissingKeyError, ModelError
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.wire import as_model_error, enforceable, told_schema

KEY = "ANTHROPIC_API_KEY"
T = TypeVar("T")
_CACHE = {"type": "ephemeral"}
_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class AnthropicChat:
    """A model of Anthropic's. The key comes from ``ANTHROPIC_API_KEY``.

    The end of the system turns is marked for Anthropic's prompt cache (tools come before them, so they are in it too),
    and in a conversation with several turns so is its end, which the next call reads.

    Args:
        name: Model id.
        timeout_seconds: For one attempt.
        stream: Receive the answer in pieces, for proxies that cut connections which stay silent for long.
        family: What the model accepts, when the table does not know better.
    """

    def __init__(
        self, name: str, *, timeout_seconds: float = 120.0, stream: bool = False, family: Family | None = None
    ) -> None:
        import anthropic

        self.name = name
        self.spec = f"anthropic:{name}"
        self.family = family or family_of("anthropic", name)
        self._key = os.environ.get(KEY, "")
        if not self._key:
            raise MissingKeyError(f"{KEY} is not set, and {self.spec!r} needs it.")
        self.client = anthropic.AsyncAnthropic(api_key=self._key, max_retries=0, timeout=timeout_seconds)
        self._stream = stream

    def __repr__(self) -> str:
        return f"AnthropicChat({self.spec!r})"

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        body, dropped = self.body(request)
        return self.reply(await self._send(body), dropped)

    def body(self, request: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The JSON body, and the names of what was dropped."""
        fitted, dropped = fit(request, self.family)
        if self.family.schema is not True:
            fitted = fitted.model_copy(update={"messages": told_schema(request).messages})
        system = [
            {"type": "text", "text": turn.text} for turn in fitted.messages if turn.role == "system" and turn.text
        ]
        turns = [turn for turn in fitted.messages if turn.role != "system"]
        body: dict[str, Any] = {"model": self.name, "max_tokens": fitted.max_tokens, "messages": _messages(turns)}
        if system:
            body["system"] = [*system[:-1], {**system[-1], "cache_control": _CACHE}]
        if any(turn.role == "assistant" for turn in turns):
            body["cache_control"] = _CACHE
        if fitted.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in fitted.tools
            ]
        output: dict[str, Any] = {}
        if fitted.output_schema is not None:
            schema = enforceable(fitted.output_schema, bounds=self.family.bounds)
            output["format"] = {"type": "json_schema", "schema": schema}
        if fitted.reasoning == "none":
            body["thinking"] = {"type": self.family.no_reasoning}
        elif fitted.reasoning is not None:
            output["effort"] = fitted.reasoning
            if fitted.reasoning == "minimal":
                output["effort"] = "low"
                dropped = tuple(sorted({*dropped, "reasoning=low"}))
        if output:
            body["output_config"] = output
        return body, dropped

    def reply(self, payload: Any, dropped: tuple[str, ...] = ()) -> Reply:
        """Reads a ``message``, as the SDK's object."""
        if getattr(payload, "stop_reason", None) is None or getattr(payload, "content", None) is None:
            raise BrokenReplyError(f"{self.spec} broke off: the answer has no stop_reason.")
        calls = tuple(
            ToolCall(id=block.id, name=block.name, arguments=_arguments(block.input))
            for block in payload.content
            if block.type == "tool_use"
        )
        # Reasoning is signed, and wanted back before the results of the tools that it called.
        keep = calls and any("thinking" in block.type for block in payload.content)
        usage = payload.usage
        details = getattr(usage, "output_tokens_details", None)
        return Reply(
            text="".join(block.text for block in payload.content if block.type == "text"),
            tool_calls=calls,
            finish=_FINISH.get(payload.stop_reason, "stop"),
            usage=Usage(
                input=usage.input_tokens or 0,
                cache_read=usage.cache_read_input_tokens or 0,
                cache_write=usage.cache_creation_input_tokens or 0,
                output=usage.output_tokens or 0,
                reasoning=getattr(details, "thinking_tokens", None) or 0,
            ),
            model=payload.model or self.name,
            dropped=dropped,
            native=tuple(block.model_dump(mode="json", exclude_none=True) for block in payload.content) if keep else (),
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.client.close()

    async def guard(self, call: Awaitable[T]) -> T:
        """Awaits a call of the SDK; what it raises becomes a :class:`ModelError`."""
        import anthropic
        import httpx2

        failure: ModelError
        try:
            return await call
        except (anthropic.AnthropicError, httpx2.HTTPError, json.JSONDecodeError) as error:
            failure = self._error(error)
        # Raised out here: the SDK's error, whose request has the key among its headers, is not even its context.
        raise failure

    def _error(self, error: Exception) -> ModelError:
        return as_model_error(error, secret=self._key, key_name=KEY)

    async def _send(self, body: dict[str, Any]) -> Any:
        # As in `OpenAIChat._send`: the body is as the wire wants it, and the SDK need not transform it.
        named = {"model": self.name, "max_tokens": body["max_tokens"], "messages": (), "extra_body": body}
        return await self.guard(self._gather(named) if self._stream else self.client.messages.create(**named))

    async def _gather(self, named: dict[str, Any]) -> Any:
        async with self.client.messages.stream(**named) as stream:
            return await stream.get_final_message()


def _messages(turns: list[Message]) -> list[dict[str, Any]]:
    """Turns as the Messages API wants them: results of tools are blocks of a user's turn, neighbours are merged."""
    merged: list[dict[str, Any]] = []
    for turn in turns:
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = _blocks(turn)
        if merged and merged[-1]["role"] == role:
            merged[-1]["content"] += blocks
        else:
            merged.append({"role": role, "content": blocks})
    return merged


def _blocks(turn: Message) -> list[dict[str, Any]]:
    if turn.native:
        return list(turn.native)
    if turn.role == "tool":
        return [{"type": "tool_result", "tool_use_id": turn.call_id, "content": turn.text}]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text.strip() else []
    for call in turn.tool_calls:
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments)})
    return blocks or [{"type": "text", "text": "(nothing)"}]


def _arguments(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _input(arguments: str) -> dict[str, Any]:
    """The API takes objects only; what a model wrote badly goes back to it as it was, under one name."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"malformed": arguments}
