"""How often does an agent choose what its human chose (PAARS sections 4.1 and 4.3, Table 3)?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.resampling import basic_interval, percentile_interval, resample_counts
from paars_gym.alignment.result import Z95, Interval, Settings


class Accuracy(NamedTuple):
    """Share of cases that the agent got right.

    Attributes:
        estimate: Between 0 and 1.
        interval: Wilson, or a bootstrap over shoppers where they repeat.
        sizes: Cases.
        settings: Options a case, shoppers.
        null_floor: Chance.
        p_value: Exact two-sided binomial test against chance; it takes cases as independent.
    """

    estimate: float
    interval: Interval
    sizes: int
    settings: Settings
    null_floor: float
    p_value: float


def wilson_interval(successes: float, n: float) -> Interval:
    """Wilson's score interval of a proportion (1927): covers well near 0 and 1 and for small n.

    Numbers need not be whole: ``n`` may be an effective one.

    >>> low, high, *_ = wilson_interval(1171, 4600)
    >>> round(low, 4), round(high, 4)
    (0.2422, 0.2674)
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} successes of {n}, must be 0 .. n with n >= 1.")
    share, z2 = successes / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(middle - half, middle + half, "Wilson").clip(0.0, 1.0)


def accuracy(
    correct: ArrayLike,
    *,
    options: int = 4,
    shoppers: ArrayLike | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator | None = None,
) -> Accuracy:
    """Accuracy of item selection against the chance of 1 / options (PAARS section 4.3, Table 3).

    Args:
        correct: Whether each case was right, shape (cases,).
        options: Products to choose from in a case.
        shoppers: Whose case it is, shape (cases,). Cases of one shopper share its habits: when any shopper repeats,
            the interval resamples shoppers.
        n_resamples: Resamples of that.
        rng: Their source; by default a fresh generator with a fixed seed.

    Raises:
        ValueError: No cases, or unequal lengths.
    """
    from scipy.stats import binomtest

    if rng is not None:
        check_rng(rng)
    right = _truths(correct, "correct")
    n, hits = len(right), int(right.sum())
    if options < 2:
        raise ValueError(f"options == {options}, must be >= 2.")
    interval, distinct = wilson_interval(hits, n), n
    if shoppers is not None:
        names, row = np.unique(np.asarray(shoppers), return_inverse=True)
        if len(row) != n:
            raise ValueError(f"{len(row)} shoppers for {n} cases, must be as many.")
        distinct = len(names)
        if 1 < distinct < n:
            table = np.column_stack([np.bincount(row, weights=right), np.bincount(row)]).astype(np.float64)
            draws = resample_counts(table, n_resamples, np.random.default_rng(0) if rng is None else rng)
            interval = percentile_interval(draws[:, 0] / draws[:, 1], "clustered by shopper")
    settings = {"options": options, "shoppers": distinct}
    return Accuracy(hits / n, interval, n, settings, 1 / options, float(binomtest(hits, n, 1 / options).pvalue))


class Difference(NamedTuple):
    """Accuracy of the second condition less that of the first.

    Attributes:
        estimate: Between -1 and 1.
        interval: Of the difference.
        sizes: Cases of each condition.
        settings: Whether the cases are the same.
        null_floor: 0.
        p_value: McNemar's exact test when paired; the pooled z test otherwise.
        gained: Cases that only the second got right (paired).
        lost: Cases that only the first got right (paired).
    """

    estimate: float
    interval: Interval
    sizes: tuple[int, int]
    settings: Settings
    null_floor: float
    p_value: float
    gained: int | None
    lost: int | None


def accuracy_difference(first: ArrayLike, second: ArrayLike, *, paired: bool = True) -> Difference:
    """Is one condition better than the other, such as persona over history alone (PAARS Table 3)?

    Paired, by the cases on which they disagree: McNemar 1947, exact, with the interval of Bonett and Price 2012.
    Unpaired (all that published accuracies allow): two independent proportions, which wastes what the pairing knows.

    Args:
        first: Whether each case was right, shape (cases,).
        second: The same cases in the same order when paired.
        paired: Whether they are.

    Raises:
        ValueError: No cases, or unequal lengths when paired.
    """
    from scipy.stats import binomtest, norm

    a, b = _truths(first, "first"), _truths(second, "second")
    estimate = float(b.mean() - a.mean())
    if not paired:
        n, m = len(a), len(b)
        error = math.sqrt(a.mean() * (1 - a.mean()) / n + b.mean() * (1 - b.mean()) / m)
        pooled = (a.sum() + b.sum()) / (n + m)
        spread = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        p_value = float(2 * norm.sf(abs(estimate) / spread)) if spread > 0 else 1.0
        interval = Interval.normal(estimate, error, "two independent proportions").clip(-1.0, 1.0)
        return Difference(estimate, interval, (n, m), {"paired": False}, 0.0, p_value, None, None)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} cases, must be the same cases to be paired.")
    n, gained, lost = len(a), int((b & ~a).sum()), int((a & ~b).sum())
    p_value = float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    error = math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    interval = Interval.normal(up - down, error, "Bonett-Price, paired").clip(-1.0, 1.0)
    return Difference(estimate, interval, (n, n), {"paired": True}, 0.0, p_value, gained, lost)


