"""Writing the log of a run: what is appended is whole or not there, and a log is mended before a run goes on."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from paars_gym.files import StorageError, make_private, written_whole
from paars_gym.sessions.run_log import scan


@dataclass
class Mended:
    """What a log held when a run goes on with it.

    Attributes:
        ends: How the sessions in it ended, by key.
        damaged: The lines set aside, named.
    """

    ends: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def count(self) -> Counter[str]:
        """Sessions by how they ended."""
        return Counter(self.ends.values())


def mend(path: Path, aside: Path, *, again: Callable[[str], bool]) -> Mended:
    """Makes a log fit to be appended to, holding at most one line a session and only good ones.

    Args:
        path: The log; absent counts as empty.
        aside: Where damaged lines go, as they are.
        again: Whether a session with such an end is to be played again, so that its line leaves the log.
    """
    mended, length, drop, bad_lines = Mended(), 0, set(), set()
    for line in scan(path) if path.exists() else ():
        if line.fault == "cut off":
            break
        length = line.offset + len(line.raw)
        try:
            if line.fault is not None:
                raise ValueError(line.fault)
            session = line.session()
        except ValueError as fault:
            mended.damaged.append(f"line {line.number} ({fault})")
            bad_lines.add(line.number)
            continue
        if session.key in mended.ends or again(session.end):
            drop.add(line.number)
        else:
            mended.ends[session.key] = session.end
    if path.exists() and path.stat().st_size > length:
        os.truncate(path, length)
    if drop or bad_lines:
        with written_whole(path, binary=True, private=True) as good, make_private(aside).open("ab") as bad:
            for line in scan(path):
                if line.number in bad_lines:
                    bad.write(line.raw)
                elif line.number not in drop:
                    good.write(line.raw)
            bad.flush()
            os.fsync(bad.fileno())
        if not mended.damaged and not aside.stat().st_size:
            aside.unlink()
    return mended


class AppendOnly:
    """A file of whole pieces: each is handed to the system before the next, so that killing the process loses none.

    Power loss can take what was not yet synced, at most ``fsync_seconds`` of work.
    """

    def __init__(self, path: Path, *, fsync_seconds: float | None = 1.0, lines: bool = True) -> None:
        """Opens the file at its end.

        Args:
            path: Made if absent.
            fsync_seconds: Sync to the disk when the last time was so long ago, 0 for each piece; None leaves it to the
                system.
            lines: Whether the pieces are lines: a last one without its end is cut off.

        Raises:
            OSError: It cannot be written.
        """
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._length = _whole_length(self._file) if lines else os.fstat(self._file).st_size
        os.ftruncate(self._file, self._length)
        os.lseek(self._file, self._length, os.SEEK_SET)
        self._fsync_seconds = fsync_seconds
        self._synced = time.monotonic()

    def append(self, piece: bytes) -> None:
        """Appends a piece, such as a line with its line feed.

        Raises:
            StorageError: It could not be written whole, as when the disk is full; nothing of it stays in the file.
        """
        try:
            written = os.write(self._file, piece)
            while written < len(piece):
                written += os.write(self._file, piece[written:])
        except OSError as error:
            os.ftruncate(self._file, self._length)
            raise StorageError.of(error, self.path) from error
        self._length += len(piece)
        if self._fsync_seconds is not None and time.monotonic() - self._synced >= self._fsync_seconds:
            self.sync()

    def sync(self) -> None:
        """Makes sure that everything so far outlives a power loss."""
        os.fsync(self._file)
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file, synced where it is synced at all."""
        try:
            if self._fsync_seconds is not None:
                os.fsync(self._file)
        finally:
            os.close(self._file)


def _whole_length(file: int) -> int:
    """Length up to and with the last line feed."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - 65_536)
        position = os.pread(file, end - start, start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0
