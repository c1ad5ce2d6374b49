"""Does a session of any length fit into the context, with the page that is open and a list of what was done?"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.llm.chat import Message, Request, ToolCall, expected_tokens
from paars_gym.shoppers.llm_context import Context, Turn
from paars_gym.shoppers.llm_prompts import TOOLS, shopper_messages

REQUEST = Request(messages=shopper_messages(None, "base", "tools"), tools=TOOLS)


def turn(number: int, size: int, *, error: str | None = None, text: bool = False) -> Turn:
    call = () if text else (ToolCall(id=f"c{number}", name="view", arguments="{}"),)
    page = f"Page {number}. " + "word " * size + "\nYou can: stop[]"
    return Turn(f"view[p{number}]", Message(role="assistant", text="Hm." if text else "", tool_calls=call), page, error)


def test_forty_steps_fit_into_8k_tokens() -> None:
    context = Context(REQUEST, "You came to buy: a kettle", "Welcome.", budget=8_000)
    shortened = 0
    for number in range(40):
        context.add(turn(number, 400, error="Sold out." if number == 3 else None))
        before = len(context._summary)
        request = context.request()
        shortened += len(context._summary) > before
        assert expected_tokens(request) <= 8_000
        assert f"Page {number}." in request.messages[-1].text
    opening = request.messages[2].text
    assert opening.startswith("You came to buy: a kettle")
    assert "1. view[p0]\n2. view[p1]\n3. view[p2]\n4. view[p3] (refused: Sold out.)" in opening
    assert "Page 0." not in opening
    # Rarely, so that the provider's prompt cache keeps its use.
    assert shortened <= 12


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 3_000), st.booleans()), min_size=1, max_size=60),
    budget=st.integers(3_500, 20_000),
)
def test_never_longer_than_the_budget_and_always_well_formed(sizes: list[tuple[int, bool]], budget: int) -> None:
    context = Context(REQUEST, "You came to buy: a kettle", "Welcome.", budget=budget)
    for number, (size, text) in enumerate(sizes):
        context.add(turn(number, size, text=text))
        request = context.request()
        assert expected_tokens(request) <= budget
        messages = request.messages
        assert messages[: len(REQUEST.messages)] == REQUEST.messages
        roles = [message.role for message in messages[len(REQUEST.messages) :]]
        assert roles[0] == "user"
        for before, after in pairwise(messages):
            assert (after.role == "tool") == (before.role == "assistant" and bool(before.tool_calls))
        assert messages[-1].text.endswith("You can: stop[]\n</page>")


def test_no_room_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="context_tokens == 1000, but instructions and persona take"):
        Context(REQUEST, "", "Welcome.", budget=1_000)


def test_a_very_long_first_page_is_cut_in_its_middle() -> None:
    context = Context(REQUEST, "You came to browse", "Welcome. " + "x" * 90_000 + " You can: stop[]", budget=5_000)
    request = context.request()
    assert expected_tokens(request) <= 5_000
    assert "Welcome." in request.messages[-1].text
    assert "left out" in request.messages[-1].text
    assert request.messages[-1].text.endswith("You can: stop[]\n</page>")


def test_signed_reasoning_goes_back_until_what_it_was_bound_to_is_gone() -> None:
    context = Context(Request(messages=REQUEST.messages), "You came to buy: x", "home", budget=3_000)
    signed = ({"type": "thinking", "signature": "s"},)
    shortened = False
    for number in range(40):
        plain = turn(number, 100)
        context.add(plain._replace(said=plain.said.model_copy(update={"native": signed})))
        before = len(context._summary)
        kept = [message.native for message in context.request().messages if message.role == "assistant"]
        if len(context._summary) > before:
            shortened = True
            assert set(kept) == {()}
        elif not shortened:
            assert kept == [signed] * (number + 1)
    assert shortened
