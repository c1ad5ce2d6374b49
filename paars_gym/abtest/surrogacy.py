"""What is asked of a surrogate before it is trusted: a falsification test, how many draws, how large a pilot of people.

Simulated effects are surrogates of the effects on people (Prentice 1989; Buyse & Molenberghs 1998; for effects of many
trials Daniels & Hughes 1997). Before any magnitude is used, their signs and their order have to agree with people's
beyond chance; otherwise the simulation is refuted, and nothing is to be corrected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from paars_gym.estimate import Estimate

Floats = npt.NDArray[np.float64]
PERMUTATIONS, EXACT_UP_TO = 9_999, 7
"""Random ones, and the number of tests up to which all are gone through."""
ALPHA = 0.05


class Falsification(BaseModel):
    """Whether signs and order of simulated effects agree with people's beyond chance; all p-values are one-sided.

    Attributes:
        signs: Share of equal signs among tests in which neither effect is 0. Its p-value is that of the sign test, the
            exact binomial test against 1/2; detail ``p_shuffled``: how often as many agree when simulations are
            shuffled among the tests, which an effect that most tests share cannot pass.
        kendall: Kendall's tau-b, its p-value by permutation.
        spearman: Spearman's rho, its p-value by permutation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    signs: Estimate
    kendall: Estimate
    spearman: Estimate

    @property
    def verdict(self) -> str:
        """``agrees``, ``not shown to agree``, or nothing where no p-value exists."""
        shown = [one.p_value for one in (self.signs, self.kendall) if one.p_value is not None]
        if len(shown) < 2:
            return ""
        return "agrees beyond chance" if max(shown) < ALPHA else "not shown to agree beyond chance"


def falsify(
    simulated: Sequence[float], human: Sequence[float], *, permutations_drawn: int = PERMUTATIONS, seed: int = 0
) -> Falsification:
    """Tests whether simulated effects say anything about people's.

    >>> found = falsify([0.2, -0.3, 0.1, 0.4, -0.2], [0.02, -0.02, 0.01, 0.03, -0.01])
    >>> round(found.signs.p_value, 5), round(found.kendall.value, 4), round(found.kendall.p_value, 4)
    (0.03125, 1.0, 0.0083)

    Args:
        simulated: Relative effects, shape (n,).
        human: The same of people, shape (n,).
        permutations_drawn: Random ones, where there are too many to go through all.
        seed: Of these.

    Raises:
        ValueError: Different numbers of effects, or none.
    """
    from scipy.stats import binomtest, kendalltau, rankdata

    x, y = np.asarray(simulated, dtype=np.float64), np.asarray(human, dtype=np.float64)
    if not len(x) or x.shape != y.shape:
        raise ValueError(f"Simulated and human effects must pair up, got {len(x)} and {len(y)}.")
    orders = _orders(len(x), permutations_drawn, seed)
    signed = (np.sign(x), np.sign(y))
    moved = int((signed[0] * signed[1] != 0).sum())
    agreed = int((signed[0] * signed[1] > 0).sum())
    sizes = {"tests": len(x)}
    nothing = Estimate(None, sizes=sizes, note="takes three tests whose effects differ")
    shuffled = (signed[0][orders] * signed[1] > 0).sum(axis=1)
    signs = Estimate(
        agreed / moved if moved else None,
        unit="share",
        sizes={"tests": moved},
        p_value=float(binomtest(agreed, moved, alternative="greater").pvalue) if moved else None,
        note="" if moved else "an effect is 0 in every test",
        details={"count": agreed, "p_shuffled": _p_value(shuffled, agreed, exact=len(x) <= EXACT_UP_TO)},
    )
    if len(x) < 3 or not (np.ptp(x) and np.ptp(y)):
        return Falsification(signs=signs, kendall=nothing, spearman=nothing)
    # Both statistics are increasing in these sums, whose other parts do not change with the order.
    pairs_x, pairs_y = (np.sign(values[:, None] - values) for values in (x, y))
    ranks_x, ranks_y = (rankdata(values) - (len(x) + 1) / 2 for values in (x, y))
    concordant = np.array([(pairs_x[np.ix_(order, order)] * pairs_y).sum() for order in orders])
    together = ranks_x[orders] @ ranks_y
    found = []
    exact = len(x) <= EXACT_UP_TO
    for value, sums, own in (
        (float(kendalltau(x, y).statistic), concordant, float((pairs_x * pairs_y).sum())),
        (_correlation(ranks_x, ranks_y), together, float(ranks_x @ ranks_y)),
    ):
        found.append(Estimate(value, sizes=sizes, p_value=_p_value(sums, own, exact=exact)))
    return Falsification(signs=signs, kendall=found[0], spearman=found[1])


