"""What would a run with a language model take? Sessions are rehearsed: real prompts, an offline shopper's actions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from paars_gym.config import Condition
from paars_gym.llm.budget import Price
from paars_gym.llm.chat import Usage
from paars_gym.llm.stand_in import EXPECTED_TURN, StandIn
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.shoppers.behavioural import BehaviouralShopper
from paars_gym.shoppers.llm_crew import Crew, llm_crew
from paars_gym.simulation.run import run_population

SAMPLE = 24
"""Sessions that are rehearsed, at most."""
EXPECTED_OUTPUT = EXPECTED_TURN


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
                "no price is known: give one as --price IN,OUT"
                if self.usd is None
                else f"{self.usd:,.2f} at most, without prompt caching",
            ),
            ("reckoned from", f"{self.rehearsed} sessions with the behavioural shopper's actions; nothing was sent"),
        ]


def forecast_run(
    model: str | Crew,
    *,
    sessions: int,
    price: Price | None = None,
    options: Mapping[str, Any] | None = None,
    **run: Any,
) -> Forecast:
    """Calls, tokens and dollars that `run_population` with a language model would take, about; asks nobody.

    Args:
        model: Spec of the model, or a crew made for a dry run.
        sessions: Of the run.
        price: Instead of the known one; a crew has its own.
        options: Of `LLMShopper`; a crew has its own.
        run: The other arguments of `run_population`.

    Raises:
        ValueError: As `run_population`, or the crew is not for a dry run.
    """
    condition: Condition = run.get("condition", "persona")
    if isinstance(model, str):
        model = llm_crew(model=model, condition=condition, price=price, dry_run=True, **(options or {}))
    crew, stand_in = model, model.stand_in
    if stand_in is None:
        raise ValueError("This crew would ask its model: make it with dry_run=True.")
    rehearsed = min(sessions, SAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        kept = {"out": Path(folder) / "rehearsal", "policy": lambda: _Rehearsal(crew, stand_in, condition)}
        run_population(**{**run, **kept, "sessions": rehearsed, "concurrency": 1, "resume": False, "progress": None})
    tally = crew.model.tally
    calls = round(tally.calls * sessions / rehearsed)
    usage = Usage(input=round(tally.usage.input * sessions / rehearsed), output=calls * EXPECTED_OUTPUT)
    return Forecast(calls, usage.input, usage.output, crew.model.usd_of(usage), rehearsed)


class _Rehearsal:
    """Shops like the behavioural shopper, and has the language model's shopper ask for each of its actions."""

    name = "rehearsal"

    def __init__(self, crew: Crew, stand_in: StandIn, condition: Condition) -> None:
        self._stand_in = stand_in
        self._actor = BehaviouralShopper(condition)
        self._asker = crew()

    async def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        await self._asker.reset(persona, intention, rng)
        self._actor.reset(persona, intention, rng)

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        action = self._stand_in.say = self._actor.act(observation, info)
        await self._asker.act(observation, info)
        return action
