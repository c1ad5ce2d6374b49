"""A file's bytes after decompression, up to any cut: gzip, zstd, bzip2, xz and zip, recognised by what they hold."""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

CHUNK_BYTES = 1 << 20
ZSTD_STEP_BYTES = 4096  # what a cut zstd stream loses at most
GZIP, ZSTD, BZIP2, XZ, ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
PACKED = (".gz", ".zst", ".bz2", ".xz", ".zip")
"""What the names of packed files end in; what they are is seen by their bytes."""
UNPACK_RATIO = 200
"""A file may unpack to so many times its size, beyond `UNPACK_FREE_BYTES`; real logs unpack to some 5 to 50."""
UNPACK_FREE_BYTES = 64 << 20
WORKBOOK_MEMBERS = {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}


class Unpacked(io.RawIOBase):
    """A file's bytes after decompression; a cut ends the stream, and `damage` says what was wrong.

    Attributes:
        damage: Why the packed data could not be read to their end; empty when they could.
        packed: Whether the file had to be unpacked.
        workbook: Whether it is a zip that is a spreadsheet, whose bytes are passed on as they are.
        done: Fraction that a reader of another kind has read.
    """

    def __init__(self, path: Path, *, unpack_ratio: float = UNPACK_RATIO) -> None:
        """Opens the file.

        Raises:
            ValueError: It is a zip that is cut, encrypted, or holds several files; or the ratio is not positive.
        """
        if not unpack_ratio > 0:
            raise ValueError(f"unpack_ratio == {unpack_ratio}, must be > 0.")
        self.damage = ""
        self.done = 0.0
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._ratio = unpack_ratio
        self._most = max(UNPACK_FREE_BYTES, self._size * unpack_ratio)
        self._given = 0
        self._file = path.open("rb")
        self._archive: zipfile.ZipFile | None = None
        source: Any = self._file
        head = source.peek(8)[:8]
        self.workbook, self.packed = False, head.startswith((ZIP, EMPTY_ZIP))
        if self.packed:
            try:
                member = _only_member(path)
            except ValueError:
                self.close()
                raise
            self.workbook, self.packed = member is None, member is not None
            if member is not None:
                self._archive = zipfile.ZipFile(path)
                source = self._archive.open(member)
                head = source.peek(8)[:8]
        self.packed |= head.startswith((GZIP, ZSTD, BZIP2, XZ))
        self._chunks = _chunks(source, head)
        self._left = memoryview(b"")

    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1, in bytes as stored."""
        return max(self.done, min(1.0, self._file.tell() / self._size))

    def close(self) -> None:
        self._file.close()
        if self._archive is not None:
            self._archive.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            try:
                self._left = memoryview(next(self._chunks))
            except StopIteration:
                return 0
            except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
                self.damage = f"the compressed file is cut or damaged ({error})"
                return 0
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        self._given += size
        if self.packed and self._given > self._most:
            raise ValueError(
                f"{self._path.name!r} has {self._size:,} bytes and unpacks to more than {self._most:,.0f}, over "
                f"{self._ratio:g} times as many. If that is meant, unpack it, or allow more: --unpack-ratio "
                f"{self._ratio * 10:g}."
            )
        return size


def _chunks(file: IO[bytes], head: bytes) -> Iterator[bytes]:
    if head.startswith(GZIP):
        return _members(file, lambda: zlib.decompressobj(wbits=31), GZIP)
    if head.startswith(BZIP2):
        return _members(file, bz2.BZ2Decompressor, BZIP2)
    if head.startswith(XZ):
        return _members(file, lzma.LZMADecompressor, XZ)
    if head.startswith(ZSTD):
        return _unzstd(file)
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def _members(file: IO[bytes], new: Callable[[], Any], magic: bytes) -> Iterator[bytes]:
    # Python's own readers lose what they had unpacked when they meet the cut.
    member = new()
    while chunk := file.read(CHUNK_BYTES // 4):
        while chunk:
            if member.eof:
                if not chunk.startswith(magic):  # padding after the last member is allowed
                    return
                member = new()
            while True:  # never all at once: a chunk of a bomb is a gigabyte
                piece = member.decompress(chunk, CHUNK_BYTES)
                yield piece
                chunk = getattr(member, "unconsumed_tail", b"")
                if member.eof or (len(piece) < CHUNK_BYTES and not chunk):
                    break
            chunk = member.unused_data
    if not member.eof:
        raise EOFError("it ends before its end mark")


def _unzstd(file: IO[bytes]) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") as stream:
        while chunk := stream.read(ZSTD_STEP_BYTES):
            yield chunk


def _only_member(path: Path) -> zipfile.ZipInfo | None:
    """The one file in a zip; None when the zip is a workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ValueError(
            f"{path.name!r} is no whole zip file ({error}). A zip keeps its table of contents at the end, so one that "
            "was cut cannot be read up to the cut; fetch it again."
        ) from error
    if WORKBOOK_MEMBERS & {info.filename for info in members}:
        return None
    # What macOS adds, and hidden files, are no logs.
    logs = [info for info in members if not info.filename.startswith("__MACOSX") and Path(info.filename).name[0] != "."]
    if len(logs) != 1:
        names = ", ".join(info.filename for info in logs[:3]) + ", …" * (len(logs) > 3)
        raise ValueError(f"{path.name!r} holds {len(logs)} files ({names}), must hold one; unpack it.")
    if logs[0].flag_bits & 1:
        raise ValueError(f"{path.name!r} is encrypted; unpack it.")
    return logs[0]
