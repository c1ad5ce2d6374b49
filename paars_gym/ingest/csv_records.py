"""Records of delimited text, so that no quote swallows lines: each line is in a record, or refused on its own."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from paars_gym.ingest.unpacking import UNPACK_RATIO

CELL_CHARACTERS = 4 << 20
NEIGHBOURS = 64
FEW_NEIGHBOURS = 8
FEW_LINES = 10
"""Up to so many lines may be a cell that looks like rows, or rows: both are refused. More are rows."""
REPAIR_LINES = 200
"""So many lines a cell with a stray quote in it may span, and still be put together."""
_NUMBER = re.compile(r"[-+]?\d[\d.,]*")
csv.field_size_limit(CELL_CHARACTERS)  # the module's, not a reader's; the default is less than some descriptions


class CsvFormat(BaseModel):
    """How delimited text is written.

    Attributes:
        separator: Between fields; empty to see it by the first lines.
        quote: Around fields; empty when there are no quotes.
        header: False for a file without a header line; ``names`` then names its columns.
        names: Column names of a file without a header line.
        encoding: Of the text, if it is neither UTF-8, UTF-16 nor Windows-1252.
        unpack_ratio: So many times its size a packed file may unpack to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    separator: str = Field(default="", max_length=1)
    quote: str = Field(default='"', max_length=1)
    header: bool = True
    names: tuple[str, ...] = ()
    encoding: str | None = None
    unpack_ratio: float = Field(default=UNPACK_RATIO, gt=0)


class Record(NamedTuple):
    """One record, or one line that is in none.

    Attributes:
        cells: None when it could not be read.
        problem: Why not.
        text: The line as it stands, where there is a problem.
    """

    cells: list[str] | None
    problem: str = ""
    text: str = ""


class _Lines:
    """Lines that can be given back, and those of the record that is being read."""

    __slots__ = ("ahead", "ended", "size", "source", "taken")

    def __init__(self, source: Iterator[str]) -> None:
        self.source = source
        self.ahead: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.ahead:
            line = self.ahead.popleft()
        else:
            try:
                line = next(self.source)
            except StopIteration:
                self.ended = True
                raise
        self.taken.append(line)
        if len(self.taken) > 1:
            self.size += len(line)
            if self.size > CELL_CHARACTERS:
                self.ahead.appendleft(self.taken.pop())
                raise StopIteration
        return line

    def give_back(self, start: int) -> None:
        """Gives back all lines of the record from one on."""
        self.ahead.extendleft(reversed(self.taken[start:]))
        del self.taken[start:]


