"""Small shoppers for tests, deterministic given the session's generator."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from paars_gym.llm.budget import Pricing
from paars_gym.llm.chat import Message, Request, Usage
from paars_gym.llm.prices import parse_price
from paars_gym.llm.stack import Stack
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention

WORDS = ("kettle", "headphones", "running shoes", "red", "steel")


class Wanderer:
    """Searches, opens, sometimes buys, leaves; sometimes talks nonsense."""

    name = "wanderer"

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        self.rng = rng
        self.patience = int(rng.integers(2, 9))

    def act(self, observation: str, info: dict[str, Any]) -> str:
        if info["step"] >= self.patience:
            return "stop[]"
        choice = int(self.rng.integers(6))
        if choice == 0 or info["page"] == "home":
            return f"search[{WORDS[int(self.rng.integers(len(WORDS)))]}]"
        if choice == 1:
            return "nonsense \ud800"
        if info["product"] is not None:
            return "purchase[]" if info["cart"] else f"add_to_cart[{info['product']}]"
        return f"view[{info['results'][int(self.rng.integers(len(info['results'])))]}]" if info["results"] else "back[]"


class SlowWanderer(Wanderer):
    """The same, waiting before each action for a while that differs from run to run."""

    name = "wanderer"
    in_flight = 0
    most_in_flight = 0

    async def act(self, observation: str, info: dict[str, Any]) -> str:  # type: ignore[override]
        if info["step"] == 0:
            SlowWanderer.in_flight += 1
            SlowWanderer.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(np.random.default_rng().random() / 2000)
        action = super().act(observation, info)
        if action == "stop[]":
            SlowWanderer.in_flight -= 1
        return action


class Patient:
    """Searches a given number of times, less one, and leaves."""

    name = "patient"

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None: ...

    def act(self, observation: str, info: dict[str, Any]) -> str:
        return "search[kettle]" if info["step"] < self.patience - 1 else "stop[]"


class Mortal(Wanderer):
    """The same, whose process is killed at random, once in some 400 sessions; leaves a file each time."""

    name = "wanderer"

    def __init__(self, marks: str) -> None:
        self.marks = Path(marks)

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        super().reset(persona, intention, rng)
        if np.random.default_rng().random() < 1 / 400:
            (self.marks / uuid.uuid4().hex).touch()
            os.kill(os.getpid(), signal.SIGKILL)


class DiesAsking:
    """Asks a model once a session; the first process to have ten calls behind it dies with one under way."""

    name = "dies asking"
    asked = 0

    def __init__(self, model: Stack, marks: str) -> None:
        self.model, self.mark = model, Path(marks) / "died"

    async def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None: ...

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        DiesAsking.asked += 1
        if DiesAsking.asked > 10 and not self.mark.exists():
            self.mark.touch()
            price = Pricing(self.model.spec, parse_price("1,0"))
            assert self.model.ledger.reserve(self.model.spec, Usage(input=1_000, output=100), price)
            os.kill(os.getpid(), signal.SIGKILL)
        reply = await self.model.complete(Request(messages=(Message(role="user", text=observation),)))
        return reply.text
