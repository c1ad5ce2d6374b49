"""Log-probabilities of given text from a real server on 127.0.0.1, and servers that cannot give them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from paars_gym.llm.completions import CompletionScorer
from paars_gym.llm.errors import LostCauseError, ModelError, UnreachableError
from tests.serving import JsonServer, served

Answer = Callable[[dict[str, Any]], dict[str, Any] | int]
TOKEN = re.compile(r"\s?\w+|\s|[^\w\s]")
BEGIN = "<s>"


def like_vllm(body: dict[str, Any]) -> dict[str, Any]:
    """Echoes prompts with minus the length of each token as its log-probability, after a token that begins the text."""
    choices = []
    for index, prompt in enumerate(body["prompt"]):
        tokens = [BEGIN, *TOKEN.findall(prompt), " next"]
        offsets = [sum(map(len, tokens[:place])) for place in range(len(tokens))]
        logs = [None, *(-float(len(token)) for token in tokens[1:])]
        logprobs = {"tokens": tokens, "token_logprobs": logs, "text_offset": offsets, "top_logprobs": None}
        choices.append({"index": index, "text": f"{prompt} next", "logprobs": logprobs, "finish_reason": "length"})
    return {"id": "x", "object": "text_completion", "choices": choices[::-1]}


def like_llama_cpp(body: dict[str, Any]) -> dict[str, Any]:
    """Takes no echo, and gives the log-probabilities of what it wrote."""
    content = [{"id": 1, "token": " at", "bytes": [32], "logprob": -1.1, "top_logprobs": []}]
    rows = range(len(body["prompt"]))
    return {"choices": [{"index": row, "text": " at", "logprobs": {"content": content}} for row in rows]}


def without_logprobs(body: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"index": row, "text": text, "logprobs": None} for row, text in enumerate(body["prompt"])]}


class CompletionServer(JsonServer):
    """``/v1/completions``."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Answer = like_vllm
        self.spec = f"tiny@{self.url}"

    def reply(self, path: str, body: dict[str, Any]) -> dict[str, Any] | int:
        return self.answer(body) if path == "/v1/completions" else 404


@pytest.fixture
def server() -> Iterator[CompletionServer]:
    with served(CompletionServer()) as made:
        yield made


def ask(spec: str, context: str = "You bought:", texts: tuple[str, ...] = (" tea\n", " green apples\n")) -> list[Any]:
    async def main() -> list[Any]:
        scorer = CompletionScorer(spec)
        try:
            return await scorer.log_probs_after(context, texts)
        finally:
            await scorer.aclose()

    return asyncio.run(main())


def test_the_given_texts_alone_are_scored(server: CompletionServer) -> None:
    tea, apples = ask(server.spec)
    assert tea.tolist() == [-4.0, -1.0]
    assert apples.tolist() == [-6.0, -7.0, -1.0]
    (body,) = server.bodies
    assert body["prompt"] == ["You bought: tea\n", "You bought: green apples\n"]
    assert (body["echo"], body["logprobs"], body["model"]) == (True, 1, "tiny")


def test_what_leaves_is_redacted_and_no_key_of_openai_goes_along(
    server: CompletionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    ask(server.spec, "Write to ann.smith@example.com. You bought:")
    assert "example.com" not in json.dumps(server.bodies)
    assert "[email]" in server.bodies[0]["prompt"][0]
    assert "sk-of-openai" not in json.dumps(server.headers)


@pytest.mark.parametrize("answer", [like_llama_cpp, without_logprobs, lambda _: {}, lambda _: 404, lambda _: 400])
def test_servers_that_cannot_are_refused_in_words(server: CompletionServer, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(LostCauseError, match=r"does not return log-probabilities of given text.*vLLM.*\.gguf"):
        ask(server.spec)


def test_a_bad_moment_is_tried_again(server: CompletionServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.llm.completions.PAUSE_SECONDS", 0.0)
    statuses = [500, 503]
    server.answer = lambda body: statuses.pop() if statuses else like_vllm(body)
    assert len(ask(server.spec)) == 2
    assert len(server.bodies) == 3
    server.answer = lambda _: 500
    with pytest.raises(ModelError):
        ask(server.spec)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.llm.completions.PAUSE_SECONDS", 0.0)
    with pytest.raises(UnreachableError):
        ask("tiny@http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match="likelihood: needs its server's URL"):
        CompletionScorer("tiny")
