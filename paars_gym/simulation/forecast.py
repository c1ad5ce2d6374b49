"""What would a run with a language model take? Sessions are rehearsed: real prompts, an offline shopper's actions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from paars_gym.llm.budget import Price, usd_of
from paars_gym.llm.chat import Reply, Request, ToolCall, Usage, expected_tokens
from paars_gym.llm.families import Family, family_of
from paars_gym.llm.spec import parse_spec
from paars_gym.personas.persona import Condition, Persona
from paars_gym.sessions.event import Intention
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.llm import LLMShopper
from paars_gym.simulation.population import run_population

SAMPLE = 24
"""Sessions that are rehearsed, at most."""
EXPECTED_OUTPUT = 60
"""Tokens that a turn takes, about: a tool call and a word about it; reasoning comes on top."""


class Forecast(NamedTuple):
    """What a run would take, about.

    Attributes:
        calls: One an action.
        input: Tokens, those that the provider would find in its prompt cache included.
        output: Tokens, without reasoning.
        usd: Without any discount for cached prompts; None when no price is known.
        rehearsed: Sessions it was reckoned from.
    """

    calls: int
    input: int
    output: int
    usd: float | None
    rehearsed: int

    def facts(self) -> list[tuple[str, str]]:
        """To be told, a line each."""
        return [
            ("calls", f"{self.calls:,}"),
            ("input tokens", f"{self.input:,}"),
            ("output tokens", f"{self.output:,}, without reasoning"),
            (
                "US dollars",
                "no price is known" if self.usd is None else f"{self.usd:,.2f} at most, without prompt caching",
            ),
            ("reckoned from", f"{self.rehearsed} sessions with the behavioural shopper's actions; nothing was sent"),
        ]


def forecast_run(
    model: str, *, sessions: int, price: Price | None = None, options: Mapping[str, Any] | None = None, **run: Any
) -> Forecast:
    """Calls, tokens and dollars that `run_population` with the policy ``llm`` would take, about; asks nobody.

    Args:
        model: Spec of the model.
        sessions: Of the run.
        price: Instead of the known one.
        options: Of `LLMShopper`.
        run: The other arguments of `run_population`.

    Raises:
        ValueError: As `run_population`.
    """
    shop = open_shop(run.get("catalog", "mini"), run.get("ranking", "bm25"), page_size=run.get("page_size", 10))
    stand_in = _StandIn(model)
    condition: Condition = run.get("condition", "persona")
    rehearsed = min(sessions, SAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        kept = {
            "out": Path(folder) / "rehearsal",
            "policy": lambda: _Rehearsal(stand_in, shop, condition, options or {}),
        }
        run_population(**{**run, **kept, "sessions": rehearsed, "concurrency": 1, "resume": False, "progress": None})
    calls = round(stand_in.calls * sessions / rehearsed)
    usage = Usage(input=round(stand_in.input * sessions / rehearsed), output=calls * EXPECTED_OUTPUT)
    return Forecast(calls, usage.input, usage.output, usd_of(model, usage, price), rehearsed)


class _StandIn:
    """Counts what it is asked, and says what it was told to say."""

    def __init__(self, spec: str) -> None:
        provider, model, base_url = parse_spec(spec)
        self.spec = spec
        self.family: Family = family_of(provider, model, base_url=base_url)
        self.calls = self.input = 0
        self.say = ""

    async def complete(self, request: Request) -> Reply:
        self.calls += 1
        self.input += expected_tokens(request)
        name, _, inside = self.say.partition("[")
        return Reply(tool_calls=(ToolCall(id=f"call_{self.calls}", name=name, arguments=inside),))

    async def aclose(self) -> None:
        pass


class _Rehearsal:
    """Shops like the behavioural shopper, and has the language model's shopper ask for each of its actions."""

    name = "rehearsal"

    def __init__(self, stand_in: _StandIn, shop: Shop, condition: Condition, options: Mapping[str, Any]) -> None:
        self._stand_in = stand_in
        self._actor = BehaviouralShopper(shop, condition)
        self._asker = LLMShopper(None, stand_in, condition=condition, **options)

    async def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        await self._asker.reset(persona, intention, rng)
        self._actor.reset(persona, intention, rng)

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        action = self._stand_in.say = self._actor.act(observation, info)
        await self._asker.act(observation, info)
        return action
