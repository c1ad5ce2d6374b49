"""Are agents' words, as a group, spread as people's are, and as varied (PAARS section 4.3, Tables 2 and 4)?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from paars_gym.alignment.classifier import C2ST, c2st_auc
from paars_gym.alignment.density import DensityKL, SplitKL, kde_kl, kde_kl_loo, split_kl
from paars_gym.alignment.diversity import Diversity, hd_d, mattr, rarefied_ttr, tokens, type_token_ratio
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.two_sample import Coverage, EnergyDistance, coverage, energy_distance

MOST_POINTS = 3058  # the paper's pairs: beyond that only the price grows


class EmbeddingComparison(NamedTuple):
    """Two clouds of embeddings of one size.

    Attributes:
        n: Points on each side, drawn at random from the larger one.
        sweep: KL of kernel densities by bandwidth: Appendix D. Table 2 is the one at .1.
        leave_one_out: KL with each draw's own centre left out, whose floor is 0.
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
        n_permutations: Of the energy distance's test.
        rng: Source of every draw.
        threads: All available cores by default.

    Raises:
        ValueError: The dimensions differ, a population is empty or not finite, or pairs do not match up.
    """
    p, q = embeddings(human, agent, paired=paired)
    n = min(len(p), len(q), most)
    rows = rng.permutation(len(p))[:n]
    p, q = p[rows], q[rows if paired else rng.permutation(len(q))[:n]]

    def halves(leave_one_out: bool) -> SplitKL | None:
        if n < 4:
            return None
        return split_kl(p, q, bandwidth=bandwidth, paired=paired, leave_one_out=leave_one_out, rng=rng, threads=threads)

    # Five repeats where the number is reported; the sweep's other bandwidths only show the shape.
    sweep = {
        h: kde_kl(p, q, bandwidth=h, repeats=5 if h == bandwidth else 1, rng=rng, threads=threads) for h in bandwidths
    }
    return EmbeddingComparison(
        n,
        sweep,
        kde_kl_loo(p, q, bandwidth=bandwidth, rng=rng, threads=threads),
        halves(False),
        halves(True),
        energy_distance(p, q, rng=rng, n_permutations=n_permutations, paired=paired, threads=threads),
        c2st_auc(p, q, rng=rng, paired=paired),
        coverage(p, q, threads=threads),
    )


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
