"""The bytes of a log file, compressed or not, in blocks of whole lines, up to where the file is cut."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

BLOCK_BYTES = 16 << 20
MOST_HELD_BYTES = 256 << 20
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What compressed data raise that end or break."""
BEGINNINGS = {".gz": ("gzip", b"\x1f\x8b"), ".bz2": ("bzip2", b"BZh"), ".xz": ("xz", b"\xfd7zXZ\x00")}
KINDS = {".parquet": ".parquet", ".jsonl": ".jsonl", ".ndjson": ".jsonl", ".json": ".jsonl"}


def open_log(path: Path) -> BinaryIO:
    """Opens a log for reading, unpacked.

    Args:
        path: ``.gz``, ``.bz2`` and ``.xz`` are unpacked, and a ``.zip`` that holds one file.

    Raises:
        ValueError: It is not what its name says, or a ``.zip`` of several files.
    """
    if path.suffix in BEGINNINGS:
        called, magic = BEGINNINGS[path.suffix]
        with path.open("rb") as file:
            begins = file.read(len(magic))
        if begins and not magic.startswith(begins):  # one that is cut this early is cut, not misnamed
            raise ValueError(
                f"{path.name!r} is named {path.suffix}, but it is no {called} file: it begins with {begins!r}. Rename "
                "it after what it is, or fetch it again."
            )
    return OPENERS.get(path.suffix, _plain)(path)


def suffix(path: Path) -> str:
    """Kind of a log file by its name: ``.parquet``, ``.jsonl`` or ``.csv``; of a ``.zip`` by the file in it."""
    if path.suffix == ".zip" and path.is_file():
        inner = Path(_only_member(path).filename).suffix
    else:
        inner = path.with_suffix("").suffix if path.suffix in OPENERS else path.suffix
    kind = KINDS.get(inner, ".csv")
    if kind == ".parquet" and path.suffix in OPENERS:
        raise ValueError(f"{path.name!r} is packed Parquet, which cannot be read in place; unpack it.")
    return kind


def _plain(path: Path) -> BinaryIO:
    return path.open("rb")


def _gzip(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb"))


def _bzip2(path: Path) -> BinaryIO:
    return cast(BinaryIO, bz2.open(path, "rb"))


def _xz(path: Path) -> BinaryIO:
    return cast(BinaryIO, lzma.open(path, "rb"))


def _zip(path: Path) -> BinaryIO:
    member = _only_member(path)
    return cast(BinaryIO, zipfile.ZipFile(path).open(member))


def _only_member(path: Path) -> zipfile.ZipInfo:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path.name!r} is no whole zip file ({error}). A zip keeps its table of contents at the end, so one that "
            "was cut cannot be read up to the cut; fetch it again."
        ) from error
    # What macOS adds, and hidden files, are no logs.
    logs = [info for info in members if not info.filename.startswith("__MACOSX") and Path(info.filename).name[0] != "."]
    if len(logs) != 1:
        names = ", ".join(info.filename for info in logs[:3]) + ", …" * (len(logs) > 3)
        raise ValueError(f"{path.name!r} holds {len(logs)} files ({names}), must hold one log; unpack it.")
    if logs[0].flag_bits & 1:
        raise ValueError(f"{path.name!r} is encrypted; unpack it.")
    return logs[0]


OPENERS: dict[str, Callable[[Path], BinaryIO]] = {".gz": _gzip, ".bz2": _bzip2, ".xz": _xz, ".zip": _zip}


class LineBlocks:
    """Blocks of whole lines of a byte stream, however it ends.

    Attributes:
        tail: What follows the last line end; known once the blocks are through.
        damage: Why compressed data could not be read to their end; empty when they could.
    """

    def __init__(self, file: BinaryIO, *, quote: bytes = b"") -> None:
        """Wraps a stream; with ``quote``, line ends between two of them do not end a line."""
        self.tail = b""
        self.damage = ""
        self._file = file
        self._quote = quote

    def first_line(self) -> bytes:
        """Reads one line off the stream."""
        try:
            return self._file.readline()
        except DAMAGE as error:
            self.damage = str(error)
            return b""

    def __iter__(self) -> Iterator[bytes]:
        while block := self._next():
            cut = self._last_end(block)
            self.tail += block[cut:] if cut == 0 else b""
            if cut:
                whole, self.tail = self.tail + block[:cut], block[cut:]
                yield whole
            if len(self.tail) > MOST_HELD_BYTES:
                raise ValueError(
                    "No line end in 256 MB: a quote that never closes? Set newlines = false or quote = ''."
                )

    def _next(self) -> bytes:
        pieces, size = [], 0
        try:
            while not self.damage and size < BLOCK_BYTES:
                piece = self._file.read1(BLOCK_BYTES)  # type: ignore[attr-defined]  # read() would lose what it had
                if not piece:
                    break
                pieces.append(piece)
                size += len(piece)
        except DAMAGE as error:
            self.damage = f"the compressed data end or break ({error})"
        return b"".join(pieces)

    def _last_end(self, block: bytes) -> int:
        """Length of the block's whole lines, those begun in the tail included; 0 when no line ends in it."""
        end = block.rfind(b"\n") + 1
        if self._quote:
            open_before = self.tail.count(self._quote)
            while end and (open_before + block.count(self._quote, 0, end)) % 2:
                end = block.rfind(b"\n", 0, end - 1) + 1
        return end
