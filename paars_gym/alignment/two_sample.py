"""Two samples of embeddings told apart by a classifier, and what of the people agents leave out (coverage)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from paars_gym.alignment.arrays import available_threads, check_rng, distances_between, embeddings, tile_pool
from paars_gym.alignment.individual import wilson_interval
from paars_gym.alignment.permutation import MOST_CELLS, relabellings
from paars_gym.estimate import Estimate, Interval

Array = NDArray[np.float64]


def c2st_auc(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    rng: np.random.Generator,
    folds: int = 5,
    penalty: float = 4.0,
    n_permutations: int = 199,
    paired: bool = False,
    threads: int | None = None,
) -> Estimate:
    """AUC of a cross-fitted linear discriminant that separates agents from humans, with its permutation test.

    Lopez-Paz and Oquab 2017, with the AUC in place of the accuracy so that unequal sizes do not matter. The mean over
    the folds' AUCs; points are centred and scaled to a total variance of 1, so that neither unit nor rotation counts.
    The discriminant is ridge regression on the labels: as good as a logistic one here, and its one factorisation
    serves all relabellings, each of which is trained and tested anew. Labels are permuted within folds (swapped within
    pairs with ``paired``), so that the p-value is valid at any size. Assumes independent points, or pairs.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        rng: Source of folds and permutations.
        folds: Parts, each held out once; each side needs at least two points a fold.
        penalty: Added to the diagonal of the points' scatter matrix; 4 is the first Newton step of a logistic
            regression with scikit-learn's C = 1.
        n_permutations: 199 gives p in steps of .005; 0 for the AUC alone.
        paired: Row i of both belongs to the same item: a pair is held out as a whole, or its other half in the
            training data would push the AUC below .5.
        threads: All available cores by default.

    Returns:
        Area under the ROC curve on held-out points: .5 (the floor) cannot tell, 1 tells always. Slightly below .5 is
        noise; far below, pairs were split between training and test. DeLong's interval with folds held fixed, no
        narrower than the permutations' spread; indicative. The p-value is the share of relabellings (the data's own
        included) that a classifier tells apart as well.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: The dimensions differ, a side is empty or not finite, or an option is out of range.
    """
    check_rng(rng)
    x, y = embeddings(human, agent, paired=paired)
    if folds < 2:
        raise ValueError(f"folds == {folds}, must be >= 2.")
    if not penalty > 0:
        raise ValueError(f"penalty == {penalty}, must be > 0: separable data has no stable fit without one.")
    if n_permutations < 0:
        raise ValueError(f"n_permutations == {n_permutations}, must be >= 0.")
    sizes = {"human": len(x), "agent": len(y)}
    details = {"folds": folds, "penalty": penalty, "n_permutations": n_permutations, "paired": paired}
    if min(len(x), len(y)) < 2 * folds:
        note = f"Not estimable: {folds} folds need {2 * folds} points a side, there are {len(x)} and {len(y)}."
        return Estimate(None, unit="AUC", sizes=sizes, floor=0.5, note=note, details=details)
    x_fold = rng.permutation(len(x)) % folds
    y_fold = x_fold if paired else rng.permutation(len(y)) % folds
    points = np.vstack([x, y])
    points = points - points.mean(axis=0)
    scale = math.sqrt(float(points.var(axis=0).sum()))
    points /= scale if scale > 0 else 1.0
    fold = np.concatenate([x_fold, y_fold])
    labels = _labellings(len(x), len(y), fold, n_permutations, paired, rng)
    aucs, variances = np.zeros(1 + n_permutations), []
    with threadpool_limits(available_threads() if threads is None else threads, user_api="blas"):
        for held_out in range(folds):
            test = fold == held_out
            scores = _discriminants(points[~test], labels[~test], points[test], penalty)
            aucs += _aucs(scores, labels[test]) / folds
            variances.append(_delong(scores[labels[test, 0], 0], scores[~labels[test, 0], 0]))
    value, null = float(aucs[0]), aucs[1:]
    p_value, spread = None, 0.0
    if n_permutations:
        p_value = (1 + int((null >= value - 1e-9).sum())) / (1 + n_permutations)
        spread = float(null.std())
    error = max(math.sqrt(sum(variances)) / folds, spread)
    made = Interval.normal(value, error, "DeLong, at least the permutations' spread").if_wide()
    interval = None if made is None else made.clip(0.0, 1.0)
    return Estimate(value, interval, unit="AUC", sizes=sizes, floor=0.5, p_value=p_value, details=details)


def coverage(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    neighbours: int = 5,
    n_permutations: int = 199,
    paired: bool = False,
    rng: np.random.Generator | None = None,
    threads: int | None = None,
) -> Estimate:
    """Share of humans with an agent no further away than their k-th nearest fellow human.

    Naeem et al. 2020 (k = 5). Low where agents leave out a kind of query altogether (mode collapse), even if each of
    theirs looks human. Depends on the sizes: read it against the floor, and whether it is lower than chance
    allows by the p-value. A human is reached if and only if one of the k nearest others, whoever they are, is an agent:
    that does not depend on labels, so that one set of distances serves all permutations.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        neighbours: k, at least 1.
        n_permutations: 199 gives p in steps of .005; 0 for the share alone.
        paired: Row i of both belongs to the same item: swap within pairs, as that null asks.
        rng: Source of the permutations; by default a fresh generator with a fixed seed.
        threads: All available cores by default.

    Returns:
        Between 0 and 1. Wilson's interval over the human points, widened by as much as the permutations vary more than
        independent points would (agents and radii are samples too). The floor is the expected value for agents drawn
        from the humans' own distribution at these sizes: what a faultless population reaches. It is exact, whatever
        the distribution, but for ties. The p-value is the share of relabellings (the data's own included) that reach
        as few.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: The dimensions differ, a side is empty or not finite, or an option is out of range.
    """
    if rng is None:
        rng = np.random.default_rng(0)
    check_rng(rng)
    x, y = embeddings(human, agent, paired=paired)
    if neighbours < 1:
        raise ValueError(f"neighbours == {neighbours}, must be >= 1.")
    if n_permutations < 0:
        raise ValueError(f"n_permutations == {n_permutations}, must be >= 0.")
    n, m = len(x), len(y)
    sizes = {"human": n, "agent": m}
    details = {"neighbours": neighbours, "n_permutations": n_permutations, "paired": paired}
    if n <= neighbours:
        why = f"Not estimable: {n} humans have no {neighbours} neighbours each."
        return Estimate(None, unit="share", sizes=sizes, note=why, details=details)
    points = np.vstack([x, y])
    points -= x.mean(axis=0)
    norms = np.einsum("ij,ij->i", points, points)
    agents = relabellings(n, m, n_permutations, paired, rng)
    as_numbers = agents.astype(np.float32)
    height = max(1, min(512, MOST_CELLS // (n + m)))

    def work(start: int) -> NDArray[np.intp]:
        rows = slice(start, start + height)
        distances = distances_between(points[rows], points, norms[rows], norms)
        # The point itself is the nearest of all. The ball is closed, up to rounding.
        radius = np.partition(distances, neighbours, axis=1)[:, neighbours, None] * (1 + 1e-9)
        reached = (distances <= radius).astype(np.float32) @ as_numbers > 0
        return np.asarray((reached & ~agents[rows]).sum(axis=0))

    # Without permutations only humans need to be looked at.
    with tile_pool(threads) as run:
        reached = np.sum(list(run(work, range(0, n + m if n_permutations else n, height))), axis=0)
    # Not reached: the k nearest of the n - 1 + m others are all human.
    missed = math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(neighbours))
    p_value, effect = None, 1.0
    if n_permutations:
        p_value = (1 + int((reached[1:] <= reached[0]).sum())) / (1 + n_permutations)
        independent = n * missed * (1 - missed)
        effect = max(1.0, float(reached[1:].var()) / independent) if independent > 0 else 1.0
    share, effective = float(reached[0]) / n, max(1.0, n / effect)
    return Estimate(
        share,
        wilson_interval(share * effective, effective),
        unit="share",
        sizes=sizes,
        floor=1 - missed,
        p_value=p_value,
        details=details,
    )


def _labellings(
    n: int, m: int, fold: NDArray[np.intp], permutations: int, paired: bool, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Who counts as an agent: the data's own labels first, then relabellings; shape (n + m, 1 + permutations)."""
    if paired:
        return relabellings(n, m, permutations, paired, rng)
    labels = np.empty((n + m, 1 + permutations), dtype=bool)
    labels[:, 0] = np.arange(n + m) >= n
    for part in np.unique(fold):
        rows = np.flatnonzero(fold == part)
        own = np.broadcast_to(labels[rows, :1], (len(rows), permutations))
        labels[rows, 1:] = rng.permuted(own, axis=0)
    return labels


def _discriminants(train: Array, labels: NDArray[np.bool_], test: Array, penalty: float) -> Array:
    """Scores of the test points under the ridge regression of each labelling, shape (test points, labellings)."""
    middle = train.mean(axis=0)
    centred, wanted = train - middle, labels.astype(np.float64)
    if len(centred) < centred.shape[1]:  # by way of the smaller matrix
        gram = centred @ centred.T
        gram[np.diag_indices_from(gram)] += penalty
        return np.asarray((test - middle) @ (centred.T @ np.linalg.solve(gram, wanted - wanted.mean(axis=0))))
    scatter = centred.T @ centred
    scatter[np.diag_indices_from(scatter)] += penalty
    return np.asarray((test - middle) @ np.linalg.solve(scatter, centred.T @ wanted))


def _aucs(scores: Array, labels: NDArray[np.bool_]) -> Array:
    """Share of (agent, human) pairs in the right order, ties half, for each column."""
    # Solving leaves noise of 1e-16, which must not break ties between equal points.
    columns = zip(np.ascontiguousarray(scores.T).round(12), labels.T, strict=True)
    return np.array([_auc(each[label], each[~label]) for each, label in columns])


def _auc(agents: Array, humans: Array) -> float:
    return float(_ranks_among(np.sort(agents), humans).mean()) / len(humans)


def _delong(agents: Array, humans: Array) -> float:
    """Variance of the AUC (DeLong et al. 1988)."""
    above = _ranks_among(agents, humans) / len(humans)
    below = _ranks_among(humans, agents) / len(agents)
    return float(above.var(ddof=1) / len(agents) + below.var(ddof=1) / len(humans))


def _ranks_among(values: Array, others: Array) -> Array:
    """How many of the others each value exceeds; a tie counts half."""
    order = np.sort(others)
    return np.asarray((np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right")) / 2)
