"""Do questions through Ray Data LLM arrive as they are, and are they paid for, kept and tried again as any others?"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from paars_gym.cluster.data_llm import RayDataBatches
from paars_gym.cluster.session import Cluster
from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm.chat import Message, Reply, Request
from paars_gym.llm.errors import BudgetSpentError, RequestError
from paars_gym.llm.openai import OpenAIChat
from paars_gym.llm.stack import Stack, make_model, open_model

KEY = "sk-planted-0123456789abcdef"
pytestmark = pytest.mark.slow  # Ray starts in seconds


class Server(ThreadingHTTPServer):
    """Answers what a question asks for; ``busy`` is answered with 429 once, ``wrong`` always with 400."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.lock = threading.Lock()
        self.under_way = self.most = 0

    @property
    def spec(self) -> str:
        return f"openai:small@http://127.0.0.1:{self.server_address[1]}/v1"

    def asked(self) -> Counter[str]:
        return Counter(body["messages"][-1]["content"] for body in self.bodies)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:  # the name is http.server's
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        with self.server.lock:
            first = text not in self.server.asked()
            self.server.bodies.append(body)
            self.server.keys.add(self.headers["Authorization"])
            self.server.under_way += 1
            self.server.most = max(self.server.most, self.server.under_way)
        time.sleep(0.1)
        status, answer = 200, answer_to(text)
        if (text == "busy" and first) or text == "wrong":
            status = 400 if text == "wrong" else 429
            answer = {"error": {"message": f"{text}, {self.headers['Authorization']}"}}
        content = json.dumps(answer).encode()
        with self.server.lock:
            self.server.under_way -= 1
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def answer_to(text: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"re: {text}"}}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice], "usage": usage}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module", autouse=True)
def _packages() -> None:
    pytest.importorskip("ray.data", exc_type=ImportError)
    pytest.importorskip("aiohttp")


def question(text: str, **more: Any) -> Request:
    return Request(messages=(Message(role="user", text=text),), **more)


def stack(server: Server, folder: Path, max_usd: float | None = None, concurrency: int = 64) -> Stack:
    budget = BudgetConfig(
        max_usd=max_usd,
        cache=folder / "replies.sqlite",
        batches=folder / "batches.jsonl",
        batch_api=partial(RayDataBatches, concurrency=concurrency),
        ledger=folder / "ledger.jsonl",
        concurrency=concurrency,
    )
    return open_model(ModelConfig(spec=server.spec, price="1000,1000"), budget)


def put(model: Stack, requests: list[Request]) -> list[Reply | BaseException]:
    async def go() -> list[Reply | BaseException]:
        try:
            return await asyncio.gather(*map(model.complete, requests), return_exceptions=True)
        finally:
            await model.aclose()

    return asyncio.run(go())


def test_requests_arrive_as_they_are_and_failures_are_told_apart(
    cluster: Cluster, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Schemas that one table of all requests would mix up, or could not hold.
    schemas: list[dict[str, Any] | None] = [None, {"type": "object", "properties": {"a": {"enum": [1, "b", None]}}}, {}]
    requests = [question(f"question {n}", output_schema=schemas[n % 3], seed=n) for n in range(12)]
    requests += [question("busy"), question("wrong")]
    bare = make_model(server.spec)
    assert isinstance(bare, OpenAIChat)
    expected = sorted(json.dumps(bare.body(each)[0]) for each in [*requests, question("busy")])
    *replies, busy, wrong = put(stack(server, tmp_path, concurrency=5), requests)
    # What follows the number is a schema in words.
    said = [reply.text.split()[:3] for reply in replies if isinstance(reply, Reply)]
    assert said == [["re:", "question", str(n)] for n in range(12)]
    assert isinstance(busy, Reply)
    assert isinstance(wrong, RequestError)
    assert sorted(map(json.dumps, server.bodies)) == expected
    assert 2 <= server.most <= 5
    # The same questions again: what was answered is kept.
    before = len(server.bodies)
    again = put(stack(server, tmp_path), requests[:13])
    assert all(isinstance(reply, Reply) and reply.cached for reply in again)
    assert len(server.bodies) == before


def test_the_ledger_and_the_limit_are_those_of_any_call(cluster: Cluster, server: Server, tmp_path: Path) -> None:
    # A call costs 110 / 1,000 dollars and is entered at what it may cost: its text, and all of its 50 tokens of output.
    requests = [question(f"question {n} {'word ' * 100}", max_tokens=50) for n in range(10)]
    model = stack(server, tmp_path, max_usd=0.5)
    replies = put(model, requests)
    answered = sum(isinstance(reply, Reply) for reply in replies)
    assert 0 < answered < 10
    assert all(isinstance(reply, Reply | BudgetSpentError) for reply in replies)
    taken = model.ledger.taken()
    assert (taken.calls, taken.usd) == (answered, pytest.approx(0.11 * answered))
    assert taken.usd <= 0.5
    assert not taken.open
    assert len(server.bodies) == answered


def test_a_batch_whose_process_is_gone_is_sent_again(cluster: Cluster, server: Server, tmp_path: Path) -> None:
    model = stack(server, tmp_path)
    key = model._budgeted._handed_in(question("lost"))
    line = {"batch": "ray-data-gone", "spec": model.spec, "keys": [key]}
    (tmp_path / "batches.jsonl").write_text(json.dumps(line) + "\n")
    (reply,) = put(stack(server, tmp_path), [question("lost")])
    assert isinstance(reply, Reply)
    assert server.asked() == {"lost": 1}


def test_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with pytest.raises(ValueError, match="--ray-data sends to OpenAI"):
        RayDataBatches(make_model("anthropic:claude-sonnet-5"))
