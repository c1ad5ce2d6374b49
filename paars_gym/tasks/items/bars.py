"""Bars of item selection that ask nobody: what is bought before is counted, or weighed by learned weights.

An accuracy below a bar is reached without a shopper. The learned scorer is a conditional logit that never judges a
household it has seen: each half of the households (`is_held_out`) is judged by the fit on the other half, and the
penalty of a fit is chosen between people of its own half. So all cases are judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.alignment.conditional_logit import RIDGES, ConditionalLogit, choose_ridge, fit_conditional_logit
from paars_gym.alignment.item_selection import ItemCases
from paars_gym.config import CONDITIONS
from paars_gym.estimate import Estimate, Interval
from paars_gym.sessions.event import session_rng
from paars_gym.sessions.split import is_held_out
from paars_gym.tasks.answers import Choices
from paars_gym.tasks.items.features import LEVELS, Counts, Feature, ItemCodes, count_like, features_of
from paars_gym.tasks.items.knowledge import Household
from paars_gym.tasks.items.results import LEARNED, LearnedCoefficient

DEPARTMENT, CATEGORY, LEAF = LEVELS
LOOKUP = f"{CATEGORY} then popularity"
"""The bar that follows the paper's rule for distractors: none is of a category that the household bought."""
COUNTING = {
    f"{CATEGORY} then {DEPARTMENT}": (CATEGORY, DEPARTMENT),
    LOOKUP: (CATEGORY, "popularity"),
    "leaf then popularity": (LEAF, "popularity"),
}
"""By bar: which purchases of the history are counted first, and what decides between options of equal counts."""
PARTS: dict[str, tuple[str, ...]] = {
    "base": ("base",),
    "profile": ("base", "profile"),
    "preferences": ("base", "preferences"),
    "history": ("base", "history"),
    "persona": ("base", "profile", "preferences", "history"),
}
"""Which features the learned scorer has under each condition."""
FEWEST = 2
"""Households with cases that each half needs."""


class Bars(NamedTuple):
    """What the bars choose.

    Attributes:
        chosen: Columns, shape (cases,), by the bar's name.
        coefficients: Of the learned scorer under the condition ``persona``.
        told_by_category: Share of the cases in which the right item alone is of a category that the history has.
        left_out: Why there are no others, a sentence each.
    """

    chosen: dict[str, Choices]
    coefficients: tuple[LearnedCoefficient, ...]
    told_by_category: float | None
    left_out: tuple[str, ...]


def choose_bars(
    cases: ItemCases,
    households: Sequence[Household],
    codes: ItemCodes,
    likeness: Mapping[str, npt.NDArray[np.floating]],
) -> Bars:
    """Every bar that catalog and log allow.

    Args:
        cases: The cases.
        households: Of each case.
        codes: Of the catalog.
        likeness: See `features_of`.
    """
    counts = count_like(cases, households, codes)
    chosen, left_out = choose_by_counts(cases, counts)
    coefficients: tuple[LearnedCoefficient, ...] = ()
    halves = held_out(cases)
    lacking = next((half for half in (False, True) if len(np.unique(cases.shopper[halves == half])) < FEWEST), None)
    if lacking is not None:
        of = ("the half that is fitted on", "the half that judges")[lacking]
        n = len(np.unique(cases.shopper[halves == lacking]))
        left_out.append(
            f"The learned scorer is left out: it is fitted on other households than it judges, and {of} has {n} "
            f"with cases, must have {FEWEST} or more."
        )
    else:
        features = features_of(cases, households, counts, likeness)
        for condition in CONDITIONS:
            known = [feature for feature in features if feature.known in PARTS[condition]]
            if any(feature.known != "base" for feature in known) or condition == "base":
                utilities, fits = cross_fit(cases, known)
                chosen[f"{LEARNED}, {condition}"] = _best(cases, utilities)
                if condition == "persona":
                    coefficients = _coefficients(cases, known, fits)
    told = None
    if CATEGORY in counts.levels:
        known_category = counts.levels[CATEGORY] > 0
        alone = known_category[np.arange(len(cases)), cases.answer] & (known_category.sum(axis=1) == 1)
        told = float(alone.mean())
    return Bars(chosen, coefficients, told, tuple(left_out))


