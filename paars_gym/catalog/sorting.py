"""Products in the order of their ids, also when they do not fit into memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from paars_gym.catalog.files import BATCH_ROWS, SCHEMA
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import to_table

RUN_ROWS = 32_768
RUN_CHARACTERS = 32 << 20
READ_ROWS = 512


class SortedRuns:
    """Products go in one by one, in any order, and come out sorted by id, a batch of rows at a time.

    What is in memory at once: one run of at most `RUN_ROWS` products, later one batch of the result and a piece of
    each run. The runs are files in ``scratch``. Ids must be unique.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._held: list[Product] = []
        self._characters = 0
        self._ids: list[pa.Array] = []

    def add(self, product: Product) -> None:
        """Takes one product."""
        self._held.append(product)
        self._characters += len(product.description) + sum(len(review.text) for review in product.reviews)
        if len(self._held) >= RUN_ROWS or self._characters >= RUN_CHARACTERS:
            self._write_run()

    def merged(self) -> Iterator[pa.Table]:
        """All products as tables of `BATCH_ROWS` rows, the last one shorter; afterwards the runs are gone."""
        if self._held:
            self._write_run()
        ids = pa.chunked_array(self._ids, pa.string()).combine_chunks()
        order = pc.sort_indices(ids)
        last_of_batch = ids.take(order[BATCH_ROWS - 1 :: BATCH_ROWS]).to_pylist()
        runs = [_Run(self._run(index), ids) for index, ids in enumerate(self._ids)]
        for last in [*last_of_batch, None]:
            table = pa.concat_tables([run.up_to(last) for run in runs])
            if table.num_rows:
                yield table.take(pc.sort_indices(table, [("id", "ascending")]))

    def _write_run(self) -> None:
        self._held.sort(key=lambda product: product.id)
        table = to_table(self._held)
        with pa.ipc.new_stream(str(self._run(len(self._ids))), SCHEMA) as sink:
            sink.write_table(table, max_chunksize=READ_ROWS)
        self._ids.append(table.column("id").combine_chunks())
        self._held, self._characters = [], 0

    def _run(self, index: int) -> Path:
        return self._scratch / f"run-{index}.arrows"


class _Run:
    def __init__(self, path: Path, ids: pa.Array) -> None:
        # Read, not mapped: mapped pages would count as memory of this process.
        self._source = pa.OSFile(str(path))
        self._batches = iter(pa.ipc.open_stream(self._source))
        self._ids = ids
        self._taken = 0
        self._held = SCHEMA.empty_table()

    def up_to(self, last: str | None) -> pa.Table:
        """The next rows with ids to ``last``, inclusive; all that are left for None."""
        end = len(self._ids)
        if last is not None:
            end = bisect_right(range(end), last, key=lambda index: self._ids[index].as_py())
        count, self._taken = end - self._taken, end
        while self._held.num_rows < count:
            self._held = pa.concat_tables([self._held, pa.Table.from_batches([next(self._batches)])])
        rows, self._held = self._held.slice(0, count), self._held.slice(count)
        if end == len(self._ids):
            self._source.close()
        return rows
