"""The records of a log of any format, up to where it is cut: batches of columns, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from paars_gym.ingest.csv_records import CsvFormat
from paars_gym.ingest.feed_rows import FeedFile, Row
from paars_gym.ingest.json_values import OVERLONG
from paars_gym.ingest.log_blocks import ROW, CsvBlocks, JsonBlocks, Reject, as_frame

BLOCK_BYTES = 16 << 20
BATCH_ROWS = 10_000
MOST_NAMES = 1_000


class Batch(NamedTuple):
    """Some records, as columns beside their row numbers (column `ROW`), those that are unreadable, and how it ends.

    ``cut`` says, in the last batch of a damaged file, that and where it ends in the middle.
    """

    frame: pl.DataFrame
    rejects: list[Reject]
    cut: str = ""


def read_log(path: Path, csv_format: CsvFormat, columns: Mapping[str, pl.DataType]) -> Iterator[Batch]:
    """Streams any file that `FeedFile` reads, in file order.

    Args:
        path: The file; delimited text, JSON lines and Parquet are read by columns, all else by rows.
        csv_format: How delimited text is written; unused for other files.
        columns: Columns to read. All come as text, but in JSON and XML nested ones as the type given, and in Parquet
            as they are.

    Raises:
        FileNotFoundError: No such file.
        ImportError: A spreadsheet, and its reader is not installed.
        ValueError: It is empty, lacks a column, or is Parquet without its end.
    """
    with FeedFile(path, written=csv_format, wanted=columns, block_bytes=BLOCK_BYTES) as file:
        if file.columns is not None:
            _require(columns, file.columns, path)
        if file.kind == "parquet":
            yield from _parquet(file, columns)
        elif file.kind in {"csv", "jsonl"}:
            yield from _blocks(file, columns)
        else:
            yield from _rows(file, columns)


def _blocks(file: FeedFile, columns: Mapping[str, pl.DataType]) -> Iterator[Batch]:
    row, nothing = 0, pl.DataFrame(schema={ROW: pl.Int64(), **columns})
    table = file.kind == "csv"
    reader = CsvBlocks(file.table, list(columns), line=file.line) if table else JsonBlocks(columns)
    for block in file.body:
        if block is None:
            row += 1
            yield Batch(nothing, [Reject(row, "", "", OVERLONG)])
            continue
        if not row and file.kind == "jsonl":
            _require(columns, _names(block), file.path)
        frame, rejects, records = reader.read(block, row + 1)
        row += records
        yield Batch(frame, rejects)
    name, tail = file.path.name, file.blocks.tail
    if file.damage:
        end = f"{name}: {file.damage} after record {row}; imported up to there"
        shown = tail.decode(errors="replace")
        yield Batch(nothing, [Reject(row + 1, "", shown, end)] if shown else [], end)
        return
    frame, rejects, records = reader.read(tail, row + 1, final=True)
    if not tail.strip():
        yield Batch(frame, rejects)
        return
    end = f"{name} ends in the middle of record {row + 1}"
    rejects = [reject._replace(reason=f"{end}: {reject.reason}") for reject in rejects]
    last = row + records
    if reader.may_lack_more(tail) and (frame[ROW] == last).any():
        # 12.5 may have been 12.59: a record more in the quarantine harms less than an invented one.
        end = f"{name} has no line end after record {last}, whose last field may be cut"
        why = f"{end}; if the file is whole, end its last line and import it again"
        shown = tail.rsplit(b"\n", 1)[-1].decode(errors="replace")
        frame, rejects = frame.filter(pl.col(ROW) != last), [*rejects, Reject(last, "", shown, why)]
    yield Batch(frame, rejects, end if rejects else "")


def _parquet(file: FeedFile, columns: Mapping[str, pl.DataType]) -> Iterator[Batch]:
    row = 1
    for batch in file.parquet.iter_batches(columns=list(columns)):
        frame = as_frame(pa.Table.from_batches([batch]))
        rows = pl.int_range(row, row + len(frame), dtype=pl.Int64, eager=True).alias(ROW)
        row += len(frame)
        yield Batch(frame.insert_column(0, rows), [])


def _rows(file: FeedFile, columns: Mapping[str, pl.DataType]) -> Iterator[Batch]:
    names: set[str] | None = None
    while rows := list(islice(file, BATCH_ROWS)):
        if names is None and file.columns is None:
            names = {name for row in rows[:MOST_NAMES] for name in row.values or ()}
            _require(columns, sorted(names), file.path)
        yield frame_of(rows, columns)
    if file.damage:
        yield Batch(pl.DataFrame(schema={ROW: pl.Int64(), **columns}), [], f"{file.path.name}: {file.damage}")


def frame_of(rows: Iterable[Row], columns: Mapping[str, pl.DataType]) -> Batch:
    """Rows as a batch: text columns of what a cell holds, others as the type given."""
    good = [(row.number, row.values) for row in rows if row.values is not None]
    rejects = [Reject(row.number, "", row.text, row.problem) for row in rows if row.values is None]
    series = [pl.Series(ROW, [number for number, _ in good], dtype=pl.Int64)]
    for name, dtype in columns.items():
        cells: list[Any] = [values.get(name) for _, values in good]
        if dtype == pl.String:
            cells = [_shown(cell) for cell in cells]
        series.append(pl.Series(name, cells, dtype=dtype, strict=False))
    return Batch(pl.DataFrame(series), rejects)


def _names(block: bytes) -> list[str]:
    """Names in the first objects of JSON lines; none when none can be read."""
    names: set[str] = set()
    for line in block.split(b"\n", MOST_NAMES)[:MOST_NAMES]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        names |= set(record) if isinstance(record, dict) else set()
    return sorted(names)


def _require(columns: Iterable[str], present: Iterable[str], path: Path) -> None:
    present = list(present)
    missing = [name for name in columns if name not in present]
    if missing and present:
        raise ValueError(f"{path.name!r} has no column {missing[0]!r}; it has {', '.join(map(repr, present))}.")


def as_text(values: pl.Series) -> pl.Series:
    """The column as text, nulls kept; lists, structs, bytes and durations included, which polars does not cast."""
    dtype = values.dtype
    if not dtype.is_nested() and dtype not in (pl.Binary, pl.Duration, pl.Object):
        return values.cast(pl.String)
    return pl.Series(values.name, [_shown(value) for value in values.to_list()], dtype=pl.String)


def is_flat_list(dtype: pl.DataType) -> bool:
    """Whether it is a list of plain values, which can be product ids."""
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else None
    return inner is not None and (inner.is_numeric() or inner in (pl.String, pl.Categorical, pl.Enum))


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():  # spreadsheets know no other numbers
        return str(int(value))
    return json.dumps(value, default=_leaf, ensure_ascii=False) if isinstance(value, list | dict) else _leaf(value)


def _leaf(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
