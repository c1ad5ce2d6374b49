"""The kernel density KL of half samples beside people's own, and permutation tests (PAARS section 4.3, Table 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng, embeddings, tile_pool
from paars_gym.alignment.kernels import ROWS, Indices, check_bandwidth, log_sum, log_sums, with_half_norms
from paars_gym.alignment.permutation import MOST_CELLS, relabellings
from paars_gym.estimate import Estimate, finite

Array = NDArray[np.float64]
LEAST = 1e-300  # where nothing is near enough to count: the logarithm of 0 would end all comparing


class SplitKL(NamedTuple):
    """The kernel density KL of half samples.

    Attributes:
        plain: With each draw's own centre in the humans' density.
        leave_one_out: Without it, at the same draws. Fewer than four humans give nothing to go by.
    """

    plain: Estimate
    leave_one_out: Estimate


def split_kl(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    splits: int = 5,
    repeats: int = 1,
    paired: bool = True,
    rng: np.random.Generator,
    threads: int | None = None,
) -> SplitKL:
    """The kernel density KL of random half samples: the number to report, with its floor.

    Each split halves the humans into A and B and computes KL(A || B), KL(A || agents of B) and KL(A || agents of A):
    all three between equally many points, and at the same draws, which sharpens their differences.

    Args:
        human: Embeddings, shape (n_human, dim), at least two.
        agent: Embeddings; with ``paired`` row i answers for the item of human i. Unpaired agents are drawn at random,
            as many as half the humans; there must be that many.
        bandwidth: Kernel standard deviation, in embedding units.
        splits: Random halvings.
        repeats: Repeats of each estimate, one draw from each human centre.
        paired: Whether rows belong together.
        rng: Source of the splits and draws.
        threads: All available cores by default.

    Returns:
        Nats, means over the splits. The value is of agents who answer for other humans: group alignment alone. The
        floor is one half of the humans against the other. ``own_pair`` among the details is each human beside the agent
        who answers for the same item (None for unpaired agents): below the floor it says that agents copy their own
        pair, not that the groups are alike. There is no interval: the splits overlap, so that their standard
        deviations (``spread`` of the value, ``spread_floor``, ``spread_own_pair``) are no errors to judge by.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: As for :func:`~paars_gym.alignment.kde_kl`, fewer than two humans, fewer agents than half the
            humans, or rows that do not match up.
    """
    check_rng(rng)
    p, q = embeddings(human, agent, paired=paired)
    check_bandwidth(bandwidth)
    half = len(p) // 2
    if half < 1:
        raise ValueError(f"{len(p)} human points, must be at least 2 to be halved.")
    if len(q) < half:
        raise ValueError(f"{len(q)} agent points, must be at least {half}: as many as half the humans.")
    if splits < 1 or repeats < 1:
        raise ValueError(f"splits == {splits}, repeats == {repeats}, must be >= 1.")
    middle = p.mean(axis=0)
    p, q = with_half_norms((p - middle) / bandwidth), with_half_norms((q - middle) / bandwidth)
    values = np.full((splits, 3, 2), math.nan)
    for row in values:
        order = rng.permutation(len(p))
        one, other = order[:half], order[half : 2 * half]
        rivals = [q[other if paired else rng.permutation(len(q))[:half]], p[other], *([q[one]] if paired else [])]
        repeated = [
            log_ratios(p[one], rivals, np.arange(half), rng, threads, [False, True]).mean(axis=2)
            for _ in range(repeats)
        ]
        row[: len(rivals)] = np.mean(repeated, axis=0)
    means, spread = values.mean(axis=0), values.std(axis=0, ddof=1) if splits > 1 else np.full((3, 2), math.nan)

    def estimate(without_own: bool) -> Estimate:
        value, floor, own_pairs = means[:, int(without_own)].tolist()
        names = ("spread", "spread_floor", "spread_own_pair")
        return Estimate(
            value,
            unit="nats",
            sizes={"human": half, "agent": half},
            floor=floor,
            details={
                "bandwidth": bandwidth,
                "splits": splits,
                "repeats": repeats,
                "leave_one_out": without_own,
                "own_pair": finite(own_pairs),
                **{name: finite(apart) for name, apart in zip(names, spread[:, int(without_own)], strict=True)},
            },
        )

    return SplitKL(estimate(False), estimate(True))


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
        ratios = np.concatenate(list(run(work, zip(starts, seeds, strict=True))), axis=2)
    sizes = [max(len(p) - without_own, 1) for without_own in leave_one_out]
    return np.asarray(ratios - np.log(sizes)[:, None])


class DensityTest(NamedTuple):
    """A permutation test of the leave-one-out density KL.

    Attributes:
        p_value: Two-sided: twice the share of relabellings (the data's own included) as far out on its side.
        spread: Standard deviation over the relabellings: the error of the estimate when both samples vary.
        halves_p_value: The same of halves: are people closer to the other half of people than to its agents? That is
            what :func:`~paars_gym.alignment.split_kl` has between its estimate and its floor; with ``paired`` nobody
            meets their own pair.
    """

    p_value: float
    spread: float
    halves_p_value: float


def kde_kl_loo_test(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    n_permutations: int = 199,
    repeats: int = 1,
    paired: bool = False,
    rng: np.random.Generator,
    threads: int | None = None,
) -> DensityTest:
    """Permutation tests of :func:`~paars_gym.alignment.kde_kl_loo` = 0 and of halves, for two samples of one size.

    Every point of both sides is drawn from once a repeat and the kernels between all draws and all points are made
    once: a relabelling only says which of them to sum. Kernels e^-690 times as small as the nearest one count as none.

    Args:
        human: Embeddings, shape (n, dim).
        agent: Embeddings, shape (n, dim).
        bandwidth: Kernel standard deviation, in embedding units.
        n_permutations: 199 gives p in steps of .01, two-sided.
        repeats: Draws from each point.
        paired: Row i of both belongs to the same item: swap within pairs, as that null asks.
        rng: Source of draws and permutations.
        threads: All available cores by default.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: Sizes differ or are below 2, an option is out of range, or points are unfit as for ``kde_kl``.
    """
    check_rng(rng)
    x, y = embeddings(human, agent, paired=paired)
    check_bandwidth(bandwidth)
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"{len(x)} human and {len(y)} agent points, must be as many and at least 2.")
    if n_permutations < 1 or repeats < 1:
        raise ValueError(f"n_permutations == {n_permutations}, repeats == {repeats}, must be >= 1.")
    n = len(x)
    middle, order = n // 2, rng.permutation(n)
    x, y = x[order], y[order]
    # One half of the items first, then the other: humans before agents in each. Labels are permuted within halves.
    points = np.vstack([x[:middle], y[:middle], x[middle:], y[middle:]])
    points = with_half_norms((points - x.mean(axis=0)) / bandwidth)
    agents = np.vstack([relabellings(each, each, n_permutations, paired, rng) for each in (middle, n - middle)])
    sides = np.hstack([~agents, agents]).astype(np.float64)  # one product for the sums over both sides
    height = max(1, min(512, MOST_CELLS // (2 * n)))
    starts = range(0, 2 * n, height)
    seeds = rng.integers(0, 2**63, len(starts))

    def work(tile: tuple[int, int]) -> Array:
        start, seed = tile
        noise, rows = np.random.default_rng(seed), slice(start, start + height)
        totals = np.zeros((2, 1 + n_permutations))
        for _ in range(repeats):
            z = points[rows].copy()
            z[:, :-1] += noise.standard_normal((len(z), points.shape[1] - 1))
            z[:, -1] = 1.0
            kernels = z @ points.T
            kernels[np.arange(len(z)), start + np.arange(len(z))] = -math.inf  # the own centre is left out
            kernels -= kernels.max(axis=1, keepdims=True)
            np.exp(kernels, out=kernels)
            of_halves = [kernels[:, part] @ sides[part] for part in (slice(2 * middle), slice(2 * middle, None))]
            in_first = (start + np.arange(len(z)) < 2 * middle)[:, None]
            elsewhere = np.where(in_first, of_halves[1], of_halves[0])
            for row, sums in enumerate((of_halves[0] + of_halves[1], elsewhere)):
                logs = np.log(sums + LEAST)
                ratio = logs[:, : 1 + n_permutations] - logs[:, 1 + n_permutations :]
                totals[row] += np.where(agents[rows], 0.0, ratio).sum(axis=0)
        return totals

    with tile_pool(threads) as run:
        values = np.sum(list(run(work, zip(starts, seeds, strict=True))), axis=0) / (n * repeats)
    (whole, spread), (halves, _) = (_judge(row) for row in values)
    return DensityTest(whole, spread, halves)


def _judge(values: Array) -> tuple[float, float]:
    """Two-sided p-value of the first among the others, and their standard deviation."""
    own, null = values[0], values[1:]
    above, below = int((null >= own - 1e-9).sum()), int((null <= own + 1e-9).sum())
    return min(1.0, 2 * (1 + min(above, below)) / (1 + len(null))), float(null.std())
