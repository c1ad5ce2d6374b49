"""The text of a file in blocks of whole lines, as UTF-8, however it is encoded and however its lines end."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Any

from paars_gym.ingest.unpacking import CHUNK_BYTES

LINE_BYTES = 32 << 20
"""A longer line is given up: a row of a feed or a log has kilobytes."""
LATIN = "paars_gym.latin"
CONTROL_SHARE = 0.05
"""Share of control characters from which a file that is no UTF-8 either is no text."""


def find_encoding(head: bytes, given: str | None = None) -> str:
    """The encoding given, or else the one that a file's first bytes speak for.

    Raises:
        ValueError: An encoding that Python does not know, or bytes that are no text in any.
    """
    if given is not None:
        try:
            return codecs.lookup(given).name
        except LookupError:
            raise ValueError(f"Unknown encoding {given!r}; for example utf-8, cp1252, shift_jis.") from None
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 6 and min(even, odd) < max(even, odd) // 8 + 1:
        return "utf-16-le" if odd > even else "utf-16-be"
    controls = sum(head.count(code) for code in (*range(9), *range(14, 27), 28, 29, 30, 31))
    if controls > max(8, CONTROL_SHARE * len(head)) and not _begins_utf8(head):
        raise ValueError(
            f"it is no text, no workbook and no Parquet: it begins with {head[:8]!r}. Export it as CSV, JSON or XLSX."
        )
    return "utf-8"


def _begins_utf8(head: bytes) -> bool:
    """Whether it is UTF-8, of which the last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def text(block: bytes) -> str:
    """A block as text; bytes that are no UTF-8 are read as Windows-1252, the superset of latin-1 in such files."""
    return block.decode("utf-8", LATIN)


def lines_of(block: str) -> Iterator[str]:
    """Lines with their ends, which are CR, LF or both; no other character ends a line."""
    return iter(io.StringIO(block, newline=""))


class TextBlocks:
    """Blocks of whole lines of a byte stream; None stands for a line of more than `LINE_BYTES`.

    Attributes:
        tail: What follows the last line end; known once the blocks are through, and not among them.
    """

    def __init__(self, file: io.BufferedReader[Any], encoding: str, *, size: int = CHUNK_BYTES) -> None:
        """Wraps a stream that has been read nothing of; ``size`` is that of a block in bytes."""
        self.tail = b""
        self.size = size
        self._pieces = _recoded(file, encoding)
        self._end = b""

    def __iter__(self) -> Iterator[bytes | None]:
        overlong = False
        while block := self._next():
            if not self._end:
                self._end = b"\r" if b"\r" in block and b"\n" not in block else b"\n"
            cut = block.rfind(self._end, 0, len(block) - (self._end == b"\r")) + 1
            if overlong and cut:
                begin = block.find(self._end) + 1
                block, cut, overlong = block[begin:], cut - begin, False
            if overlong:
                continue
            if cut:
                whole, self.tail = self.tail + block[:cut], block[cut:]
                yield whole
            else:
                self.tail += block
            if len(self.tail) > LINE_BYTES:
                self.tail, overlong = b"", True
                yield None

    def characters(self) -> Iterator[str]:
        """The text regardless of lines, for formats that have none; instead of iterating."""
        return codecs.iterdecode(self._pieces, "utf-8", LATIN)

    def _next(self) -> bytes:
        pieces, size = [], 0
        while size < self.size and (piece := next(self._pieces, b"")):
            pieces.append(piece)
            size += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _recoded(file: io.BufferedReader[Any], encoding: str) -> Iterator[bytes]:
    """A stream as UTF-8 without a mark at its start; UTF-8 itself is passed on, whatever it holds."""
    if encoding in {"utf-8", "utf-8-sig"}:
        first = file.read1(CHUNK_BYTES).removeprefix(codecs.BOM_UTF8)
        if first:
            yield first
        yield from iter(lambda: file.read1(CHUNK_BYTES), b"")
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while piece := file.read1(CHUNK_BYTES):
        if text := decoder.decode(piece):
            yield text.removeprefix("\ufeff").encode("utf-8", "replace")
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "replace")


def _latin(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in wrong), error.end


codecs.register_error(LATIN, _latin)
