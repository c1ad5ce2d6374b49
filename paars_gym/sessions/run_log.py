r"""The log of a run: a checksummed JSON line for each finished session, appended whole or not at all.

A line is ``{"session": …, "cause": …, "crc32": "1f2e3d4c"}``; the checksum covers the bytes before ``,"crc32"``. A line
without its line feed is what a killed process left, and was never data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from pydantic import BaseModel, ValidationError

from paars_gym.sessions.event import Session

_SEAL = re.compile(rb',"crc32":"([0-9a-f]{8})"\}\n')
_SEAL_LENGTH = 21
LOOP_CAUSE = "loop: "
"""Begins the cause of a session that gave up because its shopper went round in circles."""
_LOOP = f',"cause":"{LOOP_CAUSE}'.encode()
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

    def is_loop(self) -> bool:
        """Whether its session ended as a loop."""
        return _LOOP in self.raw  # no text of a session's holds an unescaped quote

    def _content(self) -> _Content:
        try:
            return _Content.model_validate_json(self.raw)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise ValueError(f"no session: {place + ': ' if place else ''}{fault['msg']}") from None


def scan(path: Path, offset: int = 0, end: int | None = None) -> Iterator[LogLine]:
    """The lines of a log, good and bad, in order: those that begin at ``offset`` or after it, and before ``end``."""
    with path.open("rb") as file:
        file.seek(offset)
        for number, raw in enumerate(file, start=1):
            if end is not None and offset >= end:
                return
            yield LogLine(number, offset, raw, _fault(raw))
            offset += len(raw)


def loop_notes(loops: int) -> tuple[str, ...]:
    """What a reader has to know of sessions that ended as loops, in sentences."""
    return (f"{loops:,} of its sessions gave up in a loop: the same action on the same page.",) if loops else ()


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
