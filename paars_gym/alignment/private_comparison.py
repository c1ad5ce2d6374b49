"""How far are agents from a reference whose bins carry noise, and were cut?

Noise and cut alone make people differ from themselves. So every replica goes through both, as the reference did: the
floor, the test and the interval then know what the release has done.
"""

from __future__ import annotations

import math

import numpy as np

from paars_gym.alignment.bins import Counts
from paars_gym.alignment.histogram_distance import Replicas
from paars_gym.alignment.reference import Reference, one_session_each
from paars_gym.alignment.session_generation import (
    HistogramComparison,
    SessionBins,
    compare_histograms,
    session_histograms,
)
from paars_gym.alignment.session_log import SessionLog

FEWEST = 6  # thresholds that must be left of the people: in simulations the test then keeps its 5% (at most 7%)


def compare_with_reference(
    reference: Reference,
    log: SessionLog,
    *,
    bins: SessionBins | None = None,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> dict[str, HistogramComparison]:
    """All statistics that both have; one session of each agent's shopper counts, as one of each person does.

    Args:
        reference: People.
        log: Agents.
        bins: Of the comparison: the reference's own.
        n_resamples: Replicas; 0 leaves out interval, floor and test.
        rng: Draws the sessions and the replicas.

    Raises:
        ValueError: The log has no session to score, or the bins differ.
    """
    bins = bins or SessionBins()
    reference.check(bins)
    if not len(log):
        raise ValueError(f"{log.name!r} has no session to score: {log.excluded or 'it is empty'}.")
    people = reference.counts()
    agents = session_histograms(one_session_each(log, rng), bins=bins, actions=())
    shared = {name: agents[name] for name in people if name in agents}
    scale, threshold = reference.noise_scale, reference.threshold
    enough = {name for name in shared if people[name].sum() >= FEWEST * threshold and shared[name].sum() > 1}
    replicas = {
        name: noisy_replicas(people[name], shared[name], scale=scale, threshold=threshold, n=n_resamples, rng=rng)
        for name in shared
        if name in enough and n_resamples
    }
    found = compare_histograms(
        {name: people[name] for name in shared}, shared, bins=bins, n_resamples=0, rng=rng, replicas=replicas
    )
    return {
        name: each if name in enough else _without_verdict(each, FEWEST * threshold) for name, each in found.items()
    }


def _without_verdict(found: HistogramComparison, fewest: int) -> HistogramComparison:
    note = f"Not estimable: it would take {fewest} human sessions beyond the noise and two agents."
    return found._replace(
        kl=found.kl._replace(note=note),
        js=found.js._replace(note=note),
        w1=None if found.w1 is None else found.w1._replace(note=note),
    )


def noisy_replicas(
    released: Counts, agents: Counts, *, scale: float, threshold: int, n: int, rng: np.random.Generator
) -> Replicas:
    """What might have been released, and counted, of populations like these; and of one population, if they are one.

    What the cut took from the people is unknown. Agents tell the most that it can have been: their own share of such
    a bin, but no more than passes the threshold half of the time.

    Args:
        released: People in each bin, with noise and cut, shape (bins,).
        agents: Agents in each bin, exact, shape (bins,).
        scale: Of the discrete Laplace noise.
        threshold: Bins below it were set to 0.
        n: Replicas.
        rng: Source of the draws.
    """
    kept, m = released > 0, int(agents.sum())
    size = float(released.sum())
    for _ in range(5):  # what was cut adds to the size, which bounds what was cut
        lost = np.where(kept, 0.0, np.minimum(agents / m * size, threshold))
        size = float(released.sum() + lost.sum())
    people = released + lost
    both = people + agents
    # In a bin that was cut, more agents than people can be there are evidence against one population, not of it.
    both[~kept] = np.minimum(both[~kept], lost[~kept] * (1 + m / size))

    def release(share: Counts) -> Counts:
        counts = rng.multinomial(max(1, round(size)), share, size=n) + discrete_laplace((n, len(share)), scale, rng)
        cut = np.where(counts >= threshold, counts, 0).astype(np.float64)
        nothing = ~cut.any(axis=1)  # no such reference would have been released
        cut[nothing, counts[nothing].argmax(axis=1)] = threshold
        return cut

    one, theirs = both / both.sum(), agents / m
    return Replicas(
        release(people / people.sum()),
        rng.multinomial(m, theirs, size=n).astype(np.float64),
        release(one),
        rng.multinomial(m, one, size=n).astype(np.float64),
    )


def discrete_laplace(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Counts:
    """Noise of probability proportional to exp(-abs(k) / scale): the difference of two geometric numbers."""
    chance = -math.expm1(-1 / scale)
    return np.asarray(rng.geometric(chance, shape) - rng.geometric(chance, shape), dtype=np.float64)
