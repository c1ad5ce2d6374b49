"""Blocks of CSV or JSON lines as frames of text columns, fast where all is well, line by line where it is not."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.csv as pcsv

from paars_gym.ingest.csv_records import Record, Records
from paars_gym.ingest.csv_tables import Table
from paars_gym.ingest.text_blocks import lines_of

ROW = "__row__"
SHOWN_CHARACTERS = 200


class Reject(NamedTuple):
    """One record that was not imported.

    Attributes:
        row: 1-based number of the record in its file, the header and blank lines not counted.
        field: Which of our fields is at fault; empty for the whole record.
        value: What stood there.
        reason: What is wrong with it.
    """

    row: int
    field: str
    value: str
    reason: str


class Parsed(NamedTuple):
    """Frame of the good records beside their row numbers, rejects, and how many records there were."""

    frame: pl.DataFrame
    rejects: list[Reject]
    records: int


class CsvBlocks:
    """Reads blocks of CSV lines.

    Attributes:
        records: Reads the lines of blocks in which some line is not one whole record.
    """

    def __init__(self, table: Table, columns: Sequence[str], *, line: int) -> None:
        """Reads some columns of a table whose first row is in that line."""
        self.records = Records(table.separator, table.quote, len(table.names), line=line)
        self._table = table
        self._columns = list(columns)
        self._schema = {ROW: pl.Int64()} | dict.fromkeys(columns, pl.String())
        self._quote = table.quote.encode()
        self._pending = False

    def read(self, block: bytes, first: int, *, final: bool = False) -> Parsed:
        """Reads whole lines, of which the first is that row; a cell that is open at their end is read with the next."""
        last = block[block.rfind(b"\n", 0, -1) + 1 :]
        if not self._pending and not (self._quote and (block.count(self._quote) % 2 or last.count(self._quote) % 2)):
            try:
                table = self._parse(block)
            except pa.ArrowInvalid:
                table = None
            # Fewer rows than lines: a quote has swallowed some, or some are blank.
            if table is not None and table.num_rows == _lines(block):
                rows = pl.int_range(first, first + table.num_rows, dtype=pl.Int64, eager=True).alias(ROW)
                return Parsed(as_frame(table).insert_column(0, rows), [], table.num_rows)
        text = block.decode("utf-8", "surrogateescape")
        parsed = self._framed(self.records.read(lines_of(text), final=final), first)
        self._pending = self.records.pending
        return parsed

    def may_lack_more(self, tail: bytes) -> bool:
        """Whether the last record of a file, complete but for its line end, may have lost data that are read."""
        return not tail.endswith(b"\r") and self._table.names[-1] in self._columns

    def _framed(self, records: Iterator[Record], first: int) -> Parsed:
        places = [self._table.names.index(name) for name in self._columns]
        header, number = list(self._table.names), first - 1
        rejects: list[Reject] = []
        rows: list[tuple[Any, ...]] = []
        for number, (cells, problem, line) in enumerate(records, start=first):
            if cells is None:
                shown = line[:SHOWN_CHARACTERS].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                rejects.append(Reject(number, "", shown, problem))
            elif self._table.begin and cells[0] == header[0] and cells == header:
                rejects.append(Reject(number, "", "", "the header again"))
            else:
                rows.append((number, *(cells[place] or None for place in places)))
        try:
            frame = pl.DataFrame(rows, schema=self._schema, orient="row")
        except UnicodeEncodeError:  # surrogates: bytes that are no UTF-8
            fine = [row for row in rows if not any(map(_undecoded, row[1:]))]
            wrong = {row[0] for row in rows} - {row[0] for row in fine}
            rejects += [Reject(row, "", "", "not UTF-8; say which encoding it is") for row in sorted(wrong)]
            frame = pl.DataFrame(fine, schema=self._schema, orient="row")
        return Parsed(frame, sorted(rejects), number - first + 1)

    def _parse(self, block: bytes) -> Any:
        return pcsv.read_csv(
            pa.BufferReader(block),
            read_options=pcsv.ReadOptions(column_names=self._table.names),
            parse_options=pcsv.ParseOptions(delimiter=self._table.separator, quote_char=self._table.quote or False),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(self._columns, pa.string()), include_columns=self._columns
            ),
        )


class JsonBlocks:
    """Reads blocks of JSON lines."""

    def __init__(self, columns: Mapping[str, pl.DataType]) -> None:
        """Remembers the types of the columns."""
        self._schema = dict(columns)

    def read(self, block: bytes, first: int, *, final: bool = False) -> Parsed:
        """See `CsvBlocks.read`."""
        try:
            frame = pl.read_ndjson(io.BytesIO(block), schema=self._schema)
        except pl.exceptions.PolarsError:
            frame = pl.DataFrame(schema=self._schema)
        if len(frame) == _lines(block):
            rows = pl.int_range(first, first + len(frame), dtype=pl.Int64, eager=True).alias(ROW)
            return Parsed(frame.insert_column(0, rows), [], len(frame))
        good, numbers, row = [], [], first - 1
        rejects: list[Reject] = []
        lines = (line for line in block.replace(b"\r", b"\n").split(b"\n") if line.strip())
        for row, line in enumerate(lines, start=first):
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("not a JSON object")
                good.append(pl.read_ndjson(io.BytesIO(line), schema=self._schema))
                numbers.append(row)
            except (ValueError, RecursionError, pl.exceptions.PolarsError) as error:
                shown = line[:SHOWN_CHARACTERS].decode(errors="replace")
                rejects.append(Reject(row, "", shown, f"not the JSON expected: {error}"))
        frame = pl.concat([pl.DataFrame(schema=self._schema), *good])
        return Parsed(frame.insert_column(0, pl.Series(ROW, numbers, dtype=pl.Int64)), rejects, row - first + 1)

    def may_lack_more(self, tail: bytes) -> bool:
        """Never: a JSON object says itself where it ends."""
        return False


def _lines(block: bytes) -> int:
    """How many lines there are, each ended by CR, LF or both; the last by nothing too."""
    ends = block.count(b"\n")
    if b"\r" in block:
        ends += block.count(b"\r") - block.count(b"\r\n")
    return ends + (not block.endswith((b"\n", b"\r")) and bool(block))


def _undecoded(cell: str | None) -> bool:
    return cell is not None and not cell.isascii() and any("\udc80" <= char <= "\udcff" for char in cell)


def as_frame(table: Any) -> pl.DataFrame:
    """A pyarrow table as a polars frame."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
