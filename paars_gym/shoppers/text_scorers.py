"""Language models that say how likely given texts are, by name: on this machine or behind a server."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from paars_gym.alignment.language_model import CausalLM, lacking, load_language_model
from paars_gym.llm.completions import CompletionScorer

Array = NDArray[np.float64]
WINDOW = 4_096
"""Tokens of a context and an option, at most."""


class TextScorer(Protocol):
    """A language model that says how likely given texts are.

    Attributes:
        name: Of the model.
    """

    name: str

    def log_probs_after(self, context: str, continuations: Sequence[str]) -> Awaitable[list[Array]] | list[Array]:
        """Log-probability of each token of each continuation, given the context and the tokens before it."""
        ...

    def as_chat(self, told: str, asked: str) -> str | None:
        """A system's and a user's turn up to where the answer begins; None where no chat template is known."""
        ...

    def plain(self, text: str) -> str:
        """Text of others in which nothing is a special token, as far as those are known."""
        ...


@lru_cache(maxsize=2)
def scorer_of(text_model: str) -> TextScorer:
    """The scorer of a name, the same for all shoppers of a process.

    Raises:
        ImportError: A package is missing; says how to install it.
        ValueError: No such file, or no such URL.
    """
    if "@" in text_model or "://" in text_model:
        return CompletionScorer(text_model)
    if text_model.strip() in ("", "none", "auto"):
        raise ValueError(
            f"likelihood:{text_model} names no model: likelihood:smollm2, a file likelihood:/path/model.gguf, or a "
            "server likelihood:NAME@URL."
        )
    if words := lacking(text_model):
        raise ImportError(words)
    return LocalScorer(text_model)


class LocalScorer:
    """A model of this machine, loaded when it is first asked.

    Attributes:
        name: As it was given, a file by its name.
    """

    def __init__(self, spec: str) -> None:
        self.name = shown(spec)
        self._load = lru_cache(maxsize=1)(lambda: load_language_model(spec, most_tokens=WINDOW))

    def log_probs_after(self, context: str, continuations: Sequence[str]) -> list[Array]:
        """See `CausalLM.log_probs_after`."""
        return self._loaded().log_probs_after(context, continuations)

    def as_chat(self, told: str, asked: str) -> str | None:
        """See `CausalLM.as_chat`."""
        return self._loaded().as_chat(told, asked)

    def plain(self, text: str) -> str:
        """See `CausalLM.plain`."""
        return self._loaded().plain(text)

    def _loaded(self) -> CausalLM:
        model = self._load()
        assert model is not None
        return model


def shown(text_model: str) -> str:
    """How tables call a model: a server's without its address, a file without its folder."""
    name = text_model.partition("@http")[0]
    return name.replace("\\", "/").rpartition("/")[2] if name.endswith(".gguf") else name
