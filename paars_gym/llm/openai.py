"""Requests to OpenAI, or to any server with /v1/chat/completions, and the answers, in the form of `ChatModel`."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

from paars_gym.llm.chat import Finish, Message, Reply, Request, ToolCall, Usage, fit
from paars_gym.llm.errors import BrokenReplyError, MissingKeyError, ModelError, RefusedError, RequestError
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.wire import as_model_error, enforceable, told_schema

KEY = "OPENAI_API_KEY"
SERVER_KEY = "OPENAI_COMPATIBLE_API_KEY"
OPTIONAL = ("temperature", "seed", "reasoning_effort")
"""What a request can do without, should the server not know it."""

T = TypeVar("T")
_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "refusal",
}


class OpenAIChat:
    """A model of OpenAI, or of a compatible server.

    The key comes from ``OPENAI_API_KEY``; a server of one's own gets ``OPENAI_COMPATIBLE_API_KEY`` if that is set, and
    never OpenAI's.

    Args:
        name: Model id.
        base_url: Of a compatible server; None for OpenAI.
        timeout_seconds: For one attempt.
        stream: Receive the answer in pieces, for proxies that cut connections which stay silent for long.
        family: What the model accepts, when the table does not know better.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        timeout_seconds: float = 120.0,
        stream: bool = False,
        family: Family | None = None,
    ) -> None:
        import openai

        self.name = name
        self.spec = f"openai:{name}@{base_url}" if base_url else f"openai:{name}"
        self.family = family or family_of("openai", name, base_url=base_url)
        self._key_name = SERVER_KEY if base_url else KEY
        key = os.environ.get(self._key_name) or ("not-needed" if base_url else "")
        if not key:
            raise MissingKeyError(f"{KEY} is not set, and {self.spec!r} needs it.")
        self.client = openai.AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=timeout_seconds)
        self._stream = stream
        self._refused: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"OpenAIChat({self.spec!r})"

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`. What the server calls unsupported is left out from then on."""
        body, dropped = self.body(request)
        try:
            payload = await self._send(body)
        except RefusedError as refusal:
            return Reply(text=str(refusal), finish="refusal", dropped=dropped)
        except _UnsupportedError as unsupported:
            if unsupported.parameter not in body:
                raise
            self._refused |= {unsupported.parameter}
            return await self.complete(request)
        return self.reply(payload, dropped)

    def body(self, request: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The JSON body, and the names of what was dropped."""
        fitted, dropped = fit(request, self.family)
        if self.family.schema is not True:
            fitted = fitted.model_copy(update={"messages": told_schema(request).messages})
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [_message(message) for message in fitted.messages],
            self.family.max_tokens: fitted.max_tokens,
        }
        if fitted.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
                }
                for tool in fitted.tools
            ]
        if fitted.output_schema is not None:
            schema = enforceable(fitted.output_schema, bounds=self.family.bounds)
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            }
        optional = {
            "temperature": fitted.temperature,
            "seed": fitted.seed,
            "reasoning_effort": fitted.reasoning,
        }
        refused = {name for name, value in optional.items() if value is not None and name in self._refused}
        body |= {name: value for name, value in optional.items() if value is not None and name not in refused}
        return body, tuple(sorted({*dropped, *("reasoning" if n == "reasoning_effort" else n for n in refused)}))

    def reply(self, payload: Any, dropped: tuple[str, ...] = ()) -> Reply:
        """Reads a ``chat.completion``, as the SDK's object or rebuilt from its JSON."""
        if not getattr(payload, "choices", None):
            raise BrokenReplyError(f"{self.spec} answered without choices.")
        choice = payload.choices[0]
        message = choice.message
        if choice.finish_reason is None:
            raise BrokenReplyError(f"{self.spec} broke off: the answer has no finish_reason.")
        refusal = getattr(message, "refusal", None)
        finish = "refusal" if refusal else _FINISH.get(choice.finish_reason, "stop")
        calls = tuple(
            ToolCall(id=call.id or f"call_{index}", name=call.function.name, arguments=call.function.arguments or "")
            for index, call in enumerate(message.tool_calls or ())
            if call.type == "function"
        )
        return Reply(
            text=refusal or message.content or "",
            tool_calls=calls,
            finish="tool_calls" if calls and finish == "stop" else finish,
            usage=_usage(payload.usage),
            model=payload.model or self.name,
            dropped=dropped,
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.client.close()

    async def guard(self, call: Awaitable[T]) -> T:
        """Awaits a call of the SDK; what it raises becomes a :class:`ModelError`."""
        import httpx2
        import openai

        failure: ModelError
        try:
            return await call
        except (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError) as error:
            failure = self._error(error)
        # Raised out here: the SDK's error, whose request has the key among its headers, is not even its context.
        raise failure

    def _error(self, error: Exception) -> ModelError:
        ours = as_model_error(error, secret=self.client.api_key, key_name=self._key_name)
        parameter = getattr(error, "param", None)
        if getattr(error, "code", None) in ("unsupported_parameter", "unsupported_value") and parameter in OPTIONAL:
            return _UnsupportedError(str(ours), parameter)
        return ours

    async def _send(self, body: dict[str, Any]) -> Any:
        # The body is as the wire wants it. What the SDK is given by name it would transform, level by level: without,
        # a call takes half the processor time (`benchmarks.performance.llm_client`: 6.0 ms instead of 11.5).
        named: dict[str, Any] = {"model": self.name, "messages": (), "extra_body": body}
        create = self.client.chat.completions.create
        if not self._stream:
            return await self.guard(create(**named))
        return await self.guard(_gather(create(**named, stream=True, stream_options={"include_usage": True})))


class _UnsupportedError(RequestError):
    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    turn: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return turn


def _usage(usage: Any) -> Usage:
    if usage is None:
        return Usage()
    prompt = getattr(usage, "prompt_tokens_details", None)
    completion = getattr(usage, "completion_tokens_details", None)
    read = getattr(prompt, "cached_tokens", None) or 0
    written = getattr(prompt, "cache_write_tokens", None) or 0
    return Usage(
        input=max(0, (usage.prompt_tokens or 0) - read - written),
        cache_read=read,
        cache_write=written,
        output=usage.completion_tokens or 0,
        reasoning=getattr(completion, "reasoning_tokens", None) or 0,
    )


async def _gather(stream: Awaitable[AsyncIterator[Any]]) -> Any:
    """One ``chat.completion`` out of a stream; without a finish_reason when the stream ended early."""
    from openai.types.chat import ChatCompletion

    text: list[str] = []
    refusal: list[str] = []
    calls: dict[int, dict[str, str]] = {}
    finish = usage = None
    model = ""
    async for chunk in await stream:
        usage = chunk.usage or usage
        model = chunk.model or model
        for choice in chunk.choices[:1]:
            finish = choice.finish_reason or finish
            text.append(choice.delta.content or "")
            refusal.append(choice.delta.refusal or "")
            for piece in choice.delta.tool_calls or ():
                call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
                call["id"] = piece.id or call["id"]
                if piece.function is not None:
                    call["name"] += piece.function.name or ""
                    call["arguments"] += piece.function.arguments or ""
    tool_calls = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for _, call in sorted(calls.items())
    ]
    message = {"role": "assistant", "content": "".join(text), "refusal": "".join(refusal) or None}
    return ChatCompletion.construct(
        model=model,
        usage=usage,
        choices=[{"index": 0, "finish_reason": finish, "message": {**message, "tool_calls": tool_calls or None}}],
    )
