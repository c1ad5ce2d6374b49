"""How varied are the queries and the viewed titles of a population (PAARS section 5, Table 4)?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from paars_gym.alignment.result import Interval, Settings

Array = NDArray[np.float64]


class Diversity(NamedTuple):
    """A measure of variety.

    Attributes:
        estimate: Between 0 and 1; nan when ``note`` says why.
        interval: None where the measure has no honest one.
        sizes: Strings or tokens.
        settings: Unit, and the size it is taken at.
        null_floor: None: a single population is described, not compared.
        distinct: How many different strings or tokens.
        note: Why it cannot be estimated, or what to beware of.
    """

    estimate: float
    interval: Interval | None
    sizes: int
    settings: Settings
    null_floor: float | None
    distinct: int
    note: str | None = None


def type_token_ratio(texts: Sequence[str], *, unit: Literal["string", "token"] = "string") -> Diversity:
    """Distinct strings over strings: the paper's "token-type-ratio" of Table 4.

    Its product ratio of .97 is out of reach for words (2,400 titles would need some 35,000 different words), hence
    whole strings, compared as they are. It falls as the sample grows, by construction: compare populations by
    :func:`rarefied_ttr` at a common size. The interval is a jackknife of the distinct count, on the wide side.

    Args:
        texts: Queries or titles, one a search or view.
        unit: "token" splits at white space and ignores case.

    Raises:
        ValueError: No texts.

    >>> type_token_ratio(["a b", "a b", "a c"]).estimate
    0.666...
    """
    if unit not in ("string", "token"):
        raise ValueError(f"unit == {unit!r}, must be 'string' or 'token'.")
    _check_texts(texts)
    items = list(texts) if unit == "string" else tokens(texts)
    counts = _counts(items)
    n, distinct, once = len(items), len(counts), int((counts == 1).sum())
    interval = None
    if n > 1:  # leaving one out loses a type only when it occurs once
        error = math.sqrt(once * (1 - once / n) * (n - 1) / n) / n
        interval = Interval.normal(distinct / n, error, "jackknife").clip(1 / n, 1.0)
    note = "Depends on the size: compare at equal sizes, or rarefied."
    return Diversity(distinct / n, interval, n, {"unit": unit, "size": n}, None, distinct, note)


def rarefied_ttr(items: Sequence[Hashable], *, size: int) -> Diversity:
    """Expected distinct share among ``size`` items drawn without replacement: comparable between populations.

    Hurlbert 1971, the exact hypergeometric expectation (sum over types of 1 - C(N - c, n) / C(N, n)) / n. A bootstrap
    would be biased (drawing with replacement repeats items). The interval is the jackknife of this U-statistic;
    None at the full size.

    Args:
        items: Strings, or tokens.
        size: Common size to compare at, such as that of the smallest population.

    Raises:
        ValueError: No items.
    """
    if size < 1:
        raise ValueError(f"size == {size}, must be >= 1.")
    counts, n = _counts(items), len(items)
    settings = {"unit": "item", "size": size}
    if size > n:
        note = f"Not estimable: {n} items cannot be rarefied to {size}."
        return Diversity(math.nan, None, n, settings, None, len(counts), note)
    value, frequency = np.unique(counts, return_counts=True)
    estimate = float(frequency @ (1 - _missing(n, value, size))) / size
    interval = None
    if size < n:
        # Leaving out one item of a type with c: the others keep their counts among n - 1, that type has c - 1.
        whole = float(frequency @ (1 - _missing(n - 1, value, size)))
        without = whole + _missing(n - 1, value, size) - _missing(n - 1, value - 1, size)
        weight = frequency * value
        mean = float(weight @ without) / n
        error = math.sqrt(float(weight @ (without - mean) ** 2) * (n - 1) / n) / size
        interval = Interval.normal(estimate, error, "jackknife").clip(1 / size, 1.0)
    return Diversity(estimate, interval, n, settings, None, len(counts))


def hd_d(items: Sequence[Hashable], *, size: int = 42) -> Diversity:
    """HD-D (McCarthy and Jarvis 2007): the type-token ratio rarefied to 42 tokens, by its other name.

    Written here for the reasons given at :func:`mattr`.

    Args:
        items: Tokens, from :func:`tokens`.
        size: 42 by convention.

    Raises:
        ValueError: No items.
    """
    return rarefied_ttr(items, size=size)


def mattr(items: Sequence[Hashable], *, window: int = 50) -> Diversity:
    """Moving-average type-token ratio (Covington and McFall 2010): mean over all windows of consecutive tokens.

    Depends on the order of texts; no interval, since windows overlap. Written here, and held to two libraries'
    values in the tests: lexicalrichness would bring pandas, textblob and matplotlib; lexical-diversity, left alone
    since 2020, needs a module that setuptools no longer has; saphes knows no HD-D and takes too short texts silently.

    Args:
        items: Tokens in order, from :func:`tokens`.
        window: Tokens a window.

    Raises:
        ValueError: No items.
    """
    if window < 1:
        raise ValueError(f"window == {window}, must be >= 1.")
    n, distinct = len(items), len(_counts(items))
    settings = {"unit": "token", "size": window}
    if n < window:
        return Diversity(math.nan, None, n, settings, None, distinct, f"Not estimable: {n} tokens, window {window}.")
    inside = Counter(items[:window])
    total = len(inside)
    for gone, come in zip(items[: n - window], items[window:], strict=True):
        inside[come] += 1
        inside[gone] -= 1
        if not inside[gone]:
            del inside[gone]
        total += len(inside)
    return Diversity(total / (n - window + 1) / window, None, n, settings, None, distinct)


def tokens(texts: Sequence[str]) -> list[str]:
    """Words of all texts in order: split at white space, without case.

    Raises:
        ValueError: One string in place of several, or something that is no string.
    """
    _check_texts(texts)
    return [word for text in texts for word in text.casefold().split()]


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise ValueError("one string was given, must be a sequence of them.")
    for text in texts:
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is no text, must be strings.")


def _counts(items: Sequence[Hashable]) -> NDArray[np.intp]:
    if isinstance(items, str):
        raise ValueError("one string was given, must be a sequence of them.")
    if len(items) == 0:
        raise ValueError("no texts, must be at least one.")
    return np.fromiter(Counter(items).values(), dtype=np.intp)


def _missing(n: int, counts: NDArray[np.intp], size: int) -> Array:
    """Chance C(n - c, size) / C(n, size) that none of a type's c items is among ``size`` drawn from n."""
    from scipy.special import gammaln

    rest = n - counts
    possible = rest >= size
    rest = np.where(possible, rest, size)
    logs = gammaln(rest + 1) - gammaln(rest - size + 1) - gammaln(n + 1) + gammaln(n - size + 1)
    return np.where(possible, np.exp(logs), 0.0)
