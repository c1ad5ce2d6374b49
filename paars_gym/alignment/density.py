"""How far apart are two clouds of embeddings, as kernel densities (PAARS section 4.3, Table 2, Appendix D)?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.kernels import ROWS, Indices, check_bandwidth, log_sum, log_sums, with_half_norms
from paars_gym.alignment.parallel import tile_pool
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.result import Interval, Settings, Sizes

Array = NDArray[np.float64]

BANDWIDTHS = (0.001, 0.01, 0.1, 1.0)  # Appendix D


class DensityKL(NamedTuple):
    """A Monte Carlo estimate of KL(human || agent) between two kernel densities.

    Attributes:
        estimate: Nats; nan when ``note`` says why it cannot be estimated.
        interval: Over the human points, the agents' density held fixed. None for fewer than two human points.
        sizes: Points on each side. Only estimates of equal sizes compare: nearest neighbours come closer as n grows.
        settings: Bandwidth, samples, repeats, leave-one-out.
        null_floor: Expected value for two samples of one population: 0 with leave-one-out; otherwise None here,
            since it has to be measured: :func:`split_kl`.
        mc_error: Standard error of the mean of all draws, as if they were independent; it shrinks with more repeats.
            It says how far another run on the same points would land, nothing about other people or other agents.
        repeat_means: The estimate of each repeat.
        note: Why the estimate is nan, or what to beware of.
        p_value: Two-sided, of "one population", where a permutation test was asked for.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float | None
    mc_error: float
    repeat_means: tuple[float, ...]
    note: str | None = None
    p_value: float | None = None


