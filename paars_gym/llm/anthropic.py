"""Requests to Anthropic's Messages API and its answers, in the form of `ChatModel`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from paars_gym.llm.chat import Message, Reply, Request, fit
from paars_gym.llm.connection import Connection, header_values, warn_of_plain_http
from paars_gym.llm.errors import MissingKeyError, RefusedError
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.replies import Asked
from paars_gym.llm.turns import NOTHING, json_object
from paars_gym.llm.wire import enforceable, told_schema

KEY = "ANTHROPIC_API_KEY"
_CACHE = {"type": "ephemeral"}


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
        key = os.environ.get(KEY, "")
        if not key:
            raise MissingKeyError(f"{KEY} is not set, and {self.spec!r} needs it.")
        self.client = anthropic.AsyncAnthropic(
            api_key=key,
            max_retries=0,
            timeout=timeout_seconds,
            # A redirect would take the key, which is in a header of its own, to another host.
            http_client=anthropic.DefaultAsyncHttpxClient(timeout=timeout_seconds, follow_redirects=False),
        )
        warn_of_plain_http(str(self.client.base_url))
        self.connection = Connection((key, *header_values("anthropic")), KEY)
        self._stream = stream

    def __repr__(self) -> str:
        return f"AnthropicChat({self.spec!r})"

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`."""
        body, dropped = self.body(request)
        try:
            return self.reply(await self._send(body), Asked.by(self.spec, request, dropped))
        except RefusedError as refusal:
            return Reply(text=str(refusal), finish="refusal", dropped=dropped)

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

    def reply(self, answer: bytes | Mapping[str, Any], asked: Asked) -> Reply:
        """Reads an answer: an HTTP body, or a ``message`` out of a batch."""
        return self.connection.read(answer, asked)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.client.close()

    async def _send(self, body: dict[str, Any]) -> bytes:
        # As in `OpenAIChat._send`: the body is as the wire wants it, and the SDK need not transform it.
        named: dict[str, Any] = {"model": self.name, "max_tokens": body["max_tokens"], "messages": ()}
        named |= {"extra_body": body, "stream": self._stream}
        return await self.connection.body(self.client.messages.with_streaming_response.create(**named))


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
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": json_object(call.arguments)})
    return blocks or [{"type": "text", "text": NOTHING}]
