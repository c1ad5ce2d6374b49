"""How far are agents from people, by kernel densities, beside how far people are from each other?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from paars_gym.alignment.density import log_ratios
from paars_gym.alignment.kernels import check_bandwidth, with_half_norms
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.result import Interval, Settings, Sizes


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
    if leave_one_out and len(np.asarray(human)) < 4:
        raise ValueError(f"{len(np.asarray(human))} human points, must be at least 4 to be halved.")
    both = split_kl_both(
        human, agent, bandwidth=bandwidth, splits=splits, repeats=repeats, paired=paired, rng=rng, threads=threads
    )
    return both[leave_one_out]


def split_kl_both(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    splits: int = 5,
    repeats: int = 1,
    paired: bool = True,
    rng: np.random.Generator,
    threads: int | None = None,
) -> tuple[SplitKL, SplitKL]:
    """:func:`split_kl` with each draw's own centre and without, at the same draws; arguments and errors are its own.

    The three comparisons of a split share their draws as well, which sharpens their differences. Without own centres
    fewer than four humans give nothing to go by.
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
        told = [
            log_ratios(p[one], rivals, np.arange(half), rng, threads, [False, True]).mean(axis=2)
            for _ in range(repeats)
        ]
        row[: len(rivals)] = np.mean(told, axis=0)
    means, spread = values.mean(axis=0), values.std(axis=0, ddof=1) if splits > 1 else np.full((3, 2), math.nan)

    def told_of(without_own: bool) -> SplitKL:
        estimate, floor, pairs = means[:, int(without_own)].tolist()
        settings = {"bandwidth": bandwidth, "splits": splits, "repeats": repeats, "leave_one_out": without_own}
        apart: tuple[float, float, float] = tuple(spread[:, int(without_own)].tolist())
        return SplitKL(estimate, None, Sizes(half, half), settings, floor, pairs, apart)

    return told_of(False), told_of(True)
