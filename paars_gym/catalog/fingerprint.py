"""A hash of products that depends on their values alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Fingerprint:
    """A hash of products, fed batch by batch; where the batches are cut makes no difference."""

    def __init__(self) -> None:
        self._streams: dict[str, hashlib._Hash] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        """Adds the rows of a batch."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for path, data in _leaves(name, column):
                if path not in self._streams:
                    self._streams[path] = hashlib.sha256()
                self._streams[path].update(data)

    def hexdigest(self) -> str:
        """16 hexadecimal digits."""
        lines = "".join(f"{path} {stream.hexdigest()}\n" for path, stream in sorted(self._streams.items()))
        return hashlib.sha256(lines.encode()).hexdigest()[:16]


def fingerprint(table: pa.Table) -> str:
    """The `Fingerprint` of a table's rows, in their order."""
    result = Fingerprint()
    for batch in table.to_batches():
        result.update(batch)
    return result.hexdigest()


def _leaves(path: str, array: pa.Array) -> Iterator[tuple[str, bytes]]:
    """The values of a column as streams of bytes that depend on the values alone: presence, lengths, contents."""
    yield path + "?", pc.is_valid(array).to_numpy(zero_copy_only=False).tobytes()
    kind = array.type
    if pa.types.is_list(kind):
        yield path + "#", _bytes(pc.fill_null(pc.list_value_length(array), 0), "<i4")
        yield from _leaves(path + "[]", array.flatten())
    elif pa.types.is_struct(kind):
        for index, values in enumerate(array.flatten()):
            yield from _leaves(f"{path}.{kind.field(index).name}", values)
    elif pa.types.is_string(kind):
        texts = pc.fill_null(array, "")
        yield path + "#", _bytes(pc.binary_length(texts), "<i4")
        _, offsets, data = texts.buffers()
        bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        yield path, bytes(memoryview(data)[bounds[0] : bounds[-1]]) if data is not None and len(texts) else b""
    elif pa.types.is_floating(kind):
        yield path, _bytes(pc.fill_null(array, 0.0), "<f8")
    else:
        yield path, _bytes(pc.fill_null(array.cast(pa.int64()), 0), "<i8")


def _bytes(array: pa.Array, dtype: str) -> bytes:
    # + 0 turns -0.0, which equals 0.0, into it.
    return bytes((array.to_numpy(zero_copy_only=False) + 0).astype(dtype).tobytes())
