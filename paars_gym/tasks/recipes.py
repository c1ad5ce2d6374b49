"""How the shoppers of a task are made, in a form that other processes can make them from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from paars_gym.config import ModelConfig, RunConfig
from paars_gym.embedding import load_embedder
from paars_gym.llm.stack import Stack
from paars_gym.shoppers.protocol import Answerer
from paars_gym.shoppers.registry import answerer_factory, reading


class Recipe(NamedTuple):
    """A shopper before it is made.

    Attributes:
        run: Its policy, condition and options; its model where it asks one, not opened.
        language: In which it compares words.
        embedder: Name of that of the policy ``embedding``; None for the best that is installed.
    """

    run: RunConfig
    language: str
    embedder: str | None

    @property
    def spec(self) -> str:
        """Of the model that it asks; empty for none."""
        return "" if self.run.model is None else name_of(self.run.model.spec)

    def maker(self, model: Stack | None) -> Callable[[], Answerer]:
        """What makes it.

        Args:
            model: That it asks, opened. Personas are mined once: a repeat asks the same people again.

        Raises:
            ValueError: No such shopper or option.
        """
        changes: dict[str, Any] = {}
        if model is not None:
            config = self.run.model or ModelConfig(spec="")
            changes["model"] = config.model_copy(update={"spec": model.repeated(self.run.noise)})
        elif self.run.policy == "embedding" and self.embedder is not None:
            changes["options"] = {**self.run.options, "embedder": load_embedder(self.embedder)}
        return answerer_factory(reading(self.run.model_copy(update=changes), self.language))


def name_of(model: Any) -> str:
    """How a model is called, given as a spec or as an object."""
    return model if isinstance(model, str) else str(model.spec)
