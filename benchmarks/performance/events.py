"""How fast are per-session statistics of ten million events from Parquet? Beside pandas, in the same run.

python -m benchmarks.performance.events
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from paars_gym.sessions.counts import STATISTICS, session_counts
from paars_gym.sessions.rows import EVENTS, KINDS, SESSIONS
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import StoreWriter

PART = 1_000_000
EVENTS_A_SESSION = 8
KIND_NAMES = pl.Series(["search", "view", "add", "purchase"], dtype=KINDS)


def make(folder: Path, n_events: int, rng: np.random.Generator) -> Store:
    """Writes a store of ``n_events`` events, mostly views, in sessions of about eight."""
    with StoreWriter(folder) as writer:
        for size in (min(PART, n_events - done) for done in range(0, n_events, PART)):
            sessions = max(1, size // EVENTS_A_SESSION)
            numbers = np.sort(rng.integers(0, sessions, size)).astype(np.uint32)
            per_session = np.bincount(numbers, minlength=sessions)
            kinds = rng.choice(4, size, p=[0.25, 0.6, 0.1, 0.05])
            events = pl.DataFrame({"session": numbers, "kind": KIND_NAMES.gather(kinds)})
            events = events.with_columns(
                pl.Series("position", np.arange(size) - np.repeat(np.cumsum(per_session) - per_session, per_session)),
                pl.Series("product", rng.integers(0, 100_000, size)).cast(pl.String),
            )
            rows = pl.DataFrame({"session": np.arange(sessions), "events": per_session}).with_columns(
                pl.col("session").cast(pl.String).alias("shopper"), pl.lit("stop").alias("end")
            )
            writer.add(_filled(events, EVENTS), _filled(rows.with_columns(key="shopper"), SESSIONS))
        return writer.close(Provenance(name="timing", synthetic=True))


def with_polars(path: Path) -> pl.DataFrame:
    """The statistics of one Parquet file of any order, by a lazy group-by."""
    counted = [(pl.col("kind") == kind).sum().alias(name) for name, kind in STATISTICS.items()]
    return pl.scan_parquet(path).group_by("session").agg(counted).collect()


def with_pandas(path: Path) -> object:
    """The same in pandas."""
    import pandas as pd  # type: ignore[import-untyped]

    events = pd.read_parquet(path, columns=["session", "kind"])
    flags = {name: events["kind"] == kind for name, kind in STATISTICS.items()}
    return pd.DataFrame(flags).groupby(events["session"]).sum()


def best(work: Callable[[], object], repeats: int) -> float:
    """Least seconds of some runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Prints seconds, and fails when the store's statistics take longer than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1.0, help="seconds that the store may take")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = make(Path(folder) / "store", args.events, np.random.default_rng(0))
        grouped, shuffled = Path(folder) / "grouped.parquet", Path(folder) / "shuffled.parquet"
        events = store.scan().select("session", "kind").collect()
        events.write_parquet(grouped)
        events.sample(fraction=1, shuffle=True, seed=0).write_parquet(shuffled)
        del events
        print(f"{args.events:,} events in {len(store):,} sessions; per-session searches, views, purchases; seconds")
        ours = best(lambda: session_counts(store), args.repeats)
        print(f"  session_counts(store)     {ours:6.2f}   (limit {args.limit:g})")
        for label, path in (("grouped", grouped), ("shuffled", shuffled)):
            print(f"  polars group_by, {label:<9}{best(partial(with_polars, path), args.repeats):6.2f}")
            print(f"  pandas groupby,  {label:<9}{best(partial(with_pandas, path), 1):6.2f}")
    if ours > args.limit:
        raise SystemExit(f"session_counts took {ours:.2f} s, more than {args.limit:g} s.")


def _filled(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


if __name__ == "__main__":
    main()
