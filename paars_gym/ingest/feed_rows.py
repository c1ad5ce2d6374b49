"""The rows of any file of records, one at a time, whatever its format, compression and encoding."""

from __future__ import annotations

import csv
import io
import re
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from paars_gym.ingest.csv_records import CsvFormat, Records
from paars_gym.ingest.csv_tables import Table, find_table
from paars_gym.ingest.json_values import OVERLONG, SHOWN_CHARACTERS, Found, are_json_lines, json_lines, json_values
from paars_gym.ingest.markup import read_markup
from paars_gym.ingest.text_blocks import TextBlocks, find_encoding, lines_of, text
from paars_gym.ingest.unpacking import CHUNK_BYTES, ZIP, Unpacked
from paars_gym.ingest.workbooks import OLE, read_workbook

HEAD_BYTES = 1 << 16
PARQUET_MAGIC = b"PAR1"
HEAD_LINES = 64
LINE_END = re.compile(rb"\r\n|\n|\r")


class Row(NamedTuple):
    """One record of a file.

    Attributes:
        number: Counted from 1; a table's header and blank lines are not counted.
        values: Its cells by column; None when it could not be read.
        problem: Why not.
        text: What stood there, where there is a problem and it is known.
    """

    number: int
    values: dict[str, Any] | None
    problem: str = ""
    text: str = ""


Rows = Generator[Row, None, None]


