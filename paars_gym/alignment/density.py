"""How far apart are two clouds of embeddings, as kernel densities (PAARS section 4.3, Table 2, Appendix D)?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.kernels import ROWS, Indices, check_bandwidth, log_sum, with_half_norms
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


class SplitKL(NamedTuple):
    """The agents' KL beside the humans' own, all between samples of the same size.

    Attributes:
        estimate: Agents who answer for other humans (unpaired): group alignment alone. Nats, mean over the splits.
        interval: None: the splits overlap, so that their spread is no sampling error.
        sizes: Of each half.
        settings: Bandwidth, splits, repeats, leave-one-out.
        null_floor: One half of the humans against the other half.
        paired: Each human beside the agent who answers for the same item; nan when agents are not paired. Below the
            floor it says that agents copy their own pair, not that the groups are alike.
        spread: Standard deviations over the splits of (estimate, null_floor, paired): the splits overlap, so that it
            is no error to judge by.
        p_value: Two-sided, of "estimate and floor are one", where a permutation test was made.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float
    paired: float
    spread: tuple[float, float, float]
    p_value: float | None = None


def split_kl(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    splits: int = 5,
    repeats: int = 1,
    leave_one_out: bool = False,
    paired: bool = True,
    rng: np.random.Generator,
    threads: int | None = None,
) -> SplitKL:
    """The kernel density KL of random half samples: the number to report, with its floor.

    Each split halves the humans into A and B and computes KL(A || B), KL(A || agents of B) and KL(A || agents of A):
    all three between equally many points.

    Args:
        human: Embeddings, shape (n_human, dim), at least two.
        agent: Embeddings; with ``paired`` row i answers for the item of human i. Unpaired agents are drawn at random,
            as many as half the humans; there must be that many.
        bandwidth: Kernel standard deviation, in embedding units.
        splits: Random halvings.
        repeats: Repeats of each estimate, one draw from each human centre.
        leave_one_out: Whether to leave out each draw's own centre.
        paired: Whether rows belong together.
        rng: Source of the splits and draws.
        threads: All available cores by default.

    Raises:
        ValueError: As for :func:`kde_kl`, fewer than two humans (four with ``leave_one_out``), fewer agents than half
            the humans, or rows that do not match up.
    """
    check_rng(rng)
    p, q = embeddings(human, agent, paired=paired)
    half = len(p) // 2
    if half < (2 if leave_one_out else 1):
        raise ValueError(f"{len(p)} human points, must be at least {4 if leave_one_out else 2} to be halved.")
    if len(q) < half:
        raise ValueError(f"{len(q)} agent points, must be at least {half}: as many as half the humans.")
    if splits < 1:
        raise ValueError(f"splits == {splits}, must be >= 1.")

    def kl(left: Array, right: Array) -> float:
        return _kde_kl(left, right, bandwidth, None, repeats, rng, threads, leave_one_out=leave_one_out).estimate

    values = np.full((splits, 3), math.nan)
    for row in values:
        order = rng.permutation(len(p))
        one, other = order[:half], order[half : 2 * half]
        elsewhere = other if paired else rng.permutation(len(q))[:half]
        row[:2] = kl(p[one], q[elsewhere]), kl(p[one], p[other])
        if paired:
            row[2] = kl(p[one], q[one])
    means, spread = values.mean(axis=0), values.std(axis=0, ddof=1) if splits > 1 else np.full(3, math.nan)
    settings = {"bandwidth": bandwidth, "splits": splits, "repeats": repeats, "leave_one_out": leave_one_out}
    return SplitKL(
        float(means[0]),
        None,
        Sizes(half, half),
        settings,
        float(means[1]),
        float(means[2]),
        (float(spread[0]), float(spread[1]), float(spread[2])),
    )


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
    sizes = Sizes(len(p), len(q))
    settings: dict[str, object] = {
        "bandwidth": bandwidth,
        "n_samples": len(p) if n_samples is None else n_samples,
        "repeats": repeats,
        "leave_one_out": leave_one_out,
    }
    if leave_one_out and len(p) < 2:
        return DensityKL(math.nan, None, sizes, settings, None, math.nan, (), "Not estimable: one human leaves none.")
    # In units of the bandwidth and around the humans' mean: no large number is left to cancel.
    middle = p.mean(axis=0)
    p, q = with_half_norms((p - middle) / bandwidth), with_half_norms((q - middle) / bandwidth)
    centres = [np.arange(len(p)) if n_samples is None else rng.integers(0, len(p), n_samples) for _ in range(repeats)]
    values = [_log_ratios(p, q, own, leave_one_out, rng, threads) for own in centres]
    return density_kl(values, centres, sizes, settings)


def density_kl(
    log_ratios: Sequence[Array], centres: Sequence[Indices], sizes: Sizes, settings: dict[str, object]
) -> DensityKL:
    """The estimate from log p(z) - log q(z) at the draws of each repeat, and from whose draws they are."""
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


def _log_ratios(
    p: Array, q: Array, own: Indices, leave_one_out: bool, rng: np.random.Generator, threads: int | None
) -> Array:
    """Log p(z) - log q(z) at one draw z around each of the centres ``own``; all in units of the bandwidth.

    Both populations come with their half norms. The normalisers and |z|²/2 are common to both and left out.
    """
    constant = math.log(len(q)) - math.log(len(p) - leave_one_out)
    starts = range(0, len(own), ROWS)
    seeds = rng.integers(0, 2**63, len(starts))  # a generator a tile: its draws do not depend on the threads

    def work(tile: tuple[int, int]) -> Array:
        start, seed = tile
        centre = own[start : start + ROWS]
        z = p[centre]
        z[:, :-1] += np.random.default_rng(seed).standard_normal((len(centre), p.shape[1] - 1))
        z[:, -1] = 1.0
        return log_sum(z, p, centre if leave_one_out else None) - log_sum(z, q, None)

    with tile_pool(threads) as run:
        return np.concatenate(list(run(work, zip(starts, seeds, strict=True)))) + constant


def _interval(estimate: float, values: Array, centre: Indices, n_centres: int) -> Interval | None:
    """Draws around one human belong together: the human is the unit of observation."""
    counts = np.bincount(centre, minlength=n_centres)
    units = int((counts > 0).sum())
    if units < 2:
        return None
    deviations = np.bincount(centre, weights=values - estimate, minlength=n_centres)
    error = math.sqrt(float(deviations @ deviations) * units / (units - 1)) / len(values)
    return Interval.normal(estimate, error, "normal over human points, agents' density fixed")
