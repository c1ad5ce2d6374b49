"""Distances of two histograms: Kullback-Leibler, Jensen-Shannon, Wasserstein-1 (PAARS sections 4.1, 4.3, Table 2)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.resampling import Replicas, histogram_distance, total
from paars_gym.estimate import Estimate

Array = NDArray[np.float64]
Direction = Literal["human||agent", "agent||human", "mean", "sum"]
PSEUDOCOUNT = 0.5
"""Added to every bin (Krichevsky and Trofimov 1981)."""
SMALLEST = 5e-324
"""Least positive number there is."""


def kl_divergence(
    human_counts: ArrayLike,
    agent_counts: ArrayLike,
    *,
    pseudocount: float = PSEUDOCOUNT,
    epsilon: float | None = None,
    base: float = math.e,
    direction: Direction = "human||agent",
    n_resamples: int | Replicas = 1000,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Kullback-Leibler divergence sum p log(p / q) of two smoothed histograms.

    PAARS section 4.3, Table 2. By default ½ is added to every bin that either side uses, on both sides (Krichevsky
    and Trofimov 1981), since an empty agent bin makes the unsmoothed value infinite. The paper does not name its
    smoothing: ``epsilon`` with ``base`` and ``direction`` covers the usual forms. Where humans use bins that agents do
    not, any such constant decides the number (``warning``): read the unsupported mass, JS and W1 beside it.
    The interval assumes independent sessions (or shoppers) and is indicative only: it covers 81 to 91%.

    Args:
        human_counts: Sessions a bin, shape (bins,), or one row a shopper, shape (shoppers, bins).
        agent_counts: The same bins.
        pseudocount: Added to the counts on both sides; 0 for none.
        epsilon: When given, added to the probabilities in place of the pseudocount (renormalised): the paper mode.
        base: Of the logarithm: e gives nats, 2 bits, 10 bans.
        direction: Whose mean the log ratio is; or half the sum of both directions ("mean"), or their sum.
        n_resamples: Bootstrap resamples; 0 leaves out interval and floor (for use as an objective). Or, where counts
            carry noise, draws that take the place of resampling: then there is a p-value, and value, interval and floor
            are those of the populations, what the noise adds being taken off; ``as_released`` and
            ``floor_as_released`` among the details are what it was taken off.
        rng: Source of the resamples; by default a fresh generator with a fixed seed, so that a call repeats itself.

    Returns:
        The floor is the mean of the same metric between two samples of these sizes drawn from the humans' own
        histogram: what agents without any fault would still show. Among the details: ``unsupported_mass``, the share
        of the human mass on bins that no agent ever uses; ``novel_mass``, the share of the agents' on bins that no
        human ever uses; ``sensitivity``, by how much the value grows when the smoothing constant is made ten times
        smaller; ``warning``, where that constant decides the number. The value is None where it is infinite, which it
        can be only without smoothing.

    Raises:
        ValueError: Counts are empty, negative, not finite or of unequal length, or an option is out of range.

    >>> kl_divergence([3, 1, 0], [0, 0, 4]).value
    1.338180...
    """
    human, agent = two_histograms(human_counts, agent_counts)
    if not (math.isfinite(pseudocount) and pseudocount >= 0):
        raise ValueError(f"pseudocount == {pseudocount}, must be >= 0.")
    if epsilon is not None and not 0 < epsilon < 1:
        raise ValueError(f"epsilon == {epsilon}, must lie between 0 and 1; leave it out for the pseudocount.")
    _check_base(base)
    if direction not in get_args(Direction):
        raise ValueError(f"direction == {direction!r}. Available: {', '.join(get_args(Direction))}.")

    def smoothed(p: Array, q: Array, shrink: float = 1.0) -> Array:
        if epsilon is None:
            p, q = _add_to_union(p, q, pseudocount * shrink)
        else:
            p, q = _add_to_union(shares(p), shares(q), epsilon * shrink)
        p, q = shares(p), shares(q)
        forward, backward = relative_entropy(p, q), relative_entropy(q, p)
        values = {"human||agent": forward, "agent||human": backward}
        symmetric = (forward + backward) * (0.5 if direction == "mean" else 1.0)
        return values.get(direction, symmetric) / math.log(base)

    details = {
        "smoothing": f"epsilon {epsilon:g}" if epsilon is not None else f"pseudocount {pseudocount:g}",
        "direction": f"{direction} of both" if direction in ("mean", "sum") else direction,
    }
    result = histogram_distance(smoothed, human, agent, details, n_resamples, rng, interval="basic", unit=_unit(base))
    finer = float(smoothed(total(human), total(agent), 0.1))
    plain = result.number("as_released") or result.value
    sensitivity = finer - plain if math.isfinite(finer) and plain is not None else 0.0
    warning = None
    if epsilon is None and pseudocount > 0 and (np.any(np.mod(human, 1)) or np.any(np.mod(agent, 1))):
        warning = f"A pseudocount of {pseudocount:g} is meant for counts, and shares were given: pass 0, or epsilon."
    elif plain is None:
        warning = "Infinite: one side uses bins that the other never does. Smooth, or read JS and W1."
    elif abs(sensitivity) * math.log(base) > max(0.05, 0.02 * plain * math.log(base)):
        warning = (
            f"The smoothing constant decides this number: {_blame(result, direction)}, "
            f"and a constant ten times smaller gives {finer:.2f} in place of {plain:.2f}."
        )
    return replace(result, details={**result.details, "sensitivity": sensitivity, "warning": warning})


