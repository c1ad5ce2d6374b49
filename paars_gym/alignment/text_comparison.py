"""Are agents' words, as a group, spread as people's are, and as varied (PAARS section 4.3, Tables 2 and 4)?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from paars_gym.alignment.classifier import C2ST, c2st_auc
from paars_gym.alignment.covering import Coverage, coverage
from paars_gym.alignment.density import DensityKL
from paars_gym.alignment.density_halves import SplitKL, split_kl_both
from paars_gym.alignment.density_sweep import Asked, kde_kls
from paars_gym.alignment.density_test import DensityTest, kde_kl_loo_test
from paars_gym.alignment.diversity import Diversity, hd_d, mattr, rarefied_ttr, tokens, type_token_ratio
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.result import Z95, Interval
from paars_gym.alignment.two_sample import EnergyDistance, energy_distance

MOST_POINTS = 3058  # the paper's pairs: beyond that only the price grows


class EmbeddingComparison(NamedTuple):
    """Two clouds of embeddings of one size.

    Attributes:
        n: Points on each side, drawn at random from the larger one.
        sweep: KL of kernel densities by bandwidth: Appendix D. Table 2 is the one at .1.
        leave_one_out: KL with each draw's own centre left out, whose floor is 0, with its permutation test.
        halves: KL of halves beside the humans' own; None when there are too few points.
        halves_leave_one_out: The same, with each draw's own centre left out.
        energy: Squared energy distance with its permutation test.
        c2st: Can a classifier tell them apart?
        coverage: Share of the humans reached.
    """

    n: int
    sweep: dict[float, DensityKL]
    leave_one_out: DensityKL
    halves: SplitKL | None
    halves_leave_one_out: SplitKL | None
    energy: EnergyDistance
    c2st: C2ST
    coverage: Coverage


def compare_embeddings(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    paired: bool = False,
    bandwidth: float = 0.1,
    bandwidths: Sequence[float] = (0.1,),
    most: int = MOST_POINTS,
    n_permutations: int = 999,
    rng: np.random.Generator,
    threads: int | None = None,
) -> EmbeddingComparison:
    """Every group metric on embeddings, at one common size.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        paired: Row i of both answers for one item: the halves then tell copying one's pair from being alike as a
            group, and tests keep pairs together.
        bandwidth: Of the leave-one-out and the halves.
        bandwidths: Of the sweep; `density.BANDWIDTHS` are those of Appendix D.
        most: Points taken of each side at most.
        n_permutations: Of the energy distance's test; 0 leaves out that of the leave-one-out too.
        rng: Source of every draw.
        threads: All available cores by default.

    Raises:
        ValueError: The dimensions differ, a population is empty or not finite, or pairs do not match up.
    """
    check_rng(rng)
    p, q = embeddings(human, agent, paired=paired)
    n = min(len(p), len(q), most)
    rows = rng.permutation(len(p))[:n]
    p, q = p[rows], q[rows if paired else rng.permutation(len(q))[:n]]

    without_own = Asked(bandwidth, leave_one_out=True)
    asked = [*map(Asked, bandwidths), without_own]
    densities = kde_kls(p, q, asked=asked, rng=rng, threads=threads)
    leave_one_out = densities[without_own]
    halves: SplitKL | None = None
    halves_without_own: SplitKL | None = None
    if n >= 4:
        halves, halves_without_own = split_kl_both(p, q, bandwidth=bandwidth, paired=paired, rng=rng, threads=threads)
    if n > 1 and n_permutations:
        test = kde_kl_loo_test(p, q, bandwidth=bandwidth, paired=paired, rng=rng, threads=threads)
        leave_one_out = _tested(leave_one_out, test, paired)
        if halves is not None and halves_without_own is not None:
            halves = halves._replace(p_value=test.halves_p_value)
            halves_without_own = halves_without_own._replace(p_value=test.halves_p_value)
    return EmbeddingComparison(
        n,
        {h: densities[Asked(h)] for h in bandwidths},
        leave_one_out,
        halves,
        halves_without_own,
        energy_distance(p, q, rng=rng, n_permutations=n_permutations, paired=paired, threads=threads),
        c2st_auc(p, q, rng=rng, paired=paired, threads=threads),
        coverage(p, q, rng=rng, paired=paired, threads=threads),
    )


def _tested(found: DensityKL, test: DensityTest, paired: bool) -> DensityKL:
    """With the p-value, and an interval that knows that agents are a sample too."""
    interval = found.interval
    if interval is not None:
        error = max((interval.high - interval.low) / (2 * Z95), test.spread)
        interval = Interval.normal(found.estimate, error, "normal, at least the permutations' spread")
    return found._replace(interval=interval, p_value=test.p_value, settings={**found.settings, "paired": paired})


class Variety(NamedTuple):
    """How varied a population's queries, or titles, are.

    Attributes:
        ttr: Distinct strings over strings, as Table 4.
        rarefied: The same at a size common to all populations compared; None without one.
        mattr: Moving average over 50 words.
        hd_d: Words, rarefied to 42.
    """

    ttr: Diversity
    rarefied: Diversity | None
    mattr: Diversity
    hd_d: Diversity


def variety(texts: Sequence[str], *, size: int | None = None) -> Variety:
    """Diversity of a population's texts, one a search or a view.

    Args:
        texts: As they are, in order.
        size: Common size to rarefy to.

    Raises:
        ValueError: No texts.
    """
    words = tokens(texts)
    return Variety(
        type_token_ratio(texts), None if size is None else rarefied_ttr(texts, size=size), mattr(words), hd_d(words)
    )
