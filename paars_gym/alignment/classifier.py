"""Can a classifier tell agents from humans by their embeddings?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.result import Interval, Settings, Sizes

Array = NDArray[np.float64]
NEWTON_STEPS = 50


class C2ST(NamedTuple):
    """Classifier two-sample test.

    Attributes:
        estimate: Area under the ROC curve on held-out points: .5 cannot tell, 1 tells always; nan when ``note`` says
            why. Slightly below .5 is noise; far below, pairs were split between training and test.
        interval: DeLong, folds held fixed; indicative: it covers 86 to 92%, since the folds share training data.
        sizes: Points on each side.
        settings: Folds, penalty, pairing.
        null_floor: .5.
        note: Why it cannot be estimated.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float
    note: str | None = None


def c2st_auc(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    rng: np.random.Generator,
    folds: int = 5,
    penalty: float = 1.0,
    paired: bool = False,
) -> C2ST:
    """AUC of a cross-fitted logistic regression that separates agents from humans.

    Lopez-Paz and Oquab 2017, with the AUC in place of the accuracy so that unequal sizes do not matter. The mean over
    the folds' AUCs; points are centred and scaled to a total variance of 1, so that neither unit nor rotation counts.
    Assumes independent points, or independent pairs with ``paired``.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        rng: Source of the folds.
        folds: Parts, each held out once; each side needs at least two points a fold.
        penalty: Half of it times |weights|² is added to the log loss (1 is scikit-learn's C = 1).
        paired: Row i of both belongs to the same item: a pair is held out as a whole, or its other half in the
            training data would push the AUC below .5.

    Raises:
        ValueError: The dimensions differ, a population is empty or not finite, or an option is out of range.
    """
    x, y = embeddings(human, agent, paired=paired)
    if folds < 2:
        raise ValueError(f"folds == {folds}, must be >= 2.")
    if not penalty > 0:
        raise ValueError(f"penalty == {penalty}, must be > 0: separable data has no finite fit without one.")
    sizes = Sizes(len(x), len(y))
    settings = {"folds": folds, "penalty": penalty, "paired": paired}
    if min(sizes) < 2 * folds:
        note = (
            f"Not estimable: {folds} folds need {2 * folds} points a side, there are {sizes.human} and {sizes.agent}."
        )
        return C2ST(math.nan, None, sizes, settings, 0.5, note)
    x_fold = rng.permutation(len(x)) % folds
    y_fold = x_fold if paired else rng.permutation(len(y)) % folds
    points = np.vstack([x, y])
    points = points - points.mean(axis=0)
    scale = math.sqrt(float(points.var(axis=0).sum()))
    points /= scale if scale > 0 else 1.0
    label, fold = np.arange(len(points)) >= len(x), np.concatenate([x_fold, y_fold])
    aucs, variances = [], []
    for held_out in range(folds):
        test = fold == held_out
        weights = _fit_logistic(points[~test], label[~test], penalty)
        scores = points[test] @ weights[:-1]
        auc, variance = _auc(scores[label[test]], scores[~label[test]])
        aucs.append(auc)
        variances.append(variance)
    estimate = float(np.mean(aucs))
    error = math.sqrt(sum(variances)) / folds
    interval = Interval.normal(estimate, error, "DeLong, folds held fixed").clip(0.0, 1.0)
    return C2ST(estimate, interval, sizes, settings, 0.5)


def _fit_logistic(points: Array, label: NDArray[np.bool_], penalty: float) -> Array:
    """Weights and, last, the intercept (not penalised) of the ridge logistic regression, by Newton's method.

    The loss is convex, so a step that is halved until the loss falls reaches the one minimum; each step costs one
    dim x dim product and solution.
    """
    design = np.column_stack([points, np.ones(len(points))])
    ridge = np.full(design.shape[1], penalty)
    ridge[-1] = 0.0
    share = float(label.mean())
    weights = np.zeros(design.shape[1])
    weights[-1] = math.log(share / (1 - share))

    def loss(at: Array) -> float:
        logits = design @ at
        return float(np.logaddexp(0.0, logits).sum() - logits[label].sum() + 0.5 * (ridge * at * at).sum())

    current = loss(weights)
    for _ in range(NEWTON_STEPS):
        chance = 0.5 * (1 + np.tanh(0.5 * (design @ weights)))  # the logistic function, without overflow
        gradient = design.T @ (chance - label) + ridge * weights
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design
        hessian[np.diag_indices_from(hessian)] += ridge + 1e-12
        step = np.linalg.solve(hessian, gradient)
        if float(gradient @ step) < 1e-10 * len(points):  # twice what is left to gain
            break
        size = 1.0
        while (following := loss(weights - size * step)) > current and size > 1e-6:
            size /= 2
        weights, current = weights - size * step, following
    return weights


def _auc(agents: Array, humans: Array) -> tuple[float, float]:
    """Share of (agent, human) pairs in the right order, ties half, and its variance (DeLong et al. 1988)."""
    above = _ranks_among(agents, humans) / len(humans)
    below = 1 - _ranks_among(humans, agents) / len(agents)
    variance = above.var(ddof=1) / len(agents) + below.var(ddof=1) / len(humans)
    return float(above.mean()), float(variance)


def _ranks_among(values: Array, others: Array) -> Array:
    """How many of the others each value exceeds; a tie counts half."""
    order = np.sort(others)
    return np.asarray((np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right")) / 2)
