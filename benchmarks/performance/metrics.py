"""Speed of the exact alignment metrics, beside scikit-learn and beside what the machine can do.

Sizes of the paper's query generation: 3,058 humans and as many agents in 384 dimensions, float64. The data is
synthetic: unit vectors with a decaying spectrum.
"""

from __future__ import annotations

import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.performance.rows import SpeedRow, at_most, in_turn
from paars_gym.alignment import energy_distance, js_divergence, kde_kl, score
from paars_gym.alignment.arrays import available_threads
from paars_gym.alignment.kde import BANDWIDTHS, Kernel, kernel_kls
from paars_gym.embedding.load import load_embedder
from paars_gym.ingest.times import TIME
from paars_gym.sessions.rows import ENDS, EVENTS, KINDS, SESSIONS
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import StoreWriter

Array = NDArray[np.float64]
N, SAMPLES, DIM, BANDWIDTH, PERMUTATIONS = 3058, 10_000, 384, 0.1, 999
ROUNDS, REPEATS, SKLEARN_DRAWS, REDUCED_DRAWS = 5, 5, 100, 8
MAX_OF_LIMIT, TIMES_SKLEARN, MAX_GEMMS, MAX_JS_SECONDS = 1.4, 60.0, 3.0, 5.0
MAX_SMALL_SECONDS, MAX_LARGE_SECONDS = 10.0, 5.0


def unit_vectors(n: int, rng: np.random.Generator) -> Array:
    """Points on the sphere, shape (n, DIM)."""
    points = rng.standard_normal((n, DIM)) * np.arange(1, DIM + 1) ** -0.4
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def sklearn_seconds(
    human: Array, agent: Array, *, bandwidths: tuple[float, ...], draws: int, timed: int, exact: bool
) -> float:
    """Seconds of scikit-learn's KernelDensity for both densities, timed on some of the draws, in proportion to all.

    Args:
        human: Shape (N, DIM).
        agent: Shape (N, DIM).
        bandwidths: At each of them.
        draws: How many there are to be.
        timed: How many are made.
        exact: With a single leaf. Its default, a tree, is far off in so many dimensions.
    """
    from sklearn.neighbors import KernelDensity

    rng, took = np.random.default_rng(1), 0.0
    for bandwidth in bandwidths:
        points = human[rng.integers(0, N, timed)] + bandwidth * rng.standard_normal((timed, DIM))
        for side in (human, agent):
            fitted = KernelDensity(bandwidth=bandwidth, **({"leaf_size": 2 * N} if exact else {})).fit(side)
            began = time.perf_counter()
            fitted.score_samples(points)
            took += time.perf_counter() - began
    return took * draws / timed


