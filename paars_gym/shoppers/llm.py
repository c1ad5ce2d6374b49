"""A shopper that asks a language model: the tool loop, and the single answers (PAARS section 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, Field

from paars_gym.catalog.product import Product
from paars_gym.config import BudgetConfig, Condition, Configuration, ModelConfig
from paars_gym.llm.ask import ask
from paars_gym.llm.budget import Metered
from paars_gym.llm.chat import ChatModel, Effort, Message, Reply, Request, estimate_tokens, expected_tokens
from paars_gym.llm.errors import ContextLengthError
from paars_gym.llm.stack import open_model
from paars_gym.personas.history import shorten_history
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.sessions.step import ModelTurn
from paars_gym.shoppers.llm_context import NOTE, ROOM, Context, Turn, fixed_budget
from paars_gym.shoppers.llm_loops import Loops
from paars_gym.shoppers.llm_prompts import (
    ACTION_SCHEMA,
    TOOLS,
    Form,
    QueryAnswer,
    answerer_messages,
    choice_form,
    item_question,
    opening,
    query_question,
    read_action,
    shopper_messages,
    view_question,
)
from paars_gym.shoppers.protocol import GaveUp, check_condition

T = TypeVar("T", bound=BaseModel)
CONTEXT_TOKENS = 16_000
"""Longest request, where a `ModelConfig` does not say."""


class LLMOptions(Configuration):
    """How a language model's shopper asks, the options of a `ModelConfig`.

    Attributes:
        form: How actions are asked for: ``tools``; ``json`` and ``text`` are for models without tool calls.
        invalid_in_a_row: Gives up after so many.
        max_tokens: Of one answer, reasoning included.
        reasoning: How much to think, where a model takes it.
    """

    form: Form = "tools"
    invalid_in_a_row: int = Field(default=5, ge=1)
    max_tokens: int = Field(default=1_500, ge=1)
    reasoning: Effort | None = None


class LLMShopper:
    """A `Policy` and `Answerer` that asks a language model.

    Its replies become actions: a tool call by the shop's own action models, a reply without one as text of the grammar.
    What does not parse goes to the shop all the same, and its error is the next thing that the model reads. A refusal,
    several invalid actions in a row, or the same action on the same page over and over end the session as ``gave_up``.

    Attributes:
        name: ``llm``.
        condition: Which part of the persona the model reads.
        options: How it asks.
        context_tokens: Longest request. Older pages are put into words before it is longer, and of a long persona the
            oldest lines of the history are left out.
        temperatures: In sessions, and for single answers.
    """

    name = "llm"

    def __init__(
        self,
        persona: Persona | None,
        model: ModelConfig | ChatModel | str,
        budget: BudgetConfig | None = None,
        *,
        condition: Condition = "persona",
    ) -> None:
        """Args:
            persona: Whom to play when ``reset`` names nobody.
            model: A spec such as ``anthropic:claude-sonnet-5``, or a model, or either with its settings.
            budget: What it may take; a model is asked as it is where there is none. Shoppers that share a budget share
                a `Stack`: see `llm_shoppers`.
            condition: A row of Table 3.

        Raises:
            ValueError: Unknown condition or option, or a number out of range.
        """
        config = ModelConfig.of(model)
        self.condition = check_condition(condition)
        self.options = LLMOptions(**config.options)
        self.context_tokens = config.context_tokens or CONTEXT_TOKENS
        given = config.temperature
        self.temperatures = (1.0, 0.0) if given is None else (given, given)
        needed = _tokens_of_instructions(self.options.form) + ROOM
        if self.context_tokens < needed:
            raise ValueError(
                f"context_tokens == {self.context_tokens}, must be at least {needed}: instructions and tools take "
                f"{needed - ROOM}, and pages need {ROOM}."
            )
        given_as_it_is = budget is None and not isinstance(config.spec, str)
        self._meter = Metered(config.spec if given_as_it_is else open_model(config, budget))
        self._own = persona
        self._context: Context | None = None
        self._left_out = 0
        self._draw: int | None = None
        self._persona = persona
        self._action, self._said = "", Message(role="assistant")

    def session_request(self, persona: Persona | None, draw: int = 0) -> Request:
        """What every request of a session begins with; different draws get different answers."""

        def made(shown: Persona | None) -> Request:
            return self._session_request(shopper_messages(shown, self.condition, self.options.form), draw)

        return self._fitting(persona, made)

    def question(self, persona: Persona | None, text: str) -> Request:
        """A single question to a persona."""

        def made(shown: Persona | None) -> Request:
            return Request(
                messages=(*answerer_messages(shown, self.condition), Message(role="user", text=text)),
                temperature=self.temperatures[1],
                seed=0,
                max_tokens=self.options.max_tokens,
                reasoning=self.options.reasoning,
            )

        return self._fitting(persona, made)

    async def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._meter.begin()
        self._persona = self._own if persona is None else persona
        self._draw = int(rng.integers(2**31))
        self._intention = intention
        self._context = None
        self._invalid = 0
        self._loops = Loops()

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """See `Policy.act`.

        Raises:
            GaveUp: The model refuses, or acts invalidly again and again.
            ModelError: The model could not be asked.
            RuntimeError: There was no ``reset``.
        """
        if self._draw is None:
            raise RuntimeError("reset begins a session: call LLMShopper.reset(persona, intention, rng) before act.")
        if self._context is None:
            request = self.session_request(self._persona, self._draw)
            self._context = Context(
                request, opening(self._intention), observation, budget=self.context_tokens, form=self.options.form
            )
        else:
            self._invalid = 0 if info["action_valid"] else self._invalid + 1
            if self._invalid == self.options.invalid_in_a_row:
                raise GaveUp(f"{self._invalid} invalid actions in a row; the last: {info['error']}")
            note = self._loops.done(valid=info["action_valid"])
            self._context.add(Turn(self._action, self._said, observation, info["error"], note))
        reply = await self._complete(self._context)
        if reply.finish == "refusal":
            raise GaveUp(f"The model refuses: {reply.text[:200] or 'no reason given'}")
        self._action, self._said = read_action(reply)
        self._loops.about_to(self._action, observation, info)
        return self._action

    async def write_query(self, product: Product) -> str:
        """See `Answerer.write_query`."""
        return (await self._ask(query_question(product), QueryAnswer)).query

    async def choose_item(self, products: Sequence[Product]) -> int:
        """See `Answerer.choose_item`."""
        return await self._choose(item_question(products), len(products))

    async def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """See `Answerer.choose_view`."""
        return await self._choose(view_question(query, results), len(results))

    def telemetry(self) -> dict[str, Any]:
        """What the session, or the questions since ``reset``, took: calls, tokens by kind, usd, lines left out."""
        return {**self._meter.report(), "history_lines_left_out": self._left_out}

    def trace(self) -> ModelTurn | None:
        """See `Policy`; also of a single question, whose repair is a request of its own."""
        return self._meter.trace()

    async def aclose(self) -> None:
        """Closes the model."""
        await self._meter.aclose()

    def _session_request(self, messages: tuple[Message, ...], draw: int = 0) -> Request:
        return Request(
            messages=messages,
            **_means(self.options.form),
            temperature=self.temperatures[0],
            seed=draw,
            draw=draw,
            max_tokens=self.options.max_tokens,
            reasoning=self.options.reasoning,
        )

    def _fitting(self, persona: Persona | None, made: Callable[[Persona | None], Request]) -> Request:
        """The request, the persona's history so short that pages have room: always the same for the same persona."""
        request = made(persona)
        over = expected_tokens(request) - fixed_budget(self.context_tokens)
        self._left_out = 0
        if over <= 0 or persona is None or self.condition not in ("history", "persona"):
            return request
        history, self._left_out = shorten_history(
            persona.history, max(0, estimate_tokens(persona.history) - over - NOTE)
        )
        return made(persona.model_copy(update={"history": history}))

    async def _complete(self, context: Context) -> Reply:
        while True:
            request = context.request()
            try:
                return await self._meter.complete(request)
            except ContextLengthError:
                # The model's context is smaller than its provider says.
                if not context.shrink(request):
                    raise

    async def _ask(self, text: str, form: type[T]) -> T:
        answer, _ = await ask(self._meter, self.question(self._persona, text), form)
        return answer

    async def _choose(self, text: str, count: int) -> int:
        if count < 1:
            raise ValueError("There is nothing to choose from; give at least one product.")
        answer: Any = await self._ask(text, choice_form(count))
        return int(answer.choice) - 1


def _means(form: Form) -> dict[str, Any]:
    """Through which field of a request the model acts."""
    means: dict[Form, dict[str, Any]] = {
        "tools": {"tools": TOOLS},
        "json": {"output_schema": ACTION_SCHEMA},
        "text": {},
    }
    return means[form]


@lru_cache
def _tokens_of_instructions(form: Form) -> int:
    return expected_tokens(Request(messages=shopper_messages(None, "base", form), **_means(form)))
