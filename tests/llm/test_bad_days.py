"""What do the adapters and the retry loop make of a bad day, over real HTTP and with the real SDKs?"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from paars_gym.llm import errors
from paars_gym.llm.ask import read_answer
from paars_gym.llm.chat import Message, Reply, Request, Tool
from paars_gym.llm.limits import Retrying
from paars_gym.llm.stack import make_model
from paars_gym.personas.mining import ProfileAnswer

Ask = Callable[..., Reply]
PLANTED = "sk-planted-0123456789abcdef"
SPECS = {"openai": "openai:gpt-4.1-mini", "anthropic": "anthropic:claude-sonnet-5"}
SEARCH = Tool(
    name="search",
    description="Searches the shop.",
    parameters={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)


def question(**more: Any) -> Request:
    return Request(
        messages=(Message(role="system", text="You shop."), Message(role="user", text="Which kettle?")), **more
    )


def retrying(spec: str, waits: list[float], **more: Any) -> Retrying:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return Retrying(make_model(spec, **more), attempts=4, rng=np.random.default_rng(7), sleep=sleep)


def test_a_good_day(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.reply("The steel one.")
    reply = ask_once(spec, question(temperature=0.0, seed=3))
    assert (reply.text, reply.finish) == ("The steel one.", "stop")
    assert reply.usage.all_input > 0
    assert reply.usage.output > 0
    body = llmock.last_request.body
    if spec.startswith("anthropic"):
        assert reply.dropped == ("seed", "temperature")
        assert "temperature" not in body
        assert body["system"][-1]["cache_control"] == {"type": "ephemeral"}
    else:
        assert reply.dropped == ()
        assert (body["temperature"], body["seed"]) == (0.0, 3)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (503, errors.RateLimitError),
        (529, errors.RateLimitError),
        (400, errors.RequestError),
        (401, errors.MissingKeyError),
        (404, errors.RequestError),
    ],
)
def test_status(spec: str, llmock: Any, ask_once: Ask, status: int, kind: type[Exception]) -> None:
    llmock.fail(status)
    with pytest.raises(kind, match=str(status)):
        ask_once(spec)
    assert len(llmock.requests) == 1, "the SDK must not retry by itself"


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_transient_failures_are_tried_again(spec: str, llmock: Any, ask_once: Ask, status: int) -> None:
    llmock.fail(status, times=2).reply("at last")
    waits: list[float] = []
    model = retrying(spec, waits)
    assert ask_once(model).text == "at last"
    assert len(waits) == model.retries == 2
    if status == 500:
        assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2


def test_retry_after_is_honoured_up_to_a_cap(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.rate_limit(retry_after=7).rate_limit(retry_after=3000).reply("at last")
    waits: list[float] = []
    assert ask_once(retrying(spec, waits)).text == "at last"
    assert 7 <= waits[0] <= 7.2
    assert 120 <= waits[1] <= 120.4


def test_gives_up_after_the_last_attempt(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.outage()
    waits: list[float] = []
    with pytest.raises(errors.RateLimitError, match="503"):
        ask_once(retrying(spec, waits))
    assert (len(waits), len(llmock.requests)) == (3, 4)


def test_context_length_is_not_tried_again(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.context_overflow()
    waits: list[float] = []
    with pytest.raises(errors.ContextLengthError):
        ask_once(retrying(spec, waits))
    assert waits == []


def test_timeout(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.delay(1.0)
    begun = time.monotonic()
    with pytest.raises(errors.ModelTimeoutError):
        ask_once(spec, timeout_seconds=0.2)
    assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("disconnect", errors.UnreachableError),
        ("truncate", errors.BrokenReplyError),
        ("corrupt", errors.BrokenReplyError),
    ],
)
def test_a_broken_stream(spec: str, llmock: Any, ask_once: Ask, fault: str, kind: type[Exception]) -> None:
    llmock.reply("one two three four five six", times=2)
    getattr(llmock, fault)(after_chunks=3)
    with pytest.raises(kind):
        ask_once(spec, stream=True)
    assert ask_once(spec, stream=True).text == "one two three four five six"


def test_streamed_tool_calls_and_usage(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.call_tool("search", {"text": "red kettle"})
    reply = ask_once(spec, question(tools=(SEARCH,)), stream=True)
    assert reply.finish == "tool_calls"
    assert json.loads(reply.tool_calls[0].arguments) == {"text": "red kettle"}
    assert reply.usage.output > 0


def test_a_dropped_connection(provider: str, raw_server: Any, ask_once: Ask) -> None:
    raw_server.answers.append(b"")
    with pytest.raises(errors.UnreachableError):
        ask_once(SPECS[provider])


def test_a_body_that_ends_early(provider: str, raw_server: Any, ask_once: Ask) -> None:
    raw_server.say('{"id": "x", "choices": [', promise=500)
    with pytest.raises(errors.UnreachableError):
        ask_once(SPECS[provider])


@pytest.mark.parametrize("body", ['{"id": "x", "choices": [{"ind', "", "<html>busy</html>", "{}", "[]", "null"])
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_a_body_that_is_no_answer(provider: str, raw_server: Any, ask_once: Ask, body: str, kind: str) -> None:
    raw_server.say(body, kind=kind)
    with pytest.raises(errors.BrokenReplyError):
        ask_once(SPECS[provider])


def test_nobody_listens(provider: str, raw_server: Any, ask_once: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(errors.UnreachableError):
        ask_once(SPECS[provider])


def test_an_unknown_tool_and_malformed_arguments_are_data(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.break_tool_call("unknown_tool")
    reply = ask_once(spec, question(tools=(SEARCH,)))
    assert reply.finish == "tool_calls"
    assert reply.tool_calls[0].name != "search"
    if spec.startswith("openai"):
        llmock.break_tool_call("malformed_arguments")
        arguments = ask_once(spec, question(tools=(SEARCH,))).tool_calls[0].arguments
        with pytest.raises(json.JSONDecodeError):
            json.loads(arguments)


def test_a_refusal_is_a_reply(provider: str, raw_server: Any, ask_once: Ask) -> None:
    if provider == "anthropic":
        message: dict[str, Any] = {"type": "message", "role": "assistant", "model": "m", "id": "x", "content": []}
        raw_server.say(
            json.dumps({**message, "stop_reason": "refusal", "usage": {"input_tokens": 5, "output_tokens": 0}})
        )
        assert ask_once(SPECS[provider]).finish == "refusal"
        return
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "refusal": "I can't help."}}
    raw_server.say(json.dumps({"id": "x", "model": "m", "choices": [choice]}))
    assert ask_once(SPECS[provider]).text == "I can't help."
    filtered = {"error": {"message": "Filtered.", "code": "content_filter", "type": "x", "param": None}}
    raw_server.say(json.dumps(filtered), status="400 Bad Request")
    waits: list[float] = []
    assert ask_once(retrying(SPECS[provider], waits)).finish == "refusal"
    assert waits == []


def test_an_unsupported_parameter_is_left_out_from_then_on(raw_server: Any, ask_once: Ask) -> None:
    said = {"message": "no", "code": "unsupported_value", "param": "temperature", "type": "invalid_request_error"}
    raw_server.say(json.dumps({"error": said}), status="400 Bad Request")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}
    raw_server.say(json.dumps({"id": "x", "model": "m", "choices": [choice]}))
    reply = ask_once(SPECS["openai"], question(temperature=0.5))
    assert (reply.text, reply.dropped) == ("yes", ("temperature",))
    assert len(raw_server.heads) == 2


def test_an_error_inside_a_stream(provider: str, raw_server: Any, ask_once: Ask) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    raw_server.say(f"event: error\ndata: {json.dumps(error)}\n\n", kind="text/event-stream")
    with pytest.raises(errors.TransientError, match="Overloaded"):
        ask_once(SPECS[provider], stream=True)


def test_no_credit_is_not_tried_again(raw_server: Any, ask_once: Ask) -> None:
    said = {"message": "You exceeded your quota.", "code": "insufficient_quota", "type": "insufficient_quota"}
    raw_server.say(json.dumps({"error": said}), status="429 Too Many Requests")
    waits: list[float] = []
    with pytest.raises(errors.OutOfCreditError):
        ask_once(retrying(SPECS["openai"], waits))
    assert waits == []


def test_a_cut_off_answer_is_called_that(spec: str, llmock: Any, ask_once: Ask) -> None:
    llmock.reply('{"reasoning": "because ' + "very " * 50)
    reply = ask_once(spec, question(max_tokens=5))
    if reply.finish == "length":
        with pytest.raises(ValueError, match="cut off"):
            read_answer(reply, ProfileAnswer)
    else:
        with pytest.raises(ValueError, match="no valid JSON"):
            read_answer(reply, ProfileAnswer)


def test_keys_are_nowhere(provider: str, raw_server: Any, ask_once: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = {"message": f"Incorrect API key provided: {PLANTED}.", "type": "authentication_error"}
    raw_server.say(json.dumps({"type": "error", "error": said}), status="401 Unauthorized")
    with pytest.raises(errors.MissingKeyError) as caught:
        ask_once(SPECS[provider])
    assert PLANTED in raw_server.heads[0], "the key must have been sent, or this test proves nothing"
    shown = [str(caught.value), repr(caught.value), caplog.text]
    shown += traceback.format_exception(caught.value, chain=True)
    shown += [repr(make_model(SPECS[provider])), make_model(SPECS[provider]).spec]
    assert caught.value.__context__ is None
    assert all(PLANTED not in text for text in shown)


def test_an_own_server_never_gets_the_key_of_openai(
    raw_server: Any, ask_once: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}
    raw_server.say(json.dumps({"id": "x", "model": "m", "choices": [choice]}))
    assert ask_once(f"openai:local@{raw_server.url}/v1").text == "yes"
    assert PLANTED not in raw_server.heads[0]


def test_thirty_per_cent_faults_at_concurrency_fifty(spec: str, llmock: Any) -> None:
    from llmock.scenarios import Fail

    order = np.random.default_rng(5).choice([429, 500, 503, 529], size=60)
    llmock.add(*(Fail(int(status), retry_after=0.01 if status == 429 else None) for status in order))

    async def main() -> list[str]:
        model = Retrying(make_model(spec), attempts=10, base_seconds=0.001, rng=np.random.default_rng(1))
        gate = asyncio.Semaphore(50)

        async def one(number: int) -> str:
            async with gate:
                return (await model.complete(question(draw=number))).text

        try:
            return await asyncio.gather(*(one(number) for number in range(140)))
        finally:
            await model.aclose()

    assert all(asyncio.run(main()))
    assert len(llmock.requests) == 200
