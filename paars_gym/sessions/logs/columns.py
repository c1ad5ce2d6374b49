"""The columns of a log, by its header or its first records, and which of them look like something that matters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow as pa

from paars_gym.ingest.csv_records import CsvFormat
from paars_gym.ingest.documents import open_feed
from paars_gym.sessions.logs.mapping import Source

PEEKED_ROWS = 20
_LOOKS = {
    "a price": re.compile(r"price|preis|prix|precio|revenue|amount"),
    "an id": re.compile(r"(?:product|item|article|artikel)[\W_]?(?:id|sku|nr|code)$|^(?:sku|asin|ean|gtin)$"),
}


def log_columns(path: Path, csv_format: CsvFormat | None = None) -> tuple[str, ...]:
    """The columns of a log; none where they cannot be seen, as in a table without a header.

    Args:
        path: The file.
        csv_format: How it is written, where that is known.
    """
    if csv_format is not None and not csv_format.header:
        return csv_format.names
    try:
        with open_feed(path, written=csv_format) as file:
            if file.columns is not None:
                return file.columns
            head = islice(file, PEEKED_ROWS)
            return tuple(dict.fromkeys(key for row in head for key in row.values or ()))
    except (OSError, ImportError, ValueError, pa.ArrowException):
        return ()


def columns_of_file(path: Path, source: Source) -> tuple[str, ...]:
    """The columns of a file of a format, whose header may lie beside it; none where they cannot be seen."""
    beside = path.parent / source.header_file
    if source.header_file and beside.is_file():
        return tuple(beside.read_text(encoding="utf-8", errors="replace").strip().split("\t"))
    return log_columns(path, None if source.header_file else source.mapping)


def looks_like_log_field(columns: Iterable[str]) -> dict[str, str]:
    """Of some columns those whose names look like a price or a product's id, and which of them."""
    found = {}
    for column in columns:
        what = next((what for what, pattern in _LOOKS.items() if pattern.search(column.casefold())), None)
        if what is not None:
            found[column] = what
    return found
