"""What a search costs beyond the search engine itself, and what a million products cost to open and serve.

The policy's searches, formatted as a result list, stand beside the bare engine's in the same run: the same index and
query (fields, boosts, terms), limit and count. Other engines: `benchmarks.performance.engines`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from tantivy import Query, Searcher

from benchmarks.performance.catalogs import synthetic_catalog, vocabulary, zipf_words
from benchmarks.performance.rows import SpeedRow, at_most, peak_mb
from benchmarks.processes import workers
from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.index import open_index
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.ranking.query import text_query
from paars_gym.ranking.registry import make_ranking

SPECS = ("bm25", "price", "random", "bm25+rating:0.3+popularity:0.1")
PAGE_SIZE = 10
REPEATS = 7
MAX_RATIO = 1.3
MAX_OPEN_SECONDS, MAX_SERVING_MB = 1.0, 600.0
SERVED_QUERIES = 100
FILTERS = Filters(max_price=30, min_rating=3)


def queries(count: int, seed: int) -> list[str]:
    """Queries of three words, drawn as the products' words are."""
    words = np.array(vocabulary())[zipf_words(count * 3, np.random.default_rng(seed))]
    return [" ".join(three) for three in words.reshape(count, 3)]


def milliseconds(
    runs: Sequence[Callable[[str], object]], texts: Sequence[str], repeats: int = REPEATS
) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """For each way of searching, the best of a few times a query; the ways take turns, so that they share the noise."""
    best = np.full((len(runs), len(texts)), np.inf)
    for _ in range(repeats):
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


def rows(reduced: bool) -> list[SpeedRow]:
    """Searches of every kind, formatted, beside the bare engine's: medians of queries, best of a few times each."""
    products, count = (2_000, 40) if reduced else (100_000, 300)
    catalog = synthetic_catalog(products)
    searcher, texts, made = open_index(catalog).searcher, queries(count, seed=1), []
    for label, filters in (("", NO_FILTERS), (", filtered", FILTERS)):
        ready = {text: query for text in texts if (query := text_query(text, filters)[0])}
        ways = [partial(shown, catalog, make_ranking(spec, catalog), filters) for spec in SPECS]
        bare, *others = milliseconds([partial(bare_search, searcher, ready), *ways], texts)
        # On a few products a search takes some microseconds, and formatting most of it.
        bar = at_most(MAX_RATIO * (4 if reduced else 1), "ratio")
        for spec, times in zip(SPECS, others, strict=True):
            made.append(
                SpeedRow(
                    name=f"search, `{spec}`{label}, formatted, {products:,} products, p50",
                    measured=float(np.median(times)),
                    unit="ms",
                    beside="bare tantivy, query ready made",
                    peer=float(np.median(bare)),
                    asked=bar if spec == SPECS[0] else (),
                )
            )
    return made


def serving(reduced: bool) -> list[SpeedRow]:
    """What opening many products and serving them takes, in this process."""
    products = 2_000 if reduced else 1_000_000
    figures = served(products)
    return [
        SpeedRow(
            name=f"{products:,} products, opened with their index",
            measured=figures["opened, s"],
            unit="s",
            beside="limit",
            peer=MAX_OPEN_SECONDS,
            asked=at_most(MAX_OPEN_SECONDS),
        ),
        SpeedRow(
            name=f"{products:,} products, served: peak memory",
            measured=figures["serving, peak MB"],
            unit="MB",
            beside="limit",
            peer=MAX_SERVING_MB,
            asked=at_most(MAX_SERVING_MB),
        ),
    ]


def served(products: int) -> dict[str, float]:
    """Opens, searches, pages, sorts and shows products in a process of its own, the index being there."""
    with workers(1) as pool:  # an index that is built here would show in the memory
        pool.submit(_index, products).result()
    with workers(1) as pool:
        return pool.submit(_serve, products).result()


def _index(products: int) -> None:
    open_index(synthetic_catalog(products))


def _serve(products: int) -> dict[str, float]:
    started = time.perf_counter()
    catalog = synthetic_catalog(products)
    policy = make_ranking("bm25", catalog)
    opened = time.perf_counter() - started
    texts, took = queries(SERVED_QUERIES, seed=2), []
    for text in texts:
        for offset in (0, PAGE_SIZE):
            started = time.perf_counter()
            found = policy.rank(text, limit=PAGE_SIZE, offset=offset).rows
            result_lines(catalog, found)
            took.append(1_000 * (time.perf_counter() - started))
            for row in found[:2]:
                catalog.product(row)
        for spec in ("price", "popularity", "bm25+rating:0.3"):
            make_ranking(spec, catalog).rank(text, FILTERS)
    return {"opened, s": opened, "search, formatted, p50, ms": float(np.median(took)), "serving, peak MB": peak_mb()}
