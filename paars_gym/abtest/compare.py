"""All estimates of all outcomes from pairs of sessions, the same shoppers in both arms, at the end or at every look."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import (
    IDENTICAL,
    UNCLEAR,
    ArmContrast,
    Floats,
    cluster_codes,
    direction_of,
    is_told,
    not_estimable,
    paired_difference,
    paired_ratio,
)
from paars_gym.abtest.outcomes import OUTCOMES, Columns, Outcome, columns_of
from paars_gym.abtest.result import OutcomeResult, SampleRatio
from paars_gym.abtest.surrogacy import VarianceComponents, variance_components
from paars_gym.abtest.unpaired import split_shoppers, unpaired_difference
from paars_gym.estimate import Estimate, Interval

FIRST_LOOK = 50
"""Personas before the first look: the sequence rests on a variance estimated from them."""
METHOD = "asymptotic confidence sequence over personas"

Row = tuple[float, ...]


class Pairs(NamedTuple):
    """Usable sessions of both arms, side by side.

    Attributes:
        shoppers: Whose sessions they are, length n.
        control: Columns of `columns_of` for the control sessions, shape (n,) each.
        treatment: The same of the treatment sessions.
        draws: Sessions of one shopper for one thing.
        excluded: Pairs left out, because a session of theirs failed.
        sample_ratio: Whether they failed in one arm rather than the other.
    """

    shoppers: list[str]
    control: Columns
    treatment: Columns
    draws: int
    excluded: int
    sample_ratio: SampleRatio

    @property
    def identical(self) -> bool:
        """Whether every column of every pair is the same in both arms; unknown counts as the same as unknown."""
        return all(
            np.array_equal(column, self.treatment[name], equal_nan=True) for name, column in self.control.items()
        )


def pair_up(
    shoppers: Mapping[str, str],
    control: Mapping[str, Row | None],
    treatment: Mapping[str, Row | None],
    *,
    draws: int = 1,
) -> Pairs:
    """Puts sessions with the same key side by side, and leaves out pairs of which one failed.

    Args:
        shoppers: By key of the session.
        control: `measure` of each control session by key; None for one that failed.
        treatment: The same of the treatment arm.
        draws: Sessions of one shopper for one thing.

    Raises:
        ValueError: An arm has no session, or none that came through.
    """
    from scipy.stats import binomtest

    for name, arm in (("control", control), ("treatment", treatment)):
        if not arm:
            raise ValueError(f"The {name} arm is empty: no session was played in it.")
        if all(row is None for row in arm.values()):
            raise ValueError(
                f"All {len(arm)} sessions of the {name} arm failed, so that nothing can be compared; see the causes in "
                "its sessions.jsonl."
            )
    keys = sorted(control.keys() | treatment.keys())
    fine = [(control.get(key), treatment.get(key)) for key in keys]
    both = [key for key, (c, t) in zip(keys, fine, strict=True) if c is not None and t is not None]
    if not both:
        raise ValueError("In every pair of sessions at least one failed, so that nothing can be compared.")
    only_c = sum(c is not None and t is None for c, t in fine)
    only_t = sum(c is None and t is not None for c, t in fine)
    p_value = float(binomtest(only_c, only_c + only_t).pvalue) if only_c + only_t else 1.0
    return Pairs(
        [shoppers[key] for key in both],
        columns_of(row for key in both if (row := control[key]) is not None),
        columns_of(row for key in both if (row := treatment[key]) is not None),
        draws,
        len(keys) - len(both),
        SampleRatio(control=only_c, treatment=only_t, p_value=p_value),
    )


def compare(
    pairs: Pairs,
    *,
    level: float = 0.95,
    covariate: Mapping[str, float] | None = None,
    seed: int = 0,
    outcomes: Sequence[Outcome] = OUTCOMES,
) -> dict[str, OutcomeResult]:
    """All estimates of all outcomes.

    Args:
        pairs: Of sessions.
        level: Of the intervals.
        covariate: What was known of each shopper before, for CUPED; None when nothing was.
        seed: Decides which half of the personas a classic test would have treated.
        outcomes: Which.
    """
    from scipy.stats import false_discovery_control

    codes = cluster_codes(pairs.shoppers)
    names = list(dict.fromkeys(pairs.shoppers))
    history = None if covariate is None else np.array([covariate.get(name, 0.0) for name in names], dtype=np.float64)
    treated = split_shoppers(len(names), np.random.default_rng(seed))
    results = {outcome.name: _compare(outcome, pairs, codes, history, treated, level) for outcome in outcomes}
    tested = {name: p for name, result in results.items() if (p := result.difference.p_value) is not None}
    if tested:
        adjusted = false_discovery_control(list(tested.values())).tolist()
        for name, p_value in zip(tested, adjusted, strict=True):
            results[name] = _corrected(results[name], p_value, level)
    return results


def _corrected(result: OutcomeResult, p_adjusted: float, level: float) -> OutcomeResult:
    """With the p-value for having looked at several outcomes; no direction stays that it does not carry."""
    primary = result.difference
    corrected = {"difference": replace(primary, details={**primary.details, "p_adjusted": p_adjusted})}
    if p_adjusted > 1 - level:
        told = {**result.estimates, **corrected}
        corrected |= {name: replace(one, verdict=UNCLEAR) for name, one in told.items() if is_told(one)}
    return result.model_copy(update=corrected)


def _compare(
    outcome: Outcome,
    pairs: Pairs,
    codes: npt.NDArray[np.int64],
    history: Floats | None,
    treated: npt.NDArray[np.bool_],
    level: float,
) -> OutcomeResult:
    base, identical = outcome.denominator or "sessions", pairs.identical
    c, c_base = pairs.control[outcome.numerator], pairs.control[base]
    t, t_base = pairs.treatment[outcome.numerator], pairs.treatment[base]
    n_personas = len(treated)
    lines = {name: int(pairs.control[name].sum() + pairs.treatment[name].sum()) for name in ("priced", "unpriced")}
    if outcome.numerator == "revenue" and lines["unpriced"] and not lines["priced"]:
        why = f"none of {lines['unpriced']} purchase lines has a price"
        unknown = not_estimable(why, {"pairs": len(c), "personas": n_personas})
        return OutcomeResult.of(outcome, dict.fromkeys(("primary", "welch", "cuped", "per_shopper"), unknown))
    primary = _known(paired_ratio((c, c_base), (t, t_base), pairs.shoppers, level=level), identical)
    if outcome.numerator == "revenue" and lines["unpriced"]:
        counted = {"priced_lines": lines["priced"], "unpriced_lines": lines["unpriced"]}
        difference = replace(primary.difference, details={**primary.difference.details, **counted})
        primary = primary._replace(difference=difference)

    def sums(values: Floats) -> Floats:
        return np.bincount(codes, weights=values, minlength=n_personas).astype(np.float64)

    totals = {"n": (sums(c), sums(t)), "d": (sums(c_base), sums(t_base))}
    if history is not None:
        totals["x"] = (history, history)
    groups = [{name: both[arm][treated == bool(arm)] for name, both in totals.items()} for arm in (0, 1)]
    contrasts = {
        "primary": primary,
        "welch": unpaired_difference(*groups, level=level),
        "cuped": not_estimable("no history of the shoppers")
        if history is None
        else unpaired_difference(*groups, covariate=True, level=level),
        "per_shopper": _per_shopper(outcome, pairs, totals, level),
    }
    sequential = None
    if outcome.denominator is None and n_personas > 1:
        # Sums over the mean number of sessions, so that sessions count alike here as in the primary estimate.
        sequential = sequential_estimate((totals["n"][1] - totals["n"][0]) / (len(c) / n_personas), level=level)
        if identical:
            sequential = replace(sequential, verdict="identical", note=IDENTICAL)
    return OutcomeResult.of(
        outcome,
        contrasts,
        sequential=sequential,
        unpaired_sessions=_unpaired_sessions(primary, totals),
        components=None if outcome.denominator else _components(t - c, pairs),
    )


def _components(differences: Floats, pairs: Pairs) -> VarianceComponents | None:
    """Between visits and within them; a visit's draws stand together, unless pairs are left out."""
    if pairs.draws < 2 or pairs.excluded or len(differences) < 2 * pairs.draws:
        return None
    return variance_components(differences.reshape(-1, pairs.draws))


