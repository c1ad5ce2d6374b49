"""Catalogs of any size to measure search and the environment on, generated once and kept in the cache."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from paars_gym.cache import cache_dir
from paars_gym.catalog.files import SCHEMA, CatalogCard, CatalogWriter, write_card
from paars_gym.catalog.store import Catalog
from paars_gym.files import replaced_folder

FORMAT = 2
VOCABULARY = 30_000
BATCH = 16_384
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
WORDS = {"title": 8, "bullet": 6, "description": 48, "review": 12}
BULLETS, REVIEWS = 4, 3


def synthetic_catalog(n: int, seed: int = 0) -> Catalog:
    """Products whose texts have some 93 words, drawn by Zipf's law from 30,000 invented ones; 1M take two minutes.

    Args:
        n: Number of products.
        seed: Equal seeds give equal catalogs.

    Raises:
        ValueError: ``n`` < 1.
    """
    if n < 1:
        raise ValueError(f"n == {n}, must be >= 1.")
    folder = cache_dir("benchmarks") / f"synthetic-{n}-{seed}-v{FORMAT}"
    if not folder.exists():
        rng = np.random.default_rng(seed)
        with replaced_folder(folder) as building:
            with CatalogWriter(building) as writer:
                for start in range(0, n, BATCH):
                    writer.write(_products(range(start, min(start + BATCH, n)), rng))
            card = CatalogCard(
                name=folder.name,
                synthetic=True,
                language="en",
                source="benchmarks/performance",
                fingerprint=writer.fingerprint,
            )
            write_card(building, card)
    return Catalog.open(folder)


def vocabulary() -> list[str]:
    """Invented words, the most frequent first: three syllables each, all different."""
    size = len(SYLLABLES)
    numbers = np.random.default_rng(0).permutation(size**3)[:VOCABULARY].tolist()
    return [SYLLABLES[n % size] + SYLLABLES[n // size % size] + SYLLABLES[n // size**2] for n in numbers]


def zipf_words(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Positions in `vocabulary`, the k-th most frequent with probability proportional to 1/k."""
    share = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    positions: npt.NDArray[np.int64] = np.searchsorted(share, rng.random(count) * share[-1])
    return positions


def _products(rows: range, rng: np.random.Generator) -> pa.Table:
    n = len(rows)
    words = pa.array(vocabulary())

    def texts(count: int, kind: str) -> pa.Array:
        size = WORDS[kind]
        drawn = words.take(pa.array(zipf_words(count * size, rng)))
        return pc.binary_join(
            pa.ListArray.from_arrays(np.arange(0, count * size + 1, size, dtype=np.int32), drawn), " "
        )

    def lists(values: pa.Array, size: int) -> pa.Array:
        return pa.ListArray.from_arrays(np.arange(0, n * size + 1, size, dtype=np.int32), values)

    def named(prefix: str, count: int, size: int) -> pa.Array:
        return pa.array([f"{prefix} {number}" for number in range(count)]).take(pa.array(rng.integers(0, count, size)))

    stars = rng.integers(2, 11, n) / 2
    demand = np.floor(rng.pareto(1.2, n) * 5)
    department = rng.integers(0, 8, n)
    path = np.stack([department, 8 + department * 3 + rng.integers(0, 3, n)], axis=1).ravel()
    categories = pa.array(
        [f"Department {number}" for number in range(8)] + [f"Category {number}" for number in range(24)]
    )
    reviews = n * REVIEWS
    columns = {
        "id": pa.array([f"P{row:08d}" for row in rows]),
        "title": texts(n, "title"),
        "category": lists(categories.take(pa.array(path)), 2),
        "brand": named("Brand", 500, n),
        "price": pa.array(np.round(np.exp(rng.normal(3.2, 0.9, n)), 2)),
        "rating": pa.array(stars),
        "rating_count": pa.array(demand.astype(np.int64)),
        "popularity": pa.array(demand),
        "bullets": lists(texts(n * BULLETS, "bullet"), BULLETS),
        "description": texts(n, "description"),
        "attributes": lists(_pairs("value", "colour", named("shade", 12, n)), 1),
        "options": lists(_pairs("values", "size", pa.array([["S", "M", "L"]] * n)), 1),
        "reviews": lists(
            pa.StructArray.from_arrays(
                [
                    pa.array(rng.integers(1, 6, reviews).astype(np.float64)),
                    pa.array(["A review"] * reviews),
                    texts(reviews, "review"),
                    pa.array(rng.integers(0, 20, reviews)),
                ],
                names=["rating", "title", "text", "helpful_votes"],
            ),
            REVIEWS,
        ),
        "available": pa.array(rng.random(n) < 0.97),
    }
    return pa.table(columns).cast(SCHEMA)


def _pairs(field: str, name: str, values: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays([pa.array([name] * len(values)), values], names=["name", field])
