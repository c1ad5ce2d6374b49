"""Does llama.cpp's server take our requests under chat templates that refuse what Qwen 3.5, Gemma and Mistral refuse?

The model is SmolLM2; the templates, in ``templates/``, are our own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from paars_gym.llm.chat import Message, Reply, Request, Tool, ToolCall
from paars_gym.llm.openai import OpenAIChat

pytestmark = pytest.mark.slow
TOOL = Tool(name="stop", description="Leaves.", parameters={"type": "object", "properties": {}})
SYSTEM = (Message(role="system", text="You shop."), Message(role="system", text="You are Ann."))
CALLED = (
    Message(role="assistant", tool_calls=(ToolCall(id="a1b2c3d4e", name="stop", arguments="{}"),)),
    Message(role="tool", call_id="a1b2c3d4e", text="Page 2"),
)
TWICE = (
    Message(
        role="assistant",
        tool_calls=tuple(ToolCall(id=key, name="stop", arguments="{}") for key in ("a1b2c3d4e", "b1b2c3d4e")),
    ),
    Message(role="tool", call_id="a1b2c3d4e", text="Page 2"),
    Message(role="tool", call_id="b1b2c3d4e", text="Not done."),
)
TURNS = {
    "two system turns": (*SYSTEM, Message(role="user", text="Page 1")),
    "two user turns": (*SYSTEM, Message(role="user", text="Page 1"), Message(role="user", text="Go on.")),
    "words": (
        *SYSTEM,
        Message(role="user", text="1"),
        Message(role="assistant", text=""),
        Message(role="user", text="2"),
    ),
    "a call": (*SYSTEM, Message(role="user", text="Page 1"), *CALLED),
    "two calls at once": (*SYSTEM, Message(role="user", text="Page 1"), *TWICE),
    "a call and words": (
        *(*SYSTEM, Message(role="user", text="Page 1"), *CALLED),
        *(Message(role="assistant", text="Hm."), Message(role="user", text="Page 3")),
    ),
}


@pytest.fixture(scope="module", params=["qwen", "gemma", "mistral"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    from benchmarks import local_server

    try:
        local_server.weights()
    except ImportError as missing:
        if os.environ.get("PAARS_REQUIRE_ALL") == "1":
            pytest.fail(f"PAARS_REQUIRE_ALL is set, and there is no local model: {missing}")
        pytest.skip(str(missing))
    template = Path(__file__).parent / "templates" / f"{request.param}.jinja"
    with local_server.local_server(template=template) as address:
        yield f"{address}/v1"


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("tools", [(), (TOOL,)], ids=["no tools", "tools"])
def test_the_server_answers(url: str, turns: str, tools: tuple[Tool, ...]) -> None:
    async def ask() -> Reply:
        model = OpenAIChat("local", base_url=url, timeout_seconds=300)
        try:
            return await model.complete(Request(messages=TURNS[turns], tools=tools, max_tokens=4, seed=1))
        finally:
            await model.aclose()

    assert asyncio.run(ask()).usage.output > 0


def test_the_template_refuses_what_it_should(url: str) -> None:
    import openai

    client = openai.OpenAI(api_key="not-needed", base_url=url, max_retries=0)
    user = {"role": "user", "content": "1"}
    for messages in ([user, {"role": "system", "content": "x"}, user], [user, user, user]):
        try:
            client.chat.completions.create(model="local", messages=messages, max_tokens=1)  # type: ignore[arg-type]
        except openai.APIError:
            break
    else:
        pytest.fail("it takes everything, so that the other tests say nothing")
    client.close()
