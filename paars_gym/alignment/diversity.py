"""Diversity of queries and of titles viewed (PAARS section 5, Table 4)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from paars_gym.estimate import Estimate, Interval, share_that_may_differ
from paars_gym.words import is_unspaced, split_words

Array = NDArray[np.float64]


def type_token_ratio(texts: Sequence[str], *, unit: Literal["string", "token"] = "string") -> Estimate:
    """Distinct strings over strings: the paper's "token-type-ratio" of Table 4.

    Its product ratio of .97 is out of reach for words (2,400 titles would need some 35,000 different words), hence
    whole strings, compared as they are. It falls as the sample grows, by construction: compare two logs by
    :func:`rarefied_ttr` at a common size. The interval is a jackknife of the distinct count, on the wide side.

    Args:
        texts: Queries or titles, one a search or view.
        unit: "token" splits at white space and ignores case.

    Raises:
        ValueError: No texts.

    >>> type_token_ratio(["a b", "a b", "a c"]).value
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
        interval = _jackknife(distinct / n, error, least=1 / n, n=n)
    note = "Depends on the size: compare at equal sizes, or rarefied."
    return _share(distinct / n, interval, unit=unit, n=n, size=n, distinct=distinct, note=note)


def rarefied_ttr(items: Sequence[Hashable], *, size: int) -> Estimate:
    """Expected distinct share among ``size`` items drawn without replacement: comparable between logs.

    Hurlbert 1971, the exact hypergeometric expectation (sum over types of 1 - C(N - c, n) / C(N, n)) / n. A bootstrap
    would be biased (drawing with replacement repeats items). The interval is the jackknife of this U-statistic;
    None at the full size, and at size 1, where the share is 1 whatever the items.

    Args:
        items: Strings, or tokens.
        size: Common size to compare at, such as that of the smallest log.

    Raises:
        ValueError: No items.
    """
    if size < 1:
        raise ValueError(f"size == {size}, must be >= 1.")
    counts, n = _counts(items), len(items)
    if size > n:
        note = f"Not estimable: {n} items cannot be rarefied to {size}."
        return _share(None, None, unit="item", n=n, size=size, distinct=len(counts), note=note)
    value, frequency = np.unique(counts, return_counts=True)
    expected = float(frequency @ (1 - _missing(n, value, size))) / size
    interval = None
    if 1 < size < n:
        # Leaving out one item of a type with c: the others keep their counts among n - 1, that type has c - 1.
        whole = float(frequency @ (1 - _missing(n - 1, value, size)))
        without = whole + _missing(n - 1, value, size) - _missing(n - 1, value - 1, size)
        weight = frequency * value
        mean = float(weight @ without) / n
        error = math.sqrt(float(weight @ (without - mean) ** 2) * (n - 1) / n) / size
        interval = _jackknife(expected, error, least=1 / size, n=n)
    return _share(expected, interval, unit="item", n=n, size=size, distinct=len(counts))


def hd_d(items: Sequence[Hashable], *, size: int = 42) -> Estimate:
    """HD-D (McCarthy and Jarvis 2007): the type-token ratio rarefied to 42 tokens, by its other name.

    Written here for the reasons given at :func:`mattr`.

    Args:
        items: Tokens, from :func:`tokens`.
        size: 42 by convention.

    Raises:
        ValueError: No items.
    """
    return rarefied_ttr(items, size=size)


def mattr(items: Sequence[Hashable], *, window: int = 50) -> Estimate:
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
    if n < window:
        note = f"Not estimable: {n} tokens, window {window}."
        return _share(None, None, unit="token", n=n, size=window, distinct=distinct, note=note)
    inside = Counter(items[:window])
    total = len(inside)
    for gone, come in zip(items[: n - window], items[window:], strict=True):
        inside[come] += 1
        inside[gone] -= 1
        if not inside[gone]:
            del inside[gone]
        total += len(inside)
    return _share(total / (n - window + 1) / window, None, unit="token", n=n, size=window, distinct=distinct)


def tokens(texts: Sequence[str]) -> list[str]:
    """Words of all texts in order: split at white space, without case; see `split_words` where none is written.

    Thai, Lao, Khmer and Burmese are split at white space too: there a token is a phrase, and ratios of tokens are those
    of phrases.

    Raises:
        ValueError: One string in place of several, or something that is no string.
    """
    _check_texts(texts)
    return [
        word for text in map(str.casefold, texts) for word in (split_words(text) if is_unspaced(text) else text.split())
    ]


def variety(texts: Sequence[str], *, size: int | None = None) -> dict[str, Estimate]:
    """Diversity of a log's texts, one a search or a view, by metric: the columns of Table 4 and what is better.

    Args:
        texts: As they are, in order.
        size: Common size to rarefy to; None leaves that out.

    Raises:
        ValueError: No texts.
    """
    words = tokens(texts)
    rarefied = {} if size is None else {f"TTR rarefied to {size}": rarefied_ttr(texts, size=size)}
    return {"TTR": type_token_ratio(texts), **rarefied, "MATTR": mattr(words), "HD-D": hd_d(words)}


def _share(
    value: float | None, interval: Interval | None, *, unit: str, n: int, size: int, distinct: int, note: str = ""
) -> Estimate:
    details = {"size": size, "distinct": distinct}
    return Estimate(value, interval, f"share of {unit}s", {f"{unit}s": n}, note=note, details=details)


def _jackknife(value: float, error: float, *, least: float, n: int) -> Interval:
    """Value ± 1.96 errors; by the rule of three where leaving out one text changes nothing, as where all differ."""
    made = Interval.normal(value, error, "jackknife")
    if made.if_wide() is None:
        unseen = share_that_may_differ(n)
        made = Interval(value - unseen, value + unseen, method="rule of three")
    return made.clip(least, 1.0)


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