def density(reduced: bool) -> list[SpeedRow]:
    """KDE-KL at one bandwidth, and as reports compute it: beside its limit and beside scikit-learn."""
    rng, threads = np.random.default_rng(0), available_threads()
    human, agent = unit_vectors(N, rng), unit_vectors(N, rng)

    def alone() -> object:
        return kde_kl(
            human, agent, bandwidth=BANDWIDTH, n_samples=SAMPLES // 2, repeats=2, rng=np.random.default_rng(1)
        )

    def reported() -> object:
        kernels = [*map(Kernel, BANDWIDTHS), Kernel(BANDWIDTH, leave_one_out=True)]
        return kernel_kls(human, agent, kernels=kernels, repeats=REPEATS, rng=np.random.default_rng(1))

    points, product = unit_vectors(SAMPLES, np.random.default_rng(2)), np.empty((SAMPLES, N))
    block = -np.abs(np.random.default_rng(3).standard_normal((512, N)))
    out = np.empty_like(block)
    with threadpool_limits(threads, user_api="blas"):
        gemm, exp, one, five = in_turn(
            lambda: np.matmul(points, human.T, out=product),
            lambda: np.exp(block, out=out),
            alone,
            reported,
            rounds=1 if reduced else ROUNDS,
        )
    # Nobody can do without one product a density and its exponentials, on all threads.
    exps = exp * SAMPLES / len(block) / threads
    lenience, timed = (4.0, REDUCED_DRAWS) if reduced else (1.0, SKLEARN_DRAWS)
    sizes = f"n = {N:,}, {DIM} dimensions, {threads} threads"
    first = SpeedRow(name=f"exact KDE-KL, {SAMPLES:,} draws, {sizes}", measured=one, unit="s")
    # Reports: four bandwidths and one without own centres, whose other density is shared.
    draws, densities = N * REPEATS, 2 * len(BANDWIDTHS) + 1
    second = SpeedRow(
        name=f"the same as reports compute it, {len(BANDWIDTHS)} bandwidths and leave-one-out, {draws:,} draws",
        measured=five,
        unit="s",
    )
    least = (2 * gemm + densities * exps) * draws / SAMPLES
    made = []
    for row, bandwidths, wanted, floor in (
        (first, (BANDWIDTH,), SAMPLES, 2 * gemm + 2 * exps),
        (second, BANDWIDTHS, draws, least),
    ):
        asked = at_most(MAX_OF_LIMIT * lenience, "ratio")
        made.append(row.model_copy(update={"beside": "bare GEMM and exp", "peer": floor, "asked": asked}))
        for name, exact in (("scikit-learn, default (wrong values)", False), ("scikit-learn, exact", True)):
            if find_spec("sklearn") is None:
                made.append(row.model_copy(update={"beside": f"{name}: not installed (extra performance)"}))
                continue
            slow = sklearn_seconds(human, agent, bandwidths=bandwidths, draws=wanted, timed=timed, exact=exact)
            asked = () if exact else at_most(lenience / TIMES_SKLEARN, "ratio")
            made.append(row.model_copy(update={"beside": name, "peer": slow, "asked": asked}))
    return made


def energy(reduced: bool) -> list[SpeedRow]:
    """All permutations beside one product of their sign matrix with the distance matrix; resamples of histograms."""
    rng, threads = np.random.default_rng(0), available_threads()
    human, agent = unit_vectors(N, rng), unit_vectors(N, rng)
    pooled = 2 * N
    signs = np.random.default_rng(4).choice([-1.0, 1.0], (PERMUTATIONS, pooled))
    distances = np.random.default_rng(5).random((pooled, pooled))
    product = np.empty((PERMUTATIONS, pooled))
    with threadpool_limits(threads, user_api="blas"):
        gemm, test = in_turn(
            lambda: np.matmul(signs, distances, out=product),
            lambda: energy_distance(human, agent, rng=np.random.default_rng(6), n_permutations=PERMUTATIONS),
            rounds=1 if reduced else ROUNDS,
        )
    shoppers = np.random.default_rng(8).poisson(0.3, (50_000, 22))
    (clustered,) = in_turn(lambda: js_divergence(shoppers, shoppers[:, ::-1]), rounds=1)
    lenience = 4.0 if reduced else 1.0
    return [
        SpeedRow(
            name=f"energy distance with {PERMUTATIONS} permutations, n = {N:,} a side",
            measured=test,
            unit="s",
            beside="one GEMM of signs and distances",
            peer=gemm,
            asked=at_most(MAX_GEMMS * lenience, "ratio"),
        ),
        SpeedRow(
            name=f"JS with interval and floor, {len(shoppers):,} shoppers a side, 1,000 resamples",
            measured=clustered,
            unit="s",
            beside="limit",
            peer=MAX_JS_SECONDS,
            asked=at_most(MAX_JS_SECONDS * lenience),
        ),
    ]


