"""The JSON-LD scripts of an HTML page as rows, beside the rows of every other file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from paars_gym.ingest.csv_records import CsvFormat
from paars_gym.ingest.feed_rows import FeedFile, Row
from paars_gym.ingest.text_blocks import TextBlocks, find_encoding
from paars_gym.ingest.unpacking import CHUNK_BYTES, Unpacked

HEAD_BYTES = 1 << 16
MOST_CHARACTERS = 64 << 20
_SCRIPT = re.compile(
    r"<script\b[^<>]*\btype\s*=\s*[\"']?application/ld\+json[\"']?[^<>]*>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE
)
_PAGE = re.compile(r"\s*(?:<!doctype html|<html\b|<head\b|<script\b|<body\b|<meta\b)", re.IGNORECASE)


class PageFile:
    """The JSON-LD scripts of an HTML page; iterated like a `FeedFile`.

    Attributes:
        columns: None: documents differ.
        damage: What was wrong with the file as a whole.
        notes: None.
    """

    columns: tuple[str, ...] | None = None

    def __init__(self, text: str, *, damage: str = "") -> None:
        """Takes a page's text."""
        self.damage = damage
        self.notes: list[str] = []
        self._text = text
        self._done = 0.0
        self._rows = self._scripts()

    def fraction(self) -> float:
        """How much has been read, 0 to 1."""
        return self._done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def _scripts(self) -> Iterator[Row]:
        for number, match in enumerate(_SCRIPT.finditer(self._text), start=1):
            self._done = match.end() / len(self._text)
            yield _row(number, match[1])
        self._done = 1.0


def open_feed(path: str | Path, *, written: CsvFormat | None = None) -> FeedFile | PageFile:
    """A file's rows, whatever it is: the JSON-LD of a page that has some, and else what `FeedFile` reads.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: A spreadsheet, and its reader is not installed.
        ValueError: It is empty or unreadable from the start, or the encoding is unknown.
    """
    path = Path(path)
    written = written or CsvFormat()
    page = _page(path, written) if path.is_file() else None
    return page or FeedFile(path, written=written)


def _page(path: Path, written: CsvFormat) -> PageFile | None:
    with path.open("rb") as file:
        if not file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"\x1f\x8b", b"\x28\xb5", b"BZh")):
            return None
    with Unpacked(path, unpack_ratio=written.unpack_ratio) as raw:
        buffered: io.BufferedReader[Any] = io.BufferedReader(raw, CHUNK_BYTES)
        head = buffered.peek(HEAD_BYTES)[:HEAD_BYTES]
        if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return None
        found = find_encoding(head, written.encoding)
        if not _PAGE.match(head.decode(found, "replace").lstrip("\ufeff")):
            return None
        pieces, size = [], 0
        for piece in TextBlocks(buffered, found).characters():
            pieces.append(piece)
            size += len(piece)
            if size > MOST_CHARACTERS:
                break
        text = "".join(pieces)
        return PageFile(text, damage=raw.damage) if _SCRIPT.search(text) else None


def _row(number: int, text: str) -> Row:
    try:
        value = json.loads(text.strip().removeprefix("<![CDATA[").removesuffix("]]>"), strict=False)
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {error}")
    if isinstance(value, list):
        value = {"@context": "https://schema.org", "@graph": value}
    return Row(number, value) if isinstance(value, dict) else Row(number, None, f"no object but {type(value).__name__}")
