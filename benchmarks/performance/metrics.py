"""Speed of the exact alignment metrics, against scikit-learn and against what the machine can do.

    python -m benchmarks.performance.metrics [--without-sklearn]

Sizes of the paper's query generation: 3,058 humans and as many agents in 384 dimensions, 10,000 samples, float64.
The data is synthetic: unit vectors with a decaying spectrum.
"""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import polars as pl
import typer
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from paars_gym.alignment import energy_distance, js_divergence, kde_kl, score
from paars_gym.alignment.arrays import available_threads
from paars_gym.cli.running import run_command
from paars_gym.embedding.load import load_embedder
from paars_gym.ingest.times import TIME
from paars_gym.report.printing import Printer
from paars_gym.sessions.rows import ENDS, EVENTS, KINDS, SESSIONS
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import StoreWriter

Array = NDArray[np.float64]
N, SAMPLES, DIM, BANDWIDTH, PERMUTATIONS = 3058, 10_000, 384, 0.1, 999
ROUNDS = 5
console = Printer()


def unit_vectors(n: int, rng: np.random.Generator) -> Array:
    """Points on the sphere, shape (n, DIM)."""
    points = rng.standard_normal((n, DIM)) * np.arange(1, DIM + 1) ** -0.4
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def fastest(*works: Callable[[], object]) -> list[float]:
    """Least wall-clock seconds of each work over several rounds, taken in turn so that a busy moment hits them all."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for times, work in zip(took, works, strict=True):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    return [min(times) for times in took]


def sklearn_kl(human: Array, agent: Array, rng: np.random.Generator) -> tuple[float, float]:
    """KL and seconds of scikit-learn's KernelDensity in its default (tree) mode: fit and score, sampling not timed."""
    from sklearn.neighbors import KernelDensity

    own = rng.integers(0, N, SAMPLES)
    points = human[own] + BANDWIDTH * rng.standard_normal((SAMPLES, DIM))
    start = time.perf_counter()
    logs = [KernelDensity(bandwidth=BANDWIDTH).fit(side).score_samples(points) for side in (human, agent)]
    return float(np.mean(logs[0] - logs[1])), time.perf_counter() - start


def density(human: Array, agent: Array, threads: int, *, with_sklearn: bool) -> None:
    """Exact KDE-KL beside its limit: the two matrix products and the exponentials nobody can do without."""

    def exact() -> float:
        return (
            kde_kl(
                human, agent, bandwidth=BANDWIDTH, n_samples=SAMPLES // 2, repeats=2, rng=np.random.default_rng(1)
            ).value
            or math.nan
        )

    points = unit_vectors(SAMPLES, np.random.default_rng(2))
    product = np.empty((SAMPLES, N))
    block = -np.abs(np.random.default_rng(3).standard_normal((512, N)))
    out = np.empty_like(block)
    value = exact()
    with threadpool_limits(threads, user_api="blas"):
        gemm, exp, ours = fastest(
            lambda: np.matmul(points, human.T, out=product), lambda: np.exp(block, out=out), exact
        )
    limit = 2 * gemm + 2 * exp * SAMPLES / len(block) / threads  # two densities
    tracemalloc.start()
    exact()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    beyond = (peak - human.nbytes - agent.nbytes) / 1e6

    console.print(
        f"\nKDE-KL, both densities: n = {N:,}, m = {SAMPLES:,}, d = {DIM}, h = {BANDWIDTH}, {threads} threads"
    )
    console.print(f"{'':34}{'seconds':>9}{'KL, nats':>12}")
    console.print(f"{'limit: 2 GEMM + exp':34}{limit:9.3f}")
    console.print(f"{'paars_gym':34}{ours:9.3f}{value:12.2f}")
    if with_sklearn:
        wrong, slow = sklearn_kl(human, agent, np.random.default_rng(1))
        console.print(f"{'scikit-learn KernelDensity, default':34}{slow:8.3f}{wrong:12.2f}")
        console.print(f"{slow / ours:.0f} times faster than scikit-learn (asked: >= 60)")
    console.print(f"{ours / limit:.2f} of the limit (asked: <= 1.4)")
    console.print(f"{beyond:.0f} MB at most beyond the inputs and one scaled copy of them (asked: < 200)")


def energy(human: Array, agent: Array, threads: int) -> None:
    """All permutations beside one product of their sign matrix with the distance matrix."""
    pooled = 2 * N
    signs = np.random.default_rng(4).choice([-1.0, 1.0], (PERMUTATIONS, pooled))
    distances = np.random.default_rng(5).random((pooled, pooled))
    product = np.empty((PERMUTATIONS, pooled))

    def test() -> object:
        return energy_distance(human, agent, rng=np.random.default_rng(6), n_permutations=PERMUTATIONS)

    with threadpool_limits(threads, user_api="blas"):
        gemm, ours = fastest(lambda: np.matmul(signs, distances, out=product), test)
    console.print(f"\nEnergy distance with {PERMUTATIONS} permutations, n = {N:,} a side, {threads} threads")
    console.print(
        f"One GEMM-equivalent: ({PERMUTATIONS} x {pooled}) signs times ({pooled} x {pooled}) distances, float64"
    )
    console.print(f"GEMM-equivalent {gemm:.3f} s; the whole test, distances and permutations included, {ours:.3f} s")
    console.print(f"{ours / gemm:.2f} GEMM-equivalents (asked: <= 3)")


def histograms() -> None:
    """1,000 resamples of a histogram, over sessions and over shoppers."""
    counts = np.random.default_rng(7).multinomial(10_000_000, np.full(22, 1 / 22))
    shoppers = np.random.default_rng(8).poisson(0.3, (50_000, 22))
    plain, clustered = fastest(
        lambda: js_divergence(counts, counts[::-1]), lambda: js_divergence(shoppers, shoppers[:, ::-1])
    )
    console.print("\nJS with interval and null floor, 1,000 resamples, 22 bins")
    console.print(f"2 x 10,000,000 sessions: {plain * 1e3:.1f} ms (asked: milliseconds)")
    console.print(f"2 x 50,000 shoppers, each resampled with all sessions: {clustered:.2f} s (asked: < 5)")


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


def reports() -> None:
    """The whole of ``paars score``, from the Parquet stores to the report."""
    embedder = load_embedder("minilm-int8")
    with TemporaryDirectory() as folder:
        small = [big_store(Path(folder, f"small{seed}"), 2_400, seed) for seed in (1, 2)]
        score(*small, embedder=embedder)  # fills the cache of embeddings
        took = fastest(lambda: score(*small, embedder=embedder))[0]
        console.print(f"\nA whole report of 2 x 2,400 sessions, embeddings cached: {took:.1f} s (asked: < 10)")
        large = [big_store(Path(folder, f"large{seed}"), 1_000_000, seed) for seed in (3, 4)]
        events = sum(store.card.events for store in large)
        took = fastest(lambda: score(*large, embedder=None))[0]
        console.print(f"of 2 x 1,000,000 sessions ({events:,} events), without embeddings: {took:.1f} s (asked: < 5)")


def main(
    without_sklearn: Annotated[bool, typer.Option("--without-sklearn", help="Leave out its minute.")] = False,
) -> None:
    """Prints everything in one run."""
    rng, threads = np.random.default_rng(0), available_threads()
    human, agent = unit_vectors(N, rng), unit_vectors(N, rng)
    density(human, agent, threads, with_sklearn=not without_sklearn)
    energy(human, agent, threads)
    histograms()
    reports()


if __name__ == "__main__":
    run_command(main)
