"""The records of a log file, up to where it is cut: batches of text columns, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from paars_gym.ingest.log_blocks import ROW, CsvBlocks, CsvFormat, JsonBlocks, Reject, as_frame, require
from paars_gym.ingest.opening import LineBlocks, open_log, suffix


class Batch(NamedTuple):
    """Some records, as columns beside their row numbers (column `ROW`), those that are unreadable, and how it ends.

    ``cut`` says, in the last batch of a damaged file, that and where it ends in the middle.
    """

    frame: pl.DataFrame
    rejects: list[Reject]
    cut: str = ""


def read_log(path: Path, csv_format: CsvFormat, columns: Mapping[str, pl.DataType]) -> Iterator[Batch]:
    """Streams a CSV, JSON-lines or Parquet file, compressed or not, in file order.

    Args:
        path: ``.jsonl``, ``.ndjson`` and ``.json`` are JSON lines, ``.parquet`` is Parquet, all else is CSV;
            ``.gz``, ``.bz2``, ``.xz`` and ``.zip`` may follow.
        csv_format: How CSV is written; unused for other files.
        columns: Columns to read. All come as text, but in JSON lines nested ones as the type given.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is empty, lacks a column, is Parquet without its end, or is not packed as its name says.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No log {str(path)!r}.")
    kind = suffix(path)
    if kind == ".parquet":
        yield from _parquet(path, columns)
        return
    with open_log(path) as file:
        lines = LineBlocks(file, quote=csv_format.quote.encode() if csv_format.newlines else b"")
        reader: CsvBlocks | JsonBlocks
        if kind == ".jsonl":
            reader = JsonBlocks(path, columns)
        else:
            first_line = lines.first_line() if csv_format.header else None
            if lines.damage:
                raise ValueError(f"{path.name!r} breaks off in its header line: {lines.damage}; fetch it again.")
            reader = CsvBlocks(path, csv_format, columns, first_line)
        row = 0
        for block in lines:
            frame, rejects, records = reader.read(block, row + 1)
            row += records
            yield Batch(frame, rejects)
        if lines.tail and not lines.damage:  # many sound files lack the last line end
            frame, rejects, records = reader.read(lines.tail, row + 1)
            end = f"{path.name} ends in the middle of record {row + 1}"
            rejects = [reject._replace(reason=f"{end}: {reject.reason}") for reject in rejects]
            last = row + records
            if reader.may_lack_more(lines.tail) and (frame[ROW] == last).any():
                # 12.5 may have been 12.59: a record more in the quarantine harms less than an invented one.
                end = f"{path.name} has no line end after record {last}, whose last field may be cut"
                why = f"{end}; if the file is whole, end its last line and import it again"
                text = lines.tail.rsplit(b"\n", 1)[-1].decode(errors="replace")
                frame, rejects = frame.filter(pl.col(ROW) != last), [*rejects, Reject(last, "", text, why)]
            yield Batch(frame, rejects)
            yield Batch(frame.clear(), [], end if rejects else "")
        elif lines.damage:
            text = lines.tail.decode(errors="replace")
            end = f"{path.name}: {lines.damage} after record {row}; imported up to there"
            yield Batch(reader.nothing, [Reject(row + 1, "", text, end)] if text else [], end)


def _parquet(path: Path, columns: Mapping[str, pl.DataType]) -> Iterator[Batch]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{path.name!r} is no whole Parquet file ({error}). Parquet keeps its table of contents at the end, so "
            "a file that was cut cannot be read up to the cut; fetch it again."
        ) from error
    require(list(columns), file.schema_arrow.names, path)
    row = 1
    for batch in file.iter_batches(columns=list(columns)):
        frame = as_frame(pa.Table.from_batches([batch]))
        rows = pl.int_range(row, row + len(frame), dtype=pl.Int64, eager=True).alias(ROW)
        row += len(frame)
        yield Batch(frame.insert_column(0, rows), [])


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
    return json.dumps(value, default=_leaf, ensure_ascii=False) if isinstance(value, list | dict) else _leaf(value)


def _leaf(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