def big_store(folder: Path, sessions: int, seed: int) -> Store:
    """Synthetic sessions of 1 to 15 searches, views and purchases, with words, ranks and times, two a shopper."""
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 16, sessions)
    session = np.repeat(np.arange(sessions, dtype=np.uint32), length)
    position = np.arange(len(session)) - np.repeat(np.cumsum(length) - length, length)
    kind = np.where(position == 0, 0, rng.choice([0, 1, 1, 1, 2], len(session)))
    words = pl.Series(["steel", "kettle", "red", "shoe", "quiet", "fan", "usb", "lamp", "desk", "green", "chair"])
    texts = {name: words.gather(rng.integers(0, len(words), len(session))) for name in "abcd"}
    searched, viewed = pl.col("kind") == "search", pl.col("kind") == "view"
    events = pl.DataFrame(
        {"session": session, "position": position.astype(np.uint32), "kind": _kinds(kind), **texts}
    ).with_columns(
        (pl.col("position").cast(pl.Int64) * 20_000_000).cast(TIME).alias("time"),
        pl.when(searched).then(pl.concat_str("a", "b", "c", separator=" ")).alias("query"),
        pl.when(viewed).then(pl.concat_str("a", "b", "c", "d", separator=" ")).alias("title"),
        pl.when(viewed).then(pl.Series(rng.geometric(0.2, len(session)))).alias("rank"),
    )
    numbers = np.arange(sessions)
    names = {"shopper": (numbers // 2).astype(str), "key": numbers.astype(str)}
    people = pl.DataFrame({"session": numbers.astype(np.uint32), **names, "events": length.astype(np.uint32)})
    people = people.with_columns(pl.lit("stop").cast(ENDS).alias("end"))
    provenance = Provenance(name=f"synthetic {seed}", synthetic=True, what_is_known=("searches", "views", "purchases"))
    with StoreWriter(folder) as writer:
        for start in range(0, sessions, 50_000):
            rows = people[start : start + 50_000]
            first, last = np.searchsorted(session, [start, start + len(rows)])
            shift = (pl.col("session") - start).cast(pl.UInt32)
            writer.add(
                _filled(events[first:last], EVENTS).with_columns(shift), _filled(rows, SESSIONS).with_columns(shift)
            )
        return writer.close(provenance)


def _kinds(codes: NDArray[np.int64]) -> pl.Series:
    return pl.Series(["search", "view", "purchase"], dtype=KINDS).gather(codes)


def _filled(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns
    )


def reports(reduced: bool) -> list[SpeedRow]:
    """The whole of ``paars score``, from the Parquet stores to the report."""
    few, many = (200, 5_000) if reduced else (2_400, 1_000_000)
    lenience = 4.0 if reduced else 1.0
    # A busy machine stretches the clock, and more than a wide bar allows.
    timing = partial(in_turn, rounds=1, clock=time.process_time) if reduced else partial(in_turn, rounds=3)
    made = []
    with TemporaryDirectory() as folder:
        large = [big_store(Path(folder, f"large{seed}"), many, seed) for seed in (3, 4)]
        events = sum(store.card.events for store in large)
        took = timing(lambda: score(*large, embedder=None))[0]
        name = f"`paars score` of 2 x {many:,} sessions, {events:,} events, without embeddings"
        most = MAX_LARGE_SECONDS * lenience
        made.append(SpeedRow(name=name, measured=took, unit="s", beside="limit", peer=most, asked=at_most(most)))
        name, most = f"`paars score` of 2 x {few:,} sessions, embeddings kept", MAX_SMALL_SECONDS * lenience
        try:
            embedder = load_embedder("minilm-int8")
        except ImportError as missing:
            return [*made, SpeedRow(name=name, note=f"not measured: {missing}")]
        small = [big_store(Path(folder, f"small{seed}"), few, seed) for seed in (1, 2)]
        score(*small, embedder=embedder)  # fills the cache of embeddings
        took = timing(lambda: score(*small, embedder=embedder))[0]
        made.append(SpeedRow(name=name, measured=took, unit="s", beside="limit", peer=most, asked=at_most(most)))
    return made
