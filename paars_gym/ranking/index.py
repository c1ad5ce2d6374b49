"""The word index of a catalog: tantivy beside the catalog, made once and opened in milliseconds."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import tantivy

from paars_gym.cache import cache_dir
from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.store import Catalog
from paars_gym.checksums import CHECKSUMS, damage, read_checksums, write_checksums
from paars_gym.ranking.query import ANALYZER, SCHEMA, TEXT_FIELDS, analyzer, exact_key, index_text, text_query

log = logging.getLogger(__name__)

FORMAT = 2
"""Raise it whenever the schema, the analyzer or the document text changes: older indexes are then rebuilt."""
IN_MEMORY_BELOW = 2_000
"""A catalog without a folder and with fewer products is indexed in memory: that takes less than 0.2 s."""
BUILD_BYTES = 4_000_000_000
"""Ceiling, not allocation, of the writer's buffer: reaching it would cut a second segment (1M products need 0.4 GB)."""
BATCH = 10_000
DAY_SECONDS = 86_400


class Hits(NamedTuple):
    """A slice of the products that match.

    Attributes:
        rows: Catalog rows, best first.
        scores: Their scores, highest first; the popularity where there was no text.
        total: Number of products that match, over all pages.
    """

    rows: list[int]
    scores: list[float]
    total: int


