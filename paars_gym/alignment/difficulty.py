"""How hard a query is to guess: its perplexity, or word overlap, and means by quartile of either (PAARS Figure 2)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.individual import wilson_interval
from paars_gym.alignment.language_model import LanguageModel
from paars_gym.estimate import NO_SPREAD, Estimate, Interval

Array = NDArray[np.float64]
WORD = re.compile(r"\w+")


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


class Stratum(NamedTuple):
    """One slice of the cases.

    Attributes:
        label: ``Q1`` is the easiest quantile; ``Q1-Q3`` is what ties make of three.
        easiest: Least difficulty in it.
        hardest: Greatest.
        mean: Mean of the metric over its cases, at least one; Student's t interval, None for fewer than two.
    """

    label: str
    easiest: float
    hardest: float
    mean: Estimate


def quantile_strata(difficulty: ArrayLike, *, strata: int = 4) -> NDArray[np.intp]:
    """Which quantile of difficulty each case falls into, 0 the easiest.

    Equal difficulties always share a stratum, so that with many ties some codes never occur: the code before such a
    gap holds those quantiles too.

    Args:
        difficulty: Such as the perplexity of the human query, shape (n,).
        strata: How many.

    Returns:
        Codes 0 .. strata - 1, shape (n,).

    Raises:
        ValueError: No cases, values that are not finite, or fewer than one stratum.
    """
    values = np.asarray(difficulty, dtype=np.float64).ravel()
    if strata < 1:
        raise ValueError(f"strata == {strata}, must be >= 1.")
    if len(values) == 0 or not np.all(np.isfinite(values)):
        raise ValueError(f"{len(values)} difficulties, must be at least one and all finite.")
    edges = np.quantile(values, np.arange(1, strata) / strata)
    return np.searchsorted(edges, values, side="left")


def by_stratum(metric: ArrayLike, difficulty: ArrayLike, *, strata: int = 4) -> tuple[Stratum, ...]:
    """Mean of a per-case metric in each quantile of difficulty: Figure 2, with intervals.

    Quantiles that ties leave indistinguishable are one stratum, labelled as what it holds; none is empty.

    Args:
        metric: Such as cosine similarities or hits, shape (n,).
        difficulty: Shape (n,).
        strata: How many at most.

    Raises:
        ValueError: As :func:`quantile_strata`, or unequal lengths.
    """
    from scipy.stats import t

    values, hard = np.asarray(metric, dtype=np.float64).ravel(), np.asarray(difficulty, dtype=np.float64).ravel()
    if len(values) != len(hard):
        raise ValueError(f"{len(values)} metric values and {len(hard)} difficulties, must be as many.")
    codes = quantile_strata(hard, strata=strata)
    present = np.unique(codes).tolist()
    out = []
    for code, following in zip(present, [*present[1:], strata], strict=True):
        inside = codes == code
        n = int(inside.sum())
        mean = float(values[inside].mean())
        interval = None
        if n > 1:
            half = float(t.ppf(0.975, n - 1) * values[inside].std(ddof=1) / math.sqrt(n))
            interval = Interval(mean - half, mean + half, method="Student's t over cases").if_wide()
            if interval is None and np.isin(values, (0, 1)).all():  # hits or misses, and all agree
                interval = wilson_interval(round(mean * n), n)
        label = f"Q{code + 1}" if following == code + 1 else f"Q{code + 1}-Q{following}"
        note = "" if interval else NO_SPREAD if n > 1 else "Not estimable: one case has no spread."
        span = float(hard[inside].min()), float(hard[inside].max())
        out.append(Stratum(label, *span, Estimate(mean, interval, sizes={"cases": n}, note=note)))
    return tuple(out)
