"""Differentially private histograms of people's sessions, and the comparison of agents with them.

A shopper changes each released histogram by at most 1: one session of each, drawn at random, is counted. Noise and cut
alone make people differ from themselves. So every replica of a comparison goes through both, as the reference did: the
floor, the test and the interval then know what the release has done, and the estimate has it taken off.
"""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from paars_gym.alignment.histograms import Counts
from paars_gym.alignment.report import PopulationSummary
from paars_gym.alignment.resampling import Replicas
from paars_gym.alignment.session_generation import (
    DEPTH,
    TABLE_2,
    HistogramComparison,
    SessionBins,
    compare_histograms,
    session_histograms,
)
from paars_gym.alignment.session_log import SessionLog, first_of_each
from paars_gym.files import read_model
from paars_gym.sessions.event import ANONYMOUS

Unit = Literal["shopper", "session"]
SCHEMA_VERSION = 1
MOST_EPSILON = 20
FEWEST = 6  # thresholds that must be left of the people: in simulations the test then keeps its 5% (at most 7%)
INSTALL = 'Differential privacy needs OpenDP. Install it: python -m pip install "paars_gym[privacy]".'


class Reference(BaseModel):
    """A log of people as histograms that anyone may see.

    Attributes:
        schema_version: Of this record.
        paars_gym: Version of the package that wrote it.
        name: How reports call the log.
        synthetic: True when no person made the sessions.
        bins: Lower bounds of the bins of counts and of ranks.
        histograms: Sessions in each bin, one session a shopper, with noise; by statistic.
        epsilon: Privacy loss of everything released here, by simple composition, for adding or removing one shopper.
        spent: What of it each histogram took.
        noise_scale: Of the discrete Laplace noise on each bin; its standard deviation is 1.4 times that.
        threshold: Bins below it were set to 0, since they hold little but noise.
        mechanism: How the noise was made.
        unit: Whose presence the noise hides: a shopper, or a single session where the log does not tell shoppers apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    paars_gym: str
    name: str
    synthetic: bool
    bins: dict[str, tuple[int, ...]]
    histograms: dict[str, tuple[int, ...]] = Field(min_length=1)
    epsilon: float = Field(gt=0, allow_inf_nan=False)
    spent: dict[str, float]
    noise_scale: float
    threshold: int
    mechanism: str
    unit: Unit = "shopper"

    @classmethod
    def read(cls, path: Path) -> Reference:
        """Reads ``reference.json``.

        Raises:
            FileNotFoundError: It is not there.
            ValueError: It is no reference, or of another version.
        """
        reference = read_model(cls, path, "reference", make="paars reference export --human DIR")
        if reference.schema_version != SCHEMA_VERSION:
            raise ValueError(
                f"{str(path)!r} has version {reference.schema_version}, this package reads {SCHEMA_VERSION}."
            )
        return reference

    def counts(self) -> dict[str, Counts]:
        """The histograms as arrays, by statistic."""
        return {name: np.array(counts, dtype=np.float64) for name, counts in self.histograms.items()}

    def check(self, bins: SessionBins) -> None:
        """Raises ValueError when a comparison with other bins than its own is wanted, naming them."""
        wanted = bins.described()
        for kind, lower in self.bins.items():
            if tuple(wanted[kind]) != lower:
                raise ValueError(f"The bins of {kind} differ: the reference has {lower}, wanted are {wanted[kind]}.")

    def summary(self, role: str) -> PopulationSummary:
        """As reports describe it."""
        sessions = max(sum(counts) for counts in self.histograms.values())
        known = tuple(name for name in TABLE_2 if name in self.histograms)
        return PopulationSummary(role=role, name=self.name, synthetic=self.synthetic, sessions=sessions, known=known)

    def notes(self) -> list[str]:
        """What a reader has to know."""
        whose = "one session of each shopper counts, of people and of agents."
        if self.unit == "session":
            whose = (
                "every session of people counts and one of each agents' shopper. What is protected is a session, not a "
                "person: who came often is less hidden."
            )
        return [
            f"The humans are a reference with differential privacy (epsilon {self.epsilon:g}): each bin carries noise "
            f"of about ±{1.4 * self.noise_scale:.1f} sessions and bins below {self.threshold} are 0, which floors, "
            f"intervals and p-values allow for; {whose}"
        ]


def export_reference(
    log: SessionLog,
    *,
    epsilon: float = 1.0,
    bins: SessionBins | None = None,
    rng: np.random.Generator,
    unit: Unit = "shopper",
    force: bool = False,
) -> Reference:
    """Releases the histograms of a log with differential privacy.

    Searches, views and purchases a session, and the deepest rank where ranks are recorded. Each gets an equal part of
    epsilon, and discrete Laplace noise of scale 1 / part (Ghosh et al. 2009, through OpenDP). What is recorded, the
    bins and the name of the log are taken for public.

    Args:
        log: People's sessions.
        epsilon: Total privacy loss, > 0; 1 is customary, less is more private, and more than 20 hides nobody.
        bins: Public, never made from the data.
        rng: Draws which session of a shopper counts. The noise comes from OpenDP's own secure source.
        unit: ``shopper``: one session of each counts, and the noise hides a shopper. ``session``: all count, and it
            hides a single session, as is all that can be done where the log does not tell shoppers apart.
        force: Takes any epsilon.

    Raises:
        ImportError: OpenDP is not installed.
        ValueError: Epsilon is out of range, shoppers are to be hidden in a log without shopper ids, or the log has
            nothing that can be released.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise ValueError(f"epsilon == {epsilon}, must be > 0.")
    if epsilon > MOST_EPSILON and not force:
        raise ValueError(
            f"epsilon == {epsilon:g}, must be at most {MOST_EPSILON}: beyond it the noise hides nobody. Where that is "
            "meant, force it: --force."
        )
    if unit not in get_args(Unit):
        raise ValueError(f"Unknown unit {unit!r}. Available: {', '.join(get_args(Unit))}.")
    unnamed = int((log.frame["name"].str.starts_with(ANONYMOUS).to_numpy() & log.keep).sum())
    if unnamed and unit == "shopper":
        raise ValueError(
            f"{unnamed:,} of {len(log):,} sessions of {log.name!r} have no shopper id, so that one session of each "
            "shopper cannot be drawn. To hide single sessions instead of shoppers: --unit session."
        )
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise ImportError(INSTALL) from error
    bins = bins or SessionBins()
    names = [name for name in TABLE_2 if name in log.known] + [DEPTH] * ("ranks" in log.known)
    if not names:
        raise ValueError(f"{log.name!r} records neither searches, views nor purchases; there is nothing to release.")
    counted = log if unit == "session" else one_session_each(log, rng)
    true = session_histograms(counted, bins=bins, actions=())
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    scale = len(names) / epsilon
    measurement = cast(Any, dp).m.make_laplace(*space, scale=scale)
    released, spent = {}, {}
    threshold = math.ceil(scale * math.log(len(bins.counts) / 0.1))  # an empty histogram passes it one time in 20
    for name in names:
        width = len(bins.of(name) or ())
        exact = true.get(name, np.zeros(width)).astype(int).tolist()
        noisy = np.array(measurement(exact))
        released[name] = tuple(np.where(noisy >= threshold, noisy, 0).tolist())
        spent[name] = float(measurement.map(1))
        if not any(released[name]):
            raise ValueError(
                f"Of {len(log):,} sessions nothing but noise is left in {name}, at epsilon {epsilon:g}; "
                "release more shoppers, or raise epsilon."
            )
    return Reference(
        paars_gym=version("paars_gym"),
        name=log.name,
        synthetic=log.synthetic,
        bins={kind: bins.described()[kind] for kind in ("counts", "ranks")},
        histograms=released,
        epsilon=sum(spent.values()),
        spent=spent,
        noise_scale=scale,
        threshold=threshold,
        unit=unit,
        mechanism=f"discrete Laplace, OpenDP {getattr(dp, '__version__', '')}".strip(),
    )