class Records:
    """Reads lines of a table, block by block.

    A cell that spans lines is taken for one where it is closed as the format has it and the record has as many cells
    as the header, unless the lines in it look like rows themselves. A stray quote is a character: what it would have
    swallowed is read line by line. What then has another number of cells is refused, each line on its own.

    Attributes:
        repaired: Records that were read in spite of a stray quote.
    """

    def __init__(self, separator: str, quote: str, width: int, *, line: int = 1) -> None:
        """Reads records of ``width`` cells, from a line of that number on."""
        self.repaired = 0
        self._separator, self._quote, self._width, self._line = separator, quote, width, line
        self._neighbours: deque[list[str]] = deque(maxlen=NEIGHBOURS)
        self._kinds: list[str] = []
        self._held: list[str] = []

    @property
    def pending(self) -> bool:
        """Whether a cell is open at the end of what was read."""
        return bool(self._held)

    def read(self, lines: Iterator[str], *, final: bool) -> Iterator[Record]:
        """The records of some lines; without ``final``, a cell that is not closed yet is kept for the next lines."""
        source = _Lines(lines)
        source.ahead.extend(self._held)
        self._held = []
        reader = csv.reader(source, strict=True, **csv_options(self._separator, self._quote))
        width, taken, remember = self._width, source.taken, self._neighbours.append
        while True:
            self._line += len(taken)
            taken.clear()
            source.size = 0
            cells: list[str] | None = None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                if source.ended and not final:
                    self._held = taken
                    return
            if cells is not None and len(taken) == 1:
                while len(cells) > width and not cells[-1].strip():
                    cells.pop()
                if len(cells) == width:
                    remember(cells)
                    yield Record(cells)
                    continue
                if not cells or (len(cells) == 1 and not cells[0].strip() and self._quote not in taken[0]):
                    continue  # an empty line
            yield from self._resolved(source, cells, final=final)
            if self._held:
                return

    def _resolved(self, source: _Lines, cells: list[str] | None, *, final: bool) -> Iterable[Record]:
        """Records of lines that are not one whole record each; gives back the lines that are in none of them."""
        taken = source.taken
        self._kinds = []
        several = len(taken) > 1
        if several and cells is not None and len(cells) == self._width:
            if not self._swallowed(taken):
                return [Record(cells)]
            if len(taken) <= FEW_LINES:
                why = "a quoted cell of several lines, or rows with stray quotes"
                return [self._refused(why, line, index) for index, line in enumerate(taken)]
        elif cells is None and len(taken[0]) <= CELL_CHARACTERS and (joined := self._joined(source, final=final)):
            self.repaired += 1
            return [joined]
        if self._held:
            return []
        source.give_back(1)
        line = taken[0]
        if len(line) > CELL_CHARACTERS:
            return [self._refused(f"a cell of more than {CELL_CHARACTERS:,} characters", line)]
        if self._quote and self._quote in line:
            for reading in self._readings(line):
                if len(reading) == self._width:
                    self.repaired += 1
                    return [Record(reading)]
        if cells is None or several:
            return [self._refused("a quote opens and does not close in this line", line)]
        return [self._refused(f"{len(cells)} cells, but the header names {self._width} columns", line)]

    def _joined(self, source: _Lines, *, final: bool) -> Record | None:
        """A cell of several lines with a stray quote in it, if no line of it looks like a row."""
        if any(map(self._like_a_row, source.taken[1:])):
            return None
        while len(source.taken) <= REPAIR_LINES:
            if len(source.taken) > 1 and self._quote in source.taken[-1]:
                cells = lenient_cells("".join(source.taken), self._separator, self._quote)
                if len(cells) == self._width:
                    return Record(cells)
            line = next(source, None)
            if line is None:
                self._held = source.taken if source.ended and not final else []
                return None
            if self._like_a_row(line):
                return None
        return None

    def _readings(self, line: str) -> Iterator[list[str]]:
        if "\\" + self._quote in line:
            yield lenient_cells(line.replace("\\" + self._quote, self._quote * 2), self._separator, self._quote)
        yield lenient_cells(line, self._separator, self._quote)
        yield line.rstrip("\r\n").split(self._separator)

    def _like_a_row(self, line: str) -> bool:
        """Whether a line has as many cells as the header, of such kinds as the rows before it."""
        cells = lenient_cells(line, self._separator, self._quote)
        if len(cells) != self._width:
            return False
        self._kinds = self._kinds or self._kinds_seen()
        return all(not kind or _kind(cell) in kind for kind, cell in zip(self._kinds, cells, strict=True))

    def _kinds_seen(self) -> list[str]:
        """By column, the kinds of cell that stand there; empty when any may."""
        if len(self._neighbours) < FEW_NEIGHBOURS:
            return [""] * self._width
        seen = [set(map(_kind, column)) for column in zip(*self._neighbours, strict=True)]
        return ["" if "text" in kinds else " number word" if "word" in kinds else " number" for kinds in seen]

    def _swallowed(self, lines: Sequence[str]) -> bool:
        """Whether the lines of a cell look like rows."""
        if self._width == 1:
            return False
        rows = sum(map(self._like_a_row, lines[1:]))
        if rows < len(lines) - 1 - len(lines) // FEW_LINES:
            return False
        return len(lines) > FEW_LINES or any(self._kinds)

    def _refused(self, problem: str, line: str, later: int = 0) -> Record:
        return Record(None, f"{problem} (line {self._line + later})", line.rstrip("\r\n"))


def csv_options(separator: str, quote: str) -> dict[str, Any]:
    """Of the csv module, for a separator and a quote or none."""
    quoting = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    return {"delimiter": separator, **quoting}


def lenient_cells(text: str, separator: str, quote: str) -> list[str]:
    """The cells of one record, in which a quote closes a cell only before a separator or at the end.

    All other quotes are characters, but that which opens a cell and is the only one in it is left out. Empty when a
    line would end in a cell without quotes.
    """
    text = text.removesuffix("\n").removesuffix("\r")
    if not quote or quote not in text:
        return text.split(separator)
    cells, position, hopeless = [], 0, False
    while True:
        if text.startswith(quote, position) and not hopeless:
            end = _closing(text, position + 1, separator, quote)
            hopeless = end < 0
            if end >= 0:
                cells.append(text[position + 1 : end].replace(quote * 2, quote))
                position = end + 2
                if end + 1 == len(text):
                    return cells
                continue
        end = text.find(separator, position)
        cells.append(text[position:] if end < 0 else text[position:end])
        if cells[-1].startswith(quote) and cells[-1].count(quote) == 1:
            cells[-1] = cells[-1][1:]
        if "\n" in cells[-1] or "\r" in cells[-1]:
            return []
        if end < 0:
            return cells
        position = end + 1


def _closing(text: str, position: int, separator: str, quote: str) -> int:
    while (position := text.find(quote, position)) >= 0:
        after = text[position + 1 : position + 2]
        if after in ("", separator):
            return position
        position += 2 if after == quote else 1
    return -1


def _kind(cell: str) -> str:
    cell = cell.strip()
    return "" if not cell else "number" if _NUMBER.fullmatch(cell) else "text" if " " in cell else "word"