def kde_kl(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    n_samples: int | None = None,
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> DensityKL:
    """Monte Carlo KL(human || agent) = E[log p(z) - log q(z)], z drawn from the humans' Gaussian kernel density p.

    PAARS section 4.3. Exact densities, in nats. It grows as (nearest neighbour distance)² / (2 bandwidth²): for
    bandwidth <= 0.1 in 384 dimensions it measures little else, two samples of the same humans differ by 20 to 30
    nats, and paired agents can beat that by copying their own pair. Compare equal bandwidths and equal sizes only,
    and read it against :func:`split_kl`. The default bandwidth is inferred: the paper's text lost the value, and
    its Table 2 equals that row of its Appendix D.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim); sizes may differ.
        bandwidth: Kernel standard deviation, in embedding units.
        n_samples: Points drawn a repeat, centres with replacement; by default one from each human centre, which
            has less variance.
        repeats: How often the estimate is repeated; their mean is returned.
        rng: Source of the draws; the result does not depend on the number of threads.
        threads: All available cores by default.

    Raises:
        ValueError: The dimensions differ, a population is empty or not finite, or an option is out of range.
    """
    return _kde_kl(human, agent, bandwidth, n_samples, repeats, rng, threads, leave_one_out=False)


def kde_kl_loo(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    n_samples: int | None = None,
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> DensityKL:
    """As :func:`kde_kl`, with each draw's own centre left out of the humans' density.

    Without its own centre a human sample has no advantage over the agents' at its own points: the expected value for
    two samples of one population is 0 at equal sizes, instead of tens of nats. Can be negative. Not estimable (nan)
    from a single human. Its ``mc_error`` is not a sampling error, and its interval holds the agents fixed: whether it
    differs from 0 is for :func:`~paars_gym.alignment.density_test.kde_kl_loo_test` to say.

    Args:
        human: As for :func:`kde_kl`.
        agent: As for :func:`kde_kl`.
        bandwidth: As for :func:`kde_kl`.
        n_samples: As for :func:`kde_kl`.
        repeats: As for :func:`kde_kl`.
        rng: As for :func:`kde_kl`.
        threads: As for :func:`kde_kl`.

    Raises:
        ValueError: As for :func:`kde_kl`.
    """
    return _kde_kl(human, agent, bandwidth, n_samples, repeats, rng, threads, leave_one_out=True)


def _kde_kl(
    human: ArrayLike,
    agent: ArrayLike,
    bandwidth: float,
    n_samples: int | None,
    repeats: int,
    rng: np.random.Generator,
    threads: int | None,
    *,
    leave_one_out: bool,
) -> DensityKL:
    check_rng(rng)
    p, q = embeddings(human, agent)
    check_bandwidth(bandwidth)
    if n_samples is not None and n_samples < 1:
        raise ValueError(f"n_samples == {n_samples}, must be >= 1; None draws once from each human centre.")
    if repeats < 1:
        raise ValueError(f"repeats == {repeats}, must be >= 1.")
    settings: dict[str, object] = {
        "bandwidth": bandwidth,
        "leave_one_out": leave_one_out,
        "n_samples": len(p) if n_samples is None else n_samples,
        "repeats": repeats,
    }
    # In units of the bandwidth and around the humans' mean: no large number is left to cancel.
    middle = p.mean(axis=0)
    p, q = with_half_norms((p - middle) / bandwidth), with_half_norms((q - middle) / bandwidth)
    centres = [np.arange(len(p)) if n_samples is None else rng.integers(0, len(p), n_samples) for _ in range(repeats)]
    values = [log_ratios(p, [q], own, rng, threads, [leave_one_out])[0, 0] for own in centres]
    return density_kl(values, centres, Sizes(len(p), len(q)), settings)


def density_kl(
    log_ratios: Sequence[Array], centres: Sequence[Indices], sizes: Sizes, settings: dict[str, object]
) -> DensityKL:
    """The estimate from log p(z) - log q(z) at the draws of each repeat, and from whose draws they are."""
    if settings["leave_one_out"] and sizes.human < 2:
        return DensityKL(math.nan, None, sizes, settings, None, math.nan, (), "Not estimable: one human leaves none.")
    means = tuple(float(each.mean()) for each in log_ratios)
    drawn = np.concatenate(log_ratios)
    estimate = float(drawn.mean())
    equal = sizes.human == sizes.agent
    return DensityKL(
        estimate,
        _interval(estimate, drawn, np.concatenate(centres), sizes.human),
        sizes,
        settings,
        0.0 if settings["leave_one_out"] and equal else None,
        float(drawn.std(ddof=1)) / math.sqrt(len(drawn)) if len(drawn) > 1 else math.nan,
        means,
        None if equal else "Sizes differ: compare it with estimates of these very sizes only.",
    )


def log_ratios(
    p: Array,
    rivals: Sequence[Array],
    own: Indices,
    rng: np.random.Generator,
    threads: int | None,
    leave_one_out: Sequence[bool],
) -> Array:
    """Log p(z) - log q(z) at one draw z around each of the centres ``own`` of p, for each rival q.

    All in units of the bandwidth, with their half norms. The normalisers and |z|²/2 are common to both and left out.

    Returns:
        Shape (rivals, len(leave_one_out), draws): with z's own centre in p, or without it, nan where p has no other.
    """
    starts = range(0, len(own), ROWS)
    seeds = rng.integers(0, 2**63, len(starts))  # a generator a tile: its draws do not depend on the threads

    def work(tile: tuple[int, int]) -> Array:
        start, seed = tile
        centre = own[start : start + ROWS]
        z = p[centre]
        z[:, :-1] += np.random.default_rng(seed).standard_normal((len(centre), p.shape[1] - 1))
        z[:, -1] = 1.0
        ours = np.stack(log_sums(z, p, [centre if without_own else None for without_own in leave_one_out]))
        return np.stack([ours - log_sum(z, q) + math.log(len(q)) for q in rivals])

    with tile_pool(threads) as run:
        found = np.concatenate(list(run(work, zip(starts, seeds, strict=True))), axis=2)
    sizes = [max(len(p) - without_own, 1) for without_own in leave_one_out]
    return np.asarray(found - np.log(sizes)[:, None])


def _interval(estimate: float, values: Array, centre: Indices, n_centres: int) -> Interval | None:
    """Draws around one human belong together: the human is the unit of observation."""
    counts = np.bincount(centre, minlength=n_centres)
    units = int((counts > 0).sum())
    if units < 2:
        return None
    deviations = np.bincount(centre, weights=values - estimate, minlength=n_centres)
    error = math.sqrt(float(deviations @ deviations) * units / (units - 1)) / len(values)
    return Interval.normal(estimate, error, "normal over human points, agents' density fixed")
