"""Rows a second of building a catalog from a CSV feed, beside reading the file; and how catalogs grow."""

from __future__ import annotations

import csv
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks.performance.catalogs import synthetic_catalog
from benchmarks.performance.rows import SpeedRow, in_turn, peak_mb
from benchmarks.performance.search import served
from benchmarks.processes import workers
from paars_gym.catalog.feeds.build import build_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.index import open_index

COLUMNS = ("id", "title", "brand", "price", "description", "rating", "rating_count", "popularity")
BATCH = 50_000


def write_feed(catalog: Catalog, path: Path) -> None:
    """The products as a shop would export them: a row each, the category as a path, bullets in one cell."""
    with path.open("wb") as file:
        for start in range(0, len(catalog), BATCH):
            plain = {name: pl.from_arrow(catalog.column(name).slice(start, BATCH)) for name in COLUMNS}
            joined = {
                name: pl.Series(pl.from_arrow(catalog.column(name).slice(start, BATCH))).list.join(between)
                for name, between in (("category", " > "), ("bullets", "\n"))
            }
            pl.DataFrame(plain | joined).write_csv(file, include_header=start == 0)


def rows(reduced: bool) -> list[SpeedRow]:
    """Building, in rows a second, beside two readers of the same file that check and keep nothing."""
    products, rounds = (2_000, 1) if reduced else (100_000, 2)
    with tempfile.TemporaryDirectory() as folder:
        feed, out = Path(folder) / "feed.csv", Path(folder) / "shop"
        write_feed(synthetic_catalog(products), feed)
        build = partial(_built, feed, out)
        took, polars, plain = in_turn(build, lambda: pl.read_csv(feed), partial(_read, feed), rounds=rounds)
        size = feed.stat().st_size / 1e6
    row = SpeedRow(
        name=f"catalog build, {products:,} rows, {size:,.0f} MB of CSV", measured=products / took, unit="rows/s"
    )
    return [
        row.model_copy(update={"beside": reader, "peer": products / seconds})
        for reader, seconds in (("reading it by `csv`", plain), ("reading it by polars, all cores", polars))
    ]


def growth_point(products: int) -> dict[str, float]:
    """So many products: built, indexed, opened and searched."""
    source = synthetic_catalog(products)
    with tempfile.TemporaryDirectory() as folder:
        feed, out = Path(folder) / "feed.csv", Path(folder) / "shop"
        write_feed(source, feed)
        with workers(1) as pool:  # what the feed was made of would show in the memory
            built, peak = pool.submit(_built_apart, feed, out).result()
        began = time.perf_counter()
        open_index(Catalog.open(out))
        indexed = time.perf_counter() - began
    figures = {"catalog build, s": built, "its peak memory, MB": peak, "word index, s": indexed}
    return {**figures, **served(products)}


def _built(feed: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    report = build_catalog(feed, out)
    assert not report.damage, report.damage


def _built_apart(feed: Path, out: Path) -> tuple[float, float]:
    began = time.perf_counter()
    _built(feed, out)
    return time.perf_counter() - began, peak_mb()


def _read(feed: Path) -> int:
    with feed.open(encoding="utf-8", newline="") as file:
        return sum(len(row) for row in csv.reader(file))
