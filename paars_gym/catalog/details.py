"""The long columns of one product, read by position, past the memory map.

A page fault maps 64 kB, and one product's texts, lists and reviews lie in some twenty buffers: a few hundred products
would map the whole file. So these columns are read by position, a few bytes each, past the memory map.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

DETAILS = ("bullets", "description", "attributes", "options", "reviews")


class Details:
    """The columns `DETAILS` of one record batch, whose buffers lie in a file. Nothing in them is null.

    Args:
        handle: Descriptor of the file.
        base: Address in memory at which the file is mapped.
        columns: The batch's columns by name.
    """

    def __init__(self, handle: int, base: int, columns: dict[str, pa.Array]) -> None:
        self._columns = {name: _Column(handle, base, columns[name]) for name in DETAILS}

    def row(self, index: int) -> dict[str, Any]:
        """The values of one row by column, as pyarrow's ``as_py`` gives them."""
        return {name: column.values(index, 1)[0] for name, column in self._columns.items()}


class _Column:
    def __init__(self, handle: int, base: int, array: pa.Array) -> None:
        assert array.offset == 0
        kind = array.type
        self._handle = handle
        self._kind = kind
        self._at = [buffer.address - base if buffer is not None else 0 for buffer in array.buffers()]
        self._children: list[_Column] = []
        if pa.types.is_list(kind):
            self._children = [_Column(handle, base, array.values)]
        elif pa.types.is_struct(kind):
            self._children = [_Column(handle, base, array.field(index)) for index in range(kind.num_fields)]
        self._names = [field.name for field in kind] if pa.types.is_struct(kind) else []
        self._read = self._reader()

    def values(self, start: int, count: int) -> list[Any]:
        return self._read(start, count) if count else []

    def _reader(self) -> Any:
        if pa.types.is_string(self._kind):
            return self._texts
        if pa.types.is_list(self._kind):
            return self._lists
        return self._structs if self._names else self._numbers

    def _offsets(self, start: int, count: int) -> Sequence[int]:
        return struct.unpack(f"<{count + 1}i", os.pread(self._handle, 4 * (count + 1), self._at[1] + 4 * start))

    def _texts(self, start: int, count: int) -> list[str]:
        ends = self._offsets(start, count)
        first = ends[0]
        data = os.pread(self._handle, ends[-1] - first, self._at[2] + first) if ends[-1] > first else b""
        return [data[ends[i] - first : ends[i + 1] - first].decode() for i in range(count)]

    def _lists(self, start: int, count: int) -> list[list[Any]]:
        ends = self._offsets(start, count)
        items = self._children[0].values(ends[0], ends[-1] - ends[0])
        return [items[ends[i] - ends[0] : ends[i + 1] - ends[0]] for i in range(count)]

    def _structs(self, start: int, count: int) -> list[dict[str, Any]]:
        columns = [child.values(start, count) for child in self._children]
        return [dict(zip(self._names, values, strict=True)) for values in zip(*columns, strict=True)]

    def _numbers(self, start: int, count: int) -> list[Any]:
        code = "d" if pa.types.is_floating(self._kind) else "q"
        return list(struct.unpack(f"<{count}{code}", os.pread(self._handle, 8 * count, self._at[1] + 8 * start)))
