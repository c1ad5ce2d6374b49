"""What a task asks, and whom: sets of questions, and shoppers under their conditions (PAARS section 4.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from paars_gym.config import Condition
from paars_gym.llm.stack import Stack
from paars_gym.personas.persona import Persona
from paars_gym.shoppers.protocol import Answerer
from paars_gym.tasks.recipes import Recipe


class Questions(Protocol):
    """One set of cases, each a question to an `Answerer`.

    Attributes:
        seed: Of the answers: every question has a random generator of its own.
    """

    @property
    def seed(self) -> int: ...

    def __len__(self) -> int: ...

    def key(self, index: int) -> str:
        """Of the question's random generator; unique in the set."""
        ...

    def put(self, index: int, shopper: Answerer) -> Awaitable[Any] | Any:
        """Asks a shopper."""
        ...

    def usable(self, index: int, answer: Any) -> Any:
        """The answer as it is kept; raises `GaveUp` where it is none."""
        ...


class PersonaSource(Protocol):
    """Gives the persona that a question is asked of.

    Attributes:
        source: How settings call it.
    """

    source: str

    async def __call__(self, questions: Any, index: int) -> Persona:
        """The persona; raises a ModelError where there is none."""
        ...


class TaskShopper(NamedTuple):
    """A shopper under a condition.

    Attributes:
        name: ``llm, profile``.
        policy: ``llm``: what its conditions have in common.
        condition: What of the persona it may use.
        make: Makes one.
        personas: Where its personas come from.
        settings: To be stored with the results.
        recipe: To make it from in another process; None where it can be asked in this one only.
    """

    name: str
    policy: str
    condition: Condition
    make: Callable[[], Answerer]
    personas: PersonaSource
    settings: Mapping[str, Any] = {}
    recipe: Recipe | None = None


class TaskShoppers(NamedTuple):
    """Shoppers to ask, the models behind them by spec, and how many cases may be under way at once.

    Attributes:
        finished: Called when all questions are put: what has to be said of the answers. It may refuse them.
        noise: Shoppers that differ in this alone are put the same questions, and draw their answers anew.
        ask: Puts all cases of a `paars_gym.tasks.asking.Round` to them elsewhere; None asks in this process.
    """

    shoppers: tuple[TaskShopper, ...] = ()
    models: Mapping[str, Stack] = {}
    at_once: int = 16
    finished: Callable[[], Sequence[str]] = tuple
    noise: str = ""
    ask: Callable[[Any], None] | None = None