def one_session_each(log: SessionLog, rng: np.random.Generator) -> SessionLog:
    """One scored session of each shopper, drawn at random: the bound on what a shopper contributes."""
    numbers = rng.permutation(np.flatnonzero(log.keep))
    chosen = np.zeros(len(log.keep), dtype=bool)
    chosen[numbers[first_of_each(log.shoppers[numbers])]] = True
    return log.where(chosen)


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
    compared = compare_histograms(
        {name: people[name] for name in shared}, shared, bins=bins, n_resamples=0, rng=rng, replicas=replicas
    )
    return {
        name: each if name in enough else _without_verdict(each, FEWEST * threshold) for name, each in compared.items()
    }


def _without_verdict(comparison: HistogramComparison, fewest: int) -> HistogramComparison:
    note = f"Not estimable: it would take {fewest} human sessions beyond the noise and two agents."
    return comparison._replace(
        kl=replace(comparison.kl, note=note),
        js=replace(comparison.js, note=note),
        w1=None if comparison.w1 is None else replace(comparison.w1, note=note),
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
        people,
        agents,
    )


def discrete_laplace(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Counts:
    """Noise of probability proportional to exp(-abs(k) / scale): the difference of two geometric numbers."""
    chance = -math.expm1(-1 / scale)
    return np.asarray(rng.geometric(chance, shape) - rng.geometric(chance, shape), dtype=np.float64)
