"""Does the conditional logit find what was planted, with errors as large as the spread of its estimates?"""

from __future__ import annotations

import numpy as np
import pytest

from paars_gym.alignment.conditional_logit import choose_ridge, fit_conditional_logit, log_likelihood

PLANTED = np.array([1.2, -0.7, 0.0])


def drawn(n: int, rng: np.random.Generator, coefficients: np.ndarray = PLANTED) -> tuple[np.ndarray, np.ndarray]:
    """Cases of four options whose utilities are linear, with the Gumbel noise of the model."""
    features = rng.normal(size=(n, 4, len(coefficients))) * np.array([1.0, 3.0, 0.5])[: len(coefficients)]
    noisy = features @ coefficients + rng.gumbel(size=(n, 4))
    return features, noisy.argmax(axis=1)


def test_planted_coefficients_are_found_with_honest_errors() -> None:
    rng = np.random.default_rng(1)
    fits = [fit_conditional_logit(*drawn(400, rng)) for _ in range(120)]
    found = np.array([fit.coefficients for fit in fits])
    errors = np.array([fit.standard_errors for fit in fits])
    assert np.abs(found.mean(axis=0) - PLANTED).max() < 0.05
    assert errors.mean(axis=0) == pytest.approx(found.std(axis=0, ddof=1), rel=0.2)
    inside = np.abs(found - PLANTED) < 1.96 * errors
    assert 0.89 < inside.mean() < 0.99


def test_a_case_that_everyone_repeats_is_one_case() -> None:
    features, answer = drawn(150, np.random.default_rng(2))
    once = fit_conditional_logit(features, answer)
    people = np.tile(np.arange(150), 3)
    thrice = fit_conditional_logit(np.tile(features, (3, 1, 1)), np.tile(answer, 3), groups=people)
    assert thrice.coefficients == pytest.approx(once.coefficients, abs=1e-4)
    assert thrice.standard_errors == pytest.approx(once.standard_errors, rel=1e-3)
    apart = fit_conditional_logit(np.tile(features, (3, 1, 1)), np.tile(answer, 3))
    assert apart.standard_errors == pytest.approx(once.standard_errors / np.sqrt(3), rel=1e-3)


def test_by_hand() -> None:
    # One feature that one of two options has; it is chosen in 3 of 4 cases: odds of 3.
    features = np.array([[[1.0], [0.0]]] * 4)
    fit = fit_conditional_logit(features, np.array([0, 0, 0, 1]))
    assert fit.coefficients[0] == pytest.approx(np.log(3), abs=1e-5)
    assert fit.log_likelihood == pytest.approx(3 * np.log(0.75) + np.log(0.25))
    assert fit.log_likelihood == pytest.approx(log_likelihood(fit.utilities(features), np.array([0, 0, 0, 1])))


def test_what_decides_nothing_has_no_weight() -> None:
    features, answer = drawn(50, np.random.default_rng(3))
    features[:, :, 1] = 7.0  # alike in all options
    fit = fit_conditional_logit(features, answer)
    assert fit.coefficients[1] == 0
    assert np.isinf(fit.standard_errors[1])
    assert np.isfinite(fit.standard_errors[[0, 2]]).all()
    shifted = fit_conditional_logit(features + 100.0, answer)
    assert shifted.coefficients == pytest.approx(fit.coefficients, abs=1e-4)


def test_the_penalty_shrinks_and_is_chosen_by_others() -> None:
    rng = np.random.default_rng(4)
    features, answer = drawn(60, rng)
    sizes = [np.abs(fit_conditional_logit(features, answer, ridge=ridge).coefficients[0]) for ridge in (0, 10, 1e6)]
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[2] < 0.01
    noise = rng.normal(size=(60, 4, 30))
    judging = np.arange(60) % 2 == 0
    assert choose_ridge(noise, answer, judging) == 300.0
    strong, chosen = drawn(600, rng, np.array([3.0]))
    assert choose_ridge(strong, chosen, np.arange(600) % 2 == 0) < 300.0


def test_separable_choices_still_have_a_fit() -> None:
    features = np.eye(4)[None, :, :1].repeat(20, axis=0)
    fit = fit_conditional_logit(features, np.zeros(20, dtype=np.int64), ridge=1.0)
    assert 0 < fit.coefficients[0] < 20


def test_impossible_input_is_refused() -> None:
    features, answer = drawn(5, np.random.default_rng(5))
    with pytest.raises(ValueError, match="5 cases and 4 answers"):
        fit_conditional_logit(features, answer[:4])
    with pytest.raises(ValueError, match="ridge == -1"):
        fit_conditional_logit(features, answer, ridge=-1)
    with pytest.raises(ValueError, match="5 of 5 cases judge"):
        choose_ridge(features, answer, np.ones(5, dtype=bool))
    features[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        fit_conditional_logit(features, answer)
