"""How does a language model shop as a persona? The tool loop, and the single answers (PAARS section 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.llm.ask import ask
from paars_gym.llm.chat import ChatModel, Effort, Message, Reply, Request, estimate_tokens, expected_tokens
from paars_gym.llm.errors import ContextLengthError
from paars_gym.llm.stack import payable
from paars_gym.personas.history import shorten_history
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention
from paars_gym.shoppers.llm_account import Account
from paars_gym.shoppers.llm_context import NOTE, ROOM, Context, Turn, fixed_budget
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
    shopper_messages,
    view_question,
)
from paars_gym.shoppers.llm_reading import read_action
from paars_gym.shoppers.protocol import GaveUp, check_condition

T = TypeVar("T", bound=BaseModel)
SESSION_TEMPERATURE, ANSWER_TEMPERATURE = 1.0, 0.0
"""Our choice: the paper's temperatures are missing from the text that we have."""


class LLMShopper:
    """A `Policy` and `Answerer` that asks a language model.

    Its replies become actions: a tool call by the shop's own action models, a reply without one as text of the grammar.
    What does not parse goes to the shop all the same, and its error is the next thing that the model reads. A refusal,
    or several invalid actions in a row, end the session as ``gave_up``.

    Attributes:
        name: ``llm``.
        condition: Which part of the persona the model is told.
    """

    name = "llm"

    def __init__(
        self,
        persona: Persona | None,
        model: str | ChatModel,
        *,
        condition: Condition = "persona",
        form: Form = "tools",
        invalid_in_a_row: int = 5,
        context_tokens: int = 16_000,
        max_tokens: int = 1_500,
        reasoning: Effort | None = None,
    ) -> None:
        """Args:
            persona: Whom to play when ``reset`` names nobody.
            model: A spec such as ``anthropic:claude-sonnet-5``, or a model.
            condition: A row of Table 3.
            form: How actions are asked for: ``tools``; ``json`` and ``text`` are for models without tool calls.
            invalid_in_a_row: Gives up after so many.
            context_tokens: Longest request. Older pages are put into words before it is longer, and of a long persona
                the oldest lines of the history are left out.
            max_tokens: Of one answer, reasoning included.
            reasoning: How much to think, where a model can be told.

        Raises:
            ValueError: Unknown condition or form, or a number out of range.
        """
        if form not in ("tools", "json", "text"):
            raise ValueError(f"form == {form!r}, must be 'tools', 'json' or 'text'.")
        if invalid_in_a_row < 1 or max_tokens < 1:
            raise ValueError(f"{invalid_in_a_row=} and {max_tokens=} must be >= 1.")
        self.condition = check_condition(condition)
        self._account = Account(payable(model) if isinstance(model, str) else model)
        self._own = persona
        self._form = form
        self._patience = invalid_in_a_row
        self._context_tokens = context_tokens
        self._context: Context | None = None
        self._left_out = 0
        self._draw: int | None = None
        self._settings: dict[str, Any] = {"max_tokens": max_tokens, "reasoning": reasoning}
        self._persona = persona
        self._action, self._said = "", Message(role="assistant")
        needed = _tokens_of_instructions(form) + ROOM
        if context_tokens < needed:
            raise ValueError(
                f"context_tokens == {context_tokens}, must be at least {needed}: instructions and tools take "
                f"{needed - ROOM}, and pages need {ROOM}."
            )

    @property
    def options(self) -> dict[str, Any]:
        """Every option that shapes a session, the defaults included."""
        return {
            "form": self._form,
            "invalid_in_a_row": self._patience,
            "context_tokens": self._context_tokens,
            **self._settings,
        }

    def session_request(self, persona: Persona | None, draw: int = 0) -> Request:
        """What every request of a session begins with; different draws get different answers."""

        def made(told: Persona | None) -> Request:
            return self._session_request(shopper_messages(told, self.condition, self._form), draw)

        return self._fitting(persona, made)

    def question(self, persona: Persona | None, text: str) -> Request:
        """A single question to a persona."""

        def made(told: Persona | None) -> Request:
            return Request(
                messages=(*answerer_messages(told, self.condition), Message(role="user", text=text)),
                temperature=ANSWER_TEMPERATURE,
                seed=0,
                **self._settings,
            )

        return self._fitting(persona, made)

    async def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._account.begin()
        self._persona = self._own if persona is None else persona
        self._draw = int(rng.integers(2**31))
        self._intention = intention
        self._context = None
        self._invalid = 0

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
            self._context = Context(request, opening(self._intention), observation, budget=self._context_tokens)
        else:
            self._context.add(Turn(self._action, self._said, observation, info["error"]))
            self._invalid = 0 if info["action_valid"] else self._invalid + 1
            if self._invalid == self._patience:
                raise GaveUp(f"{self._invalid} invalid actions in a row; the last: {info['error']}")
        reply = await self._complete(self._context)
        if reply.finish == "refusal":
            raise GaveUp(f"The model refuses: {reply.text[:200] or 'no reason given'}")
        self._action, self._said = read_action(reply)
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
        return {**self._account.report(), "history_lines_left_out": self._left_out}

    async def aclose(self) -> None:
        """Closes the model."""
        await self._account.aclose()

    def _session_request(self, messages: tuple[Message, ...], draw: int = 0) -> Request:
        return Request(
            messages=messages,
            **_means(self._form),
            temperature=SESSION_TEMPERATURE,
            seed=draw,
            draw=draw,
            **self._settings,
        )

    def _fitting(self, persona: Persona | None, made: Callable[[Persona | None], Request]) -> Request:
        """The request, the persona's history so short that pages have room: always the same for the same persona."""
        request = made(persona)
        over = expected_tokens(request) - fixed_budget(self._context_tokens)
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
                return await self._account.complete(request)
            except ContextLengthError:
                # The model's context is smaller than we were told.
                if not context.shrink(request):
                    raise

    async def _ask(self, text: str, form: type[T]) -> T:
        answer, _ = await ask(self._account, self.question(self._persona, text), form)
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
