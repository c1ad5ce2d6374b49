"""Speed of importing ten million events, and of their statistics a session, the latter beside pandas and duckdb."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.performance.rows import SpeedRow, at_most, in_turn, peak_mb
from benchmarks.processes import workers
from paars_gym.sessions.describe import STATISTICS, session_counts
from paars_gym.sessions.logs.importing import import_log
from paars_gym.sessions.logs.mapping import LogMapping
from paars_gym.sessions.rows import EVENTS, KINDS, SESSIONS
from paars_gym.sessions.store import Provenance, Store
from paars_gym.sessions.writer import StoreWriter

PART = 1_000_000
EVENTS_A_SESSION = 8
FULL = 10_000_000
IMPORT_SECONDS, IMPORT_GB, STATISTICS_SECONDS = 60.0, 4.0, 1.0
"""Bars for ten million events on two free cores."""
REDUCED, LENIENCE, START_SECONDS = 500_000, 4.0, 5.0
"""Of reduced size: so many events, so many times their share of the bar in seconds, and so much to get going."""
MAPPING = LogMapping.parse("shopper=user_id,time=ts,kind=event,product=item_id,query=query,price=price,time_format=s")
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


class Imported(NamedTuple):
    """How an import went, its process's peak of memory included."""

    sessions: int
    events: int
    seconds: float
    cpu_seconds: float
    peak_gb: float


def make_csv(path: Path, n_events: int, rng: np.random.Generator) -> None:
    """Writes a log of visits of about eight events within 25 minutes, in order of time as a shop's own log is."""
    shoppers = max(1, n_events // 40)
    with path.open("wb") as file:
        for done in range(0, n_events, PART):
            size = min(PART, n_events - done)
            kinds = rng.choice(4, size, p=[0.25, 0.6, 0.1, 0.05])
            searches, purchases = kinds == 0, kinds == 3
            visits = max(1, size // EVENTS_A_SESSION)
            visit = rng.integers(0, visits, size)
            starts = 1_700_000_000 + done // 4 + rng.integers(0, max(1, size // 4), visits)
            frame = pl.DataFrame(
                {
                    "user_id": rng.integers(0, shoppers, visits)[visit],
                    "ts": starts[visit] + rng.integers(0, 1_500, size),
                    "event": KIND_NAMES.gather(kinds).cast(pl.String),
                    "item_id": pl.Series(rng.integers(0, 100_000, size)).set(pl.Series(searches), None),
                    "query": pl.Series(rng.integers(0, 5_000, size)).set(pl.Series(~searches), None),
                    "price": pl.Series(rng.integers(1, 9_999, size) / 100).set(pl.Series(~purchases), None),
                }
            ).with_columns(pl.concat_str(pl.lit("running shoes "), pl.col("query")).alias("query"))
            frame.sort("ts", maintain_order=True).write_csv(file, include_header=done == 0)


def imported(log: Path, out: Path) -> Imported:
    """Imports a log in this process."""
    start, cpu = time.perf_counter(), time.process_time()
    store = import_log(log, out, MAPPING)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return Imported(len(store), store.card.events, seconds, cpu_seconds, peak_mb() / 1e3)


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


def with_duckdb(path: Path) -> object:
    """The same in duckdb, fetched as arrays."""
    import duckdb

    counted = ", ".join(f"count(*) FILTER (kind = '{kind}') AS {name}" for name, kind in STATISTICS.items())
    return duckdb.sql(f"SELECT session, {counted} FROM '{path}' GROUP BY session").fetchnumpy()  # noqa: S608


def importing(reduced: bool) -> list[SpeedRow]:
    """Import of a log, in this process."""
    count = REDUCED if reduced else FULL
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.csv"
        make_csv(log, count, np.random.default_rng(0))
        with workers(1) as pool:  # writing the log would show in the memory
            done = pool.submit(imported, log, Path(folder) / "imported").result()
        size = log.stat().st_size / 1e6
    if done.events != count:
        raise ValueError(f"{count - done.events:,} of {count:,} events were lost.")
    # A busy machine stretches the clock, two cores the processor time: a slip of the code lengthens both.
    seconds = min(done.seconds, done.cpu_seconds) if reduced else done.seconds
    most = IMPORT_SECONDS * count / FULL * (LENIENCE if reduced else 1) + START_SECONDS * reduced
    name = f"import of {count:,} events, {size:,.0f} MB of CSV"
    limit = SpeedRow(name=name, measured=seconds, unit="s", beside="limit", peer=most, asked=at_most(most))
    memory = limit.model_copy(
        update={"measured": done.peak_gb, "unit": "GB", "peer": IMPORT_GB, "asked": at_most(IMPORT_GB)}
    )
    return [limit, memory.model_copy(update={"name": f"{name}: peak memory"})]


def counting(reduced: bool) -> list[SpeedRow]:
    """Searches, views and purchases a session, beside the group-by of others over the same two columns in Parquet."""
    count = REDUCED if reduced else FULL
    with tempfile.TemporaryDirectory() as folder:
        store = make(Path(folder) / "store", count, np.random.default_rng(0))
        path = Path(folder) / "events.parquet"
        store.scan().select("session", "kind").collect().write_parquet(path)
        others: dict[str, Callable[[], object]] = {"polars group_by": partial(with_polars, path)}
        others |= {
            f"{name}": partial(work, path)
            for name, work in (("pandas", with_pandas), ("duckdb", with_duckdb))
            if find_spec(name)
        }
        took = in_turn(lambda: session_counts(store), *others.values(), rounds=1 if reduced else 3)
    # A small run is mostly start.
    most = STATISTICS_SECONDS * LENIENCE if reduced else STATISTICS_SECONDS
    row = SpeedRow(name=f"counts of {count:,} events in {len(store):,} sessions", measured=took[0], unit="s")
    limit = row.model_copy(update={"beside": "limit", "peer": most, "asked": at_most(most)})
    beside = [
        row.model_copy(update={"beside": name, "peer": each}) for name, each in zip(others, took[1:], strict=True)
    ]
    lacking = [name for name in ("pandas", "duckdb") if name not in others]
    absent = [row.model_copy(update={"beside": f"{name}: not installed (extra performance)"}) for name in lacking]
    return [limit, *beside, *absent]


def _filled(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
