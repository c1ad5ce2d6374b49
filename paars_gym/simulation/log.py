r"""The log of a run: a checksummed JSON line for each finished session, appended whole or not at all.

A line is ``{"session": …, "cause": …, "crc32": "1f2e3d4c"}``; the checksum covers the bytes before ``,"crc32"``. A line
without its line feed is what a killed process left, and was never data.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from zlib import crc32

from pydantic import BaseModel, ValidationError

from paars_gym.files import written_whole
from paars_gym.sessions.event import Session

_SEAL = re.compile(rb',"crc32":"([0-9a-f]{8})"\}\n')
_SEAL_LENGTH = 21
_SERIALIZE = Session.__pydantic_serializer__.to_json


def encode(session: Session, cause: str | None = None) -> bytes:
    """A finished session as a line, with the cause of its end where there is one."""
    # A policy's error may quote half a surrogate pair, which JSON in UTF-8 cannot hold.
    text = cause and cause.encode("utf-8", "replace").decode()
    ending = b"" if text is None else b',"cause":' + json.dumps(text, ensure_ascii=False).encode()
    content = b'{"session":' + _SERIALIZE(session, exclude_none=True) + ending
    return b'%b,"crc32":"%08x"}\n' % (content, crc32(content))


class _Key(BaseModel):
    key: str


class _Head(BaseModel):
    session: _Key


class _Content(BaseModel):
    session: Session
    cause: str | None = None


class LogLine(NamedTuple):
    """A line of a log.

    Attributes:
        number: 1-based.
        offset: Of its first byte.
        raw: Its bytes, line feed included if there is one.
        fault: Why it is no data; None for a good line.
    """

    number: int
    offset: int
    raw: bytes
    fault: str | None

    def key(self) -> str:
        """Key of its session, read at a fifth of the price of the whole."""
        return _Head.model_validate_json(self.raw).session.key

    def session(self) -> Session:
        """Its session.

        Raises:
            ValueError: A line with a good checksum that holds none: not a run of this package wrote it.
        """
        return self._content().session

    def cause(self) -> str | None:
        """Why its session ended as ``gave_up`` or ``policy_error``; None for any other.

        Raises:
            ValueError: See `session`.
        """
        return self._content().cause

    def _content(self) -> _Content:
        try:
            return _Content.model_validate_json(self.raw)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise ValueError(f"no session: {place + ': ' if place else ''}{fault['msg']}") from None


def scan(path: Path) -> Iterator[LogLine]:
    """The lines of a log, good and bad, in order."""
    offset = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            yield LogLine(number, offset, raw, _fault(raw))
            offset += len(raw)


def _fault(raw: bytes) -> str | None:
    if not raw.endswith(b"\n"):
        return "cut off"
    seal = _SEAL.fullmatch(raw[-_SEAL_LENGTH:])
    if seal is None:
        return "no checksum"
    return None if int(seal[1], 16) == crc32(raw[:-_SEAL_LENGTH]) else "its checksum does not fit"


def read_log(path: str | Path) -> Iterator[Session]:
    """The sessions of a log, in its order. A last line that is cut off is skipped: it was never written whole.

    Raises:
        FileNotFoundError: No log there.
        ValueError: At the end, if any line was damaged; all good ones have been given by then.
    """
    damaged = []
    for line in scan(Path(path)):
        if line.fault is None:
            try:
                session = line.session()
            except ValueError as error:
                damaged.append(f"line {line.number} ({error})")
            else:
                yield session
        elif line.fault != "cut off":
            damaged.append(f"line {line.number} ({line.fault})")
    if damaged:
        raise ValueError(
            f"{path} is damaged: {', '.join(damaged)}. The other lines are good; paars simulate … --resume sets the "
            "damaged ones aside and plays their sessions again."
        )


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
        with written_whole(path, binary=True) as good, aside.open("ab") as bad:
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
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._length = _whole_length(self._file) if lines else os.fstat(self._file).st_size
        os.ftruncate(self._file, self._length)
        os.lseek(self._file, self._length, os.SEEK_SET)
        self._fsync_seconds = fsync_seconds
        self._synced = time.monotonic()

    def append(self, piece: bytes) -> None:
        """Appends a piece, such as a line with its line feed.

        Raises:
            OSError: It could not be written whole, as when the disk is full; nothing of it stays in the file.
        """
        try:
            written = os.write(self._file, piece)
            while written < len(piece):
                written += os.write(self._file, piece[written:])
        except OSError as error:
            os.ftruncate(self._file, self._length)
            advice = f"{error.strerror}; everything finished before is kept, make room and resume"
            raise OSError(error.errno, advice, str(self.path)) from error
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
