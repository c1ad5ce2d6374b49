"""Is what a provider keeps of a session reckoned as our requests and its documentation have it?"""

from __future__ import annotations

import asyncio

import pytest

from paars_gym.config import BudgetConfig, ModelConfig
from paars_gym.llm.chat import Message, Request, Usage, expected_tokens
from paars_gym.llm.prompt_cache import with_prompt_cache
from paars_gym.llm.stack import open_model

SYSTEM = Message(role="system", text="Shop. " * 1500)  # over 2,000 tokens
SONNET, HAIKU, GPT = "anthropic:claude-sonnet-4-5", "anthropic:claude-haiku-4-5", "openai:gpt-4.1-mini"


def said(*texts: str) -> tuple[Message, ...]:
    return tuple(Message(role=("user", "assistant")[turn % 2], text=text) for turn, text in enumerate(texts))


def request(*texts: str, system: Message = SYSTEM) -> Request:
    return Request(messages=(system, *said(*texts)))


FIRST, SECOND, THIRD = request("a"), request("a", "b", "c"), request("a", "b", "c", "d", "e")


def size(*messages: Message) -> int:
    return expected_tokens(Request(messages=messages))


def test_anthropic_reads_what_was_marked_and_is_paid_for_marking() -> None:
    system = size(SYSTEM)
    assert with_prompt_cache(None, FIRST, SONNET) == Usage(input=size(*FIRST.messages) - system, cache_write=system)
    # The first request marks its instructions alone: the rest of it was not kept.
    second = with_prompt_cache(FIRST, SECOND, SONNET)
    assert second == Usage(cache_read=system, cache_write=size(*SECOND.messages) - system)
    third = with_prompt_cache(SECOND, THIRD, SONNET)
    whole = size(*SECOND.messages)
    assert third == Usage(cache_read=whole, cache_write=size(*THIRD.messages) - whole)


def test_an_older_page_that_was_shortened_leaves_the_instructions() -> None:
    shortened = request("a", "b", "(left out)", "d", "e")
    assert with_prompt_cache(SECOND, shortened, SONNET).cache_read == size(SYSTEM)


def test_others_read_every_beginning_for_nothing() -> None:
    assert with_prompt_cache(None, FIRST, GPT) == Usage(input=size(*FIRST.messages))
    read = size(*FIRST.messages)
    assert with_prompt_cache(FIRST, SECOND, GPT) == Usage(input=size(*SECOND.messages) - read, cache_read=read)


@pytest.mark.parametrize("spec", [HAIKU, SONNET, GPT])
def test_what_is_too_short_is_not_kept(spec: str) -> None:
    system = SYSTEM if spec == HAIKU else Message(role="system", text="Shop.")
    short = request("a", system=system), request("a", "b", "c", system=system)
    assert with_prompt_cache(*short, spec) == Usage(input=size(*short[1].messages))


def test_another_session_and_other_tools_find_nothing() -> None:
    other = request("a", "b", "c", system=Message(role="system", text="Play. " * 1500))
    assert with_prompt_cache(other, SECOND, SONNET).cache_read == 0
    assert (
        with_prompt_cache(FIRST.model_copy(update={"output_schema": {"type": "object"}}), SECOND, GPT).cache_read == 0
    )


@pytest.mark.parametrize(("price", "cached"), [("1,10", False), ("1,10,0.1,1.25", True)])
def test_the_forecast_has_both_prices(price: str, cached: bool) -> None:
    async def go() -> float | None:
        model = open_model(ModelConfig(spec=SONNET, price=price), BudgetConfig(dry_run=True))
        for each in (FIRST, SECOND, THIRD):
            await model.complete(each)
        forecast = model.forecast("a session")
        assert forecast.usd is not None
        if forecast.usd_cached is not None:
            system, second = size(SYSTEM), size(*SECOND.messages)
            written, read = size(*THIRD.messages), system + second
            fresh = size(*FIRST.messages) - system
            output = 10 * forecast.output
            assert forecast.usd_cached == pytest.approx((fresh + 0.1 * read + 1.25 * written + output) / 1e6)
        return forecast.usd_cached

    assert (asyncio.run(go()) is not None) == cached
