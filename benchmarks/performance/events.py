"""Speed of importing ten million events, and of their statistics a session, the latter beside pandas.

python -m benchmarks.performance.events [--check]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import polars as pl
import typer

from benchmarks.processes import workers
from paars_gym.cli.running import run_command
from paars_gym.exit_codes import ExitCode
from paars_gym.report.printing import Printer
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
"""The issue's bars, for ten million events on two free cores."""
CHECKED, LENIENCE, START_SECONDS = 1_000_000, 4.0, 5.0
"""Of ``--check``: so many events, so many times their share of the bar in seconds, and so much to get going."""
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
    return Imported(len(store), store.card.events, seconds, cpu_seconds, _peak_gb())


def _peak_gb() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # a child's ru_maxrss begins at its parent's
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


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


def main(
    events: Annotated[
        int | None, typer.Option(min=1, help=f"How many, by default {FULL:,}, with --check {CHECKED:,}.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Of the statistics; the best one counts.")] = 3,
    check: Annotated[
        bool,
        typer.Option("--check", help="Fewer events, and bars so wide that only a slip of the code misses them."),
    ] = False,
) -> None:
    """Prints seconds and memory, and fails when a bar is missed."""
    console = Printer()
    count = events or (CHECKED if check else FULL)
    share = count / FULL
    wide = LENIENCE if check else 1.0
    most_seconds = IMPORT_SECONDS * share * wide + START_SECONDS * check
    most_statistics = max(STATISTICS_SECONDS * share, 0.1) * wide + 0.25 * check
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.csv"
        make_csv(log, count, np.random.default_rng(0))
        with workers(1) as pool:
            done = pool.submit(imported, log, Path(folder) / "imported").result()
        console.print(
            f"import of {done.events:,} events, {log.stat().st_size / 1e6:,.0f} MB of CSV, in a process of its own"
        )
        console.print(f"  seconds                   {done.seconds:6.1f}   (limit {most_seconds:g})")
        console.print(f"  of processor time         {done.cpu_seconds:6.1f}")
        console.print(f"  peak memory, GB           {done.peak_gb:6.2f}   (limit {IMPORT_GB:g})")
        # A busy machine stretches the clock, two cores the processor time: a slip of the code lengthens both.
        slow = min(done.seconds, done.cpu_seconds) if check else done.seconds
        missed += [f"the import took {slow:.1f} s"] * (slow > most_seconds)
        missed += [f"the import took {done.peak_gb:.2f} GB"] * (done.peak_gb > IMPORT_GB)
        missed += [f"{count - done.events:,} events were lost"] * (done.events != count)
        log.unlink()
        store = make(Path(folder) / "store", count, np.random.default_rng(0))
        grouped, shuffled = Path(folder) / "grouped.parquet", Path(folder) / "shuffled.parquet"
        kinds = store.scan().select("session", "kind").collect()
        kinds.write_parquet(grouped)
        kinds.sample(fraction=1, shuffle=True, seed=0).write_parquet(shuffled)
        del kinds
        console.print(f"{count:,} events in {len(store):,} sessions; per-session searches, views, purchases; seconds")
        ours = best(lambda: session_counts(store), repeats)
        console.print(f"  session_counts(store)     {ours:6.2f}   (limit {most_statistics:g})")
        for label, path in (("grouped", grouped), ("shuffled", shuffled)):
            console.print(f"  polars group_by, {label:<9}{best(partial(with_polars, path), repeats):6.2f}")
            console.print(f"  pandas groupby,  {label:<9}{best(partial(with_pandas, path), 1):6.2f}")
    missed += [f"session_counts took {ours:.2f} s"] * (ours > most_statistics)
    if missed:
        console.notice("Missed:", f"{'; '.join(missed)}.", style="red")
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _filled(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


if __name__ == "__main__":
    run_command(main)
