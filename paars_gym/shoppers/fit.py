"""Maximum likelihood estimates of the behavioural shopper's parameters, with standard errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session
from paars_gym.shoppers.decisions import read_evidence
from paars_gym.shoppers.evidence import Evidence, Floats
from paars_gym.shoppers.likelihood import NAMES, log_likelihood
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.protocol import check_condition
from paars_gym.shoppers.taste import FEATURES
from paars_gym.shoppers.utility import REVIEWS_SHOWN

LIMIT = 20.0
"""Estimates stay within; a decision that always went one way would send its log odds to infinity."""
STEP = 1e-4
Indices = npt.NDArray[np.intp]


class BehaviouralFit(NamedTuple):
    """An estimate of the behavioural shopper's parameters.

    Attributes:
        parameters: Estimates; those held are as they were at the start.
        standard_errors: Of each parameter that was estimated, from the observed information; infinite where the log
            cannot tell (always the same decision, or two that always go together).
        held: Parameters that nothing in the log depends on, for example ``compare`` when nobody came to compare, or
            ``sentiment`` when the products opened show no reviews, or reviews that all have the same mean stars.
        log_likelihood: In nats.
        n_sessions: Sessions read.
        unexplained: Events that the model does not make and that were left out.
    """

    parameters: BehaviouralParameters
    standard_errors: dict[str, float]
    held: tuple[str, ...]
    log_likelihood: float
    n_sessions: int
    unexplained: int

    def notes(self) -> tuple[str, ...]:
        """What was not estimated and stays at its value, in a line each."""
        why = {"sentiment": "no product opened shows reviews, or their stars are all alike"}
        return tuple(
            f"{name} held at {getattr(self.parameters, name):g}: {why.get(name, 'nothing in the log depends on it')}."
            for name in self.held
        )

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Wald intervals of the parameters that were estimated.

        Raises:
            ValueError: The level is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"level == {level}, must be between 0 and 1.")
        z = NormalDist().inv_cdf((1 + level) / 2)
        estimates = {name: getattr(self.parameters, name) for name in self.standard_errors}
        return {
            name: (estimates[name] - z * error, estimates[name] + z * error)
            for name, error in self.standard_errors.items()
        }


def fit_behaviour(
    sessions: Iterable[Session],
    catalog: Catalog,
    *,
    personas: Mapping[str, Persona] | None = None,
    condition: Condition = "persona",
    page_size: int | None = None,
    start: BehaviouralParameters | None = None,
    reviews_shown: int = REVIEWS_SHOWN,
) -> BehaviouralFit:
    """Maximum likelihood estimate of the behavioural shopper's parameters from a log.

    Searches and next pages need their results; intentions and personas where the log has them. A session that was cut
    off (``max_steps`` and failures) counts up to its last decision that is certain. A full page that happens to be the
    last one counts as one with a next page: a log does not tell.

    Args:
        sessions: Of humans or agents, with stop events or without.
        catalog: Whose products they saw.
        personas: By shopper.
        condition: What of the personas the shoppers are taken to act on.
        page_size: Results on a full page; by default the most that any page has.
        start: Where to start, and the values of what cannot be estimated.
        reviews_shown: Reviews on a detail page.

    Raises:
        ValueError: No session shows a decision.
    """

    def find(product_id: str) -> Product | None:
        try:
            return catalog[product_id]
        except KeyError:
            return None

    check_condition(condition)
    evidence = read_evidence(
        sessions, find, personas=personas, condition=condition, page_size=page_size, reviews_shown=reviews_shown
    )
    if not len(evidence.pages.length) and not len(evidence.offers.taken):
        raise ValueError(
            f"None of {evidence.n_sessions} sessions shows results or a product opened; "
            "a fit needs searches with the ids that were shown, and views."
        )
    return maximise(evidence, start or BehaviouralParameters())


def maximise(evidence: Evidence, start: BehaviouralParameters) -> BehaviouralFit:
    """The estimate from decisions already read; see `fit_behaviour`."""
    from scipy.optimize import minimize

    values = np.array([getattr(start, name) for name in NAMES])
    scale = 1.0 / max(evidence.n_sessions, 1)
    free = _free(values, evidence)

    def loss(part: Floats) -> tuple[float, Floats]:
        values[free] = part
        value, gradient = log_likelihood(values, evidence)
        return -value * scale, -gradient[free] * scale

    bounds = [(-LIMIT, LIMIT)] * len(free)
    optimum = minimize(
        loss,
        values[free].clip(-LIMIT, LIMIT),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 2_000, "maxfun": 4_000, "ftol": 1e-13, "gtol": 1e-8},
    )
    values[free] = optimum.x
    errors = _standard_errors(_information(values, evidence, free), values[free])
    value, _ = log_likelihood(values, evidence)
    return BehaviouralFit(
        parameters=BehaviouralParameters(*map(float, values)),
        standard_errors={NAMES[at]: float(error) for at, error in zip(free, errors, strict=True)},
        held=tuple(name for at, name in enumerate(NAMES) if at not in free),
        log_likelihood=value,
        n_sessions=evidence.n_sessions,
        unexplained=evidence.unexplained,
    )


def _free(values: Floats, evidence: Evidence) -> Indices:
    """Indices of the parameters on which the likelihood depends."""
    before = log_likelihood(values, evidence)[0]
    moved = values + np.eye(len(values))
    free = np.array([log_likelihood(row, evidence)[0] != before for row in moved])
    stars = evidence.offers.features[:, FEATURES.index("sentiment")]
    # Equal stars everywhere are a second constant: free, it would take the outside option's error to infinity.
    free[NAMES.index("sentiment")] &= bool(len(stars) and np.ptp(stars) > 1e-9)
    return np.flatnonzero(free)


def _information(values: Floats, evidence: Evidence, free: Indices) -> Floats:
    """Minus the matrix of second derivatives, by central differences of the gradient, of the free parameters."""
    rows = []
    for at in free:
        gradients = []
        for step in (STEP, -STEP):
            moved = values.copy()
            moved[at] += step
            gradients.append(log_likelihood(moved, evidence)[1][free])
        rows.append((gradients[1] - gradients[0]) / (2 * STEP))
    matrix = np.array(rows).reshape(len(free), len(free))
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
