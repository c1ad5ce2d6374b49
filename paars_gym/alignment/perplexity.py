"""How hard is a human query to predict from the item that was viewed (PAARS section 4.3, Figure 2)?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
WORD = re.compile(r"\w+")


class LanguageModel(Protocol):
    """A causal language model, as far as conditional perplexity needs one.

    Attributes:
        name: Recorded with every number: perplexities of different models do not compare.
    """

    name: str

    def conditional_log_prob(self, context: str, continuation: str) -> ArrayLike:
        """Natural log probability of each token of the continuation, given the context and the tokens before it.

        Context and continuation are tokenised as one text, as a model meets them; tokens of the context condition
        but are not scored. White space between them belongs to the continuation, and a token that straddles the
        border counts as the continuation's. When everything does not fit, the context is cut from the left.

        Returns:
            Shape (tokens,), at least one, each <= 0.
        """
        ...


def conditional_perplexity(model: LanguageModel, contexts: Sequence[str], queries: Sequence[str]) -> Array:
    """exp of the mean negative log probability of a query's tokens given its context, one value a pair.

    Section 4.3 speaks of the perplexity of the predicted query, Figure 2 of the human query's: pass the human's for
    Figure 2 (the default of the suite), the agent's for the other reading. Perplexity of the whole text is another
    quantity (Spearman .58 with this one on 600 pairs).

    Args:
        model: Any causal language model.
        contexts: Such as "<title of the viewed item> ", without the query.
        queries: As many.

    Returns:
        Shape (n,), each >= 1; nan for a query without a token.

    Raises:
        ValueError: Unequal lengths, or the model returns log probabilities above 0 or none.
    """
    if len(contexts) != len(queries):
        raise ValueError(f"{len(contexts)} contexts and {len(queries)} queries, must be as many.")
    out = np.full(len(queries), np.nan)
    for i, (context, query) in enumerate(zip(contexts, queries, strict=True)):
        if not query.strip():
            continue
        logs = np.asarray(model.conditional_log_prob(context, query), dtype=np.float64)
        if logs.ndim != 1 or len(logs) == 0 or not np.all(logs <= 0):
            raise ValueError(
                f"{model.name} gave log probabilities {logs!r} for {query!r}, must be one or more, each <= 0."
            )
        out[i] = np.exp(-logs.mean())
    return out


def overlap_difficulty(titles: Sequence[str], queries: Sequence[str]) -> Array:
    """Share of a query's words that its title lacks: the difficulty when there is no language model.

    Never to be called perplexity: it ranks queries somewhat alike (Spearman .47 with conditional perplexity).

    Args:
        titles: Titles of the viewed items.
        queries: As many.

    Returns:
        Shape (n,), between 0 (every word is in the title) and 1; nan for a query without a word.

    Raises:
        ValueError: Unequal lengths.
    """
    if len(titles) != len(queries):
        raise ValueError(f"{len(titles)} titles and {len(queries)} queries, must be as many.")
    out = np.full(len(queries), np.nan)
    for i, (title, query) in enumerate(zip(titles, queries, strict=True)):
        asked = set(WORD.findall(query.casefold()))
        if asked:
            out[i] = len(asked - set(WORD.findall(title.casefold()))) / len(asked)
    return out
