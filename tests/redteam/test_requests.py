"""Does every server get requests that it takes, on nobody else's account, and is every answer paid for?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm import errors
from paars_gym.llm.cache import request_key
from paars_gym.llm.chat import Message, Reply, Request, Tool, ToolCall
from paars_gym.llm.connection import environment_of
from paars_gym.llm.limits import Retrying
from paars_gym.llm.openai import OpenAIChat
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.llm.stack import make_model, open_model
from paars_gym.llm.turns import for_any_server, in_words
from paars_gym.shoppers.llm_context import Context, turn_seed
from paars_gym.shoppers.llm_prompts import read_action
from tests.redteam.answering import Answering, answering

TOOL = Tool(name="stop", description="Leaves.", parameters={"type": "object", "properties": {}})
CALLS = (ToolCall(id="a", name="stop", arguments="{}"), ToolCall(id="b", name="stop", arguments="{bro"))
LONG = (
    Message(role="system", text="You shop."),
    Message(role="system", text="You are Ann."),
    Message(role="user", text="Page 1"),
    Message(role="user", text="Go on."),
    Message(role="assistant", tool_calls=CALLS),
    Message(role="tool", call_id="a", text="Page 2"),
    Message(role="tool", call_id="b", text="Not done."),
    Message(role="assistant", text=""),
    Message(role="user", text="Page 3"),
    Message(role="system", text="Be quick."),
)
PLANTED = {
    "OPENAI_API_KEY": "sk-planted-openai-0123456789",
    "OPENAI_ORG_ID": "org-planted",
    "OPENAI_PROJECT_ID": "proj-planted",
    "OPENAI_CUSTOM_HEADERS": "X-Gate: planted-header\nAuthorization: Bearer planted-bearer",
}
WHOLE = {"model": "m", "choices": [{"finish_reason": "stop", "message": {"content": "stop[]"}}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    with answering() as one:
        one.say(json.dumps(WHOLE).encode())
        yield one


def ask(model: Any, request: Request | None = None) -> Reply:
    async def main() -> Reply:
        try:
            return await model.complete(request or Request(messages=LONG[:3]))
        finally:
            await model.aclose()

    return asyncio.run(main())


def test_one_system_turn_first_and_roles_that_alternate() -> None:
    turns = for_any_server(LONG)
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "tool", "tool", "assistant", "user"]
    assert turns[0].text == "You shop.\n\nYou are Ann.\n\nBe quick."
    assert turns[1].text == "Page 1\n\nGo on."
    assert for_any_server(turns) == turns
    assert [turn.role for turn in for_any_server(LONG[:2])] == ["user"], "a question without a user is none"


def test_in_words_no_turn_of_a_tool_is_left() -> None:
    turns = in_words(LONG)
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert not any(turn.tool_calls for turn in turns)
    assert turns[3].text == "Page 2\n\nNot done."


def test_what_goes_out(server: Answering) -> None:
    ask(OpenAIChat("m", base_url=f"{server.url}/v1"), Request(messages=LONG, tools=(TOOL,)))
    messages = json.loads(server.asked[0][2])["messages"]
    assert [one["role"] for one in messages].count("system") == 1
    answered = {one["tool_call_id"] for one in messages if one["role"] == "tool"}
    called = [call for one in messages for call in one.get("tool_calls", ())]
    assert {call["id"] for call in called} == answered
    assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in called)
    assert all(one["content"] or one.get("tool_calls") for one in messages)


@pytest.mark.parametrize("status", [400, 500])
def test_a_template_without_tool_turns_gets_words(server: Answering, status: int) -> None:
    said = "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."
    server.say(json.dumps({"error": {"code": status, "message": said}}).encode(), status=status)
    model = OpenAIChat("m", base_url=f"{server.url}/v1")
    with pytest.raises(errors.ModelError, match="alternate"):
        ask(model, Request(messages=LONG, tools=(TOOL,)))
    roles = [[one["role"] for one in json.loads(body)["messages"]] for _, _, body in server.asked]
    assert len(roles) == 2, "asked once more, in words, and no more than that"
    assert "tool" in roles[0]
    assert "tool" not in roles[1]


@pytest.mark.parametrize("provider", ["openai", "vllm", "ollama"])
def test_nothing_of_the_environment_reaches_another_host(server: Answering, provider: str) -> None:
    spec = f"{provider}:m@{server.url}/v1"
    ask(make_model(spec))
    path, headers, _ = server.asked[0]
    assert path == "/v1/chat/completions"
    assert "planted" not in json.dumps(headers)
    assert headers["authorization"] == "Bearer not-needed"
    assert environment_of(spec) == {}


def test_a_gateway_of_the_environment_is_in_settings_and_key(
    server: Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = Request(messages=LONG[:3])
    plain = environment_of("openai:gpt-4.1")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    stack = open_model("openai:gpt-4.1", BudgetConfig(cache=tmp_path / "c.sqlite"))
    assert stack.environment["OPENAI_BASE_URL"] == f"{server.url}/v1"
    assert stack.environment["OPENAI_ORG_ID"] == "org-planted"
    assert "planted-header" not in json.dumps(stack.report())
    assert stack.report()["environment"] == stack.environment
    assert request_key(stack.spec, request, stack.environment) != request_key(stack.spec, request, plain)
    monkeypatch.delenv("OPENAI_CUSTOM_HEADERS")
    assert environment_of("openai:gpt-4.1") != stack.environment
    asyncio.run(stack.aclose())


def test_a_redirect_is_not_followed(server: Answering) -> None:
    server.say(b"", status=307)
    with pytest.raises(errors.RequestError, match="sends us on"):
        ask(OpenAIChat("m", base_url=f"{server.url}/v1"))


@pytest.mark.parametrize("url", ["http://10.0.0.7:8000/v1", "http://gpu.example/v1"])
def test_plain_http_to_another_machine_warns(url: str) -> None:
    with pytest.warns(UserWarning, match="unencrypted"):
        make_model(f"openai:m@{url}")


@pytest.mark.parametrize(
    "url", ["http://localhost:1/v1", "http://127.0.0.9/v1", "http://[::1]/v1", "https://x.example"]
)
def test_others_do_not(url: str) -> None:
    make_model(f"openai:m@{url}")


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize(
    "form", ["{}", "<html>{}</html>", '{{"error": {{"message": "no {}"}}}}', '{{"detail": "Bearer {}"}}']
)
def test_an_echoed_key_is_never_shown(
    server: Answering, status: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("my/own+key=9", "abcd", "sk-planted-0123456789"):
        monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", key)
        server.say(form.format(key).encode(), status=status)
        with pytest.raises(errors.ModelError) as failed:
            ask(OpenAIChat("m", base_url=f"{server.url}/v1"))
        assert key not in str(failed.value)


@pytest.mark.parametrize(
    "body", ["<html>busy</html>", '{"choices": []}', '{"choices": [', "data: {}\n\n", '{"error": "boom"}', "[]"]
)
def test_an_answer_that_cannot_be_read_is_paid_for(
    server: Answering, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Retrying, "_wait", lambda *_: 0.0)
    server.say(body.encode())
    model = ModelConfig(spec=f"openai:m@{server.url}/v1", price="10,10")
    stack = open_model(model, BudgetConfig(max_usd=0.1, attempts=20))
    request = Request(messages=LONG[:3], max_tokens=1000)

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(errors.ModelError):
                await stack.complete(request)
        await stack.aclose()

    asyncio.run(main())
    # Ten dollars a million tokens: some cent each, so that nine calls and no tenth fit.
    assert stack.spending.calls == len(server.asked) == 9
    assert 0.09 <= stack.spending.usd <= 0.1
    assert stack.report()["calls_without_usage"] == 9


def test_tokens_that_an_unreadable_answer_tells_are_what_it_cost(server: Answering) -> None:
    server.say(json.dumps({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10}}).encode())
    stack = open_model(ModelConfig(spec=f"openai:m@{server.url}/v1", price="10,10"), BudgetConfig(attempts=1))
    with pytest.raises(errors.BrokenReplyError):
        ask(stack)
    assert (stack.spending.calls, stack.spending.usage.output) == (1, 10)
    assert stack.spending.usd == pytest.approx(0.0011)


def test_an_answer_without_usage_is_booked_at_its_reserve(server: Answering) -> None:
    stack = open_model(ModelConfig(spec=f"openai:m@{server.url}/v1", price="0,10"))
    reply = ask(stack, Request(messages=LONG[:3], max_tokens=1000))
    assert reply.usage.output == 1000
    assert stack.spending.usd == pytest.approx(0.01)
    assert stack.spending.estimated == 1


def test_a_refused_connection_costs_nothing() -> None:
    stack = open_model(ModelConfig(spec="openai:m@http://127.0.0.1:1/v1", price="0,10"), BudgetConfig(attempts=1))
    with pytest.raises(errors.UnreachableError):
        ask(stack)
    assert stack.spending.calls == 0


def test_a_seed_of_its_own_for_every_turn() -> None:
    context = Context(Request(messages=LONG[:2], seed=5), "You came to buy.", "Welcome.", budget=16_000)
    assert context.request().seed == turn_seed(5, 0)
    assert len({turn_seed(5, turn) for turn in range(100)} | {turn_seed(6, turn) for turn in range(100)}) == 200
    assert turn_seed(None, 3) is None


def test_the_prompt_of_the_configuration_is_sent_once() -> None:
    model = ScriptedChat([Line(text="yes", times=None)])
    stack = open_model(ModelConfig(spec=model, prompt="Answer in German."))
    ask(stack, Request(messages=LONG[:3]))
    ask(stack, Request(messages=LONG[2:3]))
    assert model.requests[0].messages[0].text == "You shop.\n\nAnswer in German."
    assert [turn.role for turn in model.requests[1].messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("<think>Hm.</think>\nview[k1]", "view[k1]"),
        ("```\nview[k1]\n```", "view[k1]"),
        ('```json\n{"name": "view", "inside": "k1"}\n```', "view[k1]"),
        ('<tool_call>{"name": "view", "arguments": {"product_id": "k1"}}</tool_call>', "view[k1]"),
        ('{"name": "view", "parameters": {"product_id": "k1"}}', "view[k1]"),
        ('view(product_id="k1")', "view[k1]"),
        ('The page says "purchase[]".', 'The page says "purchase[]".'),
    ],
)
def test_actions_in_text(text: str, action: str) -> None:
    assert read_action(Reply(text=text))[0] == action