def _known(contrast: ArmContrast, identical: bool) -> ArmContrast:
    """A contrast that is called identical only where nothing at all differs between the arms."""
    if contrast.difference.note != IDENTICAL or identical:
        return contrast
    sizes = contrast.difference.sizes
    if sizes["personas"] < 2:
        return not_estimable("one persona", sizes)._replace(control=contrast.control, treatment=contrast.treatment)
    details = {"may_differ": contrast.difference.number("may_differ")}
    nothing = Estimate(0.0, sizes=sizes, note="no pair differs", details=details)
    return contrast._replace(
        difference=nothing,
        relative=contrast.relative
        if contrast.relative.value is None
        else replace(nothing, unit=contrast.relative.unit),
    )


def _per_shopper(
    outcome: Outcome, pairs: Pairs, totals: Mapping[str, tuple[Floats, Floats]], level: float
) -> ArmContrast:
    """The difference between sums over a shopper's visits; of ratios, between each shopper's own.

    A shopper without anything to divide by in one of the arms has no ratio and is left out, and counted in the note:
    the estimate is then about the others, who are not drawn by lot.
    """
    numerators, bases = totals["n"], totals["d"]
    if outcome.denominator is None:
        before, after = (part / pairs.draws for part in numerators)
        return _known(paired_difference(before, after, range(len(before)), level=level), pairs.identical)
    have = (bases[0] > 0) & (bases[1] > 0)
    if not have.any():
        return not_estimable("nothing to divide by")
    before, after = (part[have] / base[have] for part, base in zip(numerators, bases, strict=True))
    contrast = _known(paired_difference(before, after, range(len(before)), level=level), pairs.identical)
    if have.all():
        return contrast
    whose = f"of {have.sum()} of {len(have)} shoppers, who have it in both arms"
    note = f"{contrast.difference.note}; {whose}" if contrast.difference.note else whose
    return contrast._replace(
        difference=replace(contrast.difference, note=note), relative=replace(contrast.relative, note=note)
    )