def js_divergence(
    human_counts: ArrayLike,
    agent_counts: ArrayLike,
    *,
    base: float = math.e,
    n_resamples: int | Replicas = 1000,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Jensen-Shannon divergence ½ KL(p‖m) + ½ KL(q‖m) with m = (p + q) / 2: bounded by log 2, and needs no smoothing.

    Lin 1991. Not its square root. The basic bootstrap interval covers 94 to 95% (n = 300 to 2,400, 21 bins).

    Args:
        human_counts: As for :func:`kl_divergence`.
        agent_counts: As for :func:`kl_divergence`.
        base: Of the logarithm.
        n_resamples: As for :func:`kl_divergence`.
        rng: As for :func:`kl_divergence`.

    Raises:
        ValueError: As for :func:`kl_divergence`.

    >>> js_divergence([2, 5, 3], [1, 1, 8]).value
    0.140227...
    """
    human, agent = two_histograms(human_counts, agent_counts)
    _check_base(base)

    def js(p: Array, q: Array) -> Array:
        return jensen_shannon(p, q) / math.log(base)

    return histogram_distance(js, human, agent, {}, n_resamples, rng, interval="basic", unit=_unit(base))


def wasserstein1(
    human_counts: ArrayLike,
    agent_counts: ArrayLike,
    *,
    positions: ArrayLike | None = None,
    unit: str = "positions",
    n_resamples: int | Replicas = 1000,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Wasserstein-1 distance, the integral of |F - G|: how many searches, or ranks, a session must move on average.

    Unlike KL it knows that 3 is nearer to 4 than to 20. An open last bin counts as its lower bound, so that the
    distance is then a lower bound. How often its intervals hold the truth: ``python -m benchmarks.metric_validity``.

    Args:
        human_counts: As for :func:`kl_divergence`; here the order of the bins matters.
        agent_counts: As for :func:`kl_divergence`.
        positions: Value that a bin stands for, rising, shape (bins,), such as ``Bins.lower``; 0, 1, 2 … by default.
        unit: What the result calls the unit of ``positions``.
        n_resamples: As for :func:`kl_divergence`.
        rng: As for :func:`kl_divergence`.

    Raises:
        ValueError: As for :func:`kl_divergence`, or positions that do not rise.

    >>> round(wasserstein1([2, 5, 3], [1, 1, 8]).value, 9)
    0.6
    """
    human, agent = two_histograms(human_counts, agent_counts)
    places = (
        np.arange(human.shape[-1], dtype=np.float64) if positions is None else np.asarray(positions, dtype=np.float64)
    )
    gaps = np.diff(places)
    if places.shape != human.shape[-1:] or not np.all((gaps > 0) & np.isfinite(gaps)):
        raise ValueError(f"positions of shape {places.shape} must be {human.shape[-1]} rising numbers, one a bin.")

    def w1(p: Array, q: Array) -> Array:
        return transport(p, q, places)

    return histogram_distance(w1, human, agent, {}, n_resamples, rng, interval="both", unit=unit)


def _blame(estimate: Estimate, direction: Direction) -> str:
    """Why smoothing counts: what one side has where the other has nothing; without that, there are few sessions."""
    unsupported, novel = (estimate.number(name) or 0.0 for name in ("unsupported_mass", "novel_mass"))
    people = f"{unsupported:.1%} of the human mass lies on bins that no agent uses"
    agents = f"{novel:.1%} of the agents' mass lies on bins that no human uses"
    if not (unsupported or novel):
        sizes = estimate.sizes
        return f"{sizes['human']} human and {sizes['agent']} agent sessions are few for so many bins"
    if unsupported and novel and direction in ("mean", "sum"):
        return f"{people} and {agents}"
    # The side whose mean the log ratio is pays for every bin that the other leaves empty.
    if direction == "agent||human":
        return agents if novel else people
    return people if unsupported else agents


def _unit(base: float) -> str:
    return {math.e: "nats", 2.0: "bits", 10.0: "bans"}.get(base, f"log base {base:g}")


def _check_base(base: object) -> None:
    if not (isinstance(base, int | float | np.number) and math.isfinite(base) and base > 1):
        raise ValueError(f"base == {base!r}, must be a number > 1, such as math.e, 2 or 10.")


def _add_to_union(p: Array, q: Array, constant: float) -> tuple[Array, Array]:
    """Smooth every bin that either side uses; one that both leave empty is no bin of this comparison."""
    added = constant * ((p > 0) | (q > 0))
    return p + added, q + added


def two_histograms(human_counts: ArrayLike, agent_counts: ArrayLike) -> tuple[Array, Array]:
    """Both sides as float arrays, without the rows of shoppers who have no session.

    Raises:
        ValueError: Counts are empty, negative, not finite or of unequal length.
    """
    sides = []
    for name, counts in (("human_counts", human_counts), ("agent_counts", agent_counts)):
        array = np.asarray(counts, dtype=np.float64)
        if array.ndim not in (1, 2) or array.shape[-1] == 0:
            raise ValueError(f"{name} has shape {array.shape}, must be (bins,) or (shoppers, bins), not empty.")
        if not np.all(np.isfinite(array)) or np.any(array < 0):
            raise ValueError(f"{name} holds negative, NaN or infinite values, must hold counts >= 0.")
        with np.errstate(over="ignore"):
            total_count = float(array.sum())
        if not total_count > 0:
            raise ValueError(f"{name} sums to 0: without a session there is no distribution to compare.")
        if not math.isfinite(total_count):
            raise ValueError(f"{name} sums to more than a number can hold: pass counts of sessions.")
        sides.append(array if array.ndim == 1 else array[array.any(axis=1)])  # a shopper without sessions is none
    human, agent = sides
    if human.shape[-1] != agent.shape[-1]:
        raise ValueError(f"{human.shape[-1]} human bins but {agent.shape[-1]} agent bins, must be the same bins.")
    return human, agent


def shares(counts: Array) -> Array:
    """Counts over their sum; what is counted keeps a share > 0, however small."""
    divided = np.asarray(counts / counts.sum(axis=-1, keepdims=True))
    return np.where((divided == 0) & (counts > 0), SMALLEST, divided)


def jensen_shannon(p: Array, q: Array) -> Array:
    """Of histograms (..., bins), in nats."""
    p, q = shares(p), shares(q)
    both = p + q
    # Twice a share over the sum: half the sum of subnormal numbers may be 0, and the divergence then infinite.
    return (_mean_log_ratio(p, 2 * p, both) + _mean_log_ratio(q, 2 * q, both)) / 2


def transport(p: Array, q: Array, positions: Array) -> Array:
    """Wasserstein-1 of histograms (..., bins) whose bins lie at rising positions."""
    between = np.cumsum(shares(p) - shares(q), axis=-1)[..., :-1]
    return np.asarray(np.abs(between) @ np.diff(positions))


def smoothed_kl(p: Array, q: Array, pseudocount: float = PSEUDOCOUNT) -> Array:
    """KL of counts (..., bins), in nats, with the pseudocount added to every bin that either side uses."""
    p, q = _add_to_union(p, q, pseudocount)
    return relative_entropy(shares(p), shares(q))


def relative_entropy(p: Array, q: Array) -> Array:
    """Sum p log(p / q) of shares (..., bins), in nats; infinite only where q is 0 and p is not."""
    return _mean_log_ratio(p, p, q)


def _mean_log_ratio(weights: Array, numerator: Array, denominator: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = numerator / denominator
        logs = np.log(ratio)
        # A share over one below 1e-308 overflows; the difference of their logarithms does not.
        logs = np.where(np.isposinf(ratio), np.log(numerator) - np.log(denominator), logs)
        terms = np.where(weights > 0, weights * logs, 0.0)
    return np.asarray(np.maximum(terms.sum(axis=-1), 0.0))  # rounding may leave -1e-17 where p == q
