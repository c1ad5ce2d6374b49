"""Does any JSON at all become a `Reply` or a `ModelError`, and nothing else?"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.llm.chat import Reply
from paars_gym.llm.errors import ModelError
from paars_gym.llm.replies import Asked, read_reply
from paars_gym.llm.turns import json_object
from paars_gym.llm.written import without_thoughts, written_calls
from tests.redteam.test_replies import NAMES, events

ASKED = Asked("openai:m@http://127.0.0.1:1/v1", frozenset(NAMES), "1:1:2")
CALL = {"id": "a", "index": 0, "type": "function", "function": {"name": "search", "arguments": '{"query": "x"}'}}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
MESSAGE = {"role": "assistant", "content": "stop[]", "refusal": None, "tool_calls": [CALL], "reasoning_content": "Hm"}
CHOICE = {"index": 0, "finish_reason": "stop", "message": MESSAGE}
CHUNK = {"model": "m", "choices": [{"index": 0, "finish_reason": None, "delta": MESSAGE}], "usage": None}
BLOCKS = [
    {"type": "thinking", "thinking": "Hm", "signature": "s"},
    {"type": "tool_use", "id": "a", "name": "stop", "input": {}},
]
USED = {"input_tokens": 7, "output_tokens": 3}
VALID: list[list[Any]] = [
    [{"id": "x", "model": "m", "choices": [CHOICE], "usage": USAGE}],
    [{"type": "message", "model": "m", "content": BLOCKS, "stop_reason": "tool_use", "usage": USED}],
    [CHUNK, CHUNK, {"choices": [], "usage": USAGE}],
    [
        {"type": "message_start", "message": {"model": "m", "usage": USED}},
        {"type": "content_block_start", "index": 0, "content_block": BLOCKS[1]},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": USED},
        {"type": "message_stop"},
    ],
    [{"error": {"message": "slow", "code": 429, "type": "rate_limit_error"}}],
]
WORDS = st.sampled_from(
    [
        "stop[]",
        "<think>",
        "</think>",
        "<tool_call>",
        "[TOOL_CALLS]",
        "```json",
        "search",
        '{"name": "stop"}',
        "\ud800",
        "{}",
        "",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | WORDS
FIELDS = st.sampled_from(
    [
        "content",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "choices",
        "message",
        "delta",
        "usage",
        "error",
        "type",
        "id",
    ]
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=4), inner, max_size=4)
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += [(value, key), *places(inner)]
    return found


@st.composite
def mutated(draw: st.DrawFn) -> list[Any]:
    values = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 4))):
        spots = places(values)
        if not spots:
            break
        container, key = draw(st.sampled_from(spots))
        what = draw(st.sampled_from(["replace", "remove", "double"]))
        if what == "remove":
            del container[key]
        elif what == "double" and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        else:
            container[key] = draw(VALUES)
    return values


def check(body: bytes | dict[str, Any], asked: Asked = ASKED) -> None:
    try:
        reply = read_reply(body, asked)
    except ModelError:
        return
    assert Reply.model_validate_json(reply.model_dump_json()) == reply
    assert all(call.id for call in reply.tool_calls)
    # What goes back with the next request.
    json.dumps([*reply.native, *(json_object(call.arguments) for call in reply.tool_calls)], allow_nan=False)
    assert min(reply.usage.model_dump().values()) >= 0
    reply.message().model_dump_json()


@settings(max_examples=400, deadline=None)
@given(values=mutated(), cut=st.none() | st.integers(0, 200))
def test_mutated_replies(values: list[Any], cut: int | None) -> None:
    for body in (json.dumps(values[0] if values else {}).encode(), events(values), events(values, done=False)):
        check(body)
        check(body[:cut] if cut is not None else body, ASKED._replace(tools=frozenset()))
    if values and isinstance(values[0], dict):
        check(values[0])


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_random_bytes(body: bytes) -> None:
    check(body)
    check(b"data: " + body + b"\n\n")


@settings(max_examples=300, deadline=None)
@given(
    text=st.lists(
        WORDS | st.text(max_size=6) | st.sampled_from(['"', "{", "[", "(", "query=", "\n", "<function=", ">"]),
        max_size=12,
    ).map("".join)
)
def test_random_texts(text: str) -> None:
    told, calls = written_calls(without_thoughts(text), NAMES)
    assert isinstance(told, str)
    assert all(isinstance(call.name, str) for call in calls)


@pytest.mark.parametrize(
    "unit", ["{", "[", "<tool_call>", "<think>", "```", '{"a":', "</think>", "[ARGS]", "<parameter=x>", "(", "a "]
)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (19_000 // len(unit))
    for body in (text, f"<tool_call>{text}", f"<think>{text}"):
        written_calls(without_thoughts(body), NAMES)
    check(
        json.dumps(
            {
                "choices": [
                    {"message": {"content": text, "tool_calls": [{"function": {"name": "stop", "arguments": text}}]}}
                ]
            }
        ).encode()
    )


def test_half_a_surrogate_pair_in_a_block_that_is_kept() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    call = {"type": "tool_use", "id": "\ud800", "name": "stop", "input": {"why": "\udfff"}}
    check({"type": "message", "content": [thought, call], "stop_reason": "tool_use"})


def test_numbers_that_json_has_not() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    for number in (float("inf"), float("-inf"), float("nan")):
        check({"type": "message", "content": [thought, {"type": "tool_use", "id": number, "name": "stop"}]})
        check({"type": "message", "content": [thought, {**BLOCKS[1], "input": {"page": number}}]})
    for written in ("NaN", "Infinity", "1e999"):
        call = {"function": {"name": "search", "arguments": f'{{"page": {written}}}'}}
        check({"choices": [{"message": {"tool_calls": [call]}}]})
