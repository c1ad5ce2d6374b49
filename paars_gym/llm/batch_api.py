"""Batches at both providers: hand one in, ask whether it is done, fetch the answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from paars_gym.llm.chat import Reply, Request
from paars_gym.llm.errors import ModelError, RefusedError, RequestError, ServerError
from paars_gym.llm.replies import Asked
from paars_gym.llm.wire import status_error

if TYPE_CHECKING:
    from paars_gym.llm.anthropic import AnthropicChat
    from paars_gym.llm.openai import OpenAIChat

Results = dict[str, "Reply | ModelError"]
_EXPIRED = "The batch ended before this request had an answer"


class BatchApi(Protocol):
    """A provider's batches. Every method raises a :class:`ModelError` when the call fails.

    Attributes:
        max_requests: Most requests in one batch.
        max_bytes: Most bytes of one batch.
    """

    max_requests: int
    max_bytes: int

    def size(self, request: Request) -> int:
        """Bytes that a request takes in a batch, about."""
        ...

    async def submit(self, requests: dict[str, Request]) -> str:
        """Hands in requests by their keys (at most 64 letters, digits, ``-`` and ``_``), and returns the batch's id."""
        ...

    async def ended(self, batch: str) -> bool:
        """Whether the answers can be fetched."""
        ...

    async def results(self, batch: str) -> Results:
        """Answers, or what kept the provider from answering, by key; keys that it never came to are missing."""
        ...

    async def aclose(self) -> None:
        """Lets go of what was opened for batches, apart from the adapter."""
        ...


class AnthropicBatches:
    """Message Batches: 100,000 requests or 256 MB, answers kept for 29 days."""

    max_requests = 100_000
    max_bytes = 250_000_000

    def __init__(self, chat: AnthropicChat) -> None:
        self._chat = chat

    def size(self, request: Request) -> int:
        """Bytes, about."""
        return len(json.dumps(self._chat.body(request)[0])) + 100

    async def submit(self, requests: dict[str, Request]) -> str:
        """Hands in a batch."""
        items: list[Any] = [{"custom_id": key, "params": self._chat.body(ask)[0]} for key, ask in requests.items()]
        batch = await self._chat.connection.guard(self._chat.client.messages.batches.create(requests=items))
        return str(batch.id)

    async def ended(self, batch: str) -> bool:
        """Whether the answers can be fetched."""
        state = await self._chat.connection.guard(self._chat.client.messages.batches.retrieve(batch))
        return bool(state.processing_status == "ended")

    async def results(self, batch: str) -> Results:
        """Answers by key."""
        return await self._chat.connection.guard(self._fetch(batch))

    async def aclose(self) -> None:
        """Nothing was opened."""

    async def _fetch(self, batch: str) -> Results:
        results: Results = {}
        async for line in await self._chat.client.messages.batches.results(batch):
            result = line.result
            if result.type == "succeeded":
                results[line.custom_id] = _read(self._chat, result.message.to_dict(mode="json"))
            elif result.type == "errored":
                error = result.error.error
                kind = ServerError if error.type in ("api_error", "overloaded_error") else RequestError
                results[line.custom_id] = kind(f"{error.type}: {error.message}")
        return results


class OpenAIBatches:
    """Batches of chat completions: 50,000 requests or 200 MB, done within 24 hours."""

    max_requests = 50_000
    max_bytes = 190_000_000

    def __init__(self, chat: OpenAIChat) -> None:
        self._chat = chat

    def size(self, request: Request) -> int:
        """Bytes, about."""
        return len(json.dumps(self._chat.body(request)[0])) + 200

    async def submit(self, requests: dict[str, Request]) -> str:
        """Uploads a file of requests and hands it in."""
        lines = [
            {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": self._chat.body(ask)[0]}
            for key, ask in requests.items()
        ]
        content = "\n".join(json.dumps(line) for line in lines).encode()
        client = self._chat.client
        file = await self._chat.connection.guard(client.files.create(file=("requests.jsonl", content), purpose="batch"))
        batch = await self._chat.connection.guard(
            client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        )
        return str(batch.id)

    async def ended(self, batch: str) -> bool:
        """Whether the answers can be fetched."""
        state = await self._chat.connection.guard(self._chat.client.batches.retrieve(batch))
        if state.status == "failed":
            reasons = "; ".join(error.message or "" for error in (state.errors and state.errors.data) or ())
            raise RequestError(f"The batch {batch} failed: {reasons or 'no reason given'}")
        return state.status in ("completed", "expired", "cancelled")

    async def results(self, batch: str) -> Results:
        """Answers by key, out of the file of answers and the file of errors."""
        return await self._chat.connection.guard(self._fetch(batch))

    async def aclose(self) -> None:
        """Nothing was opened."""

    async def _fetch(self, batch: str) -> Results:
        state = await self._chat.client.batches.retrieve(batch)
        results: Results = {}
        for file in (state.output_file_id, state.error_file_id):
            if not file:
                continue
            content = await self._chat.client.files.content(file)
            for row in content.text.splitlines():
                line = json.loads(row)
                results[line["custom_id"]] = read_line(self._chat, line)
        return results


def read_line(chat: OpenAIChat, line: dict[str, Any]) -> Reply | ModelError:
    """What a line of a file of OpenAI's batches says: its ``response`` with status and body, or its ``error``."""
    answer = line.get("response") or {}
    if answer.get("status_code") == 200:
        return _read(chat, answer.get("body"))
    failure = _openai_error(line.get("error"), answer)
    if isinstance(failure, ModelError):
        return chat.connection.error(failure)  # without the key
    return failure


def _openai_error(error: dict[str, Any] | None, answer: dict[str, Any]) -> ModelError | Reply:
    if error is not None:
        if error.get("code") == "batch_expired":
            return ServerError(_EXPIRED)
        return RequestError(f"{error.get('code')}: {error.get('message')}")
    said = (answer.get("body") or {}).get("error") or {}
    failure = status_error(int(answer.get("status_code") or 500), str(said.get("message")), code=said.get("code") or "")
    return Reply(text=str(failure), finish="refusal") if isinstance(failure, RefusedError) else failure


def _read(chat: AnthropicChat | OpenAIChat, answer: Any) -> Reply | ModelError:
    try:
        return chat.reply(answer if isinstance(answer, dict) else {}, Asked(chat.spec))
    except ModelError as error:
        return error


def batch_api(model: object) -> BatchApi:
    """The batches of an adapter.

    Raises:
        ValueError: Its provider has none.
    """
    from paars_gym.llm.anthropic import AnthropicChat
    from paars_gym.llm.openai import OpenAIChat

    if isinstance(model, AnthropicChat):
        return AnthropicBatches(model)
    if isinstance(model, OpenAIChat):
        return OpenAIBatches(model)
    raise ValueError(f"{getattr(model, 'spec', model)!r} has no batches; anthropic and openai models have.")
