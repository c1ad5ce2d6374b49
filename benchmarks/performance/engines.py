"""A search of ours, formatted as a page shows it, beside other engines on the same texts and queries.

Each of them ranks by BM25 any product that has one of the words. bm25s holds all scores in memory and needs minutes to
index a million products; SQLite's FTS5 comes with Python.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import numpy as np

from benchmarks.performance.catalogs import synthetic_catalog
from benchmarks.performance.rows import SpeedRow
from benchmarks.performance.search import PAGE_SIZE, bare_search, milliseconds, queries, shown
from paars_gym.catalog.filters import NO_FILTERS
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.index import open_index
from paars_gym.ranking.query import text_query
from paars_gym.ranking.registry import make_ranking

SIZES, REDUCED = (10_000, 100_000, 1_000_000), (2_000,)
QUERIES, REPEATS = 20, 3
BATCH = 20_000
NAMES = ("title", "brand", "category", "bullets", "description")


def rows(reduced: bool) -> list[SpeedRow]:
    """Median of the queries at each size, the engines taking turns at each query."""
    return [row for products in (REDUCED if reduced else SIZES) for row in _of_size(products)]


def _of_size(products: int) -> Iterator[SpeedRow]:
    catalog, texts = synthetic_catalog(products), queries(QUERIES, seed=3)
    ready = {text: query for text in texts if (query := text_query(text, NO_FILTERS)[0])}
    ours = partial(shown, catalog, make_ranking("bm25", catalog), NO_FILTERS)
    ways: dict[str, Callable[[str], object]] = {
        "bare tantivy": partial(bare_search, open_index(catalog).searcher, ready),
        "SQLite FTS5": _fts5(catalog),
    }
    lacking = [name for name in ("bm25s", "numba") if find_spec(name) is None]
    if "bm25s" not in lacking:
        ways["bm25s" + " with numba" * (not lacking)] = _bm25s(catalog, "numpy" if lacking else "numba")
    own, *others = milliseconds([ours, *ways.values()], texts, repeats=REPEATS)
    row = SpeedRow(name=f"search of {products:,} products, p50", measured=float(np.median(own)), unit="ms")
    for name, times in zip(ways, others, strict=True):
        yield row.model_copy(update={"beside": name, "peer": float(np.median(times))})
    if "bm25s" in lacking:
        yield row.model_copy(update={"beside": "bm25s: not installed (extra performance)"})


def _texts(catalog: Catalog) -> Iterator[str]:
    for start in range(0, len(catalog), BATCH):
        columns = [catalog.column(name).slice(start, BATCH).to_pylist() for name in NAMES]
        for title, brand, category, bullets, description in zip(*columns, strict=True):
            yield " ".join((title, brand, *category, *bullets, description))


def _fts5(catalog: Catalog) -> Callable[[str], object]:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE products USING fts5(text, content='', detail='column')")
    numbered = enumerate(_texts(catalog), start=1)
    database.executemany("INSERT INTO products(rowid, text) VALUES (?, ?)", numbered)
    asked = "SELECT rowid FROM products WHERE products MATCH ? ORDER BY rank LIMIT ?"
    return lambda text: database.execute(asked, (" OR ".join(text.split()), PAGE_SIZE)).fetchall()


def _bm25s(catalog: Catalog, backend: str) -> Callable[[str], object]:
    import bm25s

    index = bm25s.BM25(backend=backend)
    index.index(bm25s.tokenize(list(_texts(catalog)), stopwords=None, show_progress=False), show_progress=False)

    def search(text: str) -> object:
        return index.retrieve([text.split()], k=PAGE_SIZE, show_progress=False)

    search("ba")  # compiles
    return search
