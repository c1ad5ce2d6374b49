"""The rows of a product feed, one at a time, whatever its format, compression and encoding."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from paars_gym.ingest.unpacking import CHUNK_BYTES, Unpacked, decoded

CELL_CHARACTERS = 4 << 20
VALUE_CHARACTERS = 16 << 20
DELIMITERS = ",\t;|"
PARQUET_MAGIC = b"PAR1"


class Row(NamedTuple):
    """One record of a feed.

    Attributes:
        number: Counted from 1; a table's header is not counted.
        values: Its cells by column; None when it could not be read.
        problem: Why not.
    """

    number: int
    values: dict[str, Any] | None
    problem: str = ""


Rows = Generator[Row, None, None]


class FeedFile:
    """The rows of a CSV, TSV, JSON or Parquet file, plain or in gzip or zstd; recognised by content, then by name.

    CSV may be delimited by comma, tab, semicolon or bar. JSON may be one object a line, or one array of any size.
    Text is UTF-8, or UTF-16 where it looks like it; bytes that are no UTF-8 are read as Windows-1252, the
    superset of latin-1 that such files really hold. Iterate it once.

    Attributes:
        columns: The header of a table; None for JSON, whose rows may differ.
        damage: What was wrong with the file as a whole, once it was read: cut short, or broken from some row on.
    """

    def __init__(self, path: str | Path, *, encoding: str | None = None) -> None:
        """Opens the file and reads its header.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is empty or unreadable from the start, or the encoding is unknown.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No file {str(path)!r}.")
        self.columns: tuple[str, ...] | None = None
        self._closing = ExitStack()
        self._raw = self._closing.enter_context(Unpacked(path))
        self._broken = ""
        buffered: io.BufferedReader[Any] = io.BufferedReader(self._raw, CHUNK_BYTES)
        head = buffered.peek(4096)[:4096]
        if not head:
            raise ValueError(f"{str(path)!r} is empty. {self._raw.damage}".rstrip())
        if head.startswith(PARQUET_MAGIC):
            self._rows = self._parquet(path, buffered)
            return
        self._text = decoded(buffered, head, encoding)
        first = self._text.readline(CHUNK_BYTES)  # an array of gigabytes may be one line
        while first and not first.strip():
            first = self._text.readline(CHUNK_BYTES)
        start, suffixes = first.lstrip()[:1], {suffix.lower() for suffix in path.suffixes}
        if start == "[" and not suffixes & {".csv", ".tsv"}:
            self._rows = self._array(first)
            return
        if not first.endswith(("\n", "\r")):
            first += self._text.readline()
        if start == "{" and not suffixes & {".csv", ".tsv"}:
            self._rows = self._lines(first)
        else:
            self._rows = self._table(first)

    @property
    def damage(self) -> str:
        """See the class."""
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

    def _table(self, header: str) -> Rows:
        # The limit is the module's, not the reader's; the default, 131,072, is less than some descriptions.
        csv.field_size_limit(CELL_CHARACTERS)
        cells = csv.reader(chain([header], self._text), delimiter=_delimiter(header))
        try:
            names = [name.strip() for name in next(cells)]
        except csv.Error as error:
            raise ValueError(f"The header cannot be read: {error}.") from None
        repeated = sorted({name for name in names if name and names.count(name) > 1})
        if repeated:
            raise ValueError(f"The header names {', '.join(repeated)} twice; rename one of the columns.")
        self.columns = tuple(names)
        return self._cells(cells, names)

    def _cells(self, reader: Any, names: Sequence[str]) -> Rows:
        number = 0
        last: Row | None = None  # held back: of a cut file it may be half a row that looks like a whole one
        while True:
            line = reader.line_num + 1
            problem, cells = "", []
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                problem = str(error)
            if not cells and not problem:
                continue  # an empty line
            number += 1
            while len(cells) > len(names) and not cells[-1].strip():
                cells.pop()
            if not problem and len(cells) != len(names):
                problem = f"{len(cells)} cells, but the header names {len(names)} columns"
            if last:
                yield last
            if problem:
                where = f"line {line}" if reader.line_num == line else f"lines {line} to {reader.line_num}"
                last = Row(number, None, f"{problem} ({where})")
            else:
                last = Row(number, dict(zip(names, cells, strict=True)))
        if last:
            yield Row(number, None, "the file is cut inside or after this row") if self._raw.damage else last

    def _lines(self, first: str) -> Rows:
        number = 0
        for line in chain([first], self._text):
            if not line.strip():
                continue
            number += 1
            try:
                yield _object(number, json.loads(line))
            except (ValueError, RecursionError) as error:
                yield Row(number, None, f"not JSON: {error}")
                self._broken = "" if line.endswith(("\n", "\r")) else f"it ends inside row {number}"

    def _array(self, text: str) -> Rows:
        decode = json.JSONDecoder().raw_decode
        position, number, ended = text.index("[") + 1, 0, False
        while True:
            while position < len(text) and text[position] in " \t\r\n,":
                position += 1
            if text[position : position + 1] == "]":
                return
            try:
                value, end = decode(text, position)
                # A number at the very end of what was read may go on in the next chunk.
                complete = end < len(text) or ended
            except RecursionError:
                self._broken = f"row {number + 1} is nested too deeply; nothing after it was read"
                return
            except ValueError as error:
                complete = False
                hopeless = len(text) - position > VALUE_CHARACTERS or (
                    isinstance(error, json.JSONDecodeError)
                    and error.pos < len(text) - 16
                    and not error.msg.startswith("Unterminated string")
                )
                if hopeless or ended:
                    where = "it ends inside or before" if ended and not hopeless else f"no JSON ({error}) in"
                    self._broken = f"{where} row {number + 1}; nothing from there on was read"
                    return
            if complete:
                number += 1
                position = end
                yield _object(number, value)
            else:
                more = self._text.read(CHUNK_BYTES)
                ended = not more
                text, position = text[position:] + more, 0

    def _parquet(self, path: Path, packed: io.BufferedReader[Any]) -> Rows:
        source: Any = path
        if self._raw.packed:  # Parquet is read from its end, a packed file from its start
            source = self._closing.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
            shutil.copyfileobj(packed, source, CHUNK_BYTES)
            source.seek(0)
        try:
            file = pq.ParquetFile(source, buffer_size=CHUNK_BYTES, pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"{str(path)!r} is a damaged or cut Parquet file: {error}") from None
        self.columns = tuple(file.schema_arrow.names)
        return self._records(file)

    def _records(self, file: Any) -> Rows:
        number, total = 0, max(1, file.metadata.num_rows)
        try:
            for batch in file.iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, values)
                self._raw.done = number / total
        except (OSError, pa.ArrowException) as error:
            self._broken = f"the Parquet is damaged after row {number} of {total}: {error}"


def _delimiter(header: str) -> str:
    unquoted = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=unquoted.count)


def _object(number: int, value: Any) -> Row:
    if isinstance(value, dict):
        return Row(number, value)
    return Row(number, None, f"not an object but {type(value).__name__}")
