"""An embedder that keeps every vector on disk: runs ask for the same queries again and again."""

from __future__ import annotations

import hashlib
import logging
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from paars_gym.cache import cache_dir
from paars_gym.embedding.protocol import Embedder, Vectors

log = logging.getLogger(__name__)

ASKED_AT_ONCE = 500


class CachedEmbedder:
    """An embedder that keeps every vector in an SQLite file of the cache, one file for each embedder's name.

    Safe to use from several threads and processes. A cache that cannot be read or written only costs time.

    Attributes:
        inner: The embedder that does the work.
    """

    def __init__(self, inner: Embedder, folder: Path | None = None) -> None:
        self.inner = inner
        self._folder = folder

    @property
    def name(self) -> str:
        """The inner embedder's."""
        return self.inner.name

    @property
    def source(self) -> str:
        """The inner embedder's, if it says."""
        return getattr(self.inner, "source", "")

    @property
    def dim(self) -> int:
        """The inner embedder's."""
        return self.inner.dim

    @property
    def comparable(self) -> bool:
        """The inner embedder's."""
        return self.inner.comparable

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        vectors_by_key = self._read(list(dict.fromkeys(keys)))
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors_by_key}
        if new:
            vectors = self.inner.embed(list(new.values()))
            made = dict(zip(new, vectors, strict=True))
            self._write(made)
            vectors_by_key |= made
        return np.array([vectors_by_key[key] for key in keys], dtype=np.float32).reshape(len(keys), self.dim)

    def _read(self, keys: list[bytes]) -> dict[bytes, Vectors]:
        vectors_by_key: dict[bytes, Vectors] = {}
        try:
            with closing(self._connect()) as database:
                for start in range(0, len(keys), ASKED_AT_ONCE):
                    part = keys[start : start + ASKED_AT_ONCE]
                    marks = ",".join("?" * len(part))
                    rows = database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part)  # noqa: S608
                    vectors_by_key |= {key: np.frombuffer(vector, dtype="<f4") for key, vector in rows}
        except (sqlite3.Error, OSError) as error:
            log.info("Embeddings are not read from the cache: %s", error)
        return {key: vector for key, vector in vectors_by_key.items() if len(vector) == self.dim}

    def _write(self, made: dict[bytes, Vectors]) -> None:
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in made.items()]
        try:
            with closing(self._connect()) as database, database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            log.info("Embeddings are not written to the cache: %s", error)

    def _connect(self) -> sqlite3.Connection:
        # One connection a call: it costs 0.1 ms and may not be shared by threads or survive a fork.
        folder = self._folder or cache_dir("embeddings")
        database = sqlite3.connect(folder / f"{file_name(self.name)}.sqlite", timeout=30)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        except sqlite3.Error:
            database.close()
            raise
        return database


def file_name(name: str) -> str:
    """A file name for an embedder's name; different names never share one."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:80]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
