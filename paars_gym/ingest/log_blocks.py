"""Blocks of CSV or JSON lines as frames of text columns, and the records that could not be read."""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pcsv
from pydantic import BaseModel, ConfigDict, Field

ROW = "__row__"
NOT_UTF8 = "\0not UTF-8\0"


class CsvFormat(BaseModel):
    """How a CSV file is written.

    Attributes:
        separator: Between fields.
        quote: Around fields; empty when there are no quotes.
        header: False for a file without a header line; ``names`` then names its columns.
        names: Column names of a file without a header line.
        newlines: True when quoted fields may hold line ends.
        encoding: Of the text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    separator: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    header: bool = True
    names: tuple[str, ...] = ()
    newlines: bool = False
    encoding: str = "utf8"


class Reject(NamedTuple):
    """One record that was not imported.

    Attributes:
        row: 1-based number of the record in its file, the header not counted.
        field: Which of our fields is at fault; empty for the whole record.
        value: What stood there.
        reason: What is wrong with it.
    """

    row: int
    field: str
    value: str
    reason: str


class CsvBlocks:
    """Reads blocks of CSV lines: fast when all is well, line by line where it is not."""

    def __init__(
        self, path: Path, csv_format: CsvFormat, columns: Mapping[str, pl.DataType], first_line: bytes | None
    ) -> None:
        """Takes the header from the first line, or from the format's names."""
        self._format = csv_format
        self._columns = list(columns)
        self.nothing = pl.DataFrame(schema={ROW: pl.Int64} | dict.fromkeys(columns, pl.String()))
        if first_line is None:
            self._names = list(csv_format.names)
        else:
            text = first_line.decode(csv_format.encoding, errors="replace").lstrip("\ufeff").strip("\r\n")
            if not text:
                raise ValueError(f"{path.name!r} is empty; a CSV log begins with a header line.")
            quoting = {"quotechar": csv_format.quote} if csv_format.quote else {"quoting": csv.QUOTE_NONE}
            for separator in dict.fromkeys((csv_format.separator, *",;\t|")):  # copies of a log differ in this
                names = next(csv.reader([text], delimiter=separator, **quoting))
                if set(self._columns) <= set(names):
                    self._format = csv_format.model_copy(update={"separator": separator})
                    break
            else:
                names = next(csv.reader([text], delimiter=csv_format.separator, **quoting))
            self._names = names
        require(self._columns, self._names, path)

    def read(self, block: bytes, first: int) -> tuple[pl.DataFrame, list[Reject], int]:
        """Frame of the good records, rejects, and how many records there were.

        Args:
            block: Whole lines.
            first: Row number of the first of them.
        """
        try:
            table = self._parse(block, pa.string(), None)
        except pa.ArrowInvalid:
            return self._read_slowly(block, first)
        rows = pl.int_range(first, first + table.num_rows, dtype=pl.Int64, eager=True).alias(ROW)
        return as_frame(table).insert_column(0, rows), [], table.num_rows

    def may_lack_more(self, tail: bytes) -> bool:
        """Whether the last record of a file, complete but for its line end, may have lost data that are read."""
        return not tail.endswith(b"\r") and self._names[-1] in self._columns

    def _read_slowly(self, block: bytes, first: int) -> tuple[pl.DataFrame, list[Reject], int]:
        frames, rejects = [self.nothing], []
        todo = deque([(block, 0)])
        while todo:
            piece, done = todo.popleft()
            bad: list[Any] = []

            def refuse(row: Any, bad: list[Any] = bad) -> str:
                bad.append(row)
                return "skip"

            try:
                table = self._parse(piece, pa.binary(), refuse)
            except pa.ArrowInvalid as error:  # nothing in it, or beyond reading
                rejects.append(Reject(first + done, "", piece[:200].decode(errors="replace"), str(error)))
                continue
            # A refused row may span lines, each a record: rows are numbered by the lines before them.
            refused = np.array([row.number - 1 for row in bad], dtype=np.int64)
            lines = np.ones(table.num_rows + len(bad), dtype=np.int64)
            lines[refused] = [row.text.count("\n") + 1 for row in bad]
            numbers = first + done + np.cumsum(lines) - lines
            for row in bad:
                number = int(numbers[row.number - 1])
                line, more, rest = row.text.partition("\n")
                reason = f"{row.actual_columns} fields, {row.expected_columns} expected"
                if more:  # an unclosed quote swallowed the following lines: read those again
                    reason = "a quote opens and does not close in this line"
                    todo.append((rest.encode(), number + 1 - first))
                rejects.append(Reject(number, "", line, reason))
            rows = np.delete(numbers, refused)
            values = {name: [_decoded(value) for value in table[name].to_pylist()] for name in self._columns}
            frame = pl.DataFrame({ROW: rows} | values, schema=self.nothing.schema)
            fine = frame.select(pl.all_horizontal(pl.col(self._columns).ne_missing(NOT_UTF8))).to_series()
            rejects += [Reject(row, "", "", "not UTF-8; say which encoding it is") for row in frame[ROW].filter(~fine)]
            frames.append(frame.filter(fine))
        merged = pl.concat(frames).sort(ROW)
        return merged, sorted(rejects), len(merged) + len(rejects)

    def _parse(self, block: bytes, dtype: Any, refuse: Any) -> Any:
        return pcsv.read_csv(
            pa.BufferReader(block),
            read_options=pcsv.ReadOptions(
                column_names=self._names,
                encoding=self._format.encoding,
                use_threads=refuse is None,
                block_size=max(1 << 20, len(block)) if self._format.newlines or refuse else 1 << 20,
            ),
            parse_options=pcsv.ParseOptions(
                delimiter=self._format.separator,
                quote_char=self._format.quote or False,
                newlines_in_values=self._format.newlines,
                invalid_row_handler=refuse,
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(self._columns, dtype), include_columns=self._columns
            ),
        )


