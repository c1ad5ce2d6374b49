"""Shoppers that share one language model, and with it its limits, its budget and its cache; and their dry run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.config import BudgetConfig, Condition, ModelConfig
from paars_gym.llm.chat import ChatModel, fit
from paars_gym.llm.dry_run import NEXT_ACTION
from paars_gym.llm.stack import Stack, open_model
from paars_gym.personas.persona import Persona
from paars_gym.prompts import VERSION
from paars_gym.sessions.event import Intention
from paars_gym.sessions.step import ModelTurn
from paars_gym.shoppers.llm import LLMShopper


class ModelShoppers:
    """Makes the shoppers of a run, which share a model: call it for each.

    Attributes:
        model: What they share; its ``forecast`` says what a dry run would have taken.
        settings: What shapes the sessions, for the run's settings: every option with its value, not the limits, which
            another try may change, and never a key.
        at_once: How many questions to put at once; see `Stack`.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        model: Stack,
        settings: dict[str, Any],
        *,
        condition: Condition = "persona",
    ) -> None:
        self.model = model
        self.settings = {"model": model.spec, "family": model.family.name, "prompts": VERSION, **settings}
        if model.prompt:
            self.settings["prompt"] = model.prompt
        if model.environment:
            self.settings["environment"] = model.environment
        self.at_once = model.at_once
        self._make = make
        self._condition = condition

    def __call__(self) -> Any:
        shopper = self._make()
        return Rehearsal(shopper, self._condition) if self.model.dry_run else shopper

    async def aclose(self) -> None:
        """Closes the model."""
        await self.model.aclose()


def llm_shoppers(
    model: ModelConfig | ChatModel | str | None = None,
    budget: BudgetConfig | None = None,
    *,
    condition: Condition = "persona",
    announce: Callable[[str], None] | None = None,
) -> ModelShoppers:
    """`LLMShopper` objects that share one model with cache, budget, retries and limits.

    The settings of a run name in ``not_sent`` the parameters that this family of models does not accept, and as
    ``reasoning=none`` an effort that we had to choose; what a server refuses only when it is asked is in the telemetry.

    Args:
        model: A spec string, or a bare model, or either with its settings.
        budget: What all of them together may take.
        condition: A row of Table 3.
        announce: Told the id of each batch.

    Raises:
        ValueError: No model is named, or a setting is wrong.
        MissingKeyError: The key is not in the environment.
    """
    if model is None:
        raise ValueError("A policy that asks a language model needs one: --model openai:gpt-4.1-mini, for example.")
    stack = open_model(model, budget, announce=announce)
    shared = ModelConfig.of(model).model_copy(update={"spec": stack})
    example = LLMShopper(None, shared, condition="base")
    sessions, answers = example.temperatures
    requests = example.session_request(None), example.question(None, "?")
    settings = {
        "temperature": {"sessions": sessions, "answers": answers},
        "not_sent": sorted({name for request in requests for name in fit(request, stack.family)[1]}),
        **example.options.model_dump(),
        "context_tokens": example.context_tokens,
    }

    def make() -> LLMShopper:
        return LLMShopper(None, shared, condition=condition)

    return ModelShoppers(make, stack, settings, condition=condition)


class Rehearsal:
    """A shopper of a dry run: it asks as the shopper it is made of would, and acts as the behavioural shopper does.

    So prompts are the real ones, and sessions about as long as real ones.
    """

    def __init__(self, shopper: Any, condition: Condition) -> None:
        from paars_gym.shoppers.behavioural import BehaviouralShopper

        self.name = shopper.name
        self._asker = shopper
        self._actor = BehaviouralShopper(condition)

    async def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        await _awaited(self._asker.reset(persona, intention, rng))
        self._actor.reset(persona, intention, rng)

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`."""
        action = self._actor.act(observation, info)
        NEXT_ACTION.set(action)
        await _awaited(self._asker.act(observation, info))
        return action

    def telemetry(self) -> dict[str, Any]:
        """What the session asked."""
        return dict(getattr(self._asker, "telemetry", dict)())

    def trace(self) -> ModelTurn | None:
        """The last request and its answer, for the records of steps."""
        return getattr(self._asker, "trace", lambda: None)()

    async def aclose(self) -> None:
        """Closes the model."""
        if (aclose := getattr(self._asker, "aclose", None)) is not None:
            await aclose()

    async def write_query(self, product: Product) -> str:
        """See `Answerer.write_query`."""
        return str(await _awaited(self._asker.write_query(product)))

    async def choose_item(self, products: Sequence[Product]) -> int:
        """See `Answerer.choose_item`."""
        return int(await _awaited(self._asker.choose_item(products)))

    async def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """See `Answerer.choose_view`."""
        return int(await _awaited(self._asker.choose_view(query, results)))


async def _awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value