class TextIndex:
    """Word search over one catalog. Rows were added in order to a single segment: document numbers are row numbers.

    Attributes:
        language: Of the catalog: queries are read as its products were.
        searcher: The engine itself, for what is not offered here.
    """

    def __init__(self, index: tantivy.Index, language: str) -> None:
        self.language = language
        index.config_reader("manual")  # no thread that watches the files: they never change
        self.searcher = index.searcher()
        if self.searcher.num_segments != 1:
            raise ValueError(f"The index has {self.searcher.num_segments} segments, must have 1. Delete its folder.")

    def __len__(self) -> int:
        return self.searcher.num_docs

    def search(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Hits:
        """Matches by score, ties by row; without words but with filters, all that pass them by popularity.

        Text without any letter or digit and no filter matches nothing.

        Raises:
            ValueError: ``limit`` < 1 or ``offset`` < 0.
        """
        if limit < 1 or offset < 0:
            raise ValueError(f"limit == {limit} must be >= 1, offset == {offset} must be >= 0.")
        query, worded = text_query(text, filters, self.language)
        if query is None:
            return Hits([], [], 0)
        wanted = min(limit, max(len(self) - offset, 1))  # the collector allocates for what is asked
        order = None if worded else "popularity"
        result = self.searcher.search(query, wanted, offset=min(offset, len(self)), order_by_field=order)
        hits = result.hits
        return Hits([place.doc for _, place in hits], [score for score, _ in hits], result.count)  # type: ignore[attr-defined]

    def rows(self, filters: Filters) -> npt.NDArray[np.int64]:
        """All rows that pass the filters, ascending."""
        query, _ = text_query("", filters)
        hits = self.searcher.search(query or tantivy.Query.all_query(), len(self), count=False).hits
        return np.fromiter((place.doc for _, place in hits), dtype=np.int64, count=len(hits))

    def among(self, rows: Sequence[int], text: str = "", filters: Filters = NO_FILTERS) -> set[int]:
        """Which of these rows match the text, if it has words, and pass the filters."""
        if not rows:
            return set()
        chosen = tantivy.Query.term_set_query(SCHEMA, "row", list(rows))
        query, _ = text_query(text, filters, self.language)
        if query is not None:
            chosen = tantivy.Query.boolean_query([(tantivy.Occur.Must, chosen), (tantivy.Occur.Must, query)])
        return {place.doc for _, place in self.searcher.search(chosen, len(rows), count=False).hits}


_open_indexes: WeakKeyDictionary[Catalog, TextIndex] = WeakKeyDictionary()


def open_index(catalog: Catalog) -> TextIndex:
    """The catalog's index: opened if a sound one of this format exists, else built (1M products: a minute).

    It lies in the catalog's folder, or in the cache if there is no folder or it cannot be written to, or in memory
    if the cache cannot be either. Any number of processes may do this at once; each builds its own and the last
    step is a rename.
    """
    index = _open_indexes.get(catalog)
    if index is None:
        index = _open_indexes[catalog] = _open_or_build(catalog)
    return index


def _open_or_build(catalog: Catalog) -> TextIndex:
    name = f"index-{catalog.fingerprint}-{catalog.language}-v{FORMAT}"
    if catalog.folder is not None or len(catalog) >= IN_MEMORY_BELOW:
        for folder in _homes(catalog):
            try:
                return _opened(folder / name, catalog) or _built(folder / name, catalog)
            except OSError as error:
                log.info("No search index in %s: %s", folder, error)
    index = tantivy.Index(SCHEMA)
    _fill(index, catalog)
    return TextIndex(index, catalog.language)


def _homes(catalog: Catalog) -> Iterator[Path]:
    if catalog.folder is not None:
        yield catalog.folder
    try:
        yield cache_dir("index")
    except OSError as error:
        log.info("No cache: %s", error)


def _opened(folder: Path, catalog: Catalog) -> TextIndex | None:
    """The index in a folder, or None if there is none or it is damaged."""
    try:
        sums = read_checksums(folder / CHECKSUMS)
        if not sums or damage(sums, {name: folder / name for name in sums}):
            return None
        index = TextIndex(tantivy.Index.open(str(folder)), catalog.language)
    except (OSError, ValueError):
        return None
    return index if len(index) == len(catalog) else None


def _built(folder: Path, catalog: Catalog) -> TextIndex:
    for stale in folder.parent.glob("index-*.building-*"):
        if time.time() - stale.stat().st_mtime > DAY_SECONDS:
            shutil.rmtree(stale, ignore_errors=True)
    building = Path(tempfile.mkdtemp(prefix=f"{folder.name}.building-", dir=folder.parent))
    try:
        new = building / "new"
        new.mkdir()
        _fill(tantivy.Index(SCHEMA, str(new)), catalog)
        write_checksums(new / CHECKSUMS, {path.name: path for path in new.iterdir() if path.name[0] != "."})
        for attempt in range(10):
            try:
                new.rename(folder)
                break
            except OSError:
                # Another process was first, or a damaged index is in the way: the name must be free to be taken.
                index = _opened(folder, catalog)
                if index is not None:
                    return index
                if folder.exists():
                    folder.rename(building / f"damaged-{attempt}")
    finally:
        shutil.rmtree(building, ignore_errors=True)
    index = _opened(folder, catalog)
    if index is None:
        raise OSError(f"The index in {str(folder)!r} cannot be read back.")
    return index


def _fill(index: tantivy.Index, catalog: Catalog) -> None:
    index.register_tokenizer(ANALYZER, analyzer(catalog.language))
    writer = index.writer(BUILD_BYTES, 1)  # one thread: row order is document order
    for document in _documents(catalog):
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def _documents(catalog: Catalog) -> Iterator[tantivy.Document]:
    names = (*TEXT_FIELDS, "options", "price", "rating", "popularity", "available")
    for start in range(0, len(catalog), BATCH):
        columns = [catalog.column(name).slice(start, BATCH).to_pylist() for name in names]
        for row, values in enumerate(zip(*columns, strict=True), start=start):
            yield _document(row, dict(zip(names, values, strict=True)), catalog.language)


def _document(row: int, product: dict[str, Any], language: str) -> tantivy.Document:
    attributes = [f"{pair['name']} {pair['value']}" for pair in product["attributes"]]
    options = [" ".join((pair["name"], *pair["values"])) for pair in product["options"]]
    fields: dict[str, Any] = {
        "title": index_text(product["title"], language),
        "brand": index_text(product["brand"], language),
        "category": index_text("\n".join(product["category"]), language),
        "bullets": index_text("\n".join(product["bullets"]), language),
        "description": index_text(product["description"], language),
        "attributes": index_text("\n".join((*attributes, *options)), language),
        "brand_key": exact_key(product["brand"]),
        "category_key": [exact_key(name) for name in product["category"]],
        "row": row,
        "popularity": product["popularity"],
        "available": product["available"],
    }
    for name in ("price", "rating"):  # a product without one meets no bound on it
        if product[name] is not None:
            fields[name] = product[name]
    return tantivy.Document(**fields)
