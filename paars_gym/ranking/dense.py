"""The ranking by meaning: cosine similarity of embeddings of query and product."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paars_gym.cache import cache_dir
from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.store import Catalog
from paars_gym.embedding.cache import CachedEmbedder, file_name
from paars_gym.embedding.load import default_embedder
from paars_gym.embedding.protocol import Embedder, embedder_label
from paars_gym.outputs import OutputInUseError, writing
from paars_gym.ranking.lexical import Bm25
from paars_gym.ranking.paging import check_slice
from paars_gym.ranking.protocol import POOL, Pool, Ranked
from paars_gym.ranking.query import terms

log = logging.getLogger(__name__)

FORMAT = 1
"""Raise it whenever `product_texts` changes."""
BATCH = 2_048
POLL_SECONDS = 0.2
NOTICED_FROM = 2_000
"""Embedding this many products takes long enough to say so."""
DECIMALS = 6
"""Scores are rounded: the last bits of a product of matrices depend on where a row lies, and equal texts must tie."""


class Dense:
    """``dense``: all products that pass the filters, by cosine(embedding of query, embedding of product).

    A bi-encoder searched exhaustively (Reimers & Gurevych 2019; Karpukhin et al. 2020): no nearest-neighbour index, so
    nothing is approximate. Product text: title, brand, category, bullets. Vectors are float32 in a memory-mapped file
    of the cache, made once for each catalog and embedder (some 400 products/s). Ties go by product id. A query without
    words is answered as `Bm25` does.
    """

    name = "dense"

    def __init__(self, catalog: Catalog, embedder: Embedder | None = None) -> None:
        """Args:
        catalog: Embedded now unless the cache has it.
        embedder: By default the best that is installed.
        """
        self.lexical = Bm25(catalog)
        self.embedder = embedder or default_embedder(product_texts(catalog))
        self._vectors = product_vectors(catalog, self.embedder)
        self._passing = lru_cache(maxsize=32)(self.lexical.index.rows)

    def __deepcopy__(self, memo: dict[int, Any]) -> Dense:
        """Itself: Gymnasium copies an environment's arguments, and nothing in a ranking changes."""
        return self

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """See `RankingPolicy.rank`."""
        check_slice(limit, offset)
        if not terms(text):
            return self.lexical.rank(text, filters, limit=limit, offset=offset)
        rows, _, total = self._best(text, filters, offset + limit)
        return Ranked(rows[offset:], total)

    def pool(self, text: str, filters: Filters = NO_FILTERS) -> Pool:
        """See `ScoredRanking.pool`."""
        return self._best(text, filters, POOL) if terms(text) else self.lexical.pool(text, filters)

    def listed(self, rows: Sequence[int], text: str, filters: Filters = NO_FILTERS) -> set[int]:
        """See `ListingRanking.listed`."""
        return self.lexical.listed(rows, "" if terms(text) else text, filters)

    def _best(self, text: str, filters: Filters, count: int) -> Pool:
        scores = self._scores(text)
        candidates = None if filters.empty else self._passing(filters)
        if candidates is not None:
            scores = scores[candidates]
        if count < len(scores):
            # Everything that ties with the last one takes part in the sort, so that ties at the cut go by id too.
            threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
            near = np.flatnonzero(scores >= threshold)
        else:
            near = np.arange(len(scores))
        best = near[np.argsort(-scores[near], kind="stable")][:count]
        rows = best if candidates is None else candidates[best]
        return Pool(tuple(rows.tolist()), tuple(scores[best].tolist()), len(scores))

    def _scores(self, text: str) -> npt.NDArray[np.float32]:
        query = self.embedder.embed([text])[0]
        return np.asarray(self._vectors @ query).round(DECIMALS)


def product_texts(catalog: Catalog) -> Iterator[str]:
    """What is embedded of each product, in row order."""
    for start in range(0, len(catalog), BATCH):
        columns = [
            catalog.column(name).slice(start, BATCH).to_pylist() for name in ("title", "brand", "category", "bullets")
        ]
        for title, brand, category, bullets in zip(*columns, strict=True):
            yield ". ".join(part for part in (title, brand, " > ".join(category), *bullets) if part)


def product_vectors(catalog: Catalog, embedder: Embedder) -> npt.NDArray[np.float32]:
    """Vectors of all products, shape (len(catalog), dim): memory-mapped from the cache, made first if need be."""
    shape = (len(catalog), embedder.dim)
    try:
        path = cache_dir("products") / f"{catalog.fingerprint}-{file_name(embedder.name)}-v{FORMAT}.npy"
    except OSError as error:
        log.info("Product embeddings are kept in memory only: %s", error)
        vectors = np.empty(shape, dtype=np.float32)
        _embed_into(vectors, catalog, embedder)
        return vectors
    while not _sound(path, shape):
        try:
            with writing(path):
                if not _sound(path, shape):
                    _build(path, shape, catalog, embedder)
        except OutputInUseError:  # another process embeds the same: its vectors are taken
            time.sleep(POLL_SECONDS)
    mapped: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _build(path: Path, shape: tuple[int, int], catalog: Catalog, embedder: Embedder) -> None:
    for left in path.parent.glob(f"{path.stem}*.building"):  # by a process that was killed: nobody else is at it
        left.unlink(missing_ok=True)
    building = path.with_suffix(".building")
    try:
        file = np.lib.format.open_memmap(building, mode="w+", dtype=np.float32, shape=shape)
        _embed_into(file, catalog, embedder)
        file.flush()
        building.replace(path)
    finally:
        building.unlink(missing_ok=True)


def _sound(path: Path, shape: tuple[int, int]) -> bool:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return False
    return bool(vectors.shape == shape and vectors.dtype == np.float32)


def _embed_into(vectors: npt.NDArray[np.float32], catalog: Catalog, embedder: Embedder) -> None:
    inner = embedder.inner if isinstance(embedder, CachedEmbedder) else embedder  # kept here, not a second time there
    level = logging.WARNING if len(catalog) >= NOTICED_FROM else logging.INFO
    log.log(level, "Embedding %d products of %r by %s, once.", len(catalog), catalog.name, embedder_label(embedder))
    texts = product_texts(catalog)
    for start in range(0, len(vectors), BATCH):
        batch = [text for _, text in zip(range(min(BATCH, len(vectors) - start)), texts, strict=False)]
        vectors[start : start + len(batch)] = inner.embed(batch)
