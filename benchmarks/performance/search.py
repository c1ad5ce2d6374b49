"""What a search costs beyond the search engine itself, and what a million products cost to open and serve.

The policy's searches, formatted as a result list, stand beside the bare engine's in the same run: the same index and
query (fields, boosts, terms), limit and count. WebShop's figures (Yao et al. 2022, as measured once on a comparable
machine with 2 cores) are quoted as literature.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from tantivy import Query, Searcher

from benchmarks.performance.catalogs import synthetic_catalog, vocabulary, zipf_words
from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.store import Catalog
from paars_gym.cli.running import run_command
from paars_gym.exit_codes import ExitCode
from paars_gym.ranking.index import open_index
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.ranking.query import text_query
from paars_gym.ranking.registry import make_ranking
from paars_gym.report.printing import Printer

SPECS = ("bm25", "price", "random", "bm25+rating:0.3+popularity:0.1")
PAGE_SIZE = 10
REPEATS = 7
MAX_RATIO = 1.3
MAX_OPEN_SECONDS = 1.0
MAX_SERVING_MB = 600
FILTERS = Filters(max_price=30, min_rating=3)
WEBSHOP = "WebShop (literature): 10-26 s to start, 676-2,309 MB, 32-53 steps/s at 1,000 and 100,000 products."


def queries(count: int, seed: int) -> list[str]:
    """Queries of three words, drawn as the products' words are."""
    words = np.array(vocabulary())[zipf_words(count * 3, np.random.default_rng(seed))]
    return [" ".join(three) for three in words.reshape(count, 3)]


def milliseconds(
    runs: Sequence[Callable[[str], object]], texts: Sequence[str]
) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """For each way of searching, the best of a few times a query; the ways take turns, so that they share the noise."""
    best = np.full((len(runs), len(texts)), np.inf)
    for _ in range(REPEATS):
        for column, text in enumerate(texts):
            for row, run in enumerate(runs):
                started = time.perf_counter()
                run(text)
                best[row, column] = min(best[row, column], time.perf_counter() - started)
    return [times * 1_000 for times in best]


def result_lines(catalog: Catalog, rows: Sequence[int]) -> str:
    """Results as a page shows them."""
    lines = []
    for rank, row in enumerate(rows, start=1):
        product_id, title, price, rating, count, _ = catalog.listing(row)
        lines.append(f"{rank}. [{product_id}] {title} | {price:.2f} | {rating} ({count})")
    return "\n".join(lines)


def bare_search(searcher: Searcher, made: dict[str, Query], text: str) -> object:
    """What the engine does for a page, and nothing else."""
    return searcher.search(made[text], PAGE_SIZE).hits


def shown(catalog: Catalog, policy: RankingPolicy, filters: Filters, text: str) -> str:
    """What a shopper gets for a query."""
    return result_lines(catalog, policy.rank(text, filters, limit=PAGE_SIZE).rows)


def serve(products: int, count: int) -> dict[str, float]:
    """In a process of its own: seconds to open the catalog and its index, and peak memory of serving."""
    code = (
        "import json, sys; from benchmarks.performance.search import served;"
        "sys.stdout.write(json.dumps(served(int(sys.argv[1]), int(sys.argv[2]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(products), str(count)], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def served(products: int, count: int) -> dict[str, float]:
    """Opens, searches, pages, sorts and shows products; see `serve`."""
    started = time.perf_counter()
    catalog = synthetic_catalog(products)
    policy = make_ranking("bm25", catalog)
    opened = time.perf_counter() - started
    for text in queries(count, seed=2):
        for offset in (0, PAGE_SIZE):
            rows = policy.rank(text, limit=PAGE_SIZE, offset=offset).rows
            result_lines(catalog, rows)
            for row in rows[:2]:
                catalog.product(row)
        for spec in ("price", "popularity", "bm25+rating:0.3"):
            make_ranking(spec, catalog).rank(text, FILTERS)
    return {"open_seconds": opened, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """Peak resident memory of this process, in MB of 2^20 bytes, mapped files included as far as they were touched."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count the parent process too, whose memory the child shares until it starts
        return float(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main(
    products: Annotated[int, typer.Option(min=1, help="Products in the catalog that is searched.")] = 100_000,
    served_products: Annotated[
        int, typer.Option(min=1, help="Products in the catalog that is opened and served.")
    ] = 1_000_000,
    count: Annotated[int, typer.Option("--queries", min=1, help="Different queries.")] = 300,
) -> None:
    """Prints milliseconds a search, their ratio to the bare engine's, and what opening and serving cost."""
    catalog = synthetic_catalog(products)
    started = time.perf_counter()
    searcher = open_index(catalog).searcher
    console = Printer()
    console.print(f"{products:,} products, index ready after {time.perf_counter() - started:.2f} s")

    table = Table(title=f"{count} queries of three words, best of {REPEATS}, milliseconds")
    for heading in ("search", "p50", "p99", "mean", "p50 x bare"):
        table.add_column(heading, justify="left" if heading == "search" else "right")
    texts, ratios = queries(count, seed=1), []
    for label, filters in (("", NO_FILTERS), (", filtered", FILTERS)):
        made = {text: query for text in texts if (query := text_query(text, filters)[0])}
        ways: dict[str, Callable[[str], object]] = {
            "bare engine, query ready made": partial(bare_search, searcher, made)
        }
        ways |= {f"{spec}, formatted": partial(shown, catalog, make_ranking(spec, catalog), filters) for spec in SPECS}
        bare, *others = milliseconds(list(ways.values()), texts)
        for name, times in zip(ways, (bare, *others), strict=True):
            p50, p99 = np.percentile(times, (50, 99))
            ratio = p50 / np.median(bare)  # medians: a busy machine touches the slowest searches most
            table.add_row(name + label, f"{p50:.3f}", f"{p99:.3f}", f"{times.mean():.3f}", f"{ratio:.2f}")
        ratios.append(float(np.median(others[0]) / np.median(bare)))
    console.print(table)

    open_index(synthetic_catalog(served_products))  # made now if it never was
    figures = serve(served_products, count=100)
    console.print(
        f"{served_products:,} products: opened in {figures['open_seconds']:.3f} s, "
        f"served with a peak of {figures['peak_mb']:.0f} MB"
    )
    console.print(WEBSHOP)
    failures = [
        f"bm25 formatted is {ratio:.2f} times the bare engine, must be <= {MAX_RATIO}"
        for ratio in ratios
        if ratio > MAX_RATIO
    ]
    if figures["open_seconds"] > MAX_OPEN_SECONDS or figures["peak_mb"] > MAX_SERVING_MB:
        failures.append(f"opening must take <= {MAX_OPEN_SECONDS} s and serving <= {MAX_SERVING_MB} MB")
    for failure in failures:
        console.notice("MISSED:", failure, style="red")
    if failures:
        raise typer.Exit(ExitCode.CHECK_FAILED)


if __name__ == "__main__":
    run_command(main)
