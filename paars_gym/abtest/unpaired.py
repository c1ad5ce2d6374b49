"""The difference that a classic test would have found, with each shopper in one arm only: Welch, CUPED, ratios."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import (
    NAN,
    NO_CONTROL,
    RELATIVE,
    ArmContrast,
    Floats,
    direction_of,
    not_estimable,
)
from paars_gym.estimate import Estimate, Interval, finite


def unpaired_difference(
    control: Mapping[str, Floats], treatment: Mapping[str, Floats], *, covariate: bool = False, level: float = 0.95
) -> ArmContrast:
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

    sizes = {"control": len(control["n"]), "treatment": len(treatment["n"])}

    def nothing(why: str) -> ArmContrast:
        ratios = [float(g["n"].sum() / g["d"].sum()) if g["d"].any() else None for g in (control, treatment)]
        return not_estimable(why, sizes)._replace(control=ratios[0], treatment=ratios[1])

    columns = ("n", "d", "x") if covariate else ("n", "d")
    if min(len(control["n"]), len(treatment["n"])) < 2:
        return nothing("fewer than two personas in an arm")
    if covariate and not min(np.ptp(control["x"]), np.ptp(treatment["x"])) > 0:
        return nothing("the covariate does not vary")
    if not (control["d"].sum() and treatment["d"].sum()):
        return nothing("nothing to divide by")
    if not (np.ptp(control["n"]) or np.ptp(treatment["n"])):
        return nothing("zero variance")

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
            analysed = metric.analyze_aggregates(aggregates(control), aggregates(treatment))
    except (ArithmeticError, ValueError):  # no logarithm of a relative change, as where an arm sells nothing
        # One more of it in each session changes both arms' ratios by 1, and their difference not at all.
        more = ({**group, "n": group["n"] + group["d"]} for group in (control, treatment))
        try:
            analysed = metric.analyze_aggregates(*map(aggregates, more))
        except (ArithmeticError, ValueError):
            return nothing("zero variance")
        analysed = analysed._replace(rel_effect_size=NAN, rel_effect_size_ci_lower=NAN, rel_effect_size_ci_upper=NAN)
    method = "Welch's t on shoppers, adjusted for their history" if covariate else "Welch's t on shoppers"
    around = Interval.of(
        (float(analysed.effect_size_ci_lower), float(analysed.effect_size_ci_upper)), level=level, method=method
    )
    if around is None or around.if_wide() is None:  # each persona's ratio is that of its arm
        return nothing("zero variance")
    ratio_c, ratio_t = (float(group["n"].sum() / group["d"].sum()) for group in (control, treatment))
    change = finite(float(analysed.rel_effect_size)) if ratio_c else None
    relative = None
    if change is not None:
        ends = float(analysed.rel_effect_size_ci_lower), float(analysed.rel_effect_size_ci_upper)
        relative = Interval.of(ends, level=level, method=method)
    note = NO_CONTROL if change is None and not ratio_c else ""
    return ArmContrast(
        ratio_c,
        ratio_t,
        Estimate(
            float(analysed.effect_size),
            around,
            sizes=sizes,
            p_value=float(analysed.pvalue),
            verdict=direction_of(around),
        ),
        Estimate(change, relative, unit=RELATIVE, sizes=sizes, verdict=direction_of(relative), note=note),
    )


def split_shoppers(shoppers: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which shoppers a classic test would have put into the treatment: a random half, shape (shoppers,)."""
    treated = np.zeros(shoppers, dtype=np.bool_)
    treated[rng.permutation(shoppers)[: shoppers // 2]] = True
    return treated
