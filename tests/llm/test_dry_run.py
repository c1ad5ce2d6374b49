"""Does a stand-in answer every form that this package asks for, without a key, and is the forecast its count?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field

from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm.ask import ask
from paars_gym.llm.chat import Message, Request, Tool, expected_tokens
from paars_gym.llm.dry_run import EXPECTED_ANSWER, EXPECTED_TURN, NEXT_ACTION, StandIn
from paars_gym.llm.stack import Stack, open_model
from paars_gym.personas.mining import PreferencesAnswer, ProfileAnswer
from paars_gym.shoppers.llm_prompts import ACTION_SCHEMA, QueryAnswer, choice_form, read_action

DRY = BudgetConfig(dry_run=True, max_usd=0.0, offline=True)
QUESTION = Request(messages=(Message(role="user", text="Which kettle?"),))


class Awkward(BaseModel):
    """Limits of all kinds."""

    pairs: list[tuple[int, int]] = Field(min_length=0)
    words: list[str] = Field(min_length=2)
    number: int = Field(ge=3, le=9)
    text: str = Field(min_length=12, max_length=20)
    perhaps: float | None
    sure: bool


@pytest.mark.parametrize("form", [ProfileAnswer, PreferencesAnswer, QueryAnswer, choice_form(4), Awkward])
def test_it_gives_an_answer_that_fits(form: type[BaseModel]) -> None:
    model = open_model("anthropic:claude-haiku-4-5", DRY)
    answer, replies = asyncio.run(ask(model, QUESTION, form))
    assert isinstance(answer, form)
    assert len(replies) == 1
    assert replies[0].usage.output >= EXPECTED_ANSWER


@pytest.mark.parametrize(
    "means",
    [
        {"tools": (Tool(name="search", description="Search.", parameters={}),)},
        {"output_schema": ACTION_SCHEMA},
        {},
    ],
)
def test_in_a_session_it_acts_in_the_form_that_is_wanted(means: dict[str, Any]) -> None:
    async def act() -> str:
        NEXT_ACTION.set("view[k1]")
        reply = await StandIn("openai:gpt-4.1-mini").complete(QUESTION.model_copy(update=means))
        assert reply.usage.output == EXPECTED_TURN
        assert bool(reply.tool_calls) == ("tools" in means)
        return read_action(reply)[0]

    assert "view" in asyncio.run(act())


def test_the_forecast_is_the_count_times_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def asked(price: str | None, budget: BudgetConfig = DRY) -> Stack:
        model = open_model(ModelConfig(spec="openai:own@http://127.0.0.1:1/v1", price=price), budget)
        for _ in range(3):
            await model.complete(QUESTION)
        return model

    forecast = asyncio.run(asked("1,10")).forecast("3 of 30 questions", times=10)
    assert (forecast.calls, forecast.input, forecast.output) == (
        30, 30 * expected_tokens(QUESTION), 30 * EXPECTED_TURN,
    )  # fmt: skip
    assert forecast.usd == pytest.approx((forecast.input + 10 * forecast.output) / 1e6)
    facts = dict(forecast.facts())
    assert facts["calls"] == "30"
    assert facts["reckoned from"] == "3 of 30 questions; nothing was sent"
    assert "no price is known" in dict(asyncio.run(asked(None)).forecast("3 questions").facts())["US dollars"]


def test_a_forecast_needs_a_dry_run() -> None:
    with pytest.raises(ValueError, match="asked in earnest"):
        open_model("openai:own@http://127.0.0.1:1/v1").forecast("nothing")


def test_a_model_with_everything_around_it_is_given_back() -> None:
    model = open_model("openai:own@http://127.0.0.1:1/v1")
    assert open_model(model) is open_model(ModelConfig(spec=model), BudgetConfig(max_usd=9)) is model
    asyncio.run(model.aclose())