class JsonBlocks:
    """Reads blocks of JSON lines: fast when all is well, line by line where it is not."""

    def __init__(self, path: Path, columns: Mapping[str, pl.DataType]) -> None:
        """Remembers the types of the columns."""
        self._path = path
        self._schema = dict(columns)
        self.nothing = pl.DataFrame(schema={ROW: pl.Int64(), **self._schema})
        self._checked = False

    def read(self, block: bytes, first: int) -> tuple[pl.DataFrame, list[Reject], int]:
        """Frame of the good records, rejects, and how many records there were; see `CsvBlocks.read`."""
        if not self._checked:
            self._check(block)
        records = block.count(b"\n") + (not block.endswith(b"\n"))
        try:
            frame = pl.read_ndjson(io.BytesIO(block), schema=self._schema)
        except pl.exceptions.PolarsError:
            frame = self.nothing.clear()
        if len(frame) == records:
            rows = pl.int_range(first, first + records, dtype=pl.Int64, eager=True).alias(ROW)
            return frame.insert_column(0, rows), [], records
        return self._read_slowly(block, first)

    def may_lack_more(self, tail: bytes) -> bool:
        """Never: a JSON object says itself where it ends."""
        return False

    def _read_slowly(self, block: bytes, first: int) -> tuple[pl.DataFrame, list[Reject], int]:
        good, rows, rejects = [], [], []
        for row, line in enumerate(block.removesuffix(b"\n").split(b"\n"), start=first):
            if not line.strip():
                rejects.append(Reject(row, "", "", "an empty line"))
                continue
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("not a JSON object")
                one = pl.read_ndjson(io.BytesIO(line), schema=self._schema)
            except (ValueError, pl.exceptions.PolarsError) as error:
                rejects.append(Reject(row, "", line[:200].decode(errors="replace"), f"not the JSON expected: {error}"))
                continue
            good.append(one)
            rows.append(row)
        frame = pl.concat([self.nothing.drop(ROW), *good])
        return frame.insert_column(0, pl.Series(ROW, rows, dtype=pl.Int64)), rejects, len(rows) + len(rejects)

    def _check(self, block: bytes) -> None:
        self._checked = True
        start = block.lstrip()[:1]
        if start == b"[":
            raise ValueError(f"{self._path.name!r} is one JSON array; JSON lines are needed, one object a line.")
        names: set[str] = set()
        for line in block.split(b"\n", 1000)[:1000]:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            names |= set(record) if isinstance(record, dict) else set()
        if names:
            require(list(self._schema), sorted(names), self._path)


def require(columns: list[str], present: list[str], path: Path) -> None:
    """Checks that a log has the columns that its mapping names.

    Raises:
        ValueError: It lacks one.
    """
    missing = [name for name in columns if name not in present]
    if missing:
        raise ValueError(f"{path.name!r} has no column {missing[0]!r}; it has {', '.join(map(repr, present))}.")


def as_frame(table: Any) -> pl.DataFrame:
    """A pyarrow table as a polars frame."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
