"""Every number of one pair of logs: of their sessions and of their words (PAARS section 4.3, Tables 2 and 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from paars_gym.alignment.arrays import check_rng, embeddings
from paars_gym.alignment.diversity import variety
from paars_gym.alignment.kde import BANDWIDTHS, Kernel, kernel_kls
from paars_gym.alignment.kde_halves import SplitKL, split_kl
from paars_gym.alignment.permutation import DensityTest, energy_distance, kde_kl_loo_test
from paars_gym.alignment.report import Measure, measure
from paars_gym.alignment.session_generation import HistogramComparison, SessionBins
from paars_gym.alignment.session_log import SessionLog
from paars_gym.alignment.two_sample import c2st_auc, coverage
from paars_gym.embedding.load import load_embedder
from paars_gym.embedding.protocol import Embedder
from paars_gym.estimate import Z95, Estimate, Interval

WORDS = (("first queries", "first_queries"), ("first titles viewed", "first_titles"))
FEWEST_POINTS = 10
MOST_POINTS = 3058  # the paper's pairs: beyond that only the price grows
APPENDIX_D = "first queries"


class ScoreOptions(NamedTuple):
    """What numbers depend on beside the logs, the embedder and the seed.

    Attributes:
        bins: Of the histograms.
        bandwidth: Of the kernel densities, in embedding units.
        text_sessions: Sessions whose words are compared, as many of each log.
        n_resamples: Of the bootstraps.
        minimum: Sessions that a segment needs on each side.
        panel: Shoppers of a panel of people: a segment's agents are near where they are no further than it would be.
        threads: All available cores by default.
    """

    bins: SessionBins = SessionBins()
    bandwidth: float = 0.1
    text_sessions: int = 2400
    n_resamples: int = 1000
    minimum: int = 20
    panel: int = 50
    threads: int | None = None


class ScoreSetup(NamedTuple):
    """Everything that numbers depend on beside the logs.

    Attributes:
        options: See there.
        embedder: None for no embeddings.
        seed: Of every draw.
    """

    options: ScoreOptions
    embedder: Embedder | None
    seed: int

    def rng(self, *key: str) -> np.random.Generator:
        """A generator that depends on the seed and the key, never on what else was computed."""
        return np.random.default_rng([self.seed, *"/".join(key).encode()])


class EmbeddingComparison(NamedTuple):
    """Two clouds of embeddings of one size.

    Attributes:
        n: Points on each side, drawn at random from the larger one.
        sweep: KL of kernel densities by bandwidth: Appendix D. Table 2 is the one at .1.
        leave_one_out: KL with each draw's own centre left out, whose floor is 0, with its permutation test.
        halves: KL of halves beside the humans' own; None when there are too few points.
        energy: Squared energy distance with its permutation test.
        c2st: Whether a classifier can tell them apart.
        coverage: Share of the humans reached.
    """

    n: int
    sweep: dict[float, Estimate]
    leave_one_out: Estimate
    halves: SplitKL | None
    energy: Estimate
    c2st: Estimate
    coverage: Estimate


def compare_embeddings(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    paired: bool = False,
    bandwidth: float = 0.1,
    bandwidths: Sequence[float] = (0.1,),
    n_permutations: int = 999,
    rng: np.random.Generator,
    threads: int | None = None,
) -> EmbeddingComparison:
    """Every group metric on embeddings, at one common size, of at most 3,058 points: the paper's pairs.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        paired: Row i of both answers for one item: the halves then tell copying one's pair from being alike as a
            group, and tests keep pairs together.
        bandwidth: Of the leave-one-out and the halves.
        bandwidths: Of the sweep; `paars_gym.alignment.kde.BANDWIDTHS` are those of Appendix D.
        n_permutations: Of the energy distance's test; 0 leaves out that of the leave-one-out too.
        rng: Source of every draw.
        threads: All available cores by default.

    Raises:
        ValueError: The dimensions differ, a side is empty or not finite, or pairs do not match up.
    """
    check_rng(rng)
    p, q = embeddings(human, agent, paired=paired)
    n = min(len(p), len(q), MOST_POINTS)
    rows = rng.permutation(len(p))[:n]
    p, q = p[rows], q[rows if paired else rng.permutation(len(q))[:n]]

    without_own = Kernel(bandwidth, leave_one_out=True)
    densities = kernel_kls(p, q, kernels=[*map(Kernel, bandwidths), without_own], rng=rng, threads=threads)
    leave_one_out = densities[without_own]
    halves: SplitKL | None = None
    if n >= 4:
        halves = split_kl(p, q, bandwidth=bandwidth, paired=paired, rng=rng, threads=threads)
    if n > 1 and n_permutations:
        test = kde_kl_loo_test(p, q, bandwidth=bandwidth, paired=paired, rng=rng, threads=threads)
        leave_one_out = _tested(leave_one_out, test, paired)
        if halves is not None:
            halves = SplitKL(*(replace(half, p_value=test.halves_p_value) for half in halves))
    return EmbeddingComparison(
        n,
        {h: densities[Kernel(h)] for h in bandwidths},
        leave_one_out,
        halves,
        energy_distance(p, q, rng=rng, n_permutations=n_permutations, paired=paired, threads=threads),
        c2st_auc(p, q, rng=rng, paired=paired, threads=threads),
        coverage(p, q, rng=rng, paired=paired, threads=threads),
    )


def _tested(estimate: Estimate, test: DensityTest, paired: bool) -> Estimate:
    """With the p-value, and an interval that knows that agents are a sample too."""
    interval = estimate.interval
    if interval is not None and estimate.value is not None:
        error = max((interval.high - interval.low) / (2 * Z95), test.spread)
        interval = Interval.normal(estimate.value, error, "normal, at least the permutations' spread")
    return replace(estimate, interval=interval, p_value=test.p_value, details={**estimate.details, "paired": paired})


def histogram_measures(
    comparisons: Mapping[str, HistogramComparison], role: str, segment: str | None = None
) -> Iterator[Measure]:
    """The distances between two logs' histograms."""
    for name, comparison in comparisons.items():
        for metric, estimate in (("KL", comparison.kl), ("JS", comparison.js), ("W1", comparison.w1)):
            if estimate is not None:
                yield measure(estimate, of=name, metric=metric, population=role, segment=segment)


