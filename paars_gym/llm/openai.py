"""Requests to OpenAI, or to any server with /v1/chat/completions, and the answers, in the form of `ChatModel`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from paars_gym.llm.chat import Message, Reply, Request, ToolCall, fit
from paars_gym.llm.connection import Connection, foreign_headers, header_values, warn_of_plain_http
from paars_gym.llm.errors import MissingKeyError, ModelError, RefusedError, RequestError, ServerError
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.replies import Asked
from paars_gym.llm.specs import Provider, Spec, spec_text
from paars_gym.llm.turns import NOTHING, for_any_server, in_words, json_object
from paars_gym.llm.wire import enforceable, told_schema

KEY = "OPENAI_API_KEY"
SERVER_KEY = "OPENAI_COMPATIBLE_API_KEY"
OPTIONAL = ("temperature", "seed", "reasoning_effort")
"""What a request can do without, should the server not know it."""
_TEMPLATE = re.compile(
    r"roles? must alternate|alternate user|jinja|chat.?template|unexpected (message )?role|tool.{0,9} role", re.I
)


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
        provider: Provider = "openai",
    ) -> None:
        import openai

        self.name = name
        self.spec = spec_text(Spec(provider, name, base_url))
        self.family = family or family_of(provider, name, base_url=base_url)
        key_name = SERVER_KEY if base_url else KEY
        key = os.environ.get(key_name) or ("not-needed" if base_url else "")
        if not key:
            raise MissingKeyError(f"{KEY} is not set, and {self.spec!r} needs it.")
        self.client = openai.AsyncOpenAI(
            api_key=key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout_seconds,
            default_headers=foreign_headers(key) if base_url else None,
            # A redirect would take keys in headers to another host.
            http_client=openai.DefaultAsyncHttpxClient(timeout=timeout_seconds, follow_redirects=False),
        )
        if base_url:
            # The SDK takes them from the environment, for whichever host.
            self.client.organization = self.client.project = None
        warn_of_plain_http(str(self.client.base_url))
        self.connection = Connection((key, *header_values("openai")), key_name)
        self._stream = stream
        self._only_words = False
        self._refused: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"OpenAIChat({self.spec!r})"

    async def complete(self, request: Request) -> Reply:
        """Answers; raises a :class:`ModelError`. What the server calls unsupported is left out from then on."""
        body, dropped = self.body(request)
        try:
            return self.reply(await self._send(body), Asked.by(self.spec, request, dropped))
        except RefusedError as refusal:
            return Reply(text=str(refusal), finish="refusal", dropped=dropped)
        except (RequestError, ServerError) as refused:
            if not self._goes_without(refused, request, body):
                raise
        return await self.complete(request)

    def body(self, request: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The JSON body, and the names of what was dropped."""
        fitted, dropped = fit(request, self.family)
        if self.family.schema is not True:
            fitted = fitted.model_copy(update={"messages": told_schema(request).messages})
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [_message(message) for message in self._turns(fitted.messages)],
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

    def reply(self, answer: bytes | Mapping[str, Any], asked: Asked) -> Reply:
        """Reads an answer: an HTTP body, or a ``chat.completion`` out of a batch."""
        return self.connection.read(answer, asked)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.client.close()

    def _goes_without(self, refused: ModelError, request: Request, body: Mapping[str, Any]) -> bool:
        """Whether the request can be asked again without what the server refuses, from now on."""
        parameter = getattr(refused, "parameter", "")
        if parameter in OPTIONAL and parameter in body:
            self._refused |= {parameter}
            return True
        if self._only_words or not _TEMPLATE.search(str(refused)):
            return False
        self._only_words = any(message.role == "tool" for message in request.messages)
        return self._only_words

    def _turns(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return in_words(messages) if self._only_words else for_any_server(messages)

    async def _send(self, body: dict[str, Any]) -> bytes:
        # The body is as the wire wants it. What the SDK is given by name it would transform, level by level: without,
        # a call takes half the processor time (6.0 ms instead of 11.5, `benchmarks.performance`).
        named: dict[str, Any] = {"model": self.name, "messages": (), "extra_body": body}
        if self._stream:
            named |= {"stream": True, "stream_options": {"include_usage": True}}
        return await self.connection.body(self.client.chat.completions.with_streaming_response.create(**named))


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    turn: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call)}}
            for call in message.tool_calls
        ]
    elif not message.text.strip():
        turn["content"] = NOTHING
    return turn


def _arguments(call: ToolCall) -> str:
    """Text of an object: servers read it, and fail where it is none."""
    given = json_object(call.arguments)
    return json.dumps(given, ensure_ascii=False) if "malformed" in given else call.arguments or "{}"
