"""Individual alignment: accuracy of choices, position bias, similarity of queries (PAARS sections 4.1 and 4.3)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng, embeddings
from paars_gym.alignment.resampling import basic_interval, percentile_interval, resample_counts
from paars_gym.estimate import Z95, Estimate, Interval, share_that_may_differ

Array = NDArray[np.float64]


def wilson_interval(successes: float, n: float) -> Interval:
    """Wilson's score interval of a proportion (1927): covers well near 0 and 1 and for small n.

    Numbers need not be whole: ``n`` may be an effective one.

    >>> interval = wilson_interval(1171, 4600)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.2422, 0.2674)
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} successes of {n}, must be 0 .. n with n >= 1.")
    share, z2 = successes / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(middle - half, middle + half, method="Wilson").clip(0.0, 1.0)


def accuracy(
    correct: ArrayLike,
    *,
    options: int = 4,
    shoppers: ArrayLike | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Accuracy of item selection against the chance of 1 / options (PAARS section 4.3, Table 3).

    Args:
        correct: Whether each case was right, shape (cases,).
        options: Products to choose from in a case.
        shoppers: Whose case it is, shape (cases,). Cases of one shopper share its habits: when any shopper repeats,
            the interval resamples shoppers.
        n_resamples: Resamples of that.
        rng: Their source; by default a fresh generator with a fixed seed.

    Returns:
        Between 0 and 1, with Wilson's interval, or a bootstrap over shoppers where they repeat (Wilson's over shoppers
        where all of them do equally well). The floor is chance; the p-value an exact two-sided binomial test against
        it, which takes cases as independent.

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
            made = percentile_interval(draws[:, 0] / draws[:, 1], "clustered by shopper").if_wide()
            # Shoppers who agree say as much as one case of each.
            interval = wilson_interval(distinct * hits / n, distinct) if made is None else made
    return Estimate(
        hits / n,
        interval,
        unit="share",
        sizes={"cases": n, "shoppers": distinct},
        floor=1 / options,
        p_value=float(binomtest(hits, n, 1 / options).pvalue),
        details={"options": options},
    )


def accuracy_difference(
    first: ArrayLike, second: ArrayLike, *, paired: bool = True, shoppers: ArrayLike | None = None
) -> Estimate:
    """Accuracy of one condition less that of another, such as persona less history alone (PAARS Table 3).

    Paired, by the cases on which they disagree: McNemar 1947, exact, with the interval of Bonett and Price 2012.
    Unpaired (all that published accuracies allow): two independent proportions, which wastes what the pairing knows;
    where one of them is 0 or 1, with the interval of Newcombe 1998 (method 10).

    Args:
        first: Whether each case was right, shape (cases,).
        second: The same cases in the same order when paired.
        paired: Whether they are.
        shoppers: Whose case each pair is, shape (cases,). Cases of one shopper share its habits: where any shopper
            repeats, the interval is as much wider as the spread of shoppers' sums is than that of independent cases.

    Returns:
        Accuracy of the second less that of the first. The p-value is McNemar's exact test when paired, the pooled z
        test otherwise; both take cases as independent. With pairs ``gained`` among the details counts the cases that
        only the second got right, and ``lost`` those that only the first did.

    Raises:
        ValueError: No cases, unequal lengths when paired, or shoppers of what is not paired.
    """
    from scipy.stats import binomtest, norm

    a, b = _truths(first, "first"), _truths(second, "second")
    value = float(b.mean() - a.mean())
    if not paired:
        if shoppers is not None:
            raise ValueError("shoppers cluster pairs; with paired=False leave them out.")
        n, m = len(a), len(b)
        error = math.sqrt(a.mean() * (1 - a.mean()) / n + b.mean() * (1 - b.mean()) / m)
        pooled = (a.sum() + b.sum()) / (n + m)
        spread = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        p_value = float(2 * norm.sf(abs(value) / spread)) if spread > 0 else 1.0
        interval = Interval.normal(value, error, "two independent proportions").clip(-1.0, 1.0)
        if a.all() or b.all() or not (a.any() and b.any()):
            interval = _newcombe(a, b)
        sizes = {"first": n, "second": m}
        return Estimate(
            value, interval, unit="share", sizes=sizes, floor=0.0, p_value=p_value, details={"paired": False}
        )
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} cases, must be the same cases to be paired.")
    n, gained, lost = len(a), int((b & ~a).sum()), int((a & ~b).sum())
    p_value = float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    error = math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    method, details = "Bonett-Price, paired", {"paired": True, "gained": gained, "lost": lost}
    if shoppers is not None:
        names, row = np.unique(np.asarray(shoppers), return_inverse=True)
        if len(row) != n:
            raise ValueError(f"{len(row)} shoppers for {n} cases, must be as many.")
        if 1 < len(names) < n:
            apart = b.astype(np.float64) - a - value
            spread = float((apart**2).sum())
            wider = float((np.bincount(row, weights=apart) ** 2).sum()) / spread if spread > 0 else 1.0
            # Never narrower than of independent cases: less than that is the noise of few shoppers.
            error, method = error * math.sqrt(max(wider, 1.0)), f"{method}, clustered by shopper"
    interval = Interval.normal(up - down, error, method).clip(-1.0, 1.0)
    return Estimate(
        value,
        interval,
        unit="share",
        sizes={"first": n, "second": n},
        floor=0.0,
        p_value=p_value,
        details=details,
    )