def _unpaired_sessions(primary: ArmContrast, totals: Mapping[str, tuple[Floats, Floats]]) -> int | None:
    """Both arms' variances over this test's squared error are the shoppers that each arm of it needs."""
    error, sizes = primary.difference.number("standard_error"), primary.difference.sizes
    if not error:
        return None
    variance = 0.0
    for arm, ratio in enumerate((primary.control, primary.treatment)):
        numerators, denominators = totals["n"][arm], totals["d"][arm]
        variance += float(np.var((numerators - (ratio or 0.0) * denominators) / denominators.mean(), ddof=1))
    shoppers_an_arm = variance / error**2
    return round(2 * shoppers_an_arm * sizes["pairs"] / sizes["personas"])


def confidence_sequence(
    differences: Floats, *, level: float = 0.95, first_look: int = FIRST_LOOK
) -> tuple[Floats, Floats]:
    """Asymptotic confidence sequence for a mean, valid at all looks at once.

    After t personas: ``mean ± sd · sqrt(2 (t r² + 1) / (t² r²) · log(sqrt(t r² + 1) / alpha))``, the Gaussian mixture
    boundary of Robbins (1970) as Waudby-Smith et al. (2024, theorem 2.2) extend it to data that are independent and
    have a variance. ``r`` makes it tightest at the planned end. Its guarantee is asymptotic in the first look, so there
    is none before ``first_look``.

    Args:
        differences: One mean difference a persona, shape (n,), in an order that does not depend on them.
        level: Confidence level, in (0, 1).
        first_look: Personas before which nothing is said.

    Returns:
        Lower and upper bounds after 1, 2, … personas, shape (n,) each; infinite before the first look.

    Raises:
        ValueError: No persona, or a level out of range.
    """
    if not len(differences):
        raise ValueError("There are no personas to look at.")
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    alpha, n = 1 - level, len(differences)
    times = np.arange(1, n + 1)
    means = np.cumsum(differences) / times
    squares = np.cumsum(np.square(differences)) / times
    spread = np.sqrt(np.maximum(squares - np.square(means), 0) * times / np.maximum(times - 1, 1))
    rate = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / n
    scaled = times * rate + 1
    margin = spread * np.sqrt(2 * scaled / (times**2 * rate) * np.log(np.sqrt(scaled) / alpha))
    # A spread of 0 is no knowledge: all that differed may be yet to come.
    margin[(times < first_look) | (spread == 0)] = math.inf
    return means - margin, means + margin


def sequential_estimate(differences: Floats, *, level: float = 0.95) -> Estimate:
    """The mean difference with its always-valid interval after all personas; arguments as for `confidence_sequence`.

    Its detail ``stop_after`` is the number of personas after which 0 was outside for the first time; None if it never
    was.
    """
    low, high = confidence_sequence(differences, level=level)
    outside = np.flatnonzero((low > 0) | (high < 0))
    around = Interval.of((float(low[-1]), float(high[-1])), level=level, method=METHOD)
    return Estimate(
        float(np.mean(differences)),
        around,
        sizes={"personas": len(differences)},
        verdict=direction_of(around),
        note="" if around else f"no interval before {FIRST_LOOK} personas, or where none differs",
        details={"stop_after": int(outside[0]) + 1 if len(outside) else None},
    )
