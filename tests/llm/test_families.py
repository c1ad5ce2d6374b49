"""Does each family get what it accepts, and is the rest named?"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from paars_gym.llm import make_model
from paars_gym.llm.anthropic import AnthropicChat
from paars_gym.llm.chat import Message, Request, Tool, ToolCall, fit
from paars_gym.llm.errors import MissingKeyError
from paars_gym.llm.families import family_of
from paars_gym.llm.openai import OpenAIChat
from paars_gym.llm.specs import parse_spec, spec_text
from paars_gym.llm.wire import enforceable
from paars_gym.personas.mining import PreferencesAnswer, ProfileAnswer

TOOL = Tool(name="stop", description="Leaves.", parameters={"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 5, "default": 2}}}
ALL = Request(
    messages=(Message(role="system", text="You shop."), Message(role="user", text="Go.")),
    tools=(TOOL,),
    output_schema=SCHEMA,
    temperature=1.0,
    seed=0,
    reasoning="low",
)


@pytest.mark.parametrize(
    ("spec", "dropped"),
    [
        ("openai:gpt-4o-mini", ("reasoning",)),
        ("openai:ft:gpt-4.1-mini-2025-04-14:me::1", ("reasoning",)),
        ("openai:gpt-4-turbo", ("output_schema", "reasoning")),
        ("openai:gpt-5-mini", ("seed", "temperature")),
        ("openai:o4-mini", ("seed", "temperature")),
        ("openai:gpt-5.1", ("seed", "temperature")),
        ("openai:gpt-5.4-mini", ("reasoning=none", "seed")),
        ("openai:gpt-6-sol", ("reasoning=none", "seed", "temperature")),
        ("openai:any@http://127.0.0.1:8000/v1", ("reasoning",)),
        ("anthropic:claude-sonnet-5", ("seed", "temperature")),
        ("anthropic:claude-opus-5-5", ("seed", "temperature")),
        ("anthropic:claude-haiku-4-5", ("reasoning", "seed", "temperature")),
        ("anthropic:claude-3-haiku-20240307", ("output_schema", "reasoning", "seed", "temperature")),
    ],
)
def test_what_is_dropped(spec: str, dropped: tuple[str, ...]) -> None:
    provider, model, base_url = parse_spec(spec)
    assert fit(ALL, family_of(provider, model, base_url=base_url))[1] == dropped


def test_tools_without_reasoning() -> None:
    family = family_of("openai", "gpt-5.5")
    plain = Request(messages=ALL.messages)
    assert fit(plain, family) == (plain, ())
    fitted, dropped = fit(plain.model_copy(update={"tools": (TOOL,)}), family)
    assert (fitted.reasoning, dropped) == ("none", ("reasoning=none",))


def test_asking_for_no_reasoning_where_there_is_none_drops_nothing() -> None:
    request = Request(messages=ALL.messages, reasoning="none")
    assert fit(request, family_of("openai", "gpt-4.1")) == (Request(messages=ALL.messages), ())


@pytest.mark.parametrize(
    ("model", "sent", "dropped"),
    [
        ("claude-opus-5", {"thinking": {"type": "disabled"}}, ()),
        ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}, ()),
        ("claude-opus-5-5", {"output_config": {"effort": "low"}}, ("reasoning=low",)),
        ("claude-haiku-4-5", {}, ()),
    ],
)
@pytest.mark.usefixtures("_keys")
def test_switching_reasoning_off(model: str, sent: dict[str, Any], dropped: tuple[str, ...]) -> None:
    body, left = AnthropicChat(model).body(Request(messages=ALL.messages, reasoning="none"))
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == sent
    assert left == dropped


@pytest.fixture
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-key")


@pytest.mark.usefixtures("_keys")
def test_a_schema_that_is_not_enforced_is_put_into_words() -> None:
    for model in (AnthropicChat("claude-3-haiku-20240307"), OpenAIChat("gpt-4-turbo")):
        body, _ = model.body(ALL)
        assert "response_format" not in body
        assert "output_config" not in body
        assert '"minimum":1' in str(body["messages"][-1]["content"])


@pytest.mark.usefixtures("_keys")
def test_body_of_openai() -> None:
    assert OpenAIChat("gpt-5.4").body(ALL)[0] == {
        "model": "gpt-5.4",
        "messages": [{"role": "system", "content": "You shop."}, {"role": "user", "content": "Go."}],
        "max_completion_tokens": 1024,
        "tools": [{"type": "function", "function": TOOL.model_dump()}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "strict": True,
                "schema": {
                    "type": "object",
                    "properties": {"n": {"type": "integer", "description": "minimum 1; maximum 5"}},
                    "additionalProperties": False,
                    "required": ["n"],
                },
            },
        },
        "temperature": 1.0,
        "reasoning_effort": "none",
    }


@pytest.mark.usefixtures("_keys")
def test_body_of_anthropic_in_a_conversation() -> None:
    calls = (ToolCall(id="a", name="view", arguments='{"id": "k1"}'), ToolCall(id="b", name="view", arguments="{bro"))
    turns = (
        Message(role="user", text="Go."),
        Message(role="assistant", tool_calls=calls),
        Message(role="tool", call_id="a", text="A kettle."),
        Message(role="tool", call_id="b", text="No such thing."),
        Message(role="user", text="And now?"),
    )
    body, _ = AnthropicChat("claude-sonnet-5").body(Request(messages=(ALL.messages[0], *turns), tools=(TOOL,)))
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][1] == {
        "type": "tool_use",
        "id": "b",
        "name": "view",
        "input": {"malformed": "{bro"},
    }
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "tool_result", "text"]
    assert body["system"] == [{"type": "text", "text": "You shop.", "cache_control": {"type": "ephemeral"}}]
    assert body["cache_control"] == {"type": "ephemeral"}


def closed(schema: Any) -> bool:
    """Every object closed, every property required, nothing that the providers refuse."""
    if isinstance(schema, list):
        return all(closed(one) for one in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and "properties" in schema:
        if schema["additionalProperties"] is not False or schema["required"] != list(schema["properties"]):
            return False
        if not all(closed(one) for one in schema["properties"].values()):
            return False
    banned = {"default", "title", "minimum", "maximum", "minLength", "maxLength"}
    return not banned & schema.keys() and all(closed(v) for k, v in schema.items() if k != "properties")


@pytest.mark.parametrize("form", [ProfileAnswer, PreferencesAnswer])
def test_the_forms_of_mining_can_be_enforced(form: Any) -> None:
    assert closed(enforceable(form.model_json_schema(), bounds=False))


def test_a_property_may_be_called_title() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string", "title": "Title"}}}
    assert enforceable(schema, bounds=False)["properties"] == {"title": {"type": "string"}}


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("openai:gpt-4.1", ("openai", "gpt-4.1", None)),
        ("openai:@cf/meta/llama@https://x.example/v1", ("openai", "@cf/meta/llama", "https://x.example/v1")),
        ("openai:ft:gpt-4.1-mini-2025-04-14:me::12", ("openai", "ft:gpt-4.1-mini-2025-04-14:me::12", None)),
        ("ollama:qwen3:8b", ("ollama", "qwen3:8b", "http://127.0.0.1:11434/v1")),
        ("ollama:qwen3:8b@http://gpu:11434", ("ollama", "qwen3:8b", "http://gpu:11434/v1")),
        ("vllm:Qwen/Qwen3-8B@http://127.0.0.1:8000/v1", ("vllm", "Qwen/Qwen3-8B", "http://127.0.0.1:8000/v1")),
        ("vllm:Qwen/Qwen3-8B@https://x.example", ("vllm", "Qwen/Qwen3-8B", "https://x.example/v1")),
        ("scripted:/tmp/a b.jsonl", ("scripted", "/tmp/a b.jsonl", None)),
    ],
)
def test_specs(spec: str, parts: tuple[str, str, str | None]) -> None:
    assert parse_spec(spec) == parts
    assert parse_spec(spec_text(parse_spec(spec))) == parts


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        ("openai:qwen3:8b@localhost:11434/v1", "openai:qwen3:8b@http://localhost:11434/v1"),
        ("openai:qwen3:8b@HTTP://localhost:11434/v1", "openai:qwen3:8b@http://localhost:11434/v1"),
        ("openai:qwen3@Https://x.example/v1", "openai:qwen3@https://x.example/v1"),
        ("openai:qwen3@http:/x.example/v1", "openai:qwen3@http://x.example/v1"),
        ("openai:qwen3@http//x.example", "openai:qwen3@http://x.example/v1"),
        ("openai:qwen3@//x.example/v1", "openai:qwen3@https://x.example/v1"),
        ("openai:qwen3@ftp://x.example/v1", "openai:qwen3@https://x.example/v1"),
        ("openai:qwen3@10.0.0.7:8000", "openai:qwen3@http://10.0.0.7:8000/v1"),
        ("openai:qwen3@api.example.com", "openai:qwen3@https://api.example.com/v1"),
        ("openai:qwen3@gpu:8000/v1", "openai:qwen3@http://gpu:8000/v1"),
        ("openai:qwen3@[::1]:8000/v1", "openai:qwen3@http://[::1]:8000/v1"),
        ("openai:qwen3 @http://localhost:8000/v1", "openai:qwen3@http://localhost:8000/v1"),
        ("openai:qwen3@ http://localhost:8000/v1", "openai:qwen3@http://localhost:8000/v1"),
        ("openai:http://localhost:8000/v1", "openai:NAME@http://localhost:8000/v1"),
        ("openai:localhost:8000/v1", "openai:NAME@http://localhost:8000/v1"),
        ("openai:127.0.0.1:8000", "openai:NAME@http://127.0.0.1:8000/v1"),
        ("openai:@cf/meta/llama", "openai:@cf/meta/llama@https://HOST/v1"),
        ("openai:me@home", "openai:me@home@https://HOST/v1"),
        ("ollama:qwen3:8b@localhost:11434", "ollama:qwen3:8b@http://localhost:11434/v1"),
        ("vllm:Qwen/Qwen3-8B@gpu:8000", "vllm:Qwen/Qwen3-8B@http://gpu:8000/v1"),
        ("vllm:Qwen/Qwen3-8B", "vllm:Qwen/Qwen3-8B@http://127.0.0.1:8000/v1"),
        ("anthropic:claude@localhost:8000/v1", "openai:claude@http://localhost:8000/v1"),
        ("anthropic:claude@https://x.example/v1", "openai:claude@https://x.example/v1"),
        ("openai:m@me:hunter2@localhost:8000/v1", "openai:NAME@http://HOST:PORT/v1"),
        ("openai:m@localhost:8000/v1?key=hunter2", "openai:NAME@http://HOST:PORT/v1"),
        ("OpenAI:gpt-4.1", "openai:gpt-4.1"),
        (" ollama:qwen3", "ollama:qwen3"),
    ],
)
def test_what_only_looks_like_a_server_is_refused_with_the_right_spelling(spec: str, right: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)write|mean") as refused:
        parse_spec(spec)
    assert right in str(refused.value)
    assert "hunter2" not in str(refused.value)
    if not {"NAME", "HOST"} & set(re.split(r"\W", right)):
        assert parse_spec(right) == parse_spec(spec_text(parse_spec(right)))


@pytest.mark.parametrize("spec", ["", "gpt-4.1", "openai:", "google:gemini", "openai:@http://x", "openai:m@http://"])
def test_wrong_specs(spec: str) -> None:
    with pytest.raises(ValueError, match=r"Write one of|needs a model name"):
        parse_spec(spec)


@pytest.mark.parametrize("end", ["?api_key=sk-planted", "#sk-planted", "/?k=sk-planted"])
def test_a_url_with_more_than_a_path_is_refused_and_not_repeated(end: str) -> None:
    with pytest.raises(ValueError, match=r"must end before its (query|fragment)") as refused:
        parse_spec(f"openai:m@http://127.0.0.1:1/v1{end}")
    assert "planted" not in str(refused.value)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="environment") as caught:
        parse_spec("openai:m@http://me:hunter2@127.0.0.1/v1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("spec", ["openai:gpt-4.1", "anthropic:claude-sonnet-5"])
def test_without_a_key(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(MissingKeyError, match="_API_KEY is not set"):
        make_model(spec)


def test_no_sdk_is_imported_before_a_model_is_made() -> None:
    code = (
        "import sys, paars_gym.llm, paars_gym.llm.stack, paars_gym.personas.mining\n"
        "print(sorted({'openai', 'anthropic', 'httpx2', 'genai_prices', 'phonenumbers', 'polars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
