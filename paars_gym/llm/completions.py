"""Log-probabilities of given text, from a server with ``/v1/completions`` that echoes its prompt, as vLLM's does.

What is sent is redacted here: this is a door of its own beside that of chats (`paars_gym.llm.redacted`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paars_gym.llm.errors import BrokenReplyError, ContextLengthError, LostCauseError, RequestError, TransientError
from paars_gym.llm.openai import OpenAIChat
from paars_gym.llm.specs import parse_spec
from paars_gym.redaction.texts import TextRedactor

Array = NDArray[np.float64]
ATTEMPTS, PAUSE_SECONDS = 3, 0.5
INSTEAD = (
    "Serve the model by vLLM, which does, or name a file that this machine can read: likelihood:/path/model.gguf. "
    "(llama.cpp's and Ollama's servers take no echo.)"
)


class CompletionScorer:
    """Asks a server how likely texts are after a context; all texts of one context are one request.

    A server that keeps the keys and values of what prompts begin with (vLLM does) reads the context once.

    Attributes:
        name: Of the model.
        spec: ``NAME@URL``.
    """

    def __init__(self, spec: str, *, timeout_seconds: float = 120.0, redactor: TextRedactor | None = None) -> None:
        """Args:
            spec: ``NAME@URL``, as ``qwen@http://127.0.0.1:8000/v1``. The key of the server, where it wants one, is
                ``OPENAI_COMPATIBLE_API_KEY``.
            timeout_seconds: For one attempt.
            redactor: By default one with the usual recognisers.

        Raises:
            ValueError: It is no such text.
        """
        try:
            parsed = parse_spec(f"vllm:{spec}")
        except ValueError as error:
            raise ValueError(str(error).replace("vllm:", "likelihood:")) from None
        self.name, self._url = parsed.model, parsed.base_url
        self.spec = f"{parsed.model}@{parsed.base_url}"
        self._timeout = timeout_seconds
        self._redactor = redactor or TextRedactor()
        self._client: OpenAIChat | None = None

    async def log_probs_after(self, context: str, continuations: Sequence[str]) -> list[Array]:
        """Natural log-probability of each token of each continuation, given the context and the tokens before it.

        Args:
            context: What all of them follow.
            continuations: At least one. White space between it and the context belongs to the continuation.

        Returns:
            As many arrays, each of shape (tokens of that continuation,).

        Raises:
            LostCauseError: The server does not return log-probabilities of given text.
            ModelError: It could not be asked.
        """
        context = self._redactor.redact(context)
        prompts = [context + self._redactor.redact(text) for text in continuations]
        # One token is generated, and passed over: not every server takes none.
        body = {"prompt": prompts, "echo": True, "logprobs": 1, "max_tokens": 1, "temperature": 0}
        answer = await self._send(body)
        try:
            choices = sorted(answer["choices"], key=lambda choice: choice["index"])
            if len(choices) != len(prompts):
                raise self._cannot()
            return [self._scored(*each, len(context.rstrip())) for each in zip(prompts, choices, strict=True)]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise self._cannot() from error

    def as_chat(self, told: str, asked: str) -> None:
        """None: which template and which special tokens the server's model has is not known here."""

    def plain(self, text: str) -> str:
        """The text as it is."""
        return text

    async def aclose(self) -> None:
        """Closes the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _scored(self, prompt: str, choice: dict[str, Any], border: int) -> Array:
        """The log-probabilities of the tokens of a prompt that end behind its border."""
        logs, offsets = choice["logprobs"]["token_logprobs"], choice["logprobs"]["text_offset"]
        generated = 1 if len(logs) > 1 and choice["text"] != prompt else 0
        if not choice["text"].startswith(prompt) or len(logs) != len(offsets) or len(logs) - generated < 1:
            raise self._cannot()
        # A token that begins the text may count as characters of it: what is known is where the prompt ends.
        ends = [*offsets[1:], offsets[-1] + len(choice["logprobs"]["tokens"][-1])][: len(logs) - generated]
        shift = ends[-1] - len(prompt)
        wanted = [log for log, end in zip(logs[: len(ends)], ends, strict=True) if end - shift > border]
        scored = np.array(wanted, dtype=np.float64)
        if not len(scored) or not np.isfinite(scored).all():
            raise self._cannot()
        return np.minimum(scored, 0.0)

    async def _send(self, body: dict[str, Any]) -> dict[str, Any]:
        if self._client is None:
            self._client = OpenAIChat(self.name, base_url=self._url, timeout_seconds=self._timeout, provider="vllm")
        client = self._client
        create = client.client.completions.with_streaming_response.create
        for attempt in range(1, ATTEMPTS + 1):
            try:
                raw = await client.connection.body(create(model=self.name, prompt="", extra_body=body))
                break
            except TransientError as error:
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(error.retry_after or PAUSE_SECONDS * attempt)
            except ContextLengthError:
                raise
            except RequestError as refused:
                raise LostCauseError(f"{self._cannot()} It said: {refused}") from refused
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise BrokenReplyError(f"{self.spec} gave an answer that is no JSON object.")
        return answer

    def _cannot(self) -> LostCauseError:
        return LostCauseError(
            f"{self.spec} does not return log-probabilities of given text (/v1/completions with echo and logprobs). "
            f"{INSTEAD}"
        )