def _newcombe(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Interval:
    """Interval of second less first from Wilson's of both: it has a width where a proportion is 0 or 1."""
    p, q = float(first.mean()), float(second.mean())
    of_p, of_q = wilson_interval(int(first.sum()), len(first)), wilson_interval(int(second.sum()), len(second))
    low = q - p - math.hypot(q - of_q.low, of_p.high - p)
    high = q - p + math.hypot(of_q.high - q, p - of_p.low)
    return Interval(low, high, method="Newcombe, two independent proportions").clip(-1.0, 1.0)


class PositionBias(NamedTuple):
    """Whether the agent chooses by position rather than by product.

    Attributes:
        bias: Total variation between chosen and right positions: the share of choices that a list position, not the
            product, must have drawn. 0 without bias, but for chance: read it against the floor, the mean for choices
            that ask for each position as often as it is right, at this size. The interval is a basic bootstrap over
            cases, the p-value a chi-square test that positions are chosen as often as they are right (unpaired, hence
            conservative).
        chosen: Share of choices on each position.
        answers: Share of right answers on each position.
        accuracy: Accuracy when the answer stands at each position; nan where it never does.
        balanced: Their mean: the accuracy that does not depend on where the answers happened to stand.
    """

    bias: Estimate
    chosen: tuple[float, ...]
    answers: tuple[float, ...]
    accuracy: tuple[float, ...]
    balanced: float


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
    value = float(np.abs(chosen_counts - answer_counts).sum()) / (2 * n)
    interval, floor, note = None, None, ""
    rng = np.random.default_rng(0) if rng is None else rng
    check_rng(rng)
    if n < 2:
        note = "Not estimable: one case has no spread."
    elif n_resamples:
        pairs = np.bincount(truth * options + picks, minlength=options**2).astype(np.float64)
        made = basic_interval(value, _variation(pairs, n_resamples, options, rng), "cases")
        interval = None if made is None else made.clip(0.0, 1.0).if_wide()
        if interval is None:  # all cases agree; those that may not, unseen, move the bias by as much at most
            unseen = share_that_may_differ(n)
            interval = Interval(value - unseen, value + unseen, method="rule of three").clip(0.0, 1.0)
        # Without bias a choice that is wrong is as likely to be the other way round.
        fair = pairs.reshape(options, options)
        floor = float(_variation(((fair + fair.T) / 2).ravel(), n_resamples, options, rng).mean())
    bias = Estimate(
        value,
        interval,
        unit="share",
        sizes={"cases": n},
        floor=floor,
        p_value=p_value,
        note=note,
        details={"options": options, "n_resamples": n_resamples},
    )
    return PositionBias(
        bias,
        tuple((chosen_counts / n).tolist()),
        tuple((answer_counts / n).tolist()),
        tuple(by_position.tolist()),
        float(np.nanmean(by_position)),
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


class Similarity(NamedTuple):
    """Cosine similarity of human queries and their agents' queries.

    Attributes:
        mean: Between -1 and 1; normal interval over pairs. The floor is the mean cosine between humans and the agents
            of *other* humans: what a shop, not an item, makes alike.
        values: Cosine of each pair.
    """

    mean: Estimate
    values: Array


def similarity(human: ArrayLike, agent: ArrayLike) -> Similarity:
    """Cosine similarity of row i with row i (PAARS section 4.3, query generation).

    Args:
        human: Embeddings, shape (n, dim).
        agent: Embeddings of the queries for the same items, shape (n, dim).

    Raises:
        ValueError: Shapes differ, a value is not finite, or a row is zero and has no direction.
    """
    x, y = embeddings(human, agent, paired=True)
    units = []
    for name, side in (("human", x), ("agent", y)):
        length = np.linalg.norm(side, axis=1)
        if not length.all():
            raise ValueError(f"{name} row {int(np.argmin(length))} is zero and has no direction; leave it out.")
        units.append(side / length[:, None])
    values = np.einsum("ij,ij->i", *units)
    n, mean = len(values), float(values.mean())
    if n < 2:
        return Similarity(Estimate(mean, unit="cosine", sizes={"pairs": n}), values)
    everyone = float(units[0].sum(axis=0) @ units[1].sum(axis=0))
    made = Interval.normal(mean, float(values.std(ddof=1)) / math.sqrt(n), "normal over pairs").if_wide()
    interval = None if made is None else made.clip(-1.0, 1.0)
    floor = (everyone - float(values.sum())) / (n * (n - 1))
    note = "" if interval else "No interval: all pairs are equally similar."
    return Similarity(Estimate(mean, interval, unit="cosine", sizes={"pairs": n}, floor=floor, note=note), values)


def relative_gain(first: ArrayLike, second: ArrayLike) -> Estimate:
    """By how much the second condition raises the mean, such as of ``Similarity.values``: mean / mean - 1.

    The paper's 17% is .69 / .59 - 1. The interval is by the delta method over pairs.

    Args:
        first: One value an item, shape (n,).
        second: The same items in the same order.

    Raises:
        ValueError: No items, unequal lengths, or values that are not finite.
    """
    a, b = embeddings(first, second, paired=True)
    a, b = a.ravel(), b.ravel()
    sizes = {"pairs": len(a)}
    if not a.mean() > 0:
        return Estimate(None, sizes=sizes, floor=0.0, note="Not estimable: the first mean is not positive.")
    ratio = float(b.mean() / a.mean())
    if len(a) < 2:
        return Estimate(ratio - 1, sizes=sizes, floor=0.0)
    error = float((b - ratio * a).std(ddof=1)) / math.sqrt(len(a)) / float(a.mean())
    interval = Interval.normal(ratio - 1, error, "delta method over pairs").if_wide()
    note = "" if interval else "No interval: all items gain in proportion."
    return Estimate(ratio - 1, interval, sizes=sizes, floor=0.0, note=note)
