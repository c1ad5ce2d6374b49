"""Predicted beside true effects of past tests of texts: direction, share recovered, confidence, coverage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.resampling import percentile_interval
from paars_gym.estimate import Z95, Detail, Estimate, Tabular
from paars_gym.tasks.text_tests import TextPair

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
RESAMPLES = 2_000
CONFIDENT = 1 / 3
"""Share of pairs of which a row counts as confident: those with its largest predicted effects, ties with them."""
QUANTITIES = ("direction", "confident", "recovered", "explained", "coverage")


class TextScore(BaseModel):
    """One row: what predicts the effects, and how well. Tests are resampled in every interval.

    Attributes:
        name: Of the shopper or the baseline.
        direction: Of the pairs whose true effect is sure (1.96 standard errors from 0), the share whose sign is
            predicted; no prediction is half right.
        confident: The same of the pairs with the largest predictions. None where all predictions are equally large.
        recovered: Slope of predicted on true effects, through 0, the noise of the true ones taken out: 1 where effects
            are predicted as large as they are.
        explained: Share of the variance of true effects that is explained once predictions are scaled as the other
            fold's tests say; 0 for predicting no effect at all, below 0 for worse.
        coverage: Of intervals for the pair's effect as observed, made so: 95% is nominal. Detail ``width``, the median
            width, and ``width_none`` that of predicting no effect.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    direction: Estimate
    confident: Estimate | None
    recovered: Estimate
    explained: Estimate
    coverage: Estimate


class TextResults(Tabular, BaseModel):
    """Every row.

    Attributes:
        pairs: One a test.
        sure: Pairs whose true effect is sure.
        spread: Standard deviation of true effects, log ratio of click rates, the noise taken out.
        scores: Rows, in the order given.
        notes: What a reader has to know.
        paid: Calls, tokens and dollars of each language model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    SHOWN: ClassVar[tuple[str, ...]] = ("name", "quantity", "estimate", "unit")

    pairs: int
    sure: int
    spread: float
    scores: tuple[TextScore, ...]
    notes: tuple[str, ...] = ()
    paid: tuple[dict[str, Any], ...] = ()

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a predictor and quantity."""
        return [
            {"name": score.name, "quantity": name, **estimate.to_dict()}
            for score in self.scores
            for name in QUANTITIES
            if (estimate := getattr(score, name)) is not None
        ]

    def summary(self) -> str:
        """How many pairs."""
        return f"{self.pairs:,} pairs of texts, {self.sure:,} with a sure effect"


def score_texts(
    pairs: Sequence[TextPair],
    predicted: Mapping[str, Floats],
    *,
    seed: int = 0,
    notes: Sequence[str] = (),
    paid: Sequence[dict[str, Any]] = (),
) -> TextResults:
    """Scores predictions of the pairs' effects.

    Args:
        pairs: One a test, so that they are independent.
        predicted: By row, shape (pairs,): on any scale, above 0 for the first text; NaN for no answer, taken for 0.
        seed: Of the resamples.
        notes: Passed on.
        paid: Passed on.

    Raises:
        ValueError: Fewer than 20 pairs in a fold.
    """
    effects, errors = (np.array([getattr(pair, name) for pair in pairs]) for name in ("effect", "standard_error"))
    folds = np.array([pair.fold for pair in pairs])
    if min((folds == 0).sum(), (folds == 1).sum()) < 20:
        raise ValueError(f"{len(pairs)} pairs: at least 20 of each of two halves are needed to calibrate and to judge.")
    sure = np.abs(effects) > Z95 * errors
    scores = []
    for name, given in predicted.items():
        rng = np.random.default_rng(seed)
        scores.append(
            _score(name, np.nan_to_num(np.asarray(given, dtype=np.float64)), effects, errors, folds, sure, rng)
        )
    spread = float(np.sqrt(max(float(np.mean(effects**2 - errors**2)), 0.0)))
    return TextResults(
        pairs=len(pairs),
        sure=int(sure.sum()),
        spread=spread,
        scores=tuple(scores),
        notes=tuple(notes),
        paid=tuple(paid),
    )


def _score(
    name: str, given: Floats, effects: Floats, errors: Floats, folds: npt.NDArray[np.int64], sure: Flags,
    rng: np.random.Generator,
) -> TextScore:  # fmt: skip
    weights = rng.multinomial(len(given), np.full(len(given), 1 / len(given)), size=RESAMPLES).astype(np.float64)

    def ratio(
        parts: Floats, wholes: Floats, unit: str = "share", details: Mapping[str, float] | None = None
    ) -> Estimate:
        total = float(wholes.sum())
        draws = (weights @ parts) / np.where((below := weights @ wholes) == 0, np.nan, below)
        return Estimate(
            float(parts.sum() / total),
            percentile_interval(draws[np.isfinite(draws)], "tests").if_wide(),
            unit=unit,
            sizes={"pairs": int((wholes != 0).sum())},
            details=details or {},
        )

    right = np.where(given == 0, 0.5, np.sign(given) == np.sign(effects))
    large = np.abs(given) >= np.quantile(np.abs(given), 1 - CONFIDENT)
    confident = (
        None
        if large.all() or not (sure & large).any()
        else ratio(right * (sure & large), (sure & large).astype(np.float64))
    )
    centre, spread, none = (np.empty(len(given)) for _ in range(3))
    for fold in (0, 1):
        mine, other = folds == fold, folds != fold
        slope, misfit = carry_over(given[other], effects[other], errors[other])
        centre[mine], spread[mine] = slope * given[mine], np.hypot(misfit, errors[mine])
        none[mine] = np.hypot(carry_over(np.zeros(int(other.sum())), effects[other], errors[other])[1], errors[mine])
    true_variance = effects**2 - errors**2
    gained = np.asarray(effects**2 - (effects - centre) ** 2, dtype=np.float64)
    inside = (np.abs(effects - centre) <= Z95 * spread).astype(np.float64)
    return TextScore(
        name=name,
        direction=ratio(right * sure, sure.astype(np.float64)),
        confident=confident,
        recovered=ratio(given * effects, true_variance, "slope"),
        explained=ratio(gained, true_variance),
        coverage=ratio(
            inside,
            np.ones(len(given)),
            details={
                "width": float(np.median(2 * Z95 * spread)),
                "width_none": float(np.median(2 * Z95 * none)),
            },
        ),
    )


def carry_over(given: Floats, effects: Floats, errors: Floats) -> tuple[float, float]:
    """How predictions carry over: effects = slope · prediction + misfit, by maximum likelihood beside their noise.

    Args:
        given: Predictions, shape (pairs,).
        effects: As observed, shape (pairs,).
        errors: Their standard errors, shape (pairs,).

    Returns:
        The slope, and the standard deviation of the misfit.
    """
    from scipy.optimize import minimize_scalar

    def slope_at(misfit: float) -> float:
        weights = 1 / (misfit**2 + errors**2)
        power = float((weights * given**2).sum())
        return float((weights * given * effects).sum()) / power if power > 0 else 0.0

    def loss(log_misfit: float) -> float:
        misfit = float(np.exp(log_misfit))
        variances = misfit**2 + errors**2
        return float((np.log(variances) + (effects - slope_at(misfit) * given) ** 2 / variances).sum())

    found: Callable[..., Any] = minimize_scalar
    misfit = float(np.exp(found(loss, bounds=(-7.0, 3.0), method="bounded").x))
    return slope_at(misfit), misfit