def choose_by_counts(cases: ItemCases, counts: Counts) -> tuple[dict[str, Choices], list[str]]:
    """Columns chosen by the bars that count, by name; and why others are left out, a sentence each."""
    keys: Mapping[str, npt.ArrayLike] = {**counts.levels, "popularity": cases.others_purchases}
    chosen: dict[str, Choices] = {}
    left_out: list[str] = []
    for name, (first, second) in COUNTING.items():
        missing = [key for key in (first, second) if key not in keys]
        if missing:
            left_out.append(f"The bar {name!r} is left out: the catalog does not tell one {missing[0]} from another.")
        elif np.array_equal(keys[first], keys[second]):
            left_out.append(f"The bar {name!r} is left out: in this catalog a {first} is a {second}.")
        else:
            chosen[name] = _best(cases, np.asarray(keys[first]), np.asarray(keys[second]))
    return chosen, left_out


def held_out(cases: ItemCases, *, salt: str = "") -> npt.NDArray[np.bool_]:
    """Whether the household of each case is held out (`is_held_out`), shape (cases,)."""
    shoppers, place = np.unique(cases.shopper, return_inverse=True)
    held = np.array([is_held_out(cases.log.shoppers[shopper], salt=salt) for shopper in shoppers.tolist()], dtype=bool)
    return np.asarray(held[place])


def cross_fit(cases: ItemCases, features: Sequence[Feature]) -> tuple[npt.NDArray[np.float64], list[ConditionalLogit]]:
    """Utilities of every case from the fit on the half of the households that is not its own, and both fits.

    Args:
        cases: Of households in both halves.
        features: One or more.

    Returns:
        Utilities of shape (cases, 4); the fit on the half that is fitted on, and the one on the half that judges.
    """
    values = np.stack([feature.values for feature in features], axis=2)
    halves, choosing = held_out(cases), held_out(cases, salt="choice")
    utilities, fits = np.zeros(cases.options.shape), []
    for half in (False, True):
        fitted_on = np.flatnonzero(halves == half)
        judge = choosing[fitted_on]
        # Without people to choose between penalties the middle one of the strong ones.
        ridge = RIDGES[len(RIDGES) // 2]
        if judge.any() and not judge.all():
            ridge = choose_ridge(values[fitted_on], cases.answer[fitted_on], judge)
        fit = fit_conditional_logit(
            values[fitted_on], cases.answer[fitted_on], ridge=ridge, groups=cases.shopper[fitted_on]
        )
        utilities[halves != half] = fit.utilities(values[halves != half])
        fits.append(fit)
    return utilities, fits


def _coefficients(
    cases: ItemCases, features: Sequence[Feature], fits: Sequence[ConditionalLogit]
) -> tuple[LearnedCoefficient, ...]:
    """Mean of both fits, whose errors are independent, for they have no household in common."""
    coefficients = np.array([fit.coefficients for fit in fits])
    variances = np.array([fit.standard_errors for fit in fits]) ** 2
    # A half in which a feature never differs says nothing of its weight.
    known = np.isfinite(variances)
    halves = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, coefficients, 0.0).sum(axis=0) / halves
    errors = np.where(known.any(axis=0), np.sqrt(np.where(known, variances, 0.0).sum(axis=0)) / halves, np.inf)
    found = []
    for feature, value, error in zip(features, means.tolist(), errors.tolist(), strict=True):
        interval = Interval.normal(value, error, "sandwich, clustered by shopper") if np.isfinite(error) else None
        estimate = Estimate(
            value,
            interval,
            unit="nats",
            sizes={"cases": len(cases)},
            floor=0.0,
            details={
                "standard_error": error if np.isfinite(error) else None,
                "ridges": ", ".join(f"{fit.ridge:g}" for fit in fits),
            },
        )
        found.append(
            LearnedCoefficient(protocol=cases.protocol, term=feature.name, known=feature.known, estimate=estimate)
        )
    return tuple(found)


def _best(cases: ItemCases, *keys: npt.NDArray[np.generic]) -> Choices:
    """The column of the largest first key, then of the largest second one; of several, any."""
    ties = session_rng(cases.seed, "ties of the bars").random(cases.options.shape)
    return np.asarray(np.lexsort((ties, *reversed(keys)), axis=1)[:, -1])
