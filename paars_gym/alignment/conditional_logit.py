"""Conditional logit (McFadden 1974): which of several options is chosen, from their features; with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
RIDGES = (0.3, 3.0, 30.0, 300.0)
"""Penalties that `choose_ridge` tries, in nats for a coefficient of √2 on a feature of unit spread."""


class ConditionalLogit(NamedTuple):
    """A fitted conditional logit; the utility of an option is ``features @ coefficients``.

    Attributes:
        coefficients: Of a feature as it was given, shape (terms,); 0 for one that never differs within a case.
        standard_errors: Of these, robust and clustered, shape (terms,); infinite for one that never differs.
        ridge: Penalty of a squared standardised coefficient, halved.
        log_likelihood: Of the cases it was fitted on, in nats, without the penalty.
        covariance: Of the coefficients, as robust and clustered as their errors, shape (terms, terms); 0 in rows and
            columns of those that never differ.
    """

    coefficients: Floats
    standard_errors: Floats
    ridge: float
    log_likelihood: float
    covariance: Floats

    def utilities(self, features: Floats) -> Floats:
        """Of each option, shape (cases, options), from features of shape (cases, options, terms)."""
        return features @ self.coefficients


def log_likelihood(utilities: Floats, answer: npt.NDArray[np.int64]) -> float:
    """Of the chosen options, in nats: ``utilities`` of shape (cases, options), ``answer`` the column chosen."""
    return float(np.log(_shares(utilities)[np.arange(len(answer)), answer]).sum())


def fit_conditional_logit(
    features: Floats, answer: npt.NDArray[np.int64], *, ridge: float = 0.0, groups: npt.ArrayLike | None = None
) -> ConditionalLogit:
    """Maximum likelihood, with a ridge penalty on the coefficients of features scaled to unit spread within cases.

    Standard errors are the sandwich's (Huber 1967), of the penalised estimate: the scores' spread between the inverses
    of the information with the penalty. Scores are summed within groups first: cases of one person share its habits.

    Args:
        features: Of each option, shape (cases, options, terms); none of them missing.
        answer: Column of the one chosen, shape (cases,).
        ridge: Penalty, in nats for a coefficient of √2 on a feature of unit spread; 0 for plain maximum likelihood.
        groups: Whose case each is, shape (cases,); by default each its own.

    Raises:
        ValueError: No cases, unequal lengths, a feature that is not finite, or a ridge below 0.
    """
    from scipy.optimize import minimize

    features, answer = np.asarray(features, dtype=np.float64), np.asarray(answer, dtype=np.int64)
    n, _, terms = features.shape
    if not n or len(answer) != n:
        raise ValueError(f"{n} cases and {len(answer)} answers, must be as many and at least one.")
    if not np.isfinite(features).all():
        raise ValueError("Some features are not finite; fill what is missing in first.")
    if ridge < 0:
        raise ValueError(f"ridge == {ridge}, must be >= 0.")
    inside = features - features.mean(axis=1, keepdims=True)  # what all options share decides nothing
    spread = np.sqrt((inside**2).mean(axis=(0, 1)))
    free = np.flatnonzero(spread > 1e-12)
    scaled = inside[:, :, free] / spread[free]
    chosen = scaled[np.arange(n), answer]

    def scores(at: Floats) -> Floats:
        return np.asarray(chosen - np.einsum("no,not->nt", _shares(scaled @ at), scaled))

    def loss(at: Floats) -> tuple[float, Floats]:
        value = log_likelihood(scaled @ at, answer) - ridge * float(at @ at) / 2
        return -value / n, (ridge * at - scores(at).sum(axis=0)) / n

    start = np.zeros(len(free))
    at = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2_000, "gtol": 1e-8}).x
    shares = _shares(scaled @ at)
    means = np.einsum("no,not->nt", shares, scaled)
    weighted = (shares[:, :, None] * scaled).reshape(-1, len(free))
    information = weighted.T @ scaled.reshape(-1, len(free)) - means.T @ means
    _, group = np.unique(np.arange(n) if groups is None else np.asarray(groups), return_inverse=True)
    summed = np.zeros((int(group.max()) + 1, len(free)))
    np.add.at(summed, group, scores(at))
    inverse = np.linalg.pinv(information + ridge * np.eye(len(free)), hermitian=True)
    of_free = inverse @ (summed.T @ summed) @ inverse / np.outer(spread[free], spread[free])
    coefficients, standard_errors = np.zeros(terms), np.full(terms, np.inf)
    coefficients[free], standard_errors[free] = at / spread[free], np.sqrt(np.diag(of_free))
    covariance = np.zeros((terms, terms))
    covariance[np.ix_(free, free)] = of_free
    return ConditionalLogit(coefficients, standard_errors, ridge, log_likelihood(scaled @ at, answer), covariance)


def choose_ridge(
    features: Floats,
    answer: npt.NDArray[np.int64],
    judging: npt.NDArray[np.bool_],
    *,
    ridges: Sequence[float] = RIDGES,
) -> float:
    """The penalty under which a fit on some cases explains the others best.

    Args:
        features: See `fit_conditional_logit`.
        answer: See there.
        judging: Cases that judge and are not fitted on, shape (cases,); people should be on one side only.
        ridges: Penalties to try.

    Raises:
        ValueError: One of the sides is empty.
    """
    if judging.all() or not judging.any():
        raise ValueError(f"{judging.sum()} of {len(judging)} cases judge, must be some but not all.")

    def gain(ridge: float) -> float:
        fit = fit_conditional_logit(features[~judging], answer[~judging], ridge=ridge)
        return log_likelihood(fit.utilities(features[judging]), answer[judging])

    return max(ridges, key=gain)


def _shares(utilities: Floats) -> Floats:
    """Probability of each option, shape (cases, options)."""
    powers = np.exp(utilities - utilities.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
