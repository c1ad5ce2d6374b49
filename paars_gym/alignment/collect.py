"""Which numbers does one pair of populations give? Of its sessions, of its words, each as a record of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from paars_gym.alignment.density import BANDWIDTHS
from paars_gym.alignment.measure import Measure, measure
from paars_gym.alignment.session_generation import HistogramComparison, SessionBins
from paars_gym.alignment.session_log import SessionLog, Texts
from paars_gym.alignment.text_comparison import EmbeddingComparison, compare_embeddings, variety
from paars_gym.embedding.load import load_embedder
from paars_gym.embedding.protocol import Embedder

WORDS = (("first queries", "first_queries"), ("first titles viewed", "first_titles"))
FEWEST_POINTS = 10
APPENDIX_D = "first queries"


class Options(NamedTuple):
    """What every number depends on; see :func:`paars_gym.alignment.scoring.score`."""

    bins: SessionBins
    embedder: Embedder | str | None
    bandwidth: float
    text_sessions: int
    n_resamples: int
    minimum: int
    seed: int
    threads: int | None

    def rng(self, *key: str) -> np.random.Generator:
        """A generator that depends on the seed and the key, never on what else was computed."""
        return np.random.default_rng([self.seed, *("/".join(key)).encode()])


def histogram_measures(
    comparisons: Mapping[str, HistogramComparison], role: str, segment: str | None = None
) -> Iterator[Measure]:
    """The distances between two populations' histograms."""
    for name, found in comparisons.items():
        for metric, result in (("KL", found.kl), ("JS", found.js), ("W1", found.w1)):
            if result is not None:
                unit = "" if metric != "W1" else "seconds" if "seconds" in name else "steps"
                yield measure(result, of=name, metric=metric, population=role, segment=segment, unit=unit)


def word_measures(
    people: SessionLog, logs: Mapping[str, SessionLog], options: Options, segment: str | None = None
) -> tuple[list[Measure], list[str]]:
    """How varied each population's words are, how far agents' are from people's, and what could not be said."""
    most = min(options.text_sessions, *(len(log) for log in (people, *logs.values())))
    everyone: dict[str, SessionLog] = {"human": people, **logs}
    texts = {role: log.texts(most, options.rng("texts", role)) for role, log in everyone.items()}
    measures, notes = [], []
    for of, column in (("queries", "queries"), ("titles viewed", "titles")):
        strings: dict[str, list[str]] = {role: getattr(found, column) for role, found in texts.items()}
        without = [role for role, found in strings.items() if not found]
        if without:
            notes.append(f"The {of} of {' and '.join(without)} are not in the log: nothing is said of them.")
            continue
        size = min(len(found) for found in strings.values())
        for role, found in strings.items():
            for metric, result in variety(found, size=size)._asdict().items():
                named = {"ttr": "TTR", "rarefied": f"TTR rarefied to {size}", "mattr": "MATTR", "hd_d": "HD-D"}[metric]
                measures.append(measure(result, of=of, metric=named, population=role, segment=segment))
    if options.embedder is not None and not isinstance(options.embedder, str):
        for of, column in WORDS:
            measures += _embedding_measures(texts, of, column, options, segment)
        if any(found.repeated for found in texts.values()):
            notes.append("Some shoppers have several sessions among the words compared: their p-values are too small.")
    return measures, notes


def _embedding_measures(
    texts: Mapping[str, Texts], of: str, column: str, options: Options, segment: str | None
) -> Iterator[Measure]:
    assert options.embedder is not None
    assert not isinstance(options.embedder, str)
    words: dict[str, list[str]] = {role: getattr(found, column) for role, found in texts.items()}
    if min(len(found) for found in words.values()) < FEWEST_POINTS:
        return
    points = {role: options.embedder.embed(found) for role, found in words.items()}
    people, sweep = points.pop("human"), sorted({*BANDWIDTHS, options.bandwidth})
    for role, agents in points.items():
        found = compare_embeddings(
            people,
            agents,
            bandwidth=options.bandwidth,
            bandwidths=sweep if of == APPENDIX_D and segment is None else (options.bandwidth,),
            rng=options.rng("embeddings", of, role),
            threads=options.threads,
        )
        yield from embedding_measures(found, of=of, population=role, segment=segment)


def embedding_measures(
    found: EmbeddingComparison, *, of: str, population: str = "agents", segment: str | None = None
) -> Iterator[Measure]:
    """A comparison of embeddings as records of a report."""
    told: list[tuple[str, Any, str]] = [(f"KDE-KL h = {h:g}", result, "nats") for h, result in found.sweep.items()]
    told += [("KDE-KL leave-one-out", found.leave_one_out, "nats")]
    told += [("KDE-KL of halves", found.halves, "nats")]
    told += [("KDE-KL of halves, leave-one-out", found.halves_leave_one_out, "nats")]
    told += [("energy distance", found.energy, ""), ("C2ST AUC", found.c2st, ""), ("coverage", found.coverage, "")]
    for metric, result, unit in told:
        if result is not None:
            worse: Literal["higher", "lower"] = "lower" if metric == "coverage" else "higher"
            yield measure(result, of=of, metric=metric, population=population, segment=segment, unit=unit, worse=worse)


def find_embedder(logs: list[SessionLog], options: Options) -> Embedder | None:
    """The embedder that was asked for; None when the logs hold no words, for loading a model takes seconds."""
    if not isinstance(options.embedder, str):
        return options.embedder
    corpus: list[str] = []
    found = [log.texts(500, options.rng("corpus")) for log in logs]
    for texts in found:
        corpus += texts.first_queries + texts.first_titles
    return load_embedder(options.embedder, corpus=corpus) if corpus else None
