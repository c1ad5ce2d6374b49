"""A file's bytes after decompression, up to any cut, and its text, however it is encoded."""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

CHUNK_BYTES = 1 << 20
ZSTD_STEP_BYTES = 4096  # what a cut zstd stream loses at most
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
LATIN = "paars_gym.latin"


class Unpacked(io.RawIOBase):
    """A file's bytes after decompression; a cut ends the stream, and `damage` says what was wrong."""

    def __init__(self, path: Path) -> None:
        self.damage = ""
        self.done = 0.0
        self._size = max(1, path.stat().st_size)
        self._file: IO[bytes] = path.open("rb")
        head = self._file.read(4)
        self._file.seek(0)
        self.packed = head.startswith((GZIP, ZSTD))
        if head.startswith(GZIP):
            self._chunks = _gunzipped(self._file)
        elif head.startswith(ZSTD):
            self._chunks = _unzstd(self._file)
        else:
            self._chunks = iter(lambda: self._file.read(CHUNK_BYTES), b"")
        self._left = memoryview(b"")

    def fraction(self) -> float:
        return max(self.done, min(1.0, self._file.tell() / self._size))

    def close(self) -> None:
        self._file.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            try:
                self._left = memoryview(next(self._chunks))
            except StopIteration:
                return 0
            except (OSError, EOFError, zlib.error) as error:
                self.damage = f"the compressed file is cut or damaged ({error})"
                return 0
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _gunzipped(file: IO[bytes]) -> Iterator[bytes]:
    # Python's own gzip reader loses what it had unpacked when it meets the cut.
    member = zlib.decompressobj(wbits=31)
    while chunk := file.read(CHUNK_BYTES // 4):
        while chunk:
            if member.eof:
                if not chunk.startswith(GZIP):  # padding after the last member is allowed
                    return
                member = zlib.decompressobj(wbits=31)
            yield member.decompress(chunk)
            chunk = member.unused_data
    if not member.eof:
        raise EOFError("it ends before its end mark")


def _unzstd(file: IO[bytes]) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") as stream:
        while chunk := stream.read(ZSTD_STEP_BYTES):
            yield chunk


def decoded(buffered: io.BufferedReader[Any], head: bytes, encoding: str | None) -> io.TextIOWrapper:
    """The text of a file, in the encoding given, or else in the one that its first bytes speak for.

    Raises:
        ValueError: An encoding that Python does not know.
    """
    if encoding is None:
        encoding = "utf-8"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16"
        elif head.startswith(codecs.BOM_UTF8):
            encoding = "utf-8-sig"
        elif head.count(0) > len(head) // 4:
            encoding = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        errors = LATIN if codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"} else "replace"
    except LookupError:
        raise ValueError(f"Unknown encoding {encoding!r}; for example utf-8, cp1252, shift_jis.") from None
    # newline="" keeps line ends as they are, also inside a quoted cell.
    return io.TextIOWrapper(buffered, encoding=encoding, errors=errors, newline="")


def _latin(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    text = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in wrong)
    return text, error.end


codecs.register_error(LATIN, _latin)
