"""Can thousands of single questions be asked for half the price, and told beforehand what they would take?"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import BudgetConfig, ModelConfig, RunConfig
from paars_gym.llm import stack
from paars_gym.llm.batch import BATCHED_AT_ONCE, Batched
from paars_gym.llm.batch_api import Results
from paars_gym.llm.chat import Reply, Request, Usage, expected_tokens
from paars_gym.llm.dry_run import EXPECTED_ANSWER
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.shoppers.llm_shared import ModelShoppers
from paars_gym.shoppers.registry import answerer_factory

QUESTIONS = 1_200


class Provider:
    """Takes any number of requests, and chooses the first product."""

    max_requests, max_bytes = 50_000, 10**9

    async def aclose(self) -> None:
        pass

    def __init__(self) -> None:
        self.batches: list[dict[str, Request]] = []

    def size(self, request: Request) -> int:
        return 1_000

    async def submit(self, requests: dict[str, Request]) -> str:
        self.batches.append(requests)
        return f"b{len(self.batches)}"

    async def ended(self, batch: str) -> bool:
        return True

    async def results(self, batch: str) -> Results:
        usage = Usage(input=1_000, output=10)
        return {key: Reply(text='{"choice": 1}', usage=usage) for key in self.batches[int(batch[1:]) - 1]}


async def choose(shoppers: Any, catalog: Catalog, count: int) -> list[int]:
    """As benchmarks do: as many at once as the factory says, each by a shopper of its own."""
    waiting = iter(range(count))
    chosen: list[int] = []
    keys = [f"{letter}{number}" for letter in "hks" for number in range(1, 5)]

    async def work() -> None:
        for number in waiting:
            shopper = shoppers()
            await shopper.reset(None, None, np.random.default_rng(number))
            chosen.append(await shopper.choose_item([catalog[keys[(number // 12**n) % 12]] for n in range(4)]))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(count, shoppers.at_once)):
                group.create_task(work())
    finally:
        await shoppers.aclose()
    return chosen


def test_all_of_them_go_out_in_one_batch(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider, told = Provider(), list[str]()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    monkeypatch.setattr("paars_gym.llm.batch.batch_api", lambda _: provider)
    monkeypatch.setattr(stack, "Batched", partial(Batched, linger_seconds=0.3))
    shoppers = answerer_factory(
        RunConfig(
            policy="llm",
            condition="base",
            options={"announce": told.append},
            model=ModelConfig(spec="openai:gpt-4.1-mini"),
            budget=BudgetConfig(batches=tmp_path / "b.jsonl"),
        )
    )
    assert isinstance(shoppers, ModelShoppers)
    assert shoppers.at_once == BATCHED_AT_ONCE
    assert asyncio.run(choose(shoppers, catalog, QUESTIONS)) == [0] * QUESTIONS
    assert [len(batch) for batch in provider.batches] == [QUESTIONS]
    assert told == [f"handed in batch b1, 1,200 requests; its id is in {tmp_path / 'b.jsonl'}"]
    # Half of 0.4 and 1.6 dollars a million.
    assert shoppers.model.spending.usd == pytest.approx(QUESTIONS * (1_000 * 0.2 + 10 * 0.8) / 1e6)


def test_one_by_one_they_keep_to_the_concurrency() -> None:
    shoppers = answerer_factory(
        RunConfig(
            policy="llm",
            model=ModelConfig(spec="openai:own@http://127.0.0.1:1/v1"),
            budget=BudgetConfig(concurrency=7),
        )
    )
    assert isinstance(shoppers, ModelShoppers)
    assert shoppers.at_once == 7
    asyncio.run(shoppers.aclose())


def test_a_dry_run_says_what_questions_would_take(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    model = ModelConfig(spec="openai:gpt-4.1-mini", price="1,10")
    shoppers = answerer_factory(
        RunConfig(policy="llm", condition="base", model=model, budget=BudgetConfig(dry_run=True))
    )
    assert isinstance(shoppers, ModelShoppers)
    assert asyncio.run(choose(shoppers, catalog, 10)) == [0] * 10
    told = shoppers.model.report()
    question = LLMShopper(None, shoppers.model, condition="base").question(None, "x" * 300)
    assert told["calls"] == 10
    assert told["tokens"]["output"] == 10 * EXPECTED_ANSWER
    assert 5 * expected_tokens(question) < told["tokens"]["input"] < 20 * expected_tokens(question)
    forecast = shoppers.model.forecast("10 questions", times=5)
    assert (forecast.calls, forecast.input) == (50, 5 * told["tokens"]["input"])
    assert forecast.usd == pytest.approx(5 * told["usd"])
    assert told["usd"] == pytest.approx((told["tokens"]["input"] + 10 * told["tokens"]["output"]) / 1e6)
