"""The door: nothing personal goes further, nothing else is changed, and an agent can act on every id."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm.ask import ask
from paars_gym.llm.budget import Metered
from paars_gym.llm.chat import Message, Request, Tool, ToolCall
from paars_gym.llm.redacted import Redacted, as_sent, redacting
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.llm.stack import open_model
from paars_gym.personas.mining import ProfileAnswer
from paars_gym.personas.prompts import profile_messages
from paars_gym.redaction.texts import TextRedactor
from paars_gym.sessions.event import session_rng
from paars_gym.shop.env import RetailEnv
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_prompts import ACTION_SCHEMA, TOOLS, QueryAnswer, choice_form, shopper_messages
from paars_gym.simulation.episode import ScheduledVisit, play_async

SECRET = "jane@example.com"
# A card, a telephone number, a social security number and an EAN: what a shop may call its products.
IDS = ("4111111111111111", "4155552671", "078-05-1120", "4006381333931", "192.0.2.44")


def texts(request: Request) -> str:
    return request.model_dump_json()


def test_every_text_of_a_request_is_redacted() -> None:
    call = ToolCall(id="1", name="search", arguments=json.dumps({"query": SECRET}))
    request = Request(
        messages=(
            Message(role="system", text=f"of {SECRET}"),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", call_id="1", text=f"<page>\nresults for {SECRET}\n</page>"),
        ),
        tools=(Tool(name="mail", description=SECRET, parameters={"properties": {"to": {"enum": [SECRET]}}}),),
        output_schema={"properties": {"answer": {"enum": [SECRET], "description": SECRET}}},
    )
    door = Redacted(ScriptedChat([]))
    sent = door.as_sent(request)
    assert SECRET not in texts(sent)
    assert json.loads(sent.messages[1].tool_calls[0].arguments) == {"query": "[email]"}
    assert sent.output_schema == {"properties": {"answer": {"enum": ["[email]"], "description": "[email]"}}}
    assert door.as_sent(sent) is sent
    before = dict(door.counts)
    door.as_sent(request)
    assert door.counts == before


def test_our_own_prompts_tools_and_schemas_pass_unchanged() -> None:
    for messages in (
        shopper_messages(None, "base", "tools"),
        shopper_messages(None, "base", "text"),
        profile_messages("x"),
    ):
        request = Request(messages=messages, tools=TOOLS)
        assert Redacted(ScriptedChat([])).as_sent(request) is request
    for schema in (ACTION_SCHEMA, *(form.model_json_schema() for form in (ProfileAnswer, QueryAnswer, choice_form(4)))):
        request = Request(messages=(Message(role="user", text="?"),), output_schema=schema)
        assert Redacted(ScriptedChat([])).as_sent(request) is request


@pytest.mark.parametrize("key", IDS)
@pytest.mark.parametrize("observation", ["page", "json"])
def test_an_agent_can_act_on_ids_that_look_like_numbers_of_people(key: str, observation: str) -> None:
    catalog = Catalog.from_products(
        [Product(id=key, title=f"Kettle, write to {SECRET}", price=1299.0), Product(id="b2", title="Pot", price=9.0)],
        name="two",
        synthetic=True,
    )
    lines = [
        Line(text="search[kettle]"),
        Line(tool_calls=({"name": "view", "arguments": {"product_id": key}},)),  # type: ignore[arg-type]
        Line(text=f"add_to_cart[{key}]"),
        Line(text="stop[]"),
    ]
    model = ScriptedChat(lines)
    visit = ScheduledVisit("a", "s", None, None, datetime(2025, 1, 6, tzinfo=UTC), session_rng(0, "a"))
    env = RetailEnv(catalog, observation=observation)  # type: ignore[arg-type]
    played = asyncio.run(play_async(LLMShopper(None, model, condition="base"), env, visit, max_steps=9))
    assert [event.kind for event in played.session.events] == ["search", "view", "add", "stop"]
    assert played.invalid == 0
    last = model.requests[-1]
    assert SECRET not in texts(last)
    for message in last.messages[2:]:
        if "ettle" in message.text and message.role != "assistant":
            assert key in message.text
    assert any(key in call.arguments for message in last.messages for call in message.tool_calls)
    assert "1,299.00" in texts(last) or "1299.0" in texts(last)


def test_no_way_to_ask_goes_around_the_door() -> None:
    request = Request(messages=(Message(role="user", text=SECRET),))
    asked = [ScriptedChat([Line(text='{"query": "x"}')]) for _ in range(4)]

    async def all_ways() -> None:
        await open_model(asked[0]).complete(request)
        await Metered(asked[1]).complete(request)
        await ask(asked[2], request, QueryAnswer)
        await redacting(asked[3]).complete(request)

    asyncio.run(all_ways())
    assert [model.requests[0].messages[0].text for model in asked] == ["[email]"] * 4
    inner = redacting(asked[0])
    assert redacting(inner) is inner
    assert as_sent(Metered(open_model(asked[0])), request).messages[0].text == "[email]"


def test_a_record_of_a_step_holds_what_was_sent() -> None:
    meter = Metered(ScriptedChat([Line(text="x")]))
    asyncio.run(meter.complete(Request(messages=(Message(role="user", text=SECRET),))))
    turn = meter.trace()
    assert turn is not None
    assert SECRET not in turn.model_dump_json()


def test_the_account_counts_and_names_can_be_listed() -> None:
    redactor = TextRedactor(listed_names=["Ann Lee"])
    stack = open_model(ModelConfig(spec=ScriptedChat([Line(text="x")]), redactor=redactor), BudgetConfig())
    request = Request(messages=(Message(role="user", text=f"Ann Lee, {SECRET}"),))
    asyncio.run(stack.complete(request))
    assert stack.report()["redacted"] == {"name": 1, "email": 1}
    assert ModelConfig(spec="x", redactor=redactor).model_dump()["redactor"] == "usual, listed names"
