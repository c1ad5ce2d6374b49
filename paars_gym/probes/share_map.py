"""Calibration of shares of answers: what a group of twins says, mapped to what people say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LEAST = 0.005
"""Shares are taken for at least this: a model may give everybody one answer."""
RIDGE = 0.01


def fitted_map(people: Floats, twins: Floats) -> Floats:
    """Coefficients of a multinomial logit of people's shares on the logarithms of the twins'.

    Of each choice a constant (the first's is 0), and one slope for all: with two choices Platt's scaling (Platt 1999).
    A weak ridge holds it at constants 0 and slope 1, so that the map exists where shares do not differ.

    Args:
        people: Shape (questions, choices).
        twins: The same.

    Returns:
        Shape (choices,): the constants of all but the first, then the slope.
    """
    from scipy.optimize import minimize

    start = np.zeros(people.shape[1])
    start[-1] = 1.0

    def loss(coefficients: Floats) -> float:
        fit = -(people * np.log(mapped(twins, coefficients))).sum(1).mean()
        return float(fit + RIDGE * ((coefficients - start) ** 2).sum())

    return np.asarray(minimize(loss, start, method="BFGS").x)


def mapped(twins: Floats, coefficients: Floats) -> Floats:
    """Shares after the map, shape as given."""
    constants = np.concatenate([[0.0], coefficients[:-1]])
    logits = constants + coefficients[-1] * np.log(np.maximum(twins, LEAST))
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))


def right_after(joint: Floats, before: Floats, after: Floats) -> float:
    """Mean share of right answers if as few twins as possible change theirs, chosen at random.

    Args:
        joint: Shares of (person's answer, twin's answer), shape (questions, choices, choices).
        before: Shares of the twins' answers, shape (questions, choices).
        after: What they are to be.
    """
    kept = np.minimum(1.0, after / np.maximum(before, 1e-12))
    gaining = np.maximum(after - before, 0.0)
    gaining = gaining / np.maximum(gaining.sum(-1, keepdims=True), 1e-12)
    stay = np.einsum("qaa,qa->q", joint, kept)
    # Those who leave an answer go to the ones that gain, in proportion.
    leave = joint * (1.0 - kept)[:, None, :]
    moved = np.einsum("qab,qa->q", leave, gaining)
    return float((stay + moved).mean())
