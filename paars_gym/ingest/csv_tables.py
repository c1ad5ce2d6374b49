"""Where the table in delimited text begins, what separates its cells, and what its columns are called."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from paars_gym.ingest.csv_records import CsvFormat, csv_options, lenient_cells

DELIMITERS = ",\t;|"
TITLE_LINES = 20
"""So many lines of title may stand above a header."""


class Table(NamedTuple):
    """Where a table begins and how it is written.

    Attributes:
        names: Of its columns, each once.
        separator, quote: See `CsvFormat`.
        begin: How many lines stand before its first row.
        notes: What was done to find it, in sentences.
    """

    names: tuple[str, ...]
    separator: str
    quote: str
    begin: int
    notes: tuple[str, ...]


def find_table(lines: Sequence[str], written: CsvFormat, wanted: Iterable[str] = ()) -> Table:
    """Finds the separator, the quote and the header of delimited text.

    Args:
        lines: The first of the file, with their ends.
        written: What is known of it. Its separator is tried first.
        wanted: Columns that have to be there; of several separators the one that gives them is taken.
    """
    notes: list[str] = []
    begin = next((index for index, line in enumerate(lines) if line.strip()), 0)
    seen = written.separator or _separator(lines[begin:])
    if named := re.fullmatch(r"sep=(.)\s*", lines[begin]):  # Excel's own way to say it
        seen, begin = named[1], begin + 1
    quote = "'" if written.quote == '"' and _single_quotes(lines[begin:], seen) else written.quote
    if not written.header:
        return Table(written.names, seen, quote, 0, ())
    wanted = set(wanted)
    tables = {}
    for separator in dict.fromkeys((seen, *DELIMITERS)):  # copies of a log differ in this
        top = _header_line(lines, begin, separator, quote)
        tables[separator] = (top, *_header(lines[top:], separator, quote))
        if wanted and wanted <= set(tables[separator][1]):
            seen = separator
            break
        if not wanted:
            break
    top, names, used = tables[seen]
    if top > begin:
        notes.append(f"{top - begin} lines above the header were skipped, such as {lines[begin].strip()[:80]!r}.")
    unique, more = unique_names(names)
    return Table(unique, seen, quote, top + used, (*notes, *more))


def unique_names(names: Iterable[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names of columns made unique, and what was renamed: empty ones after their place, repeated ones counted."""
    unique: dict[str, str] = {}
    notes = []
    for place, name in enumerate(names, start=1):
        new, count = name or f"column {place}", 1
        while new in unique:
            count += 1
            new = f"{name or 'column'} ({count})"
        if name and new != name:
            notes.append(f"The header names {name!r} again; its column {place} is called {new!r}.")
        unique[new] = name
    return tuple(unique), notes


def _separator(lines: Sequence[str]) -> str:
    def cells(line: str, separator: str) -> int:
        return "".join(line.split('"')[::2]).count(separator)

    first = lines[0] if lines else ""
    best = max(DELIMITERS, key=lambda one: cells(first, one))
    if cells(first, best):
        return best
    following = lines[1:TITLE_LINES]
    return max(DELIMITERS, key=lambda one: sum(cells(line, one) > 0 for line in following))


def _single_quotes(lines: Sequence[str], separator: str) -> bool:
    """Whether cells stand in single quotes: a sign of it in most of the first lines."""
    sign = re.compile(rf"(?:^|{re.escape(separator)})'[^'\r\n]*'(?={re.escape(separator)}|[\r\n]|$)")
    some = [line for line in lines[:TITLE_LINES] if line.strip()]
    return sum(bool(sign.search(line)) for line in some) * 2 > len(some) and not any('"' in line for line in some)


def _header_line(lines: Sequence[str], begin: int, separator: str, quote: str) -> int:
    """The line of the header: the first, or where that is one cell, the first of two lines with as many cells."""
    counts = [len(lenient_cells(line, separator, quote)) for line in lines[begin : begin + TITLE_LINES]]
    if counts and counts[0] > 1:
        return begin
    same = (at for at, pair in enumerate(pairwise(counts)) if pair[0] == pair[1] > 1)
    return begin + next(same, 0)


def _header(lines: Sequence[str], separator: str, quote: str) -> tuple[list[str], int]:
    """Names of the columns, and how many lines they take."""
    reader = csv.reader(iter(lines), strict=True, **csv_options(separator, quote))
    try:
        cells, used = next(reader, []), reader.line_num
    except csv.Error:
        cells, used = [], 0
    plain = lenient_cells(lines[0], separator, quote)
    if used != 1:  # names of several lines, or a quote that never closes
        after = [len(lenient_cells(line, separator, quote)) for line in lines[used : used + 1]]
        if not used or after != [len(cells)]:
            cells, used = [cell.strip().strip(quote or None) for cell in plain], 1
    return [" ".join(cell.split()) for cell in cells], used