class PositionBias(NamedTuple):
    """Does the agent choose by position rather than by product?

    Attributes:
        estimate: Total variation between chosen and right positions: the share of choices that a list position, not
            the product, must have drawn. 0 without bias, but for chance: read it against the floor.
        interval: Basic bootstrap over cases.
        p_value: Chi-square test that positions are chosen as often as they are right (unpaired, hence conservative).
        sizes: Cases.
        settings: Options a case, resamples.
        null_floor: Mean estimate of choices that ask for each position as often as it is right, at this size.
        chosen: Share of choices on each position.
        answers: Share of right answers on each position.
        accuracy: Accuracy when the answer stands at each position; nan where it never does.
        balanced: Their mean: the accuracy that does not depend on where the answers happened to stand.
    """

    estimate: float
    interval: Interval | None
    p_value: float
    sizes: int
    settings: Settings
    null_floor: float | None
    chosen: tuple[float, ...]
    answers: tuple[float, ...]
    accuracy: tuple[float, ...]
    balanced: float
    note: str | None = None


def position_bias(
    chosen: ArrayLike,
    answers: ArrayLike,
    *,
    options: int = 4,
    n_resamples: int = 1000,
    rng: np.random.Generator | None = None,
) -> PositionBias:
    """Compare the positions chosen with the positions of the right answers.

    Args:
        chosen: 0-based position that the agent chose, shape (cases,).
        answers: 0-based position of the right answer, shape (cases,).
        options: Positions in a case.
        n_resamples: Of the bootstrap; 0 leaves out interval and floor.
        rng: Its source; by default a fresh generator with a fixed seed.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: No cases, unequal lengths, or a position out of range.
    """
    from scipy.stats import chi2_contingency

    picks, truth = np.asarray(chosen, dtype=np.intp).ravel(), np.asarray(answers, dtype=np.intp).ravel()
    if len(picks) != len(truth) or len(picks) == 0:
        raise ValueError(f"{len(picks)} choices and {len(truth)} answers, must be as many and at least one.")
    for name, positions in (("chosen", picks), ("answers", truth)):
        if positions.min() < 0 or positions.max() >= options:
            raise ValueError(f"{name} lie in {positions.min()} .. {positions.max()}, must lie in 0 .. {options - 1}.")
    n = len(picks)
    chosen_counts, answer_counts = np.bincount(picks, minlength=options), np.bincount(truth, minlength=options)
    used = (chosen_counts + answer_counts) > 0
    table = np.array([chosen_counts[used], answer_counts[used]])
    p_value = float(chi2_contingency(table).pvalue) if used.sum() > 1 else 1.0
    hits = np.bincount(truth[picks == truth], minlength=options)
    by_position = np.divide(hits, answer_counts, out=np.full(options, math.nan), where=answer_counts > 0)
    estimate = float(np.abs(chosen_counts - answer_counts).sum()) / (2 * n)
    interval, floor, note = None, None, None
    rng = np.random.default_rng(0) if rng is None else rng
    check_rng(rng)
    if n < 2:
        note = "Not estimable: one case has no spread."
    elif n_resamples:
        pairs = np.bincount(truth * options + picks, minlength=options**2).astype(np.float64)
        interval = basic_interval(estimate, _variation(pairs, n_resamples, options, rng), "cases").clip(0.0, 1.0)
        # Without bias a choice that is wrong is as likely to be the other way round.
        fair = pairs.reshape(options, options)
        floor = float(_variation(((fair + fair.T) / 2).ravel(), n_resamples, options, rng).mean())
    return PositionBias(
        estimate,
        interval,
        p_value,
        n,
        {"options": options, "n_resamples": n_resamples},
        floor,
        tuple((chosen_counts / n).tolist()),
        tuple((answer_counts / n).tolist()),
        tuple(by_position.tolist()),
        float(np.nanmean(by_position)),
        note,
    )


def _variation(pairs: NDArray[np.float64], n: int, options: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Total variation between chosen and right positions in resamples of cases, (answer, choice) pairs laid flat."""
    drawn = resample_counts(pairs, n, rng).reshape(n, options, options)
    return np.asarray(np.abs(drawn.sum(axis=1) - drawn.sum(axis=2)).sum(axis=1) / (2 * pairs.sum()))


def _truths(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    array = np.asarray(values).ravel()
    if len(array) == 0:
        raise ValueError(f"{name} holds no cases, must hold at least one.")
    if not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must hold true and false (1 and 0) only.")
    return array.astype(bool)
