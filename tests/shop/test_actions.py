from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paars_gym.catalog.filters import SORTS
from paars_gym.shop.actions import (
    ACTIONS,
    MAX_ACTION_CHARS,
    AddToCart,
    Back,
    Mistake,
    Purchase,
    RemoveFromCart,
    Search,
    Stop,
    View,
    parse_action,
    to_text,
)
from paars_gym.shop.tools import tool_schemas


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("search[red shoes]", Search(query="red shoes")),
        (" Search [ red   shoes ] ", Search(query="red shoes")),
        ("search[tea | max_price=9.5 | sort=price_low]", Search(query="tea", max_price=9.5, sort="price_low")),
        ("search[tea | in_stock=true | brand=Ede & Co]", Search(query="tea", in_stock=True, brand="Ede & Co")),
        ("search[a | b]", Search(query="a | b")),
        ("search[5'9\" rug [large]]", Search(query="5'9\" rug [large]")),
        ("search[ | category=Tea]", Search(query="", category="Tea")),
        ("view[B01]", View(product_id="B01")),
        ("add_to_cart[B01]", AddToCart(product_id="B01")),
        (
            "add_to_cart[B01 | units=2 | shoe size=41]",
            AddToCart(product_id="B01", units=2, options={"shoe size": "41"}),
        ),
        ("remove_from_cart[B01]", RemoveFromCart(product_id="B01")),
        ("back[]", Back()),
        ("purchase[ ]", Purchase()),
        ("stop[]", Stop()),
    ],
)
def test_text_grammar(text: str, action: object) -> None:
    assert parse_action(text) == action


CALL = {"query": "tea", "max_price": 9, "brand": None, "category": ""}


@pytest.mark.parametrize(
    "call",
    [
        {"name": "search", "arguments": CALL},
        {"name": "search", "arguments": json.dumps(CALL)},
        {"name": "search", "input": CALL},
        {"type": "tool_use", "id": "x", "name": "search", "input": CALL},
        {"id": "x", "type": "function", "function": {"name": "search", "arguments": json.dumps(CALL)}},
    ],
)
def test_tool_calls_of_both_providers_read_alike(call: dict[str, Any]) -> None:
    expected = Search(query="tea", max_price=9)
    assert parse_action(call) == expected
    assert parse_action(json.dumps(call)) == expected
    assert parse_action(expected) is expected


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("", "is not an action"),
        ("view B01", "search[words]"),
        ("viwe[B01]", "Did you mean view?"),
        ("view[]", "product_id"),
        ("back[2]", "takes nothing"),
        ("search[x | max_price=cheap]", "max_price"),
        ("search[x | min_price=9 | max_price=3]", "swap them"),
        ("search[x | sort=random]", "price_low"),
        ("add_to_cart[x | units=0]", "units"),
        ("{not json", "not valid JSON"),
        ("[" * 5_000, "at most"),
        ('{"a":' * 700, "not valid JSON"),
        ('{"name": "view", "arguments": "{"}', "not valid JSON"),
        ('{"name": "view", "arguments": [1]}', "must be a JSON object"),
        ('{"name": "view", "input": {"id": "x"}}', "product_id"),
        ('{"name": "fly", "input": {}}', "Unknown action"),
        ('{"input": {}}', '"name"'),
        (None, "not NoneType"),
        (3.5, "not float"),
        (f"search[{'x' * 1500}]", "1000"),
    ],
)
def test_mistakes_say_what_was_wrong(action: object, says: str) -> None:
    mistake = parse_action(action)
    assert isinstance(mistake, Mistake)
    assert says in mistake.message
    assert "\n" not in mistake.message


TEXT = st.text(max_size=40)
NAME = st.from_regex(r"[A-Za-z][\w ]{0,8}\w", fullmatch=True)
AN_ACTION = st.one_of(
    st.builds(
        Search,
        query=TEXT,
        max_price=st.none() | st.floats(0, 1e6),
        min_rating=st.none() | st.floats(1, 5),
        brand=st.none() | st.text(min_size=1, max_size=20),
        in_stock=st.booleans(),
        sort=st.sampled_from(SORTS),
    ),
    st.builds(
        AddToCart,
        product_id=TEXT.filter(bool),
        units=st.integers(1, 10),
        options=st.dictionaries(NAME, TEXT, max_size=3),
    ),
    st.builds(View, product_id=TEXT.filter(bool)),
    st.builds(RemoveFromCart, product_id=TEXT.filter(bool)),
    st.sampled_from([Back(), Purchase(), Stop()]),
)


@given(AN_ACTION)
def test_every_action_survives_being_written(action: Search) -> None:
    assert parse_action(to_text(action)) == action


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.text(max_size=200) | JSONS | st.builds("{}[{}]".format, st.sampled_from([*ACTIONS, "x"]), st.text()))
def test_no_input_raises(action: object) -> None:
    assert isinstance(parse_action(action), (Mistake, *ACTIONS.values()))


@given(st.sampled_from(list(ACTIONS)), st.dictionaries(st.sampled_from(["query", "product_id", "units"]), JSONS), JSONS)
def test_no_tool_call_raises(name: str, arguments: dict[str, Any], other: object) -> None:
    for call in ({"name": name, "input": arguments}, {"name": name, "arguments": other}, {"name": other}):
        assert isinstance(parse_action(call), (Mistake, *ACTIONS.values()))


def test_a_query_is_one_clean_line() -> None:
    action = parse_action({"name": "search", "input": {"query": "a\n\x00b\ud800  c"}})
    assert action == Search(query="a b c")


def test_schemas_describe_every_action_in_both_styles() -> None:
    openai, anthropic = tool_schemas("openai"), tool_schemas("anthropic")
    assert [tool["function"]["name"] for tool in openai] == [tool["name"] for tool in anthropic] == list(ACTIONS)
    search = anthropic[0]["input_schema"]
    assert openai[0]["function"]["parameters"] == search
    assert search["required"] == ["query"]
    assert search["properties"]["max_price"] == {"type": "number"}
    assert all(tool["description"] for tool in anthropic)
    with pytest.raises(ValueError, match="must be 'openai' or 'anthropic'"):
        tool_schemas("gemini")  # type: ignore[arg-type]


def test_long_actions_are_refused_by_length() -> None:
    assert isinstance(parse_action("search[" + "y" * MAX_ACTION_CHARS + "]"), Mistake)
