"""Do sessions and questions work end to end with a real model, small as it is, through both SDKs?"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.config import ModelConfig
from paars_gym.llm.chat import ChatModel
from paars_gym.llm.errors import MalformedAnswerError
from paars_gym.llm.families import Family
from paars_gym.llm.stack import make_model
from paars_gym.personas.persona import ConsumerProfile, Interests, Persona, ShoppingPreferences
from paars_gym.shoppers.llm_shared import llm_shoppers
from paars_gym.simulation.run import run_population
from tests.shoppers.held_messages import held_messages

pytestmark = pytest.mark.slow
PERSONA = Persona(
    shopper="s",
    profile=ConsumerProfile(categories=Interests(values=("Kettles",))),
    preferences=ShoppingPreferences(),
    source="synthetic",
)
# The API of Anthropic's SDK without what only Anthropic's models do.
PLAIN = Family("llama.cpp behind /v1/messages", temperature=False, seed=False, tools=True, schema=False)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from benchmarks import local_server

    try:
        importlib.import_module("xllamacpp")
        local_server.weights()
    except ImportError as missing:
        if os.environ.get("PAARS_REQUIRE_ALL") == "1":
            pytest.fail(f"PAARS_REQUIRE_ALL is set, and there is no local model: {missing}")
        pytest.skip(str(missing))
    with local_server.local_server() as url:
        yield url


@pytest.fixture(params=["openai", "anthropic"])
def model(request: pytest.FixtureRequest, address: str, monkeypatch: pytest.MonkeyPatch) -> ChatModel:
    if request.param == "openai":
        return make_model(f"openai:local@{address}/v1", timeout_seconds=300)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not-needed")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    return make_model("anthropic:local", timeout_seconds=300, family=PLAIN)


def test_four_sessions(model: ChatModel, tmp_path: Path, catalog: Catalog) -> None:
    held_to_schema = model.spec.startswith("openai")
    shoppers = llm_shoppers(
        ModelConfig(
            spec=model, options={"form": "json" if held_to_schema else "text", "max_tokens": 48}, context_tokens=3500
        ),
        condition="profile",
    )
    tally = run_population(
        out=tmp_path / "run", sessions=4, catalog=catalog, policy=shoppers, personas=[PERSONA], condition="profile",
        max_steps=5, page_size=4, concurrency=1,
    )  # fmt: skip
    assert tally.done == 4
    assert tally.ends["policy_error"] == 0
    told = [json.loads(row) for row in (tmp_path / "run" / "telemetry.jsonl").read_text().splitlines()]
    assert all(row["output"] > 0 and row["input"] + row["cache_read"] > 0 for row in told)
    # Held to the schema, even 135 million parameters write actions; free text of theirs is seldom one.
    if held_to_schema:
        assert sum(row["steps"] - row["invalid"] for row in told) > 0


@pytest.fixture(params=["openai", "anthropic"])
def held_model(request: pytest.FixtureRequest, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatModel]:
    """The model, its answers held to the schema of the question, as both providers do."""
    if request.param == "openai":
        yield make_model(f"openai:local@{address}/v1", timeout_seconds=300)
        return
    with held_messages(address) as url:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "not-needed")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        yield make_model("anthropic:local", timeout_seconds=300, family=PLAIN._replace(schema=True))


def test_twenty_questions(held_model: ChatModel, catalog: Catalog) -> None:
    shoppers = llm_shoppers(ModelConfig(spec=held_model, options={"max_tokens": 24}), condition="base")
    shelf = [catalog[key] for key in ("k1", "h1", "s1", "s4")]

    async def ask() -> list[Any]:
        answers: list[Any] = []
        for number in range(20):
            shopper = shoppers()
            await shopper.reset(None, None, np.random.default_rng(number))
            order = [shelf[(number + place) % 4] for place in range(4)]
            try:
                if number % 5 == 0:
                    answers.append(await shopper.write_query(order[0]))
                elif number % 2:
                    answers.append(await shopper.choose_item(order))
                else:
                    answers.append(await shopper.choose_view(("kettle", "shoes")[number % 4 // 2], order))
            except MalformedAnswerError as error:
                answers.append(error)
        await shoppers.aclose()
        return answers

    answers = asyncio.run(ask())
    assert len(answers) == 20
    # A choice is one of four numbers, whatever the model thinks; only a query may run on until it is cut off.
    choices = [answer for number, answer in enumerate(answers) if number % 5]
    assert all(isinstance(choice, int) and 0 <= choice < 4 for choice in choices), choices
    assert shoppers.model.spending.calls >= 20