def word_measures(
    people: SessionLog, logs: Mapping[str, SessionLog], setup: ScoreSetup, segment: str | None = None
) -> tuple[list[Measure], list[str]]:
    """How varied each log's words are, how far agents' are from people's, and what could not be said."""
    most = min(setup.options.text_sessions, *(len(log) for log in (people, *logs.values())))
    everyone: dict[str, SessionLog] = {"human": people, **logs}
    texts = {role: log.texts(most, setup.rng("texts", role)) for role, log in everyone.items()}
    measures, notes = [], []
    for of, column in (("queries", "queries"), ("titles viewed", "titles")):
        strings: dict[str, list[str]] = {role: getattr(words, column) for role, words in texts.items()}
        without = [role for role, words in strings.items() if not words]
        if without:
            notes.append(f"The {of} of {' and '.join(without)} are not in the log: nothing is said of them.")
            continue
        size = min(len(words) for words in strings.values())
        for role, words in strings.items():
            for metric, estimate in variety(words, size=size).items():
                measures.append(measure(estimate, of=of, metric=metric, population=role, segment=segment))
    if setup.embedder is not None:
        for of, column in WORDS:
            words_of = {role: getattr(words, column) for role, words in texts.items()}
            measures += _embedding_measures(words_of, of, setup, setup.embedder, segment)
        if any(words.repeated for words in texts.values()):
            notes.append("Some shoppers have several sessions among the words compared: their p-values are too small.")
    return measures, notes


def _embedding_measures(
    words: Mapping[str, list[str]], of: str, setup: ScoreSetup, embedder: Embedder, segment: str | None
) -> Iterator[Measure]:
    if min(map(len, words.values())) < FEWEST_POINTS:
        return
    options = setup.options
    points = {role: embedder.embed(texts) for role, texts in words.items()}
    people, sweep = points.pop("human"), sorted({*BANDWIDTHS, options.bandwidth})
    for role, agents in points.items():
        comparison = compare_embeddings(
            people,
            agents,
            bandwidth=options.bandwidth,
            bandwidths=sweep if of == APPENDIX_D and segment is None else (options.bandwidth,),
            rng=setup.rng("embeddings", of, role),
            threads=options.threads,
        )
        yield from embedding_measures(comparison, of=of, population=role, segment=segment)


def embedding_measures(
    comparison: EmbeddingComparison, *, of: str, population: str = "agents", segment: str | None = None
) -> Iterator[Measure]:
    """A comparison of embeddings as records of a report."""
    estimates = {f"KDE-KL h = {h:g}": estimate for h, estimate in comparison.sweep.items()}
    estimates["KDE-KL leave-one-out"] = comparison.leave_one_out
    if comparison.halves is not None:
        estimates["KDE-KL of halves"] = comparison.halves.plain
        estimates["KDE-KL of halves, leave-one-out"] = comparison.halves.leave_one_out
    estimates["energy distance"] = comparison.energy
    estimates["C2ST AUC"] = comparison.c2st
    estimates["coverage"] = comparison.coverage
    for metric, estimate in estimates.items():
        worse: Literal["higher", "lower"] = "lower" if metric == "coverage" else "higher"
        yield measure(estimate, of=of, metric=metric, population=population, segment=segment, worse=worse)


def find_embedder(name: str, logs: Sequence[SessionLog], seed: int) -> Embedder | None:
    """The embedder of that name; None when the logs hold no words, for loading a model takes seconds."""
    corpus: list[str] = []
    for log in logs:
        texts = log.texts(500, ScoreSetup(ScoreOptions(), None, seed).rng("corpus"))
        corpus += texts.first_queries + texts.first_titles
    return load_embedder(name, corpus=corpus) if corpus else None
