"""What would a classic A/B test on the same shoppers have said? Each persona in one arm only: Welch, and with CUPED."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import NAN, Floats


class Unpaired(NamedTuple):
    """A difference between two groups of different shoppers, treatment minus control.

    Attributes:
        estimate: In the outcome's unit; NaN when not estimable.
        interval: Confidence interval.
        relative: Treatment / control - 1.
        relative_interval: Confidence interval of that.
        p_value: Two-sided.
        note: Why it is not estimable; else empty.
    """

    estimate: float
    interval: tuple[float, float]
    relative: float
    relative_interval: tuple[float, float]
    p_value: float
    note: str = ""


def unpaired_difference(
    control: Mapping[str, Floats], treatment: Mapping[str, Floats], *, covariate: bool = False, level: float = 0.95
) -> Unpaired:
    """Difference of ratios of means between two groups, by tea-tasting: Welch's t-test on shoppers, not on sessions.

    A shopper's sessions are summed first, so that shoppers are independent observations; the ratio of sums over
    shoppers is linearised (delta method, Deng et al. 2018). With ``covariate`` the outcome is first adjusted for what
    was known of each shopper before the test (CUPED, Deng et al. 2013), with one coefficient for both groups.

    Args:
        control: ``n`` numerators, ``d`` denominators and, for CUPED, ``x`` the covariate, shape (shoppers,) each.
        treatment: The same of the other group; the numbers of shoppers may differ.
        covariate: Whether to adjust for ``x``.
        level: Confidence level.
    """
    import tea_tasting.aggr
    import tea_tasting.metrics

    nothing = Unpaired(NAN, (NAN, NAN), NAN, (NAN, NAN), NAN)
    columns = ("n", "d", "x") if covariate else ("n", "d")
    if min(len(control["n"]), len(treatment["n"])) < 2:
        return nothing._replace(note="not estimable: fewer than two personas in an arm")
    if covariate and not min(np.ptp(control["x"]), np.ptp(treatment["x"])) > 0:
        return nothing._replace(note="not estimable: the covariate does not vary")
    if not (control["d"].sum() and treatment["d"].sum()):
        return nothing._replace(note="not estimable: nothing to divide by")
    if not (np.ptp(control["n"]) or np.ptp(treatment["n"])):
        return nothing._replace(note="not estimable: zero variance")

    def aggregates(group: Mapping[str, Floats]) -> tea_tasting.aggr.Aggregates:
        spread = np.cov(np.stack([group[name] for name in columns]))
        pairs = [(i, j) for i in range(len(columns)) for j in range(i)]
        return tea_tasting.aggr.Aggregates(
            count_=len(group["n"]),
            mean_={name: float(group[name].mean()) for name in columns},
            var_={name: float(spread[i, i]) for i, name in enumerate(columns)},
            cov_={(columns[i], columns[j]): float(spread[i, j]) for i, j in pairs},
        )

    metric = tea_tasting.metrics.RatioOfMeans(
        "n", "d", numer_covariate="x" if covariate else None, confidence_level=level, use_t=True, equal_var=False
    )
    try:
        with np.errstate(all="ignore"):
            found = metric.analyze_aggregates(aggregates(control), aggregates(treatment))
    except (ArithmeticError, ValueError):  # no logarithm of a relative change, as where an arm sells nothing
        # One more of it in each session changes both arms' ratios by 1, and their difference not at all.
        more = ({**group, "n": group["n"] + group["d"]} for group in (control, treatment))
        try:
            found = metric.analyze_aggregates(*map(aggregates, more))
        except (ArithmeticError, ValueError):
            return nothing._replace(note="not estimable: zero variance")
        found = found._replace(rel_effect_size=NAN, rel_effect_size_ci_lower=NAN, rel_effect_size_ci_upper=NAN)
    return Unpaired(
        float(found.effect_size),
        (float(found.effect_size_ci_lower), float(found.effect_size_ci_upper)),
        float(found.rel_effect_size),
        (float(found.rel_effect_size_ci_lower), float(found.rel_effect_size_ci_upper)),
        float(found.pvalue),
    )


def split_shoppers(shoppers: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which shoppers a classic test would have put into the treatment: a random half, shape (shoppers,)."""
    treated = np.zeros(shoppers, dtype=np.bool_)
    treated[rng.permutation(shoppers)[: shoppers // 2]] = True
    return treated
