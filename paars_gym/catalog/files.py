"""A catalog's folder: its columns twice, as Parquet to exchange and as Arrow to map into memory, and its card."""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from paars_gym.files import write_whole

PARQUET, COLUMNS, CARD, REJECTED = "products.parquet", "products.arrow", "catalog.json", "rejected.jsonl"
OWN_FILES = {PARQUET, COLUMNS, CARD, REJECTED}

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("category", pa.list_(pa.string())),
        ("brand", pa.string()),
        ("price", pa.float64()),
        ("rating", pa.float64()),
        ("rating_count", pa.int64()),
        ("popularity", pa.float64()),
        ("bullets", pa.list_(pa.string())),
        ("description", pa.string()),
        ("attributes", pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))),
        ("options", pa.list_(pa.struct([("name", pa.string()), ("values", pa.list_(pa.string()))]))),
        (
            "reviews",
            pa.list_(
                pa.struct(
                    [
                        ("rating", pa.float64()),
                        ("title", pa.string()),
                        ("text", pa.string()),
                        ("helpful_votes", pa.int64()),
                    ]
                )
            ),
        ),
        ("available", pa.bool_()),
    ]
)
BATCH_ROWS = 16_384
MARK = "paars_gym.fingerprint"


def check_replaceable(folder: Path) -> None:
    """Lets new and empty folders and catalogs pass.

    Raises:
        FileExistsError: It is a file, or a folder that holds anything but a catalog and its index.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not (folder / CARD).is_file() or not (folder / PARQUET).is_file():
        raise FileExistsError(f"{str(folder)!r} is not a catalog, so it is not replaced. Choose another folder.")
    foreign = sorted(
        path.name for path in folder.iterdir() if path.name not in OWN_FILES and not path.name.startswith("index")
    )
    if foreign:
        raise FileExistsError(
            f"{str(folder)!r} also holds {', '.join(foreign[:5])}, which replacing the catalog would delete. "
            "Move it away, or choose another folder."
        )


class CatalogCard(BaseModel):
    """What is known about a catalog as a whole; ``catalog.json`` in its folder.

    Attributes:
        name: How reports call it.
        synthetic: True when its products were generated; shown wherever the catalog is.
        currency: ISO 4217 code of every price.
        source: Where the products come from and what was left out.
        fingerprint: Hash of all products; equal exactly when the products are.
        counts: What became of the feed's rows, see `build.BuildReport`; empty when there was no feed.
        format_version: Layout of the folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    synthetic: bool = False
    currency: str = "USD"
    source: str = ""
    fingerprint: str
    counts: dict[str, int] = Field(default_factory=dict)
    format_version: Literal[1] = 1


class CatalogWriter:
    """Writes products, sorted by id, as the two data files of a catalog's folder. A context manager.

    Attributes:
        fingerprint: Of what was written, once closed. Both files carry it: with different ones they do not belong
            together.
    """

    def __init__(self, folder: Path, *, parquet: bool = True) -> None:
        self.fingerprint = ""
        self._digest = Fingerprint()
        self._columns = pa.ipc.new_file(str(folder / COLUMNS), SCHEMA)
        self._parquet = pq.ParquetWriter(folder / PARQUET, SCHEMA, compression="zstd") if parquet else None

    def write(self, table: pa.Table) -> None:
        """Appends rows, in batches small enough for one row to be read alone from a memory map."""
        for start in range(0, table.num_rows, BATCH_ROWS):
            part = table.slice(start, BATCH_ROWS).combine_chunks()
            if self._parquet:
                self._parquet.write_table(part)
            for batch in part.to_batches():
                self._digest.update(batch)
                self._columns.write_batch(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.fingerprint = self._digest.hexdigest()
            mark = {MARK: self.fingerprint}
            # The footer was fixed when the file was opened: an empty last batch carries what is known only now.
            self._columns.write_batch(pa.RecordBatch.from_pylist([], schema=SCHEMA), custom_metadata=mark)
            if self._parquet:
                self._parquet.add_key_value_metadata(mark)
        self._columns.close()
        if self._parquet:
            self._parquet.close()


def write_card(folder: Path, card: CatalogCard) -> None:
    """Writes ``catalog.json``."""
    write_whole(folder / CARD, card.model_dump_json(indent=2) + "\n")


class Mapped(NamedTuple):
    """The columns of a catalog, memory-mapped.

    Attributes:
        table: Of `SCHEMA`.
        base: Address in memory at which the file is mapped.
        handle: An open descriptor of the same file, the caller's to close.
    """

    table: pa.Table
    base: int
    handle: int


def open_columns(folder: Path, expected: str) -> Mapped:
    """The mapped columns, rebuilt first when they, or the Parquet beside them, are not marked as expected.

    A Parquet without our mark (another tool rewrote it) is therefore read and checked at every opening.

    Raises:
        ValueError: The Parquet is damaged, lacks columns, is not sorted by id, or is not what the card describes.
    """
    try:
        marked = (pq.read_metadata(folder / PARQUET).metadata or {}).get(MARK.encode(), b"").decode() == expected
    except (OSError, pa.ArrowException):
        marked = False
    mapped = _mapped(folder / COLUMNS, expected) if marked else None
    if mapped is None:
        _rebuild(folder, expected)
        mapped = _mapped(folder / COLUMNS, expected)
    assert mapped is not None
    return mapped


def _mapped(path: Path, expected: str) -> Mapped | None:
    try:
        with path.open("rb") as file:
            pages = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            handle = os.dup(file.fileno())
    except (OSError, ValueError):  # ValueError: an empty file
        return None
    try:
        reader = pa.ipc.open_file(pages)
        last = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)
        table = reader.read_all()
    except (OSError, pa.ArrowException):
        table, last = None, None
    mark = (last.custom_metadata or {}).get(MARK.encode(), b"").decode() if last else ""
    if table is not None and table.schema == SCHEMA and mark == expected:
        return Mapped(table, pages.address, handle)
    os.close(handle)
    return None


def _rebuild(folder: Path, expected: str) -> None:
    path, advice = str(folder / PARQUET), "Build the catalog again: paars catalog build FEED --out DIR."
    # In the folder itself: replacing a file by a rename works within one file system only.
    with tempfile.TemporaryDirectory(dir=folder, prefix="index-rebuilding-") as scratch:
        previous = ""
        try:
            with pq.ParquetFile(path) as file, CatalogWriter(Path(scratch), parquet=False) as writer:
                missing = sorted(set(SCHEMA.names) - set(file.schema_arrow.names))
                if missing:
                    raise ValueError(f"{path!r} lacks the columns {', '.join(missing)}. {advice}")
                for batch in file.iter_batches(BATCH_ROWS, columns=SCHEMA.names):
                    table = pa.table(batch).select(SCHEMA.names).cast(SCHEMA)
                    for product_id in table.column("id").to_pylist():
                        if product_id is None or product_id <= previous:
                            raise ValueError(
                                f"{path!r} is not sorted by unique id: {product_id!r} follows {previous!r}. {advice}"
                            )
                        previous = product_id
                    writer.write(table)
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"{path!r} is damaged ({error}). {advice}") from error
        if writer.fingerprint != expected:
            raise ValueError(
                f"{path!r} holds other products (fingerprint {writer.fingerprint}) than {CARD} describes ({expected}): "
                f"it was changed or comes from elsewhere. If that is meant: paars catalog build "
                f"{path} --format catalog --out DIR."
            )
        (Path(scratch) / COLUMNS).replace(folder / COLUMNS)


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
