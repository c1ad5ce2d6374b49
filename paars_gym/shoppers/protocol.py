"""Protocols of shoppers: a `Policy` shops in the environment, an `Answerer` answers single questions.

PAARS section 4.3. A shopper may be both. Methods may be plain or ``async``: callers await whatever is awaitable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from paars_gym.catalog.product import Product
from paars_gym.config import CONDITIONS, Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Intention

T = TypeVar("T")
ActionLike = str | Mapping[str, Any]


class GaveUp(Exception):  # noqa: N818 (an outcome of a session, which is counted, not a fault)
    """Raised by a policy that cannot go on, for example after several invalid actions in a row; say why.

    The session ends as ``gave_up``. Any other exception of a policy ends it as ``policy_error``.
    """


def check_condition(condition: Condition) -> Condition:
    """What of the persona a shopper may use (a row of Table 3), if it is that.

    Raises:
        ValueError: No such condition.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"Unknown condition {condition!r}. Available: {', '.join(CONDITIONS)}.")
    return condition


def some(products: Sequence[T]) -> Sequence[T]:
    """The products or texts, of which there must be some to choose one.

    Raises:
        ValueError: There are none.
    """
    if not products:
        raise ValueError("There is nothing to choose from; give at least one product.")
    return products


@runtime_checkable
class Shopper(Protocol):
    """Anyone who can be given a role. One object plays one shopper at a time.

    Attributes:
        name: How reports call it, for example ``behavioural``.
    """

    name: str

    def reset(
        self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator
    ) -> Awaitable[None] | None:
        """Begins a session, or a question.

        Args:
            persona: Whom to play; None for nobody in particular (the paper's Base).
            intention: What the session is for; None for single questions.
            rng: The session's own generator: every draw comes from it.
        """
        ...


@runtime_checkable
class Policy(Shopper, Protocol):
    """Shops in `PAARS-Retail-v0`.

    A class that says ``blocking = True`` waits in plain methods, for a server for example: they run in threads, as many
    sessions at once as the run's concurrency says. Without it plain methods are taken to compute, and sessions are
    played one after another.

    A policy may have two more methods, which a run calls where they are there:

    ``telemetry() -> Mapping[str, float]``
        What its last session took: tokens, calls, and ``usd``. A run logs it, and adds up the cost.
    ``trace() -> ModelTurn | None``
        What it asked a language model in its last ``act``, and what the model said
        (`paars_gym.sessions.step.ModelTurn`); None when it asked nobody. It goes into the step's record; without it
        the record holds the page, the action and the shop's answer. An `Answerer` may have it too, for its last answer.
    """

    def act(self, observation: str, info: dict[str, Any]) -> Awaitable[ActionLike] | ActionLike:
        """The next action, given what ``reset`` or ``step`` of the environment gave: text of the action grammar, or a
        tool call as a mapping, as ``step`` of the environment takes it."""
        ...


@runtime_checkable
class Answerer(Shopper, Protocol):
    """Answers the single-question tasks of the alignment suite.

    It may have one more method, which ``paars tasks next`` calls where it is there, and ``choose_view`` otherwise:

    ``choose_next(done: Sequence[str], actions: Sequence[str]) -> int``
        Index of the action that the shopper takes next, of those in words, after what it has done.
    """

    def write_query(self, product: Product) -> Awaitable[str] | str:
        """A search that would plausibly have led to viewing this product."""
        ...

    def choose_item(self, products: Sequence[Product]) -> Awaitable[int] | int:
        """Index of the product that the shopper would buy."""
        ...

    def choose_view(self, query: str, results: Sequence[Product]) -> Awaitable[int] | int:
        """Index of the result that the shopper would open."""
        ...
