"""Records of a log that does not fit into memory, in buckets by shopper or session, spilled to disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

BUCKET_RECORDS = 3_000_000


class Buckets:
    """Records, distributed by the hash of a column; each bucket is small enough to be sorted in memory.

    Small logs stay in memory, as one bucket; the first record beyond `BUCKET_RECORDS` starts the spilling.
    """

    def __init__(self, folder: Path, by: str, *, buckets: int) -> None:
        """Spills into ``folder``, which has to exist, and which the caller removes."""
        self._folder = folder
        self._by = by
        self._n = buckets
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self._writers: dict[int, Any] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Takes some records."""
        self._held.append(frame)
        self._rows += len(frame)
        if self._rows > BUCKET_RECORDS:
            self._spill()

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """The buckets that have records."""
        if not self._writers:
            if self._held:
                yield pl.concat(self._held)
            return
        self._spill()
        for writer in self._writers.values():
            writer.close()
        for bucket in sorted(self._writers):
            path = self._folder / f"{bucket}.arrow"
            yield pl.read_ipc_stream(path)
            path.unlink()

    def _spill(self) -> None:
        if not self._held:
            return
        frame = pl.concat(self._held)
        self._held, self._rows = [], 0
        for (bucket,), part in frame.group_by((pl.col(self._by).hash(0) % self._n).alias("bucket")):
            table = part.to_arrow()
            if bucket not in self._writers:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                self._writers[bucket] = pa.ipc.new_stream(
                    str(self._folder / f"{bucket}.arrow"), table.schema, options=options
                )
            self._writers[bucket].write_table(table)