class VarianceComponents(BaseModel):
    """Where the variance of paired differences lies: between visits (a persona with a need), or between their draws.

    Attributes:
        between: Variance between visits, of their expected differences.
        within: Variance between draws of a visit.
        visits: How many.
        draws: Of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    between: float
    within: float
    visits: int
    draws: int

    @property
    def noise(self) -> float:
        """Standard error of the mean difference that run-to-run noise alone makes: same visits, other draws.

        >>> VarianceComponents(between=1.0, within=2.0, visits=50, draws=4).noise
        0.1
        """
        return math.sqrt(self.within / (self.visits * self.draws))

    def draws_for(self, share: float) -> int | None:
        """Draws at which their noise is at most that share of the variance of a visit's mean; None: no number does.

        >>> VarianceComponents(between=1.0, within=3.0, visits=9, draws=2).draws_for(0.25)
        9

        Raises:
            ValueError: The share is not in (0, 1).
        """
        if not 0 < share < 1:
            raise ValueError(f"share == {share}, must be in (0, 1).")
        if not self.within:
            return 1
        if not self.between > 0:
            return None
        # Rounding must not make 10 draws of exactly ten.
        return max(1, math.ceil(self.within * (1 - share) / (share * self.between) - 1e-9))


def variance_components(differences: npt.ArrayLike) -> VarianceComponents:
    """One-way random effects by analysis of variance (Searle, Casella & McCulloch 1992); never below 0.

    Args:
        differences: Treatment minus control, shape (visits, draws).

    Raises:
        ValueError: Fewer than two visits or two draws.
    """
    table = np.asarray(differences, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"Variance components take two visits and two draws of each at least, got {table.shape}.")
    visits, draws = table.shape
    within = float(table.var(axis=1, ddof=1).mean())
    between = max(float(table.mean(axis=1).var(ddof=1)) - within / draws, 0.0)
    return VarianceComponents(between=between, within=within, visits=visits, draws=draws)


def pilot_sessions(half_width: float, *, prediction_error: float, session_variance: float, level: float = 0.95) -> int:
    """People's sessions in a pilot of the same test, so that prediction and pilot together are as sure as wanted.

    Both are weighted by their precision: ``1 / error² = 1 / prediction_error² + sessions / session_variance``, and
    ``half_width = z · error``.

    >>> pilot_sessions(0.0196, prediction_error=0.02, session_variance=40.0)
    299986

    Args:
        half_width: Wanted, of the interval of the relative effect.
        prediction_error: Standard deviation of people's effects around the calibrated prediction.
        session_variance: Variance of a human test's relative effect times its sessions, both arms counted.
        level: Of the interval.

    Raises:
        ValueError: A number that is not above 0.
    """
    from scipy.special import ndtri

    for name, value in (("half_width", half_width), ("session_variance", session_variance)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} == {value}, must be > 0.")
    wanted = (float(ndtri((1 + level) / 2)) / half_width) ** 2
    known = 1 / prediction_error**2 if prediction_error > 0 else math.inf
    return max(0, math.ceil(session_variance * (wanted - known)))


def _orders(n: int, drawn: int, seed: int) -> npt.NDArray[np.intp]:
    """All orders of few tests, or random ones of many, shape (orders, n)."""
    if n <= EXACT_UP_TO:
        return np.array(list(permutations(range(n))), dtype=np.intp)
    rng = np.random.default_rng(seed)
    return rng.permuted(np.tile(np.arange(n), (drawn, 1)), axis=1)


def _p_value(shuffled: Floats, own: float, *, exact: bool) -> float:
    """How often chance does as well; random orders count the true one among them (Phipson & Smyth 2010)."""
    as_well = int((shuffled >= own - 1e-9).sum())
    return as_well / len(shuffled) if exact else (as_well + 1) / (len(shuffled) + 1)


def _correlation(left: Floats, right: Floats) -> float:
    return float(left @ right / np.sqrt((left @ left) * (right @ right)))
