"""How far apart are two histograms of counts or ranks (PAARS sections 4.1 and 4.3, Table 2)?"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.histogram_distance import (
    Divergence,
    Replicas,
    histogram_distance,
    jensen_shannon,
    relative_entropy,
    shares,
    total,
    two_histograms,
)

Array = NDArray[np.float64]
Direction = Literal["human||agent", "agent||human"]
Symmetrize = Literal["mean", "sum"]


def kl_divergence(
    human_counts: ArrayLike,
    agent_counts: ArrayLike,
    *,
    pseudocount: float = 0.5,
    epsilon: float | None = None,
    base: float = math.e,
    direction: Direction = "human||agent",
    symmetrize: Symmetrize | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator | None = None,
    replicas: Replicas | None = None,
) -> Divergence:
    """Kullback-Leibler divergence sum p log(p / q) of two smoothed histograms.

    PAARS section 4.3, Table 2. By default ½ is added to every bin that either side uses, on both sides (Krichevsky
    and Trofimov 1981), since an empty agent bin makes the unsmoothed value infinite. The paper does not name its
    smoothing: ``epsilon`` with ``base``, ``direction`` and ``symmetrize`` covers the usual forms. Where humans use
    bins that agents do not, any such constant decides the number (``warning``): read the unsupported mass, JS and W1
    beside it. The interval assumes independent sessions (or shoppers) and is indicative only: it covers 81 to 91%.

    Args:
        human_counts: Sessions a bin, shape (bins,), or one row a shopper, shape (shoppers, bins).
        agent_counts: The same bins.
        pseudocount: Added to the counts on both sides; 0 for none.
        epsilon: When given, added to the probabilities in place of the pseudocount (renormalised): the paper mode.
        base: Of the logarithm: e gives nats, 2 bits, 10 bans.
        direction: Whose mean the log ratio is.
        symmetrize: Half the sum of both directions ("mean"), or the sum.
        n_resamples: Bootstrap resamples; 0 leaves out interval and floor (for use as an objective).
        rng: Source of the resamples; by default a fresh generator with a fixed seed, so that a call repeats itself.
        replicas: Draws that take the place of resampling where counts carry noise: then there is a p-value.

    Raises:
        ValueError: Counts are empty, negative, not finite or of unequal length, or an option is out of range.

    >>> kl_divergence([3, 1, 0], [0, 0, 4]).estimate
    1.338180...
    """
    human, agent = two_histograms(human_counts, agent_counts)
    if not (math.isfinite(pseudocount) and pseudocount >= 0):
        raise ValueError(f"pseudocount == {pseudocount}, must be >= 0.")
    if epsilon is not None and not 0 < epsilon < 1:
        raise ValueError(f"epsilon == {epsilon}, must lie between 0 and 1; leave it out for the pseudocount.")
    _check_base(base)
    if direction not in ("human||agent", "agent||human"):
        raise ValueError(f"direction == {direction!r}, must be 'human||agent' or 'agent||human'.")
    if symmetrize not in (None, "mean", "sum"):
        raise ValueError(f"symmetrize == {symmetrize!r}, must be None, 'mean' or 'sum'.")

    def smoothed_kl(p: Array, q: Array, shrink: float = 1.0) -> Array:
        if epsilon is None:
            p, q = _add_to_union(p, q, pseudocount * shrink)
        else:
            p, q = _add_to_union(shares(p), shares(q), epsilon * shrink)
        p, q = shares(p), shares(q)
        forward, backward = relative_entropy(p, q), relative_entropy(q, p)
        if symmetrize is not None:
            value = (forward + backward) * (0.5 if symmetrize == "mean" else 1.0)
        else:
            value = forward if direction == "human||agent" else backward
        return value / math.log(base)

    settings = {
        "smoothing": f"epsilon {epsilon:g}" if epsilon is not None else f"pseudocount {pseudocount:g}",
        "unit": {math.e: "nats", 2.0: "bits", 10.0: "bans"}.get(base, f"log base {base:g}"),
        "direction": direction if symmetrize is None else f"{symmetrize} of both",
        "n_resamples": n_resamples,
    }
    result = histogram_distance(
        smoothed_kl, human, agent, settings, n_resamples, rng, interval="basic", replicas=replicas
    )
    finer = float(smoothed_kl(total(human), total(agent), 0.1))
    sensitivity = finer - result.estimate if math.isfinite(finer) else 0.0
    warning = None
    if epsilon is None and pseudocount > 0 and (np.any(np.mod(human, 1)) or np.any(np.mod(agent, 1))):
        warning = f"A pseudocount of {pseudocount:g} is meant for counts, and shares were given: pass 0, or epsilon."
    elif not math.isfinite(result.estimate):
        warning = "Infinite: one side uses bins that the other never does. Smooth, or read JS and W1."
    elif abs(sensitivity) * math.log(base) > max(0.05, 0.02 * result.estimate * math.log(base)):
        warning = (
            f"The smoothing constant decides this number: {_blame(result, direction, symmetrize)}, "
            f"and a constant ten times smaller gives {finer:.2f} in place of {result.estimate:.2f}."
        )
    return result._replace(sensitivity=sensitivity, warning=warning)


def js_divergence(
    human_counts: ArrayLike,
    agent_counts: ArrayLike,
    *,
    base: float = math.e,
    n_resamples: int = 1000,
    rng: np.random.Generator | None = None,
    replicas: Replicas | None = None,
) -> Divergence:
    """Jensen-Shannon divergence ½ KL(p‖m) + ½ KL(q‖m) with m = (p + q) / 2: bounded by log 2, and needs no smoothing.

    Lin 1991. Not its square root. The basic bootstrap interval covers 94 to 95% (n = 300 to 2,400, 21 bins).

    Args:
        human_counts: As for :func:`kl_divergence`.
        agent_counts: As for :func:`kl_divergence`.
        base: Of the logarithm.
        n_resamples: As for :func:`kl_divergence`.
        rng: As for :func:`kl_divergence`.
        replicas: As for :func:`kl_divergence`.

    Raises:
        ValueError: As for :func:`kl_divergence`.

    >>> js_divergence([2, 5, 3], [1, 1, 8]).estimate
    0.140227...
    """
    human, agent = two_histograms(human_counts, agent_counts)
    _check_base(base)

    def js(p: Array, q: Array) -> Array:
        return jensen_shannon(p, q) / math.log(base)

    settings = {
        "unit": {math.e: "nats", 2.0: "bits", 10.0: "bans"}.get(base, f"log base {base:g}"),
        "n_resamples": n_resamples,
    }
    return histogram_distance(js, human, agent, settings, n_resamples, rng, interval="basic", replicas=replicas)


def wasserstein1(
    human_counts: ArrayLike,
    agent_counts: ArrayLike,
    *,
    positions: ArrayLike | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator | None = None,
    replicas: Replicas | None = None,
) -> Divergence:
    """Wasserstein-1 distance, the integral of |F - G|: by how many searches, or ranks, must a session move on average?

    Unlike KL it knows that 3 is nearer to 4 than to 20. An open last bin counts as its lower bound, so that the
    distance is then a lower bound. The percentile bootstrap covers 94 to 95%.

    Args:
        human_counts: As for :func:`kl_divergence`; here the order of the bins matters.
        agent_counts: As for :func:`kl_divergence`.
        positions: Value that a bin stands for, rising, shape (bins,), such as ``Bins.lower``; 0, 1, 2 … by default.
        n_resamples: As for :func:`kl_divergence`.
        rng: As for :func:`kl_divergence`.
        replicas: As for :func:`kl_divergence`.

    Raises:
        ValueError: As for :func:`kl_divergence`, or positions that do not rise.

    >>> round(wasserstein1([2, 5, 3], [1, 1, 8]).estimate, 9)
    0.6
    """
    human, agent = two_histograms(human_counts, agent_counts)
    places = (
        np.arange(human.shape[-1], dtype=np.float64) if positions is None else np.asarray(positions, dtype=np.float64)
    )
    gaps = np.diff(places)
    if places.shape != human.shape[-1:] or not np.all(gaps > 0):
        raise ValueError(f"positions of shape {places.shape} must be {human.shape[-1]} rising numbers, one a bin.")

    def w1(p: Array, q: Array) -> Array:
        between = np.cumsum(shares(p) - shares(q), axis=-1)[..., :-1]
        return np.asarray(np.abs(between) @ gaps)

    settings = {"unit": "positions" if positions is None else "given positions", "n_resamples": n_resamples}
    return histogram_distance(w1, human, agent, settings, n_resamples, rng, interval="percentile", replicas=replicas)


def _blame(found: Divergence, direction: Direction, symmetrize: Symmetrize | None) -> str:
    """Why smoothing counts: what one side has where the other has nothing; without that, there are few sessions."""
    people = f"{found.unsupported_mass:.1%} of the human mass lies on bins that no agent uses"
    agents = f"{found.novel_mass:.1%} of the agents' mass lies on bins that no human uses"
    ahead = found.unsupported_mass > 0, found.novel_mass > 0
    if all(ahead) and symmetrize is not None:
        return f"{people} and {agents}"
    # The side whose mean the log ratio is pays for every bin that the other leaves empty.
    first = people if direction == "human||agent" else agents
    if any(ahead):
        return first if ahead[direction != "human||agent"] else (people if ahead[0] else agents)
    return f"{found.sizes.human} human and {found.sizes.agent} agent sessions are few for so many bins"


def _check_base(base: object) -> None:
    if not (isinstance(base, int | float | np.number) and math.isfinite(base) and base > 1):
        raise ValueError(f"base == {base!r}, must be a number > 1, such as math.e, 2 or 10.")


def _add_to_union(p: Array, q: Array, constant: float) -> tuple[Array, Array]:
    """Smooth every bin that either side uses; one that both leave empty is no bin of this comparison."""
    added = constant * ((p > 0) | (q > 0))
    return p + added, q + added
