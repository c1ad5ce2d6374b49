"""Does every reply of the corpus become what it says, whole and in pieces, over real HTTP and through the real SDKs?

``replies/*.jsonl`` holds a case a line: a message (sent whole and in pieces), the chunks of a stream, a body as it
comes, or the content of an Anthropic message; and what it has to become.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from paars_gym.llm import errors
from paars_gym.llm.anthropic import AnthropicChat
from paars_gym.llm.chat import ChatModel, Message, Reply, Request, Tool
from paars_gym.llm.openai import OpenAIChat
from tests.redteam.answering import Answering, answering, events

NAMES = ("search", "add_to_cart", "next_page", "stop")
TOOLS = tuple(Tool(name=name, description=name, parameters={"type": "object", "properties": {}}) for name in NAMES)
REQUEST = Request(messages=(Message(role="system", text="Shop."), Message(role="user", text="Go.")), tools=TOOLS)


class Case(NamedTuple):
    name: str
    shape: str
    stream: bool
    body: bytes
    expect: dict[str, Any]


def cases() -> Iterator[Case]:
    for path in sorted((Path(__file__).parent / "replies").glob("*.jsonl")):
        for row in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(row)
            for shape, stream, kind, body in bodies(case):
                yield Case(f"{path.stem}: {case['name']} ({kind})", shape, stream, body, case["expect"])


def bodies(case: dict[str, Any]) -> Iterator[tuple[str, bool, str, bytes]]:
    """Shape, whether it is streamed, in words, and the body."""
    if "message" in case:
        choice = {"index": 0, "finish_reason": case["finish"], "message": case["message"]}
        yield "openai", False, "whole", json.dumps({"id": "x", "model": "m", "choices": [choice]}).encode()
        if case.get("stream", True):
            yield "openai", True, "one chunk", events(chunks([case["message"]], case["finish"]))
            yield "openai", True, "pieces", events(chunks(pieces(case["message"]), case["finish"]))
    elif "chunks" in case:
        yield "openai", True, "stream", events(case["chunks"], done=case["done"])
        yield "openai", False, "stream unasked", events(case["chunks"], done=case["done"])
    elif "content" in case:
        message = {"type": "message", "role": "assistant", "model": "m", "content": case["content"]}
        message |= {"stop_reason": case["stop_reason"], "usage": case["usage"]}
        yield "anthropic", False, "whole", json.dumps(message).encode()
        if case.get("stream", True):
            yield "anthropic", True, "events", events(blocks(case), named=True)
    else:
        body = case["body"].encode() if "body" in case else b""
        body = case["latin1"].encode("latin-1") if "latin1" in case else body
        body = case["utf16"].encode("utf-16") if "utf16" in case else body
        for shape in case.get("shapes", ["openai"]):
            yield shape, False, "whole", body
            yield shape, True, "for a stream", body


def chunks(deltas: list[dict[str, Any]], finish: str | None) -> list[dict[str, Any]]:
    made = [{"model": "m", "choices": [{"index": 0, "finish_reason": None, "delta": delta}]} for delta in deltas]
    return [*made, {"model": "m", "choices": [{"index": 0, "finish_reason": finish, "delta": {}}]}]


def pieces(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Its texts three characters at a time, and its calls one by one with an index, as OpenAI does."""
    deltas: list[dict[str, Any]] = []
    for name in ("reasoning_content", "content", "refusal"):
        text = message.get(name)
        deltas += [{name: text[at : at + 3]} for at in range(0, len(text), 3)] if isinstance(text, str) else []
        deltas += [{name: text}] if text and not isinstance(text, str) else []
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else [calls] if calls else []):
        deltas.append({"tool_calls": [{"index": index, **call}]})
    return [*deltas, {"function_call": message["function_call"]}] if "function_call" in message else deltas


def blocks(case: dict[str, Any]) -> list[dict[str, Any]]:
    usage = case["usage"]
    begin = {**usage, "output_tokens": 1} if isinstance(usage, dict) else usage
    told: list[dict[str, Any]] = [{"type": "message_start", "message": {"model": "m", "content": [], "usage": begin}}]
    for index, block in enumerate(case["content"]):
        kind = block["type"]
        empty = {**block, **{"text": {"text": ""}, "tool_use": {"input": {}}}.get(kind, {})}
        told.append({"type": "content_block_start", "index": index, "content_block": empty})
        text = block["text"] if kind == "text" else json.dumps(block["input"]) if block.get("input") else ""
        name = {"text": "text", "tool_use": "partial_json"}.get(kind, "")
        for at in range(0, len(text) if name else 0, 3):
            delta = {"type": f"{name}_delta", name: text[at : at + 3]}
            told.append({"type": "content_block_delta", "index": index, "delta": delta})
        told.append({"type": "content_block_stop", "index": index})
    told.append({"type": "ping"})
    told.append({"type": "message_delta", "delta": {"stop_reason": case["stop_reason"]}, "usage": usage})
    return [*told, {"type": "message_stop"}]


ALL = list(cases())


class Asking(NamedTuple):
    """One server, one event loop, and a client of each kind, for all cases."""

    server: Answering
    runner: asyncio.Runner
    models: dict[tuple[str, bool], ChatModel]

    def ask(self, case: Case, request: Request = REQUEST) -> Reply:
        kind = "text/event-stream" if case.stream else "application/json"
        self.server.say(case.body, kind)
        return self.runner.run(self.models[case.shape, case.stream].complete(request))


@pytest.fixture(scope="module")
def asking() -> Iterator[Asking]:
    with answering() as server, asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", "sk-planted-0123456789")
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        models: dict[tuple[str, bool], ChatModel] = {}
        for stream in (False, True):
            models["openai", stream] = OpenAIChat("m", base_url=f"{server.url}/v1", timeout_seconds=20, stream=stream)
            models["anthropic", stream] = AnthropicChat("claude-sonnet-5", timeout_seconds=20, stream=stream)
        yield Asking(server, runner, models)
        for model in models.values():
            runner.run(model.aclose())


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_reply(asking: Asking, case: Case) -> None:
    expect = case.expect
    if "error" in expect:
        with pytest.raises(errors.ModelError) as failed:
            asking.ask(case)
        assert type(failed.value).__name__ == expect["error"], failed.value
        refused = "RateLimit", "MissingKey", "OutOfCredit", "Request", "ContextLength"
        assert failed.value.answered == (not expect["error"].startswith(refused)), "an answer is paid for"
        return
    reply = asking.ask(case)
    assert reply.finish == expect["finish"]
    assert "text" not in expect or reply.text == expect["text"]
    if "raw" in expect:
        assert [[call.name, call.arguments] for call in reply.tool_calls] == [expect["raw"]]
    else:
        assert [[call.name, json.loads(call.arguments)] for call in reply.tool_calls] == expect.get("calls", [])
    keys = [call.id for call in reply.tool_calls]
    assert all(keys)
    assert len(set(keys)) == len(keys)
    if "usage" in expect:
        assert [reply.usage.input, reply.usage.output] == expect["usage"]
    assert len(reply.native) == expect.get("native", 0)
    # Strict in what it gives: it can be kept, and read again.
    assert Reply.model_validate_json(reply.model_dump_json()) == reply


def test_the_corpus_is_as_large_as_it_was() -> None:
    assert len(ALL) > 600
    assert {case.shape for case in ALL} == {"openai", "anthropic"}
