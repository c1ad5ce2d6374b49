"""Penalised maximum likelihood for the behavioural shopper, and what past tests of other people say beforehand.

Past A/B tests tell tastes that one ranking at one set of prices cannot; but their customers may be other people. So
their tastes enter as a prior, which is as wide as the two groups are seen to differ: a meta-analytic prior
(Neuenschwander et al. 2010). How much people look and buy (`LEVELS`) is never taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.shoppers.evidence import Evidence, Floats
from paars_gym.shoppers.likelihood import NAMES, log_likelihood
from paars_gym.shoppers.taste import FEATURES, TASTES

LEVELS = (
    "words", "attraction", "trust", "outside", "compare", "browse", "satiation", "scroll", "decay", "after_view",
    "after_add", "next_page", "reformulate", "refinement", "impatience", "sated", "checkout",
)  # fmt: skip
"""How much people look and buy, and how they go down a page. All other parameters are tastes."""
LIMIT = 20.0
"""Estimates stay within; a decision that always went one way would send its log odds to infinity."""
STEP = 1e-4
MOST_APART = 3.0
"""Groups of people are not taken to be further apart, in standard deviations of the prior."""
_AT = {name: at for at, name in enumerate(NAMES)}
_TASTES_AT = np.array([at for name, at in _AT.items() if name not in LEVELS])
Indices = npt.NDArray[np.intp]


class Prior(NamedTuple):
    """Normal prior of each parameter: what keeps an estimate near where it starts unless a log says otherwise.

    Attributes:
        centre: Means, in the order of `NAMES`.
        scale: Standard deviations, in the same order; infinite for no prior.
    """

    centre: Floats
    scale: Floats


class Maximum(NamedTuple):
    """Where the penalised likelihood is greatest.

    Attributes:
        values: In the order of `NAMES`.
        errors: Standard errors from the penalised information; those of parameters that are held are 0.
        held: Whether no decision depends on a parameter, so that it stays at the prior's centre.
    """

    values: Floats
    errors: Floats
    held: npt.NDArray[np.bool_]


def make_prior(centre: Floats, strength: float, evidence: Evidence) -> Prior:
    """A prior under which parameters on different scales are held alike.

    The prior's standard deviation of a coefficient is ``strength`` over the standard deviation of what it multiplies,
    as ridge regression does with standardised columns: a change of one standard deviation of any feature then has an
    effect on log odds with the same prior standard deviation. For a level it is ``strength`` itself.

    Args:
        centre: In the order of `NAMES`.
        strength: In log odds; smaller holds more.
        evidence: Whose features are measured.
    """
    scale = np.full(len(NAMES), strength)
    pages, offers = evidence.pages, evidence.offers
    shown = pages.features[np.arange(pages.fresh.shape[1]) < pages.length[:, None]]
    columns = (shown.reshape(-1, len(FEATURES)), offers.features)
    spreads = np.max([column.std(axis=0) if len(column) else np.zeros(len(FEATURES)) for column in columns], axis=0)
    leanings = np.concatenate([pages.leanings, offers.leanings])
    lean = np.sqrt(np.mean(np.square(leanings), axis=0)) if len(leanings) else np.zeros(len(FEATURES))
    # A feature that hardly varies says nothing about its scale.
    spreads, lean = np.where(spreads > 1e-3, spreads, 1.0), np.where(lean > 1e-3, lean, 1.0)
    for at, name in enumerate(FEATURES):
        scale[_AT[name]] = strength / spreads[at]
        if name in TASTES:
            scale[_AT[f"{name}_taste"]] = strength / (spreads[at] * lean[at])
    return Prior(centre, scale)


def maximise(evidence: Sequence[Evidence], prior: Prior, *, start: Floats | None = None) -> Maximum:
    """The penalised maximum likelihood estimate.

    Args:
        evidence: Decisions of the same people, of each log that they left.
        prior: Of their parameters.
        start: Where to begin, in the order of `NAMES`; the prior's centre by default.
    """
    from scipy.optimize import minimize

    values = (prior.centre if start is None else start).copy()
    free = _free(prior.centre, evidence)
    values[~free] = prior.centre[~free]
    at = np.flatnonzero(free)
    precision = 1.0 / np.square(prior.scale)
    unit = np.where(np.isfinite(prior.scale), np.minimum(prior.scale, 1.0), 1.0)[at]
    size = 1.0 / max(sum(one.n_sessions for one in evidence), 1)

    def gradient_at(point: Floats) -> tuple[float, Floats]:
        value, gradient = _total(point, evidence)
        off = point - prior.centre
        return value - 0.5 * float((precision * off * off).sum()), gradient - precision * off

    def loss(part: Floats) -> tuple[float, Floats]:
        values[at] = part * unit
        value, gradient = gradient_at(values)
        return -value * size, -(gradient[at] * unit) * size

    optimum = minimize(
        loss,
        values[at].clip(-LIMIT, LIMIT) / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-LIMIT / one, LIMIT / one) for one in unit],
        options={"maxiter": 2_000, "maxfun": 4_000, "maxcor": 30, "ftol": 1e-13, "gtol": 1e-8},
    )
    values[at] = optimum.x * unit
    errors = np.zeros(len(values))
    errors[at] = _standard_errors(_information(gradient_at, values, at), values[at])
    return Maximum(values, errors, ~free)


def taught(prior: Prior, own: Maximum, others: Sequence[Maximum]) -> tuple[Prior, float]:
    """The prior of people's tastes, once those of other people are known.

    A taste of each group is that of people at large, off by a normal deviation; its standard deviation, the same for
    all tastes in units of the prior's, is estimated by maximum likelihood from how these people and the others differ.
    Covariances between tastes are left out.

    Args:
        prior: Under which all were fitted.
        own: These people, by their own sessions.
        others: The others, one for each group of people.

    Returns:
        The prior, its levels unchanged; and how far the tastes of groups are apart, in standard deviations of the
        first prior.
    """
    from scipy.optimize import minimize_scalar

    scale = prior.scale[_TASTES_AT]
    read = [_apart_from(prior, one) for one in (own, *others)]
    # Standardised: off the centre, in prior standard deviations, whose own prior is then N(0, 1).
    told = np.array([value for value, _ in read])
    precision = np.array([one for _, one in read])

    def surprise(spread: float) -> float:
        """Minus the log marginal likelihood of all groups, up to a constant."""
        weight = precision / (1.0 + precision * spread**2)  # 1 / (variance + spread²)
        total = 1.0 + weight.sum(axis=0)
        squares = (weight * told**2).sum(axis=0) - (weight * told).sum(axis=0) ** 2 / total
        logs = np.log(np.where(weight > 0, weight / np.where(precision > 0, precision, 1.0), 1.0)).sum(axis=0)
        return float(0.5 * (squares + np.log(total) - logs).sum())

    spread = float(minimize_scalar(surprise, bounds=(0.0, MOST_APART), method="bounded").x)
    weight = precision[1:] / (1.0 + precision[1:] * spread**2)
    total = 1.0 + weight.sum(axis=0)
    centre, width = prior.centre.copy(), prior.scale.copy()
    centre[_TASTES_AT] += scale * (weight * told[1:]).sum(axis=0) / total
    # Where the others say nothing the first prior stays as it is.
    width[_TASTES_AT] = scale * np.sqrt(np.where(total > 1.0, np.minimum(1.0 / total + spread**2, 1.0), 1.0))
    return Prior(centre, width), spread


def _apart_from(prior: Prior, found: Maximum) -> tuple[Floats, Floats]:
    """What the decisions alone say of each taste: in standard deviations of the prior, and its precision there."""
    scale, errors = prior.scale[_TASTES_AT], found.errors[_TASTES_AT]
    known = ~found.held[_TASTES_AT] & np.isfinite(errors) & (errors > 0)
    whole = np.where(known, np.square(scale / np.where(known, errors, 1.0)), 1.0)
    precision = np.maximum(whole - 1.0, 0.0)
    off = (found.values[_TASTES_AT] - prior.centre[_TASTES_AT]) / scale
    return off * whole / np.where(precision > 0, precision, 1.0) * (precision > 0), precision


def _total(values: Floats, evidence: Sequence[Evidence]) -> tuple[float, Floats]:
    """Log-likelihood of all logs, and its gradient."""
    found = [log_likelihood(values, one) for one in evidence]
    return sum(value for value, _ in found), np.sum([gradient for _, gradient in found], axis=0)


def _free(values: Floats, evidence: Sequence[Evidence]) -> npt.NDArray[np.bool_]:
    """Whether the likelihood depends on a parameter."""
    at_two_points = [values, values + np.linspace(0.1, 0.3, len(values))]
    free = np.any([_total(point, evidence)[1] != 0 for point in at_two_points], axis=0)
    shown = np.concatenate([one.offers.features for one in evidence])
    stars = shown[:, FEATURES.index("sentiment")]
    # Equal stars everywhere are a second constant beside the outside option: a log cannot tell the two apart.
    if not (len(stars) and np.ptp(stars) > 1e-9):
        free[_AT["sentiment"]] = free[_AT["sentiment_taste"]] = False
    return np.asarray(free)


def _information(gradient_at: Callable[[Floats], tuple[float, Floats]], values: Floats, at: Indices) -> Floats:
    """Minus the matrix of second derivatives, by central differences of the gradient, of the free parameters."""
    rows = []
    for place in at:
        gradients = []
        for step in (STEP, -STEP):
            moved = values.copy()
            moved[place] += step
            gradients.append(gradient_at(moved)[1][at])
        rows.append((gradients[1] - gradients[0]) / (2 * STEP))
    matrix = np.array(rows).reshape(len(at), len(at))
    return (matrix + matrix.T) / 2


def _standard_errors(information: Floats, estimates: Floats) -> Floats:
    errors = np.full(len(estimates), np.inf)
    inner = np.flatnonzero(np.abs(estimates) < LIMIT - 1e-6)
    if len(inner):
        eigenvalues, directions = np.linalg.eigh(information[np.ix_(inner, inner)])
        informed = eigenvalues > 1e-9 * eigenvalues[-1]
        variances = (directions[:, informed] ** 2 / eigenvalues[informed]).sum(axis=1)
        # A direction without information makes infinite the errors of the parameters that lie along it, and no others.
        unsure = (directions[:, ~informed] ** 2 > 1e-6).any(axis=1)
        errors[inner] = np.where(unsure, np.inf, np.sqrt(variances))
    return errors