class FeedFile:
    """The rows of a file: CSV, JSON, Parquet, XML or a spreadsheet, plain or packed; recognised by content, then name.

    Delimited text may have any of ``,;|`` or a tab between cells. JSON may be one object a line, or one array of any
    size. XML may be an RSS or Atom feed or any list of records. Packed files may be gzip, zstd, bzip2, xz, or a zip of
    one file. Text is UTF-8, or UTF-16 where it looks like it; bytes that are no UTF-8 are read as Windows-1252, the
    superset of latin-1 that such files really hold. Iterate it once.

    Attributes:
        kind: "csv", "jsonl", "json", "parquet", "xml" or "workbook".
        columns: The header of a table; None for JSON and XML, whose rows may differ.
        notes: What was done to read it, in sentences: lines skipped, columns renamed, sheets left, quotes mended.
    """

    kind: str
    columns: tuple[str, ...] | None = None
    table: Table  # of delimited text, beside the line of its first row
    line: int
    blocks: TextBlocks  # of delimited text and JSON lines, and the iterator of those that are left
    body: Iterator[bytes | None]
    parquet: Any

    def __init__(
        self, path: str | Path, *, encoding: str | None = None, written: CsvFormat | None = None,
        wanted: Iterable[str] = (), block_bytes: int = CHUNK_BYTES,
    ) -> None:  # fmt: skip
        """Opens the file and reads its header.

        Args:
            path: The file.
            encoding: Of its text, where it has to be told.
            written: What is known of it if it is delimited text.
            wanted: Columns that it should have; they decide between separators.
            block_bytes: Size of the blocks in which text is read.

        Raises:
            FileNotFoundError: There is no such file.
            ImportError: A spreadsheet, and its reader is not installed.
            ValueError: It is empty or unreadable from the start, or the encoding is unknown.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"No file {str(path)!r}.")
        self.notes: list[str] = []
        self._written = written or CsvFormat()
        self._broken = ""
        self._closing = ExitStack()
        with ExitStack() as failing:
            failing.push(self._closing)
            self._open(encoding or self._written.encoding, wanted, block_bytes)
            failing.pop_all()

    def _open(self, encoding: str | None, wanted: Iterable[str], block_bytes: int) -> None:
        path = self.path
        self._raw = self._closing.enter_context(Unpacked(path, unpack_ratio=self._written.unpack_ratio))
        self._buffered = buffered = io.BufferedReader(self._raw, CHUNK_BYTES)  # closes the file when it is collected
        head = buffered.peek(HEAD_BYTES)[:HEAD_BYTES]
        suffixes = {suffix.lower() for suffix in path.suffixes}
        if not head:
            raise ValueError(f"{str(path)!r} is empty. {self.damage}".rstrip())
        if head.startswith(PARQUET_MAGIC):
            self.kind = "parquet"
            self._parquet(buffered)
            return
        if self._raw.workbook or head.startswith((OLE, ZIP)):
            sheet = read_workbook(str(path), self._seekable(buffered))
            self.kind, self.columns, self.notes = "workbook", sheet.columns, list(sheet.notes)
            self._rows = (Row(number, values) for number, values in enumerate(sheet.rows, start=1))
            return
        try:
            encoding = find_encoding(head, encoding)
        except ValueError as error:
            raise ValueError(f"{str(path)!r}: {error}") from None
        start = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")[:100].casefold()
        table = bool(suffixes & {".csv", ".tsv", ".tab", ".psv"})
        if start.startswith(("<!doctype html", "<html")):
            raise ValueError(f"{str(path)!r} is a web page, no feed; was a login asked for when it was fetched?")
        if start.startswith("<") and not table:
            self.kind, self._rows = "xml", self._markup(buffered)
            return
        self.blocks = TextBlocks(buffered, encoding, size=block_bytes)
        if start.startswith("[") and not table:
            self.kind, self._rows = "json", self._numbered(json_values(self.blocks.characters()))
            return
        self.body = iter(self.blocks)
        first = self._first()
        if start.startswith("{") and not table:
            self.kind, self._rows = self._objects(first)
        else:
            self.kind, self._rows = "csv", self._table(first, wanted)

    @property
    def damage(self) -> str:
        """What was wrong with the file as a whole, once it was read: cut short, or broken from some row on."""
        return self._raw.damage or self._broken

    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1, in bytes as stored."""
        return self._raw.fraction()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()
        self._closing.close()

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def _first(self) -> bytes:
        """The first block that has a line which is not blank; it stays the first of ``body``.

        Raises:
            ValueError: There is none, or its first line is too long.
        """
        first: bytes | None = b""
        self._above = 0
        while first is not None and not first.strip():
            self._above += first.count(b"\n")
            first = next(self.body, b"end")
            if first == b"end":
                first, self.blocks.tail = self.blocks.tail, b""
                break
        if not first or not first.strip():
            raise ValueError(f"{str(self.path)!r} is empty. {OVERLONG if first is None else self.damage}".rstrip())
        blank = len(first) - len(first.lstrip(b"\r\n"))
        self._above += len(LINE_END.findall(first, 0, blank))
        self.body = chain([first[blank:]], self.body)
        return first[blank:]

    def _whole(self) -> Iterator[tuple[bytes | None, bool]]:
        """The blocks and then the tail, with whether it is the last."""
        for block in self.body:
            yield block, False
        yield self.blocks.tail, True

    def _table(self, first: bytes, wanted: Iterable[str]) -> Rows:
        lines = list(islice(lines_of(text(first[:HEAD_BYTES])), HEAD_LINES))
        try:
            self.table = find_table(lines, self._written, wanted)
        except csv.Error as error:
            raise ValueError(f"The header of {str(self.path)!r} cannot be read: {error}.") from None
        self.columns = self.table.names
        self.notes += self.table.notes
        ends = [match.end() for match in islice(LINE_END.finditer(first), self.table.begin)]
        self.line = self._above + self.table.begin + 1
        begin = 0 if not self.table.begin else ends[-1] if len(ends) == self.table.begin else len(first)
        next(self.body)
        self.body = chain([first[begin:]], self.body)
        return self._cells()

    def _cells(self) -> Rows:
        names, table, number = list(self.table.names), self.table, 0
        records = Records(table.separator, table.quote, len(names), line=self.line)
        last: Row | None = None  # held back: of a cut file it may be half a row that looks like a whole one
        for block, final in self._whole():
            if block is None:
                if last:
                    yield last
                number += 1
                last = Row(number, None, OVERLONG)
                continue
            for cells, problem, shown in records.read(lines_of(text(block)), final=final):
                if last:
                    yield last
                number += 1
                if cells is None:
                    last = Row(number, None, problem, shown[:SHOWN_CHARACTERS])
                elif cells[0].strip() == names[0] and [cell.strip() for cell in cells] == names and table.begin:
                    last = Row(number, None, "the header again")
                else:
                    last = Row(number, dict(zip(names, cells, strict=True)))
        if last:
            yield Row(number, None, "the file is cut inside or after this row") if self._raw.damage else last
        if records.repaired:
            self.notes.append(f"{records.repaired:,} rows have a stray quote in a cell and were read all the same.")

    def _objects(self, first: bytes) -> tuple[str, Rows]:
        """JSON lines; or objects that span lines, or one object that holds the records as a list."""
        lines = (line.strip() for line in lines_of(text(first + self.blocks.tail)))
        if are_json_lines(list(islice(filter(None, lines), 5)), more=bool(self.blocks.tail)):
            return "jsonl", self._lines()
        return "json", self._numbered(json_values(text(block) for block, _ in self._whole() if block))

    def _lines(self) -> Rows:
        """Values of JSON lines; the last may be cut."""
        blocks = ((None if block is None else text(block), final) for block, final in self._whole())
        return self._numbered(json_lines(blocks))

    def _numbered(self, found: Iterator[Found]) -> Rows:
        number = 0
        for value, problem, shown, broken in found:
            self._broken = broken
            if problem or not broken:
                number += 1
                yield Row(number, value, problem, shown)

    def _markup(self, buffered: io.BufferedReader[Any]) -> Rows:
        number = 0
        first = buffered.read1(CHUNK_BYTES)
        pieces = chain([first if b"\0" in first[:4] else first.lstrip(b"\xef\xbb\xbf \t\r\n")], self._read(buffered))
        try:
            for values in read_markup(pieces):
                number += 1
                yield Row(number, values)
        except ValueError as error:
            self._broken = f"after row {number}: {error}; nothing from there on was read"

    def _read(self, buffered: io.BufferedReader[Any]) -> Iterator[bytes]:
        return iter(lambda: buffered.read1(CHUNK_BYTES), b"")

    def _seekable(self, buffered: io.BufferedReader[Any]) -> Any:
        """The file itself; what is packed is unpacked into a temporary file, as some formats begin at their end."""
        if not self._raw.packed:
            return self.path
        source = self._closing.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        shutil.copyfileobj(buffered, source, CHUNK_BYTES)
        source.seek(0)
        return source

    def _parquet(self, packed: io.BufferedReader[Any]) -> None:
        try:
            self.parquet = pq.ParquetFile(self._seekable(packed), buffer_size=CHUNK_BYTES, pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise ValueError(
                f"{str(self.path)!r} is a damaged or cut Parquet file: {error}. Parquet keeps its table of contents at "
                "the end, so that one which was cut cannot be read up to the cut; fetch it again."
            ) from None
        self.columns = tuple(self.parquet.schema_arrow.names)
        self._rows = self._records()

    def _records(self) -> Rows:
        number, total = 0, max(1, self.parquet.metadata.num_rows)
        try:
            for batch in self.parquet.iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, values)
                self._raw.done = number / total
        except (OSError, pa.ArrowException) as error:
            self._broken = f"the Parquet is damaged after row {number} of {total}: {error}"
