"""The rows of a spreadsheet: Excel's XLSX, XLSB and XLS, and OpenDocument's ODS."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Any, NamedTuple

from paars_gym.ingest.csv_tables import TITLE_LINES, unique_names

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MOST_UNPACKED = 4 << 30
MOST_CELLS = 100_000_000
"""Of the rectangle from the first to the last cell, which is held in memory."""
_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')


class Sheet(NamedTuple):
    """The sheet of a workbook that has the rows.

    Attributes:
        columns: Its header.
        rows: What follows the header, blank rows left out.
        notes: What was done to find them, in sentences.
    """

    columns: tuple[str, ...]
    rows: Iterator[dict[str, Any]]
    notes: tuple[str, ...]


def read_workbook(path: str, source: Any) -> Sheet:
    """Reads the sheet with the most rows; its header is the first row that is as wide as the rows below it.

    Args:
        path: How errors call the file.
        source: A path, or an open file.

    Raises:
        ImportError: The reader of workbooks is not installed.
        ValueError: It is damaged, encrypted or empty, or unpacks to too much.
    """
    try:
        import python_calamine as calamine
    except ImportError:
        raise ImportError(
            f"{path!r} is a spreadsheet: pip install 'paars_gym[excel]', or save it as CSV (UTF-8)."
        ) from None
    _check_size(path, source)
    try:
        book = calamine.load_workbook(source)
        with closing(book):
            sheets = [book.get_sheet_by_name(sheet.name) for sheet in book.sheets_metadata]
    except calamine.PasswordError:
        raise ValueError(f"{path!r} is encrypted; save it without a password.") from None
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise ValueError(f"{path!r} is a damaged workbook ({error}).") from None
    filled = sorted((sheet for sheet in sheets if sheet.height), key=lambda sheet: -sheet.height)
    if not filled:
        raise ValueError(f"{path!r} is empty: no sheet has a cell.")
    rows = filled[0].iter_rows()
    first = list(islice(rows, TITLE_LINES + 1))
    top = _header_row(first)
    width = max((index for row in first[top:] for index, cell in enumerate(row, 1) if cell != ""), default=0)
    columns, notes = unique_names(" ".join(_shown(cell).split()) for cell in first[top][:width])
    if top:
        notes.insert(0, f"{top} rows above the header were skipped.")
    if len(filled) > 1:
        others = ", ".join(repr(sheet.name) for sheet in filled[1:])
        notes.insert(0, f"Sheet {filled[0].name!r} was read, the one with the most rows; not {others}.")
    return Sheet(columns, _rows(columns, chain(first[top + 1 :], rows)), tuple(notes))


def _rows(columns: Sequence[str], rows: Iterator[list[Any]]) -> Iterator[dict[str, Any]]:
    names = list(columns)
    for cells in rows:
        names += [f"column {place}" for place in range(len(names) + 1, len(cells) + 1)]
        values = {name: None if cell == "" else cell for name, cell in zip(names, cells, strict=False)}
        if any(value is not None for value in values.values()):
            yield {name: value for name, value in values.items() if value is not None or name in columns}


def _header_row(rows: Sequence[Sequence[Any]]) -> int:
    """The first row with half as many filled cells as the fullest of the first rows, and at least two."""
    filled = [sum(cell != "" for cell in row) for row in rows]
    enough = max(2, max(filled) / 2)
    return next((index for index, count in enumerate(filled) if count >= enough), 0)


def _shown(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _check_size(path: str, source: Any) -> None:
    """A sheet is held in memory as a rectangle: one cell far away would take all of it."""
    if not zipfile.is_zipfile(source):
        return
    try:
        with zipfile.ZipFile(source) as archive:
            unpacked = 0
            for info in archive.infolist():
                if not info.filename.endswith((".xml", ".bin")):
                    continue
                column, row, rest = 0, 0, b""
                with archive.open(info) as member:
                    while piece := member.read(1 << 20):
                        unpacked += len(piece)
                        if unpacked > MOST_UNPACKED:
                            raise ValueError(f"{path!r} unpacks to more than {MOST_UNPACKED:,} bytes; save it as CSV.")
                        for letters, digits in set(_CELL.findall(rest + piece)) if b"<c r=" in piece else ():
                            column = max(column, _column(letters))
                            row = max(row, int(digits))
                        rest = piece[-32:]
                if column * row > MOST_CELLS:
                    raise ValueError(
                        f"{path!r} has a sheet of {row:,} rows and {column:,} columns, over {MOST_CELLS:,} cells; "
                        "delete the empty rows and columns, or save it as CSV."
                    )
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise ValueError(f"{path!r} is a damaged workbook ({error}).") from None
    finally:
        if hasattr(source, "seek"):
            source.seek(0)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
