"""Does a session of any length fit into the context, with the page that is open and a list of what was done?"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, ModelConfig
from paars_gym.llm.chat import Message, Reply, Request, ToolCall, estimate_tokens, expected_tokens
from paars_gym.llm.families import SCRIPTED
from paars_gym.personas.history import render_history, shorten_history
from paars_gym.personas.persona import SCALES, ConsumerProfile, Persona, Reasoning, ShoppingPreferences
from paars_gym.sessions.event import Event, History, Session, session_rng
from paars_gym.shop.env import RetailEnv
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_context import Context, Turn
from paars_gym.shoppers.llm_prompts import TOOLS, shopper_messages
from paars_gym.simulation.episode import ScheduledVisit, play_async

REQUEST = Request(messages=shopper_messages(None, "base", "tools"), tools=TOOLS)


def turn(number: int, size: int, *, error: str | None = None, text: bool = False) -> Turn:
    call = () if text else (ToolCall(id=f"c{number}", name="view", arguments="{}"),)
    page = f"Page {number}. " + "word " * size + "\nThe last line."
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
        assert messages[-1].text.endswith("The last line.\n</page>")


def test_no_room_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="context_tokens == 1000, but instructions and persona take"):
        Context(REQUEST, "", "Welcome.", budget=1_000)


def test_a_very_long_first_page_is_cut_in_its_middle() -> None:
    context = Context(REQUEST, "You came to browse", "Welcome. " + "x" * 90_000 + " The last line.", budget=5_000)
    request = context.request()
    assert expected_tokens(request) <= 5_000
    assert "Welcome." in request.messages[-1].text
    assert "left out" in request.messages[-1].text
    assert request.messages[-1].text.endswith("The last line.\n</page>")


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


def household(days: int = 400) -> Persona:
    """A persona as mining makes it by default: six thousand tokens of history, the older purchases last."""
    history = History(
        shopper="h",
        sessions=tuple(
            Session(
                shopper="h",
                key=f"{day}",
                start=(start := datetime(2016, 12, 1, 18, tzinfo=UTC) + timedelta(days=day)),
                events=tuple(
                    Event(
                        kind="purchase",
                        product=f"p{day}.{n}",
                        title=f"Product {day}.{n} of a brand",
                        price=3,
                        time=start,
                    )
                    for n in range(4)
                ),
            )
            for day in range(days)
        ),
    )
    known = {"confidence": 0.5, "evidence": "e" * 150}
    return Persona(
        shopper="h",
        profile=ConsumerProfile.model_validate({"home": {"value": "owner", **known}}),
        preferences=ShoppingPreferences.model_validate({name: {"value": 3, **known} for name in SCALES}),
        history=render_history(history, token_budget=6_000).text,
        reasoning=Reasoning(profile="r" * 800, preferences="r" * 800),
        source="mined",
    )


class Wanders:
    """Opens one product after another, and keeps what it was asked."""

    spec, family = "scripted:wanders", SCRIPTED

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        keys = [f"{letter}{number}" for letter in "hks" for number in range(1, 5)]
        arguments = json.dumps({"product_id": keys[len(self.requests) * (len(self.requests) + 1) // 2 % 12]})
        return Reply(tool_calls=(ToolCall(id=f"c{len(self.requests)}", name="view", arguments=arguments),))

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("condition", ["history", "persona"])
def test_forty_steps_of_a_whole_persona_fit_into_8k_tokens(catalog: Catalog, condition: Condition) -> None:
    model = Wanders()
    persona = household()
    assert estimate_tokens(persona.history) > 5_900
    shopper = LLMShopper(None, ModelConfig(spec=model, context_tokens=8_000), condition=condition)
    env = RetailEnv(catalog)
    arrival = ScheduledVisit("a", "h", persona, None, datetime(2018, 1, 6, tzinfo=UTC), session_rng(0, "a"))
    played = asyncio.run(play_async(shopper, env, arrival, max_steps=40))
    assert (played.session.end, played.steps, played.cause) == ("max_steps", 40, None)
    assert max(expected_tokens(request) for request in model.requests) <= 8_000
    # One prefix for the whole session, which providers cache.
    assert len({request.messages[:2] for request in model.requests}) == 1
    told = model.requests[0].messages[1].text
    assert "Product 399.3 " in told, "the newest stays"
    left_out = played.spent["history_lines_left_out"]
    assert left_out > 20
    assert f"(the oldest {left_out} of " in told
    assert estimate_tokens(told) > 2_000, "no more is left out than has to be"


def test_a_context_that_no_page_fits_into_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"context_tokens == 2000, must be at least \d+: instructions and tools take"):
        LLMShopper(None, ModelConfig(spec=Wanders(), context_tokens=2_000), condition="base")


def test_the_oldest_lines_go_first_and_headings_with_their_last_line() -> None:
    recent = "2017-11-01 (Wednesday)\n- a\n- b\n2017-11-08 (Wednesday)\n- c"
    text = f"2016-01, bought:\n- d\n2016-02, bought:\n- e\n{recent}"
    shortened = [shorten_history(text, tokens) for tokens in range(40)]
    found = {left_out: text.splitlines()[1:] for text, left_out in shortened if left_out}
    assert shorten_history(text, 100) == (text, 0)
    assert found[1][:2] == ["2016-02, bought:", "- e"]
    assert found[2] == recent.splitlines()
    assert found[4] == ["2017-11-08 (Wednesday)", "- c"]
    assert found[5] == []
    for tokens, (short, left_out) in enumerate(shortened):
        assert not left_out or estimate_tokens("\n".join(short.splitlines()[1:])) <= tokens
