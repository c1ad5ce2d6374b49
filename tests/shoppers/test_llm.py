"""Does a scripted model shop as it was told, and are its mistakes the shop's business and not ours?"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import CONDITIONS, BudgetConfig, Condition, ModelConfig, RunConfig, ShopConfig
from paars_gym.llm.chat import Reply, Request
from paars_gym.llm.errors import ContextLengthError, MalformedAnswerError, RefusedError
from paars_gym.llm.scripted import Line, ScriptedChat
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, Reasoning, Score, ShoppingPreferences
from paars_gym.sessions.event import Intention, session_rng
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_shared import llm_shoppers
from paars_gym.shoppers.protocol import Answerer, Policy
from paars_gym.shoppers.registry import make_answerer, make_policy, policy_factory
from paars_gym.simulation.episode import Played, ScheduledVisit, play_async
from paars_gym.simulation.run import run

PERSONA = Persona(
    shopper="s1",
    profile=ConsumerProfile(categories=Interests(values=("Kettles",), confidence=0.9)),
    preferences=ShoppingPreferences(price_sensitivity=Score(value=4.5, confidence=0.8)),
    history="2025-01-02\n- bought Calor steel kettle 1.7 l at 34.90",
    reasoning=Reasoning(profile="Likes tea.", preferences="Counts pennies."),
    source="synthetic",
)
KETTLE = Intention(text="a kettle", goal="buy", budget=40.0)


@pytest.fixture(scope="module")
def shop(catalog: Catalog) -> Shop:
    return open_shop(catalog, "bm25")


def call(name: str, **arguments: Any) -> Line:
    return Line(tool_calls=({"name": name, "arguments": arguments},))  # type: ignore[arg-type]


def shop_once(model: Any, shop: Shop, *, steps: int = 50, persona: Persona | None = PERSONA, **options: Any) -> Played:
    condition = options.pop("condition", "persona")
    shopper = LLMShopper(None, ModelConfig(spec=model, options=options), condition=condition)
    env = RetailEnv(shop=shop)
    arrival = ScheduledVisit("a", "s1", persona, KETTLE, datetime(2025, 1, 6, tzinfo=UTC), session_rng(0, "a"))
    return asyncio.run(play_async(shopper, env, arrival, max_steps=steps))


def test_it_shops_by_tool_calls(shop: Shop) -> None:
    script = [
        call("search", query="kettle", max_price=40),
        call("view", product_id="k1"),
        call("add_to_cart", product_id="k1", units=2),
        call("purchase"),
        call("stop"),
    ]
    model = ScriptedChat(script)
    played = shop_once(model, shop)
    kinds = [event.kind for event in played.session.events]
    assert kinds == ["search", "view", "add", "purchase", "stop"]
    assert (played.session.end, played.invalid) == ("stop", 0)
    assert played.session.events[0].filters is not None
    assert played.session.events[3].units == 2
    assert played.spent["calls"] == 5
    assert played.spent["output"] > 0
    first, last = model.requests[0], model.requests[-1]
    assert first.temperature == 1.0
    assert [tool.name for tool in first.tools][:3] == ["search", "view", "add_to_cart"]
    assert [message.role for message in first.messages] == ["system", "system", "user"]
    assert "<need>\na kettle\n" in first.messages[2].text
    assert "at most 40" in first.messages[2].text
    assert first.messages[2].text.endswith("</page>")
    # The stable prefix: tools and system turns never change, and every turn stays as it was.
    assert last.tools == first.tools
    assert last.messages[:3] == first.messages
    assert [message.role for message in last.messages[3:5]] == ["assistant", "tool"]
    assert last.messages[4].call_id == last.messages[3].tool_calls[0].id


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_tell_what_they_may(shop: Shop, condition: Condition) -> None:
    model = ScriptedChat([call("stop")])
    shop_once(model, shop, condition=condition)
    told = model.requests[0].messages[1].text
    shown = {
        "profile": "Consumer profile" in told,
        "preferences": "price sensitivity" in told,
        "history": "Calor steel kettle" in told,
        "reasoning": "Counts pennies." in told,
    }
    whole = condition == "persona"
    assert shown == {name: whole or name == condition for name in shown}


def test_text_replies_are_actions_and_mistakes_come_back(shop: Shop) -> None:
    model = ScriptedChat([Line(text=text) for text in ("search[kettle]", "Hm.", "view[nope]", "`view[k2]`", "stop[]")])
    played = shop_once(model, shop)
    assert [event.kind for event in played.session.events] == ["search", "view", "stop"]
    assert (played.invalid, played.session.end) == (2, "stop")
    answers = [message.text for message in model.requests[-1].messages if message.role == "user"][1:]
    assert "'Hm.' is not an action" in answers[1]
    assert "no product 'nope'" in answers[2]


def test_json_form_is_held_to_a_schema(shop: Shop) -> None:
    said = [{"name": "search", "inside": "kettle | max_price=40"}, {"name": "stop", "inside": "bye"}]
    model = ScriptedChat([Line(text=json.dumps(one)) for one in said])
    played = shop_once(model, shop, form="json")
    assert [event.kind for event in played.session.events] == ["search", "stop"]
    assert model.requests[0].tools == ()
    assert model.requests[0].output_schema is not None


def test_an_unknown_tool_goes_back_in_words(shop: Shop) -> None:
    model = ScriptedChat(
        [call("teleport", to="checkout"), Line(tool_calls=({"name": "view", "arguments": '{"pro'},)), call("stop")]
    )  # type: ignore[arg-type]
    played = shop_once(model, shop)
    assert (played.invalid, played.session.end) == (2, "stop")
    turns = model.requests[-1].messages[3:]
    assert [turn.role for turn in turns] == ["assistant", "user", "assistant", "tool"]
    assert "Unknown action 'teleport'" in turns[1].text
    assert "not valid JSON" in turns[3].text


def test_only_the_first_of_several_calls_counts(shop: Shop) -> None:
    two = ({"name": "search", "arguments": {"query": "shoes"}}, {"name": "purchase", "arguments": {}})
    model = ScriptedChat([Line(tool_calls=two), call("stop")])  # type: ignore[arg-type]
    shop_once(model, shop)
    turns = model.requests[-1].messages[3:]
    assert [turn.role for turn in turns] == ["assistant", "tool", "tool"]
    assert turns[2].text.startswith("Not done")


def test_gives_up_after_k_invalid_actions_in_a_row(shop: Shop) -> None:
    nonsense = [Line(text="eh")] * 4 + [call("search", query="kettle")] + [Line(text="eh")] * 9
    played = shop_once(ScriptedChat(nonsense), shop)
    assert played.session.end == "gave_up"
    assert played.steps == 10
    assert played.cause is not None
    assert played.cause.startswith("5 invalid actions in a row")


def test_a_refusal_is_giving_up(shop: Shop) -> None:
    played = shop_once(ScriptedChat([Line(text="I can't.", finish="refusal")]), shop)
    assert (played.session.end, played.cause) == ("gave_up", "The model refuses: I can't.")


def test_half_surrogates_do_no_harm(shop: Shop) -> None:
    calls = ({"name": "search", "arguments": '{"query": "a\ud800b"}'},)
    played = shop_once(ScriptedChat([Line(text="x\ud800"), Line(tool_calls=calls), call("stop")]), shop)  # type: ignore[arg-type]
    assert played.session.end == "stop"


class Picky(ScriptedChat):
    """Refuses requests that are longer than it likes."""

    limit = 10_000

    async def complete(self, request: Request) -> Reply:
        if sum(len(message.text) for message in request.messages) > self.limit:
            raise ContextLengthError("HTTP 400: prompt is too long")
        return await super().complete(request)


def test_a_context_that_is_too_long_is_shortened(shop: Shop) -> None:
    lines = [call("view", product_id=key) for key in ("k1", "k2", "k3", "h1", "h2", "h3", "k1", "k3", "h2", "k2") * 3]
    model = Picky([*lines, call("stop")])
    played = shop_once(model, shop)
    assert (played.session.end, played.steps) == ("stop", 31)
    model = Picky([call("stop")])
    model.limit = 100
    assert (shop_once(model, shop).cause or "").startswith("ContextLengthError")


def test_answers(catalog: Catalog) -> None:
    products = [catalog[key] for key in ("k1", "h1", "s1", "s2")]
    model = ScriptedChat(
        [Line(text='{"query": "steel kettle"}'), Line(text='{"choice": 3}'), Line(text='{"choice": 2}')]
    )
    shopper = LLMShopper(PERSONA, model, condition="persona")
    assert isinstance(shopper, Answerer)
    assert isinstance(shopper, Policy)

    async def questions() -> tuple[str, int, int]:
        await shopper.reset(None, None, np.random.default_rng(0))
        return (
            await shopper.write_query(products[0]),
            await shopper.choose_item(products),
            await shopper.choose_view("red shoes", products),
        )

    assert asyncio.run(questions()) == ("steel kettle", 2, 1)
    assert {request.temperature for request in model.requests} == {0.0}
    assert all("Counts pennies." in request.messages[1].text for request in model.requests)
    schema = model.requests[1].output_schema
    assert schema is not None
    assert schema["properties"]["choice"]["enum"] == [1, 2, 3, 4]
    assert len(json.dumps(schema)) < 200
    assert shopper.telemetry()["calls"] == 3


def test_an_answer_gets_one_repair(catalog: Catalog) -> None:
    products = [catalog["k1"], catalog["h1"]]

    async def choose(*texts: str, finish: Any = None) -> int:
        shopper = LLMShopper(None, ScriptedChat([Line(text=text, finish=finish) for text in texts]), condition="base")
        await shopper.reset(None, None, np.random.default_rng(0))
        return await shopper.choose_item(products)

    assert asyncio.run(choose('{"choice": 5}', '{"choice": 2}')) == 1
    with pytest.raises(MalformedAnswerError):
        asyncio.run(choose("the first", "really, the first"))
    with pytest.raises(RefusedError):
        asyncio.run(choose("no", finish="refusal"))


def test_by_name_and_offline(tmp_path: Path, catalog: Catalog) -> None:
    script = tmp_path / "replies.jsonl"
    rows = [{"tool_calls": [{"name": "search", "arguments": {"query": "kettle"}}], "when": "<need>", "times": 12}]
    script.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"text": "stop[]", "times": None}]))
    budget = BudgetConfig(cache=tmp_path / "cache.sqlite", max_usd=1.0)
    model, shop = ModelConfig(spec=f"scripted:{script}"), ShopConfig(catalog=catalog)
    config = RunConfig(sessions=6, policy="llm", condition="base", max_steps=4, model=model, budget=budget)
    tally = run(tmp_path / "run", config, shop)
    assert tally.done == 6
    assert tally.ends["policy_error"] == 0
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["policy"]["model"] == f"scripted:{script}"
    assert not {"budget", "max_usd"} & set(settings["policy"])
    # The finished run again, with everything forbidden: not one call, and the same bytes.
    offline = BudgetConfig(cache=budget.cache, offline=True)
    again = run(tmp_path / "again", config.model_copy(update={"budget": offline}), shop)
    logs = [sorted((tmp_path / name / "sessions.jsonl").read_text().splitlines()) for name in ("run", "again")]
    assert logs[0] == logs[1]
    told = [json.loads(row) for row in (tmp_path / "again" / "telemetry.jsonl").read_text().splitlines()]
    assert sum(row["calls"] for row in told) == 0
    assert sum(row["from_cache"] for row in told) > 6
    assert again.usd == 0


def test_the_run_names_what_a_family_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-planted-0123456789abcdef")
    shoppers = llm_shoppers("anthropic:claude-sonnet-5", condition="base")
    assert shoppers.settings["not_sent"] == ["seed", "temperature"]
    assert "planted" not in json.dumps(shoppers.settings)
    asyncio.run(shoppers.aclose())


def test_shoppers_of_one_factory_share_the_model(shop: Shop, tmp_path: Path) -> None:
    script = tmp_path / "s.jsonl"
    script.write_text('"stop[]"\n')
    make = policy_factory(RunConfig(policy="llm", condition="base", model=ModelConfig(spec=f"scripted:{script}")))
    one, two = make(), make()
    assert one is not two
    assert one._meter.model is two._meter.model  # type: ignore[attr-defined]
    assert isinstance(make_answerer("llm", model=ModelConfig(spec=f"scripted:{script}")), Answerer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs one"),
        ({"model": ModelConfig(spec="gpt")}, "Unknown model"),
        ({"model": ModelConfig(spec="FILE", options={"form": "xml"})}, "form == 'xml'"),
        ({"model": ModelConfig(spec="FILE", options={"invalid_in_a_row": 0})}, "must be >= 1"),
        ({"model": ModelConfig(spec="FILE"), "budget": BudgetConfig(offline=True)}, "needs a cache"),
        ({"model": ModelConfig(spec="FILE"), "colour": "red"}, "colour"),
        ({"model": ModelConfig(spec="FILE", options={"colour": "red"})}, "'colour'. Available: form, invalid"),
    ],
)
def test_wrong_options_say_what_is_possible(shop: Shop, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    script = tmp_path / "s.jsonl"
    script.write_text('"stop[]"\n')
    model, budget = options.get("model"), options.get("budget")
    if model is not None and model.spec == "FILE":
        model = model.model_copy(update={"spec": f"scripted:{script}"})
    own = {name: value for name, value in options.items() if name not in ("model", "budget")}
    with pytest.raises(ValueError, match=message):
        make_policy("llm", condition="base", options=own, model=model, budget=budget)


def test_no_persona_no_condition(shop: Shop) -> None:
    played = shop_once(ScriptedChat([call("stop")]), shop, persona=None)
    assert played.session.end == "policy_error"
    assert "needs a persona" in (played.cause or "")


def test_acting_before_reset_says_what_to_do() -> None:
    shopper = LLMShopper(None, ScriptedChat([call("stop")]), condition="base")
    with pytest.raises(RuntimeError, match=r"call LLMShopper\.reset"):
        asyncio.run(shopper.act("Welcome.", {}))
